#!/usr/bin/env bats
# signals.bats: signals to sscap reach the command once each. Ignored and blocked signals stay so, and limits do, too.

load helper

count_is() { # REGEX NUMBER: this many lines of $out match
    [ "$(grep -c -- "$1" "$out")" -eq "$2" ]
}

# --- forwarding ---

@test "signals: each that sscap gets reaches the command, exactly once" {
    not_wrapped "valgrind has signals of its own"
    local name n=0 total=0
    start --tag=none "$PROGRAMS/count_signals"
    wait_until count_is ready 1
    for name in HUP INT QUIT USR1 USR2 ALRM WINCH URG CONT IO PWR VTALRM PROF XCPU XFSZ RTMIN RTMAX; do
        for n in 1 2 3; do
            kill "-$name" "$runner"
            total=$((total + 1))
            wait_until count_is got "$total"
        done
    done
    # These signals are queued and not merged, so as many arrive as were sent.
    for ((n = 0; n < 50; n++)); do
        kill -RTMIN+5 "$runner"
    done
    wait_until count_is "got $(kill -l RTMIN+5)" 50
    kill -TERM "$runner"
    finish
    assert_status 9
    local names="HUP INT QUIT USR1 USR2 ALRM WINCH URG CONT IO PWR VTALRM PROF XCPU XFSZ RTMIN RTMAX"
    assert_equal "in all $({ for name in $names; do
        echo "$(kill -l "$name"):3"; done; echo "$(kill -l RTMIN+5):50"; echo 15:1; } | sort -n | paste -sd ' ')" \
        "$(tail -n 1 "$out")"
    assert_empty "$err"
}

@test "signals: the status follows the signal" {
    local name
    for name in TERM INT HUP QUIT USR1 USR2 ALRM; do
        start sh -c 'ulimit -c 0; echo ready; exec sleep 100'
        wait_until count_is ready 1
        kill "-$name" "$runner"
        finish
        assert_status $((128 + $(kill -l "$name")))
        assert_empty "$err"
    done
}

@test "signals: a command that handles them decides for itself" {
    start sh -c 'trap "echo handled; exit 5" TERM; trap "echo ignored" INT; echo ready; while :; do sleep 0.02; done'
    wait_until count_is ready 1
    kill -INT "$runner"
    wait_until count_is ignored 1
    kill -TERM "$runner"
    finish
    assert_status 5
    assert_count "$out" 'handled$' 1
    assert_empty "$err"
}

@test "signals: to sscap alone are not for the command's children" {
    mkfifo "$TMP/go"
    start --tag=none bash -c '(trap "echo child" USR1; echo ready; read -r x <"$0"; echo "end of child") &
        trap "echo parent" USR1; echo ready; wait; wait' "$TMP/go"
    wait_until count_is ready 2
    kill -USR1 "$runner"
    wait_until count_is parent 1
    echo >"$TMP/go"
    finish
    assert_status 0
    assert_same <(printf '%s\n' 'end of child' parent ready ready) <(sort "$out")
}

@test "signals: SIGTERM while the output is stuck reaches the command; again, it ends sscap" {
    local writer
    mkfifo "$TMP/fifo"
    exec 7<>"$TMP/fifo"
    (close_inherited && exec timeout -k 10 "$DEADLINE" bash -c 'echo $$ >"$0" && exec "$@"' "$TMP/runner" \
        "$SSCAP" --bytes=64K sh -c 'echo $$ >"$0"; exec yes' "$TMP/writer") >"$TMP/fifo" 2>"$err" &
    job=$!
    wait_until [ -s "$TMP/writer" ]
    read -r runner <"$TMP/runner"
    read -r writer <"$TMP/writer"
    # All buffers are full when yes blocks.
    wait_until state_is S "$writer"
    kill -TERM "$runner"
    wait_until [ ! -e "/proc/$writer" ]
    again() {
        kill -TERM "$runner" 2>/dev/null
        [ ! -e "/proc/$runner" ] || state_is Z "$runner"
    }
    wait_until again
    finish "$job"
    assert_status 143
    exec 7>&-
}

@test "signals: SIGTERM while the output is another user's stuck pipe reaches the command" {
    need setpriv
    need_root
    local writer
    # That user can write to the pipe but cannot open it again.
    mkfifo -m 600 "$TMP/fifo"
    exec 7<>"$TMP/fifo"
    cp "${LIBSSCAP%/*}/sscap" "$LIBSSCAP" "$TMP"
    mkdir -m 777 "$TMP/public"
    (close_inherited && exec timeout -k 10 "$DEADLINE" setpriv --reuid=65534 --regid=65534 --clear-groups bash -c \
        'echo $$ >"$0/runner" && exec "$0/../sscap" sh -c "echo \$\$ >\"\$0/writer\"; exec yes" "$0"' "$TMP/public") \
        >"$TMP/fifo" 2>"$err" &
    job=$!
    wait_until [ -s "$TMP/public/writer" ]
    read -r runner <"$TMP/public/runner"
    read -r writer <"$TMP/public/writer"
    wait_until state_is S "$writer"
    kill -TERM "$runner"
    PATIENCE=5 wait_until [ ! -e "/proc/$writer" ]
    exec 7>&-
    finish "$job"
    assert_status 143
}

# --- stopping ---

@test "signals: a command that is stopped has not ended" {
    local command i
    mkfifo "$TMP/go"
    start -q --tag=none sh -c 'echo $$; read -r x <"$0"; echo goes on; exit 3' "$TMP/go"
    wait_until [ -s "$out" ]
    read -r command <"$out"
    for ((i = 0; i < 3; i++)); do
        kill -STOP "$command"
        wait_until state_is T "$command"
        # If sscap had taken the stop for an end, it would have ended, too.
        wait_until state_is S "$runner"
        kill -CONT "$command"
        wait_until state_is S "$command"
    done
    echo >"$TMP/go"
    finish
    assert_status 3
    assert_text "$out" "$command"$'\ngoes on'
    assert_empty "$err"
}

@test "signals: SIGTSTP stops sscap and the command, SIGCONT lets both go on" {
    local command i
    mkfifo "$TMP/go"
    start --tag=none sh -c 'echo $$; read -r x <"$0"; echo goes on; exit 3' "$TMP/go"
    wait_until [ -s "$out" ]
    read -r command <"$out"
    for ((i = 0; i < 3; i++)); do
        kill -TSTP "$runner"
        wait_until state_is T "$command"
        wait_until state_is T "$runner"
        kill -CONT "$runner"
        wait_until state_is S "$command"
        wait_until state_is S "$runner"
    done
    echo >"$TMP/go"
    finish
    assert_status 3
    assert_text "$out" "$command"$'\ngoes on'
}

# --- what was ignored or blocked ---

@test "signals: what is blocked and ignored is to the command what it is without sscap" {
    not_wrapped "valgrind has signals of its own"
    local options
    for options in --default-signal --ignore-signal=HUP,INT,USR1,CHLD,PIPE --block-signal=TERM,USR2,CHLD,RTMIN; do
        capture env --default-signal "$options" grep -E '^(Sig(Blk|Ign|Cgt)|ShdPnd)' /proc/self/status
        assert_status 0
        mv "$out" "$TMP/bare.out"
        # /proc shows the handlers for crashes, as sscap(1) says; sigaction(2) does not.
        capture env --default-signal "$options" "$SSCAP" --errors=none --tag=none grep -E '^(Sig(Blk|Ign|Cgt)|ShdPnd)' \
            /proc/self/status
        assert_same "$TMP/bare.out" "$out"
        [ -n "${WRAP:-}" ] || {
            SSCAP_ERRORS=none SSCAP_TAG=none capture env --default-signal "$options" LD_PRELOAD="$LIBSSCAP" \
                grep -E '^(Sig(Blk|Ign|Cgt)|ShdPnd)' /proc/self/status
            assert_same "$TMP/bare.out" "$out"
        }
    done
}

@test "signals: under nohup, SIGHUP ends neither the command nor sscap" {
    mkfifo "$TMP/go"
    SIGNALS=--ignore-signal=HUP start --tag=none sh -c 'echo ready; read -r x <"$0"; echo survived' "$TMP/go"
    wait_until count_is ready 1
    kill -HUP "$runner"
    echo >"$TMP/go"
    finish
    assert_status 0
    assert_text "$out" $'ready\nsurvived'
}

@test "signals: an ignored SIGHUP or SIGINT does not end the wait for those left behind" {
    local name
    mkfifo "$TMP/go"
    for name in HUP INT; do
        SIGNALS=--ignore-signal=$name start bash -c '(read -r x <"$0"; echo late) & exit 3' "$TMP/go"
        wait_until grep -q 'waiting for' "$err"
        kill "-$name" "$runner"
        # When sscap sleeps again or has ended, it has handled the signal.
        wait_until has_taken_signals
        assert_no_match "$out" late
        [ -e "/proc/$runner" ]
        echo >"$TMP/go"
        finish
        assert_status 3
        # sscap waited for the line.
        assert_count "$out" 'late$' 1
    done
}

has_taken_signals() {
    state_is Z "$runner" || [ ! -e "/proc/$runner" ] ||
        { state_is S "$runner" && ! grep -qE '^(SigPnd|ShdPnd):.*[1-9a-f]' "/proc/$runner/status"; }
}

@test "signals: an ignored SIGTSTP does not stop sscap" {
    local i
    SIGNALS=--ignore-signal=TSTP,TTIN,TTOU start --tag=none "$PROGRAMS/count_signals"
    wait_until count_is ready 1
    kill -TSTP "$runner"
    kill -TTOU "$runner"
    # A stopped sscap would not pass these signals on. The first one may have arrived before the stop.
    for i in 1 2; do
        kill -USR1 "$runner"
        PATIENCE=5 wait_until count_is "got $(kill -l USR1)" "$i" || {
            kill -CONT "$runner"
            return 1
        }
    done
    kill -TERM "$runner"
    finish
    assert_status 9
}

@test "signals: those left behind: SIGTERM and its like stop the wait, with the command's status" {
    local name
    mkfifo "$TMP/go"
    for name in TERM HUP; do
        start bash -c '(read -r x <"$0"; echo late) & echo early; exit 3' "$TMP/go"
        wait_until grep -q 'waiting for' "$err"
        kill "-$name" "$runner"
        finish
        assert_status 3
        assert_count "$out" 'early$' 1
        # Later lines are not lost, as with --wait=command.
        echo >"$TMP/go"
        wait_until count_is 'late$' 1
    done
}

# --- everything else that a process inherits ---

@test "signals: limits, umask, priority, group and session are what they are without sscap" {
    local script='cat /proc/self/limits; umask; cut -d " " -f 5-7,18-19 /proc/$$/stat >"$0"; cat "$0" >/dev/null'
    ulimit -S -n 123
    ulimit -H -n 456
    ulimit -S -c 0
    ulimit -S -s 4096
    umask 027
    run_bare nice -n 3 sh -c "$script" "$TMP/bare.stat"
    mv "$out" "$TMP/bare.out"
    run_sscap --tag=none nice -n 3 sh -c "$script" "$TMP/found.stat"
    assert_same "$TMP/bare.out" "$out"
    assert_matches "$out" '^Max open files +123 +456 '
    # Group numbers differ from run to run, so we check that the command has sscap's own group. Nice value and
    # priority do not differ.
    assert_equal "$(cut -d ' ' -f 3-5 "$TMP/bare.stat")" "$(cut -d ' ' -f 3-5 "$TMP/found.stat")"
    run_sscap --tag=none sh -c 'cut -d " " -f 5,6 /proc/$$/stat /proc/$PPID/stat'
    assert_equal 1 "$(sort -u "$out" | wc -l)"
    # With LD_PRELOAD alone, the attributes are the same, too.
    SSCAP_TAG=none run_preloaded nice -n 3 sh -c "$script" "$TMP/found.stat"
    assert_same "$TMP/bare.out" "$out"
}

@test "signals: the limit of open files is the command's own, not what sscap takes for itself" {
    local limit
    for limit in 20 64 300 1024; do
        capture bash -c "ulimit -n $limit; exec \"\$@\"" bash "$SSCAP" --tag=none bash -c 'ulimit -Sn; ulimit -Hn'
        assert_status 0
        assert_text "$out" "$limit"$'\n'"$limit"
    done
}
