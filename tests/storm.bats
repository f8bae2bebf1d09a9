#!/usr/bin/env bats
# storm.bats: many writers at once. Every line arrives once, whole, in its writer's order and under the right name.
# tests/soak/run does the same at sizes that take minutes.

load helper
# Many of these programs fail on purpose. reports.bats tests the reports.
export SSCAP_QUIET=1

check_storm() {
    "$PYTHON" "$ROOT/tests/programs/check_storm.py" "$@"
}

@test "storm: 200 processes write their lines in random pieces, with delays" {
    run_sscap "$PROGRAMS/storm" -p 200 -l 500 -d 300
    assert_status 0
    assert_empty "$err"
    check_storm --writers=200 --lines=500 "$out"
}

@test "storm: 8 processes of 8 threads, every thread's lines are its own" {
    run_sscap --tag='{name}[{pid}/{tid}]' "$PROGRAMS/storm" -p 8 -t 8 -l 1000 -d 300
    assert_status 0
    assert_empty "$err"
    check_storm --writers=64 --lines=1000 "$out"
}

@test "storm: threads under the default tag" {
    run_sscap "$PROGRAMS/storm" -p 4 -t 4 -l 300
    assert_status 0
    check_storm --writers=16 --lines=300 "$out"
}

@test "storm: both streams of processes and threads, each whole and in order" {
    run_sscap --tag='{name}[{pid}/{tid}]' "$PROGRAMS/storm" -p 10 -t 3 -e -l 200 -d 200
    assert_status 0
    check_storm --writers=30 --lines=200 "$out" "$err"
}

@test "storm: lines by stdio, flushed in pieces" {
    run_sscap "$PROGRAMS/storm" -f -p 20 -e -l 200
    assert_status 0
    check_storm --writers=20 --lines=200 "$out" "$err"
}

@test "storm: byte by byte" {
    run_sscap "$PROGRAMS/storm" -p 10 -m 1:1 -l 60
    assert_status 0
    check_storm --writers=10 --lines=60 "$out"
}

@test "storm: by LD_PRELOAD alone, processes and threads" {
    SSCAP_RUNNER=$SSCAP SSCAP_TAG='{name}[{pid}/{tid}]' run_preloaded "$PROGRAMS/storm" -p 20 -t 3 -e -l 200 -d 200
    assert_status 0
    check_storm --writers=60 --lines=200 "$out" "$err"
}

@test "storm: SIGKILL at random moments loses no byte that write had accepted" {
    run_sscap "$PROGRAMS/storm" -k 300 -p 20 -d 50 -r "$TMP/report"
    assert_status 0
    check_storm --report="$TMP/report" "$out"
}

@test "storm: SIGKILL while big writes wait for room" {
    run_sscap "$PROGRAMS/storm" -k 100 -p 5 -m 1:200000 -w 1000:50000 -r "$TMP/report"
    assert_status 0
    check_storm --report="$TMP/report" "$out"
}

@test "storm: SIGKILL of processes with threads" {
    run_sscap --tag='{name}[{pid}/{tid}]' "$PROGRAMS/storm" -k 200 -p 8 -t 4 -d 50 -r "$TMP/report"
    assert_status 0
    check_storm --report="$TMP/report" "$out"
}

@test "storm: SIGKILL while threads wait for room with big writes" {
    run_sscap --tag='{name}[{pid}/{tid}]' "$PROGRAMS/storm" -k 100 -p 4 -t 3 -m 1:200000 -w 1000:50000 -r "$TMP/report"
    assert_status 0
    check_storm --report="$TMP/report" "$out"
}

@test "storm: SIGKILL loses nothing that fflush had accepted" {
    run_sscap "$PROGRAMS/storm" -f -e -k 200 -p 10 -d 50 -r "$TMP/report"
    assert_status 0
    check_storm --report="$TMP/report" "$out" "$err"
}

@test "storm: 1000 processes at once, a line each" {
    run_sscap "$PROGRAMS/storm" -p 1000 -l 1
    assert_status 0
    check_storm --writers=1000 --lines=1 "$out"
}

@test "storm: 3000 processes, 20 at a time, a line each" {
    run_sscap "$PROGRAMS/storm" -p 3000 -a 20 -l 1
    assert_status 0
    check_storm --writers=3000 --lines=1 "$out"
}

@test "storm: lines of 64 KiB" {
    run_sscap "$PROGRAMS/storm" -p 10 -w 65536 -m 1:100000 -l 10
    assert_status 0
    check_storm --writers=10 --lines=10 "$out"
}

@test "storm: lines of 64 KiB from threads" {
    run_sscap --tag='{name}[{pid}/{tid}]' "$PROGRAMS/storm" -p 3 -t 4 -w 65536 -m 1:100000 -l 10
    assert_status 0
    check_storm --writers=12 --lines=10 "$out"
}

@test "storm: lines of 3 MiB are split at 1 MiB, and marked" {
    run_sscap "$PROGRAMS/storm" -p 3 -w 3145728 -m 1:300000 -l 2
    assert_status 0
    # Each writer prints three lines of 1 + 1 + 1 MiB. The third part is not longer than the limit, so it is not
    # marked as split.
    assert_count "$out" '^[^[]*\[[0-9]+\] *\|\+' 12
    check_storm --writers=3 --lines=2 "$out"
}

@test "storm: --max-line" {
    run_sscap --max-line=100 "$PROGRAMS/storm" -p 10 -w 90:450 -l 50
    assert_status 0
    assert_matches "$out" '^[^[]*\[[0-9]+\] *\|\+'
    check_storm --max-line=100 --writers=10 --lines=50 "$out"
}

@test "storm: any byte but newline in a line" {
    run_sscap --tag='{name}[{pid}/{tid}]' "$PROGRAMS/storm" -b -p 8 -t 2 -e -l 200
    assert_status 0
    check_storm --writers=16 --lines=200 "$out" "$err"
}

@test "storm: random bytes of one process come through --tag=none as they are" {
    head -c 300000 /dev/urandom >"$TMP/bytes"
    run_sscap --tag=none cat "$TMP/bytes"
    assert_status 0
    assert_same "$TMP/bytes" "$out"
}

@test "storm: a reader of sscap's that is slow does not lose anything" {
    # The reader reads a block from time to time, so the pipe, the sockets and the writers are blocked.
    cat >"$TMP/slow.py" <<'EOF'
import os, sys, time
with open(sys.argv[1], "wb") as file:
    while block := os.read(0, 65536):
        file.write(block)
        time.sleep(0.005)
EOF
    run_bare sh -c '"$0" "$1" -p 20 -l 500 -e 2>&1 | "$2" "$3" "$4"' "$SSCAP" "$PROGRAMS/storm" "$PYTHON" \
        "$TMP/slow.py" "$TMP/both"
    assert_status 0
    # one file has both streams, and the tags' signs distinguish them
    of_stream '|' <"$TMP/both" >"$TMP/o"
    of_stream '!' <"$TMP/both" >"$TMP/e"
    check_storm --writers=20 --lines=500 "$TMP/o" "$TMP/e"
}
