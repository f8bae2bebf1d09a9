#!/usr/bin/env bats
# buffer.bats: the bounded buffer: what --tail keeps, and what happens to the writers when a reader is slow, stops or
# goes away.

load helper
# Many of these programs fail on purpose. reports.bats tests the reports.
export SSCAP_QUIET=1

# --- what is kept ---

@test "buffer: --tail prints what -n has kept, the newest lines" {
    run_sscap --tag=none --tail -n 10 seq 1000
    assert_status 0
    assert_same <(seq 991 1000) "$out"
    run_sscap --tag=none --tail -n 1 seq 1000
    assert_text "$out" 1000
    run_sscap --tag=none --tail -n 5000 seq 1000
    assert_same <(seq 1000) "$out"
    # The default is 10000 lines.
    run_sscap --tag=none --tail seq 25000
    assert_same <(seq 15001 25000) "$out"
}

@test "buffer: --tail=N prints the last N of them" {
    run_sscap --tag=none --tail=3 seq 1000
    assert_same <(seq 998 1000) "$out"
    run_sscap --tag=none --tail=30 -n 10 seq 1000
    assert_same <(seq 991 1000) "$out"
    run_sscap --tag=none --tail=30 seq 7
    assert_same <(seq 7) "$out"
    run_sscap --tail=3 true
    assert_empty "$out"
    assert_empty "$err"
}

@test "buffer: --tail says nothing before the end" {
    run_sscap --tag=none --tail sh -c 'seq 1000; echo wrong >&2; stat -c "%s before the end" "$0" "$1"' "$out" "$err"
    assert_equal '0 before the end' "$(tail -n 1 "$out")"
    assert_equal 2 "$(grep -c '^0 before the end$' "$out")"
    assert_equal 1002 "$(wc -l <"$out")"
    assert_text "$err" wrong
}

@test "buffer: --tail keeps an unfinished line, tags, streams and exit status" {
    run_sscap --tag=t --tail=2 sh -c 'seq 10; printf rest; exit 3'
    assert_status 3
    assert_text "$out" $'t | 10\nt |~rest'
    # The tail has the last lines of both streams together.
    run_sscap --tag=t --tail=4 sh -c 'for i in 1 2 3 4 5; do echo out $i; sleep 0.02; echo err $i >&2; sleep 0.02; done'
    assert_text "$out" $'t | out 4\nt | out 5'
    assert_text "$err" $'t ! err 4\nt ! err 5'
    run_sscap --tag=none --tail --stderr=merge sh -c 'seq 3; seq 4 6 >&2'
    assert_same <(seq 6) "$out"
    # The report of the signal is separate from the text.
    run_sscap --tag=t --tail=1 sh -c 'seq 3; printf last; kill -KILL $$'
    assert_status 137
    assert_text "$out" 't |~last'
}

@test "buffer: --bytes bounds what is kept, the newest to the end" {
    local kept
    run_sscap --tag=none --tail --bytes=64K seq 100000
    kept=$(wc -l <"$out")
    assert_same <(seq $((100001 - kept)) 100000) "$out"
    [ "$kept" -ge 500 ] && [ "$kept" -lt 10000 ]
    # The lines are longer, so there are fewer: at most 64 to 65 KB of them, and at least half of that.
    run_sscap --tag=none --tail --bytes=64K awk 'BEGIN { for (i = 1; i <= 1000; i++) printf "%01000d\n", i }'
    kept=$(wc -l <"$out")
    [ "$kept" -ge 32 ] && [ "$kept" -le 65 ]
    assert_same <(seq -f %01000.0f $((1001 - kept)) 1000) "$out"
}

# --- a reader that stops ---

# Prints 200000 lines of 100 bytes, which is more than the sockets hold. The output must equal that of `long_lines`.
LONG='seq -f %099.0f 200000'
long_lines() {
    $LONG
}

# blocked PID: the process has written nothing for a while. Nothing shows from outside that it is blocked, but a
# process that has not finished and does not write must be.
blocked() {
    local before=-1 now i=0
    while [ "$i" -lt 5 ]; do
        now=$(awk '$1 == "wchar:" { print $2 }' "/proc/$1/io") 2>/dev/null || return 1
        [ "$now" = "$before" ] && [ "$now" -gt 0 ] && i=$((i + 1)) || i=0
        before=$now
        sleep 0.02
    done
}

# writer_blocked: the command, which wrote its pid to a file, is blocked
writer_blocked() {
    local pid
    [ -s "$TMP/writer" ] && read -r pid <"$TMP/writer" && blocked "$pid"
}

# Under a sanitizer or valgrind, the memory used is not the runner's own.
assert_peak_below() {
    local peak
    peak=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$(worker)/status")
    if [ -z "${SAN:-}${WRAP:-}" ] && [ "$peak" -ge "$1" ]; then
        echo "the runner had $peak KB, expected less than $1"
        return 1
    fi
}

@test "buffer: block: a reader that stops makes the writers wait, loses nothing, takes no memory" {
    stick --tag=none --bytes=1M sh -c 'echo $$ >"$0"; exec '"$LONG" "$TMP/writer"
    wait_until writer_blocked
    # The command prints 20 MB, so it cannot have written all.
    assert_peak_below 12000
    [ "$(readlink "/proc/$(cat "$TMP/writer")/exe")" = "$(command -v seq)" ]
    release
    assert_status 0
    assert_same <(long_lines) "$out"
    assert_empty "$err"
}

@test "buffer: places of error groups are no lines: they push none out, and are not counted" {
    # Each status makes a group, and each group has its place among the lines.
    cat >"$TMP/fail" <<'EOF'
for i in 1 2 3 4 5; do echo "line $i"; sh -c "exit $i"; sh -c "exit 1$i"; done
EOF
    run_sscap -q --tail -n 5 --tag=none sh "$TMP/fail"
    assert_same <(seq -f 'line %g' 5) "$out"
    # Does the same while the output is not read. All lines go through one buffer.
    cat >>"$TMP/fail" <<'EOF'
seq 1000001 1300000
: >printed
EOF
    cd "$TMP" && mkfifo fifo
    exec 7<>fifo
    (close_inherited && exec timeout -k 10 "$DEADLINE" "$SSCAP" --on-full=drop -n 100 --tag=none -v \
        sh ./fail) >fifo 2>&1 &
    job=$!
    wait_until [ -e printed ]
    release
    dropped=$(sed -n 's/^sscap: \([0-9]*\) lines\{0,1\} dropped, .*/\1/p' "$out")
    [ "$dropped" -gt 0 ]
    # The lines shown and the lines dropped are together all lines.
    assert_equal 300005 $((dropped + $(grep -cE '^(line )?[0-9]+$' "$out")))
}

@test "buffer: block with room for one line" {
    stick --tag=none -n 1 sh -c 'echo $$ >"$0"; exec '"$LONG" "$TMP/writer"
    wait_until writer_blocked
    release
    assert_status 0
    assert_same <(long_lines) "$out"
}

@test "buffer: block: several processes and both streams into one stuck reader" {
    local each=200000
    [ -z "${WRAP:-}" ] || each=20000
    mkfifo "$TMP/fifo"
    exec 7<>"$TMP/fifo"
    (close_inherited && exec timeout -k 10 "$DEADLINE" "$SSCAP" --bytes=64K bash -c '
        for i in 1 2 3 4; do
            (echo $BASHPID >"$0.$i"; exec seq -f "$i %.0f" "$1") &
            (exec seq -f "$i! %.0f" "$1" >&2) &
        done; wait' "$TMP/writer" "$each") >"$TMP/fifo" 2>&1 &
    job=$!
    wait_until [ -s "$TMP/writer.4" ]
    wait_until blocked "$(cat "$TMP/writer.4")"
    release
    assert_status 0
    for i in 1 2 3 4; do
        assert_same <(seq "$each") <(sed -nE "s/^seq\\[[0-9]+\\] *\\| $i //p" "$out")
        assert_same <(seq "$each") <(sed -nE "s/^seq\\[[0-9]+\\] *! $i! //p" "$out")
    done
    assert_equal "$((each * 8))" "$(wc -l <"$out")"
}

@test "buffer: block: a reader that takes a little now and then gets all" {
    mkfifo "$TMP/fifo"
    exec 7<>"$TMP/fifo"
    (close_inherited && exec timeout -k 10 "$DEADLINE" "$SSCAP" --tag=none --bytes=64K -n 100 seq 300000) >"$TMP/fifo" \
        2>"$err" &
    # shellcheck disable=SC2034 # finish, which release calls, waits for it
    job=$!
    # Reads pieces of odd sizes, each as soon as there is something.
    for i in 1 2 3 4 5 6 7 8 9 10; do
        dd bs=$((i * 1009)) count=1 status=none <&7
    done >"$TMP/first"
    release
    assert_status 0
    cat "$TMP/first" "$out" >"$TMP/all"
    assert_same <(seq 300000) "$TMP/all"
}

@test "buffer: block: a stuck reader that goes away ends the command as a pipe would" {
    stick --tag=none sh -c 'echo $$ >"$0"; exec '"$LONG" "$TMP/writer"
    wait_until writer_blocked
    exec 7>&-
    finish
    assert_status 141
    assert_empty "$err"
}

@test "buffer: block: a nested sscap waits for the outer one's reader" {
    stick --tag=none --bytes=64K "$SSCAP" --tag=none --bytes=64K sh -c 'echo $$ >"$0"; '"$LONG"'; exec '"$LONG" \
        "$TMP/writer"
    # The sockets of two sessions hold twice as much.
    wait_until blocked "$(worker)"
    release
    assert_status 0
    assert_same <(long_lines; long_lines) "$out"
}

# --- stderr while stdout is stuck ---

@test "buffer: stdout is not read: stderr is shown at once all the same" {
    stick sh -c 'head -c 300000 /dev/zero; seq 1000; echo wrong >&2; : >"$0"; exec cat "$1"' "$TMP/done" "$TMP/hold" \
        <"$TMP"
    wait_until grep -q '! wrong$' "$err"
    release
    assert_equal 1000 "$(grep -acE '\| [0-9]+$' "$out")"
}

@test "buffer: stdout is not read and all is full: another process's stderr is shown at once" {
    mkfifo "$TMP/go"
    stick --bytes=64K bash -c '(read -r x <"$1"; echo wrong >&2) & echo $$ >"$0"; exec '"$LONG" "$TMP/writer" "$TMP/go"
    wait_until writer_blocked
    echo >"$TMP/go"
    PATIENCE=5 wait_until grep -q '! wrong$' "$err"
    release
    assert_equal 200000 "$(wc -l <"$out")"
}

# --- drop ---

# Checks the lines of `seq` and the notices between them: each notice must tell exactly what is missing in its place.
check_drops() { # FILE TOTAL
    awk -v total="$2" '
        function fail(why) { print "line " NR ": " why ": " $0; failed = 1; exit 1 }
        /^sscap: / {
            if (!match($0, /^sscap: [0-9]+ lines? \([0-9]+ bytes?\) dropped here$/)) fail("no such notice")
            lines = $2; bytes = substr($4, 2)
            for (i = 0; i < lines; i++) bytes -= length(++last "")
            if (bytes != 0) fail("bytes are not those of the lines, " bytes " too many")
            dropped += lines
            next
        }
        $0 != last + 1 { fail("expected " last + 1) }
        { last++ }
        END {
            if (failed) exit 1
            if (last != total) { print "ends with " last ", not " total; exit 1 }
            print dropped + 0
        }' "$1"
}

@test "buffer: drop: the writer is done though nobody reads, the newest lines are kept, the rest is counted" {
    local dropped
    stick --tag=none --on-full=drop -v -n 100 sh -c 'seq 1000000; "$1"; : >"$0"' "$TMP/done" "$PROGRAMS/taken"
    wait_until [ -e "$TMP/done" ]
    assert_peak_below 30000
    release
    assert_status 0
    dropped=$(check_drops "$out" 1000000) || {
        echo "$dropped"
        return 1
    }
    [ "$dropped" -gt 900000 ]
    assert_same <(seq 999901 1000000) <(tail -n 100 "$out")
    assert_matches "$err" "^sscap: 3 processes .*, 1000000 lines, 6888896 bytes$"
    assert_matches "$err" "^sscap: $dropped lines dropped"
}

@test "buffer: drop: bounded by bytes" {
    local dropped
    stick --tag=none --on-full=drop --bytes=64K sh -c 'seq 1000000; "$1"; : >"$0"' "$TMP/done" "$PROGRAMS/taken"
    wait_until [ -e "$TMP/done" ]
    release
    dropped=$(check_drops "$out" 1000000) || {
        echo "$dropped"
        return 1
    }
    [ "$dropped" -gt 900000 ]
    assert_same <(seq 999501 1000000) <(tail -n 500 "$out")
    # Notices of drops are not warnings: they are in the place of the lines.
    assert_empty "$err"
}

@test "buffer: drop: stdout is stuck, stderr flows without a drop" {
    stick --tag=t --on-full=drop -n 100 sh -c \
        'seq 500000; for i in 1 2 3; do echo "wrong $i" >&2; done; seq 500000; : >"$0"' "$TMP/done"
    wait_until [ -e "$TMP/done" ]
    wait_until grep -q 'wrong 3$' "$err"
    release
    assert_text "$err" "$(printf 't ! wrong %s\n' 1 2 3)"
    assert_matches "$out" '^sscap: [0-9]+ lines \([0-9]+ bytes\) dropped here$'
}

@test "buffer: drop: a reader that keeps up misses nothing" {
    # A file is always ready.
    run_sscap --tag=none --on-full=drop -n 10 seq 300000
    assert_status 0
    assert_same <(seq 300000) "$out"
}

@test "buffer: drop: the notice, to the byte" {
    mkfifo "$TMP/go"
    stick --tag=none --on-full=drop -n 1 sh -c 'awk "BEGIN { printf \"%0300000d\n\", 0 }"; read -r x <"$1"
        seq 9; echo end; : >"$0"' "$TMP/done" "$TMP/go"
    # The sink has taken the first line, and the buffer has room for one line only.
    wait_until blocked "$(worker)"
    echo >"$TMP/go"
    wait_until [ -e "$TMP/done" ]
    release
    assert_same <(printf '%0300000d\nsscap: 9 lines (9 bytes) dropped here\nend\n' 0) "$out"
}
