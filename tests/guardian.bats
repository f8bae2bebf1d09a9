#!/usr/bin/env bats
# guardian.bats: the runner may be killed with SIGKILL at any moment. No byte is lost, no process dies or hangs
# because of it, and the command's status arrives. Other tests check that the guardian in front of the runner does not
# change signals, stops and statuses.

load helper
export SSCAP_ERRORS=none

kill_worker() {
    kill -KILL "$(worker)"
}

# Checks for the lines 1 to $1, in order, with or without tags, repeated any number of times.
assert_numbers() {
    sed -E 's/^[^[]*\[[0-9]+\] *[|!] //' "$out" | awk -v n="$1" '
        $0 != (NR - 1) % n + 1 { print "line " NR ": " $0; wrong = 1; exit }
        END { exit wrong || NR == 0 || NR % n != 0 }'
}

# start_endless COMMAND: starts a command that prints the numbers 1 to $n repeatedly until the runner has been killed
start_endless() {
    rm -f "$TMP/killed"
    start sh -c 'until [ -e "$0" ]; do '"$1"'; done; exit 3' "$TMP/killed"
}

# Kills the runner when this many bytes have been shown.
kill_after() {
    shown() { [ "$(stat -c %s "$out")" -gt "$1" ]; }
    wait_until shown "$1"
    kill_worker
    : >"$TMP/killed"
}

assert_told() {
    assert_text "$err" \
        'sscap: the runner was killed by SIGKILL: from now on lines have no tags, and there is no report'
}

# --- bytes ---

@test "guardian: what comes after the runner's death is passed on, and the status arrives" {
    mkfifo "$TMP/go"
    start sh -c 'echo before; read -r x <"$0"; echo after; echo wrong >&2; sh -c "echo child"; exit 7' "$TMP/go"
    wait_until grep -q before "$out"
    kill_worker
    wait_until grep -q killed "$err"
    echo >"$TMP/go"
    finish
    assert_status 7
    assert_matches "$out" '^sh\[[0-9]+\] *\| before$'
    assert_equal 'after child' "$(tail -n +2 "$out" | paste -sd ' ')"
    assert_count "$err" '^wrong$' 1
    assert_count "$err" '^sscap: the runner was killed by SIGKILL' 1
}

@test "guardian: killed in the midst of a stream of lines into a file: each line comes once, in order" {
    local n=300000 i
    for i in 1 3 5; do
        start_endless "seq $n"
        kill_after $((i * 1000000))
        finish
        assert_status 3
        assert_numbers "$n"
        assert_told
    done
}

@test "guardian: killed in the midst of blocks: lines that they cut are whole" {
    local n=300000 i
    seq "$n" >"$TMP/numbers"
    for i in 1 3 5; do
        start_endless "cat '$TMP/numbers'"
        kill_after $((i * 1000000))
        finish
        assert_status 3
        assert_numbers "$n"
    done
}

@test "guardian: killed while its reader is stuck: nothing of what is kept is lost" {
    local n=100000
    stick --lines=1000000 sh -c "seq $n; echo \$? >\"\$0\"; exit 4" "$TMP/done"
    wait_until [ -s "$TMP/done" ] # all lines are in the runner's buffer and in the pipe
    kill_worker
    wait_until grep -q killed "$err"
    release
    assert_status 4
    assert_numbers "$n"
}

@test "guardian: threads' frames are passed on as the bytes that they hold" {
    need python3
    mkfifo "$TMP/go"
    start "$PYTHON" -c '
import os, sys, threading
os.write(1, b"main\n")
open(sys.argv[1]).read()
def work(n):
    for i in range(200):
        os.write(1, b"thread %d line %d\n" % (n, i))
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for t in threads: t.start()
for t in threads: t.join()
sys.stdout.buffer.write(b"x" * 300000 + b"\n"); sys.stdout.flush()
t = threading.Thread(target=lambda: os.write(1, b"z" * 300000 + b"\n")); t.start(); t.join()
' "$TMP/go"
    wait_until grep -q main "$out"
    kill_worker
    wait_until grep -q killed "$err"
    echo >"$TMP/go"
    finish
    assert_status 0
    assert_equal 800 "$(grep -cE '^thread [0-3] line [0-9]+$' "$out")"
    assert_equal 300000 "$(tail -n +2 "$out" | tr -cd x | wc -c)"
    assert_equal 300000 "$(tr -cd z <"$out" | wc -c)"
    assert_equal 803 "$(wc -l <"$out")"
}

@test "guardian: --tail: what is kept is shown when the runner dies, and then what follows" {
    mkfifo "$TMP/go"
    start --tail=3 sh -c 'seq 1 9; : >"$1"; read -r x <"$0"; echo last' "$TMP/go" "$TMP/there"
    wait_until [ -e "$TMP/there" ]
    wait_until is_idle "$(worker)"
    kill_worker
    wait_until grep -qx 9 "$out"
    echo >"$TMP/go"
    finish
    assert_status 0
    assert_text "$out" '7
8
9
last'
}

# The runner sleeps and has read all that was written.
is_idle() {
    local i
    for i in 1 2 3; do
        state_is S "$1" || return 1
        sleep 0.02
    done
}

@test "guardian: a reader that is gone when the runner is: writers meet what they would without sscap" {
    mkfifo "$TMP/go"
    stick sh -c 'read -r x <"$0"; seq 1000000; echo $? >"$1"; exit 5' "$TMP/go" "$TMP/status"
    kill_worker
    wait_until grep -q killed "$err"
    exec 7>&-
    echo >"$TMP/go"
    finish
    assert_status 5
    wait_until [ -s "$TMP/status" ]
    # 141: SIGPIPE. 1: EPIPE, if the writer was blocked at that moment.
    case $(cat "$TMP/status") in
    141 | 1) ;;
    *) return 1 ;;
    esac
}

@test "guardian: a reader of stdout that does not read holds up no stderr" {
    mkfifo "$TMP/go"
    stick --lines=1000000 sh -c 'seq 100000; : >"$1"; read -r x <"$0"; echo late >&2; exit 4' "$TMP/go" "$TMP/done"
    wait_until [ -e "$TMP/done" ]
    kill_worker
    wait_until grep -q killed "$err"
    echo >"$TMP/go"
    wait_until grep -qx late "$err"
    release
    assert_status 4
    assert_numbers 100000
}

# --- the command, and the end ---

@test "guardian: killed just as the command is started: its status arrives, or is said not to have been started" {
    need python3
    capture "$PYTHON" - "$SSCAP" "$TMP/there" <<'EOF'
import os, re, subprocess, sys, time
sscap, there = sys.argv[1:]
for i in range(100):
    if os.path.exists(there):
        os.unlink(there)
    command = ["sh", "-c", 'echo out; : >"$0"; exit 7', there]
    guardian = subprocess.Popen([sscap, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    runner = []
    while not runner and guardian.poll() is None:
        with open(f"/proc/{guardian.pid}/task/{guardian.pid}/children") as children:
            runner = children.read().split()
    end = time.perf_counter() + i * 50e-6
    while time.perf_counter() < end:
        pass
    if runner:
        try:
            os.kill(int(runner[0]), 9)
        except ProcessLookupError:
            pass
    out, err = guardian.communicate()
    if os.path.exists(there):
        assert guardian.returncode == 7 and "out" in out, (i, guardian.returncode, out, err)
    else:
        assert guardian.returncode == 125 and out == "" and "the command was not started" in err, (i, out, err)
EOF
    assert_empty "$err"
    assert_status 0
}

@test "guardian: command killed by a signal after the runner: 128 + N" {
    start sh -c 'echo $$; exec sleep 1000'
    wait_until [ -s "$out" ]
    kill_worker
    wait_until grep -q killed "$err"
    kill -USR1 "$(untag <"$out")"
    finish
    assert_status 138
}

@test "guardian: the runner killed when the command had ended: its status is known still" {
    mkfifo "$TMP/go"
    start sh -c '(read -r x <"$0"; echo late) & exit 6' "$TMP/go"
    wait_until grep -q 'waiting for' "$err"
    kill_worker
    wait_until grep -q killed "$err"
    echo >"$TMP/go"
    finish
    assert_status 6
    assert_text "$out" late
}

@test "guardian: without the runner signals still reach the command" {
    start sh -c 'trap "echo got it; exit 9" TERM; echo ready; while :; do sleep 0.02; done'
    wait_until grep -q ready "$out"
    kill_worker
    wait_until grep -q killed "$err"
    kill -TERM "$runner"
    finish
    assert_status 9
    assert_count "$out" '^got it$' 1
}

@test "guardian: without the runner, and the command ended: a signal ends the waiting" {
    mkfifo "$TMP/go"
    start sh -c '(trap "" TERM; echo $$ there; read -r x <"$0") & wait_for=$!; exit 2' "$TMP/go"
    wait_until grep -q there "$out"
    kill_worker
    wait_until grep -q killed "$err"
    kill -TERM "$runner"
    finish
    assert_status 2
    echo >"$TMP/go"
}

@test "guardian: --wait=command and --wait=tree hold without the runner" {
    mkfifo "$TMP/go"
    start --wait=command sh -c 'echo ready; read -r x <"$0"; (read -r x <"$0"; echo late) & echo early; exit 2' \
        "$TMP/go"
    wait_until grep -q ready "$out"
    kill_worker
    wait_until grep -q killed "$err"
    echo >"$TMP/go"
    finish
    assert_status 2
    assert_count "$out" '^early$' 1
    echo >"$TMP/go"
    wait_until grep -q late "$out"
    start --wait=tree sh -c 'echo ready; (read -r x <"$0"; : >"$1") >/dev/null 2>&1 & exit 3' "$TMP/go" "$TMP/there"
    wait_until grep -q ready "$out"
    kill_worker
    wait_until grep -q killed "$err"
    wait_until state_is S "$runner"
    echo >"$TMP/go"
    finish
    assert_status 3
    [ -e "$TMP/there" ]
}

@test "guardian: the guardian itself killed: the runner goes on, with tags" {
    mkfifo "$TMP/go"
    start sh -c 'echo before; read -r x <"$0"; echo after; : >"$1"' "$TMP/go" "$TMP/there"
    wait_until grep -q before "$out"
    local left
    left=$(worker)
    kill -KILL "$runner"
    finish
    assert_status 137
    echo >"$TMP/go"
    wait_until [ ! -e "/proc/$left" ]
    [ -e "$TMP/there" ]
    assert_matches <(tail -n 1 "$out") '^sh\[[0-9]+\] *\| after$'
}

@test "guardian: it takes no memory to speak of, and keeps no end of the streams open" {
    mkfifo "$TMP/go"
    start sh -c 'seq 300000; read -r x <"$0"' "$TMP/go"
    wait_until grep -q '| 300000$' "$out"
    local peak
    peak=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$runner/status")
    [ -n "${SAN:-}${WRAP:-}" ] || [ "$peak" -lt 3000 ]
    echo >"$TMP/go"
    finish
    assert_status 0
}

# --- signals ---

@test "guardian: a signal to the whole process group reaches the command once" {
    # All members of this new process group get the signal: the guardian, the runner and the command.
    need setsid perl
    capture setsid --wait "$SSCAP" perl -e '
        $SIG{USR1} = sub { $n++ };
        kill "USR1", -getpgrp() or die;
        my $end = time + 2;
        1 until time >= $end;
        print "$n\n"'
    assert_status 0
    assert_matches "$out" '\| 1$'
}

@test "guardian: a signal to it alone, or to the runner alone, reaches the command once" {
    need perl
    start perl -e '$| = 1; $SIG{USR1} = sub { $n++ }; $SIG{TERM} = sub { print "$n\n"; exit };
        print "ready\n"; sleep 1 while 1'
    wait_until grep -q ready "$out"
    kill -USR1 "$runner"
    local pid
    pid=$(sed -E 's/^[^[]*\[([0-9]+)\].*/\1/;q' "$out")
    kill -USR1 "$(worker)"
    handled() { ! grep -qE '^(SigPnd|ShdPnd):.*[1-9a-f]' "/proc/$1/status"; }
    for process in "$runner" "$(worker)" "$pid"; do
        wait_until handled "$process"
    done
    kill -TERM "$runner"
    finish
    assert_status 0
    assert_matches <(tail -n 1 "$out") '\| 2$'
}
