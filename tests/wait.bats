#!/usr/bin/env bats
# wait.bats: when a session ends, which processes it waits for and reaps; sscap as PID 1, inside sscap, and by
# LD_PRELOAD alone.

load helper
# These tests check the messages while sscap waits. reports.bats tests the reports.
export SSCAP_ERRORS=none

# Commands wait until the test writes to a FIFO. Tests wait until a file exists.
prepare() {
    mkfifo "$TMP/go"
    cd "$TMP" || return 1
}

go() {
    echo >"$TMP/go"
}

# --- --wait=streams ---

@test "wait: streams: a process left behind is waited for, and after a second named" {
    prepare
    start bash -c '(read -r x <go; echo late) & echo $! >left; echo early; date +%s%N >time; exit 3'
    wait_until grep -q 'waiting for' "$err"
    # The notice does not come at once, because most remaining processes end soon.
    [ $(($(date +%s%N) - $(cat time))) -ge 900000000 ]
    assert_text <(untag <"$out") early
    holder="bash[$(cat left)]"
    assert_text "$err" "sscap: 'bash' has exited (status 3); waiting for 1 process that holds a stream: $holder
sscap: press ^C to stop waiting; --wait=command does not wait"
    go
    finish
    assert_status 3
    assert_matches "$out" "^bash\\[$(cat left)\\] *\\| late$"
    assert_equal 2 "$(wc -l <"$err")"
}

@test "wait: streams: the notice names all kinds of processes, and says how the command ended" {
    prepare
    cp /bin/cat "$TMP/holder"
    start bash -c './holder go & echo $! >left1; cat go >/dev/null & echo $! >left2; kill -TERM $$'
    wait_until grep -q 'waiting for' "$err"
    assert_matches "$err" "^sscap: 'bash' was killed by SIGTERM; waiting for 2 processes that hold a stream: "
    assert_matches "$err" "[ ,]holder\\[$(cat left1)\\](,|$)"
    # Its stdout is redirected, but it still has stderr open.
    assert_matches "$err" "[ ,]cat\\[$(cat left2)\\](,|$)"
    exec 9>go
    exec 9>&-
    finish
    assert_status 143
}

@test "wait: streams: of many that are left behind, some are named and the others counted" {
    prepare
    start bash -c 'for i in {1..12}; do read -r x <go & done'
    wait_until grep -q 'waiting for' "$err"
    assert_matches "$err" 'waiting for 12 processes that hold a stream: (bash\[[0-9]+\], ){4}bash\[[0-9]+\] and 7 more$'
    exec 9>go
    exec 9>&-
    finish
    assert_status 0
}

@test "wait: streams: no notice with -q, nor for those that are gone soon" {
    run_sscap -q bash -c 'sleep 1.3 & exit 4'
    assert_status 4
    assert_empty "$err"
    run_sscap bash -c '(sleep 0.2; echo late) & exit 5'
    assert_status 5
    assert_empty "$err"
    assert_text <(untag <"$out") late
}

@test "wait: streams: a process that has closed its streams is not waited for" {
    prepare
    run_sscap bash -c '(exec >&- 2>&-; read -r x <go; : >ended) & exit 3'
    assert_status 3
    [ ! -e ended ]
    go
    wait_until [ -e ended ]
}

@test "wait: no notice of processes when it is the reader that is waited for" {
    mkfifo "$TMP/fifo"
    exec 7<>"$TMP/fifo"
    (close_inherited && exec timeout -k 10 "$DEADLINE" "$SSCAP" --on-full=drop sh -c \
        'head -c 300000 /dev/zero; : >"$0"' "$TMP/done") >"$TMP/fifo" 2>"$err" &
    job=$!
    wait_until [ -e "$TMP/done" ]
    # This is longer than it takes for a notice.
    sleep 1.4
    (close_inherited && exec cat) <"$TMP/fifo" >"$out" 7>&- &
    exec 7>&-
    finish "$job"
    assert_status 0
    assert_no_match "$err" 'waiting for 0'
}

# --- --wait=command ---

@test "wait: command: ends at once, with all that the command wrote; later lines come to the same place" {
    prepare
    # The pipe reaches its end when no process has it open for writing.
    mkfifo "$TMP/pipe"
    (close_inherited && exec cat "$TMP/pipe") >"$out" &
    (close_inherited && exec timeout -k 10 "$DEADLINE" "$SSCAP" --wait=command \
        bash -c 'seq 20000; (read -r x <go; echo late; echo later >&2) & echo $! >left; exit 6') >"$TMP/pipe" 2>"$err" &
    job=$!
    finish "$job"
    assert_status 6
    wait_until [ "$(tail -n 1 "$out" | untag)" = 20000 ]
    assert_same <(seq 20000) <(untag <"$out")
    assert_empty "$err"
    go
    # The process that passes the lines on ends when their writers end.
    wait
    assert_equal "bash[$(cat left)] | late" "$(tail -n 1 "$out" | sed 's/  *|/ |/')"
    wait_until grep -q "^bash\\[$(cat left)\\] *! later$" "$err"
    assert_equal 1 "$(wc -l <"$err")"
}

@test "wait: command: a shell gets its prompt back, and not the end of the output" {
    prepare
    SECONDS=0
    run_sscap --wait=command bash -c 'echo one; (read -r x <go) & exit 0'
    assert_status 0
    assert_text <(untag <"$out") one
    assert_empty "$err"
    [ "$SECONDS" -lt 60 ]
    go
}

@test "wait: command: when nobody is left, nothing is left" {
    run_sscap --wait=command sh -c 'seq 50000; printf rest'
    assert_status 0
    assert_equal 50001 "$(wc -l <"$out")"
    assert_equal rest "$(tail -n 1 "$out" | untag)"
}

@test "wait: command: what goes on in the background ends on SIGTERM, SIGINT and SIGHUP" {
    prepare
    for signal in TERM INT HUP; do
        start --wait=command bash -c "(read -r x <go) & echo \$! >$TMP/left; exit 6"
        finish
        assert_status 6
        # The runner's child has the runner's arguments.
        relay=$(pgrep -f "^[^ ]*sscap --wait=command bash .*$TMP/left")
        kill -s "$signal" "$relay"
        wait_until gone "$relay"
        kill -KILL "$(cat "$TMP/left")"
    done
}

gone() {
    [ ! -e "/proc/$1" ]
}

# --- --wait=tree ---

@test "wait: tree: a process without streams is waited for" {
    prepare
    start --wait=tree bash -c '(exec >&- 2>&-; read -r x <go; : >ended) & exit 3'
    wait_until grep -q 'waiting' "$err"
    assert_matches "$err" \
        "^sscap: 'bash' has exited \\(status 3\\); waiting for 1 more of its processes: bash\\[[0-9]+\\]$"
    go
    finish
    assert_status 3
    [ -e ended ]
}

@test "wait: tree: a daemon is waited for" {
    prepare
    start --wait=tree "$PROGRAMS/daemonise" 0 "$TMP/ended"
    finish
    assert_status 0
    [ -s ended ]
}

@test "wait: tree: a daemon without the library is waited for" {
    start --wait=tree "$PROGRAMS/static_daemon" "$TMP/go" "$TMP/done"
    wait_until grep -q 'going down' "$out"
    PATIENCE=5 wait_until grep -q 'waiting for 1 more' "$err" || {
        : >"$TMP/go"
        wait_until [ -e "$TMP/done" ]
        return 1
    }
    : >"$TMP/go"
    finish
    assert_status 0
    [ -e "$TMP/done" ]
}

@test "wait: streams: a daemon is not waited for" {
    run_sscap "$PROGRAMS/static_daemon" "$TMP/go" "$TMP/done"
    assert_status 0
    [ ! -e "$TMP/done" ]
    : >"$TMP/go"
    wait_until [ -e "$TMP/done" ]
}

# --- orphans ---

# Counts the zombies among the children of process $1.
zombies_of() {
    cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^.*) //' | awk -v parent="$1" '$1 == "Z" && $2 == parent' | wc -l
}

no_zombies_of() {
    [ "$(zombies_of "$1")" -eq 0 ]
}

@test "wait: orphans are sscap's, and reaped while it runs" {
    prepare
    # Each process reports when it is an orphan, and ends.
    start bash -c 'for i in {1..30}; do
            (bash -c "until [ \"\$(cut -d \" \" -f 4 /proc/\$\$/stat)\" = $PPID ]; do sleep 0.02; done; echo orphan" &)
        done; read -r x <go'
    all_said() { [ "$(grep -c orphan "$out")" -eq 30 ]; }
    wait_until all_said
    wait_until no_zombies_of "$(worker)"
    go
    finish
    assert_status 0
}

@test "wait: dead children that nobody waits for are the parent's business, as ever" {
    # bash keeps its zombie until it waits for it.
    prepare
    start sh -c 'sh -c "exit 7" & read -r x <go; wait $!; echo "was $?"'
    go
    finish
    assert_text <(untag <"$out") 'was 7'
}

@test "wait: sscap as PID 1" {
    need unshare
    need_root
    capture unshare -pf --mount-proc "$SSCAP" sh -c \
        'echo "I am $$ of $PPID"; (sh -c "echo child" &); echo wrong >&2; exit 5'
    assert_status 5
    assert_count "$out" '^sh\[[0-9]+\] *\| I am [0-9]+ of 2$' 1
    assert_count "$out" '^sh\[[0-9]+\] *\| child$' 1
    assert_count "$err" '^sh\[[0-9]+\] *! wrong$' 1
    # sscap gets signals, which the kernel does not deliver to a PID 1 without a handler.
    capture unshare -pf --mount-proc "$SSCAP" sh -c \
        'trap "echo got it; exit 9" TERM; kill -TERM 1; while :; do sleep 0.02; done'
    assert_status 9
    assert_text <(untag <"$out") 'got it'
    # sscap reaps its orphans.
    capture unshare -pf --mount-proc "$SSCAP" bash -c 'for i in {1..20}; do (true &); done
        for i in {1..500}; do
            sed "s/^.*) //" /proc/[0-9]*/stat 2>&- | grep -q "^Z 1 " || { echo clean; break; }
            sleep 0.02
        done'
    assert_status 0
    assert_text <(untag <"$out") clean
}

# --- sscap in sscap ---

@test "wait: nested: the inner one's lines are the outer one's text" {
    run_sscap "$SSCAP" sh -c 'echo one; echo two >&2; printf rest; exit 7'
    assert_status 7
    assert_matches "$out" '^[^ []+\[[0-9]+\] *\| sh\[[0-9]+\] \| one$'
    assert_matches "$out" '^[^ []+\[[0-9]+\] *\| sh\[[0-9]+\] \|~rest$'
    assert_matches "$err" '^[^ []+\[[0-9]+\] *! sh\[[0-9]+\] ! two$'
    assert_equal 2 "$(wc -l <"$out")"
    run_sscap --tag=none "$SSCAP" --tag=none "$SSCAP" --tag=none sh -c 'seq 50000; kill -KILL $$'
    assert_status 137
    assert_same <(seq 50000) "$out"
}

@test "wait: nested: a failure is reported once, by the inner one" {
    export SSCAP_ERRORS=exit
    run_sscap "$SSCAP" bash -c 'sh -c "exit 3"; sh -c "kill -SEGV \$\$"; exit 4'
    assert_status 4
    # The inner sscap's message is a line of the outer one.
    assert_count "$err" 'killed by SIGSEGV \(pid' 1
    assert_count "$err" '^sscap: ' 0
    assert_count "$err" ' ! sscap: 3 of 3 processes failed' 1
    # If the inner sscap itself fails, that is a failure.
    run_sscap bash -c '"$1" --no-such-option; exit 0' bash "$SSCAP"
    assert_status 0
    assert_count "$err" '^1\. .*: exited with status 125$' 1
}

@test "wait: nested: sessions do not mix" {
    not_wrapped "the name is the wrapper's"
    # A process of each session runs at the same time, and both use the same library file.
    run_sscap --tag='outer {name}' bash -c '"$0" --tag="inner {name}" bash -c "for i in {1..300}; do echo i; done" &
        for i in {1..300}; do echo o; done; wait' "$SSCAP"
    assert_status 0
    assert_count "$out" '^outer bash +\| o$' 300
    assert_count "$out" '^outer [a-z.]+ +\| inner bash \| i$' 300
    assert_equal 600 "$(wc -l <"$out")"
}

# --- LD_PRELOAD alone ---

@test "wait: preloaded: tagged lines, and the status is the program's" {
    local i
    for i in 0 1 126 127 255; do
        run_preloaded sh -c "echo one; echo two >&2; exit $i"
        assert_status "$i"
    done
    assert_matches "$out" '\[[0-9]+\] \| one$'
    assert_matches "$err" '\[[0-9]+\] ! two$'
    run_preloaded sh -c 'kill -KILL $$'
    assert_status 137
}

@test "wait: preloaded: the output is complete when it returns, also that of those left behind" {
    run_preloaded bash -c '(sleep 0.3; seq 30000) & seq 30000; exit 3'
    assert_status 3
    assert_equal 60000 "$(wc -l <"$out")"
    assert_empty "$err"
}

@test "wait: preloaded: options come from variables" {
    SSCAP_TAG=none run_preloaded printf 'one\ntwo'
    assert_equal $'one\ntwo.' "$(cat "$out"; echo .)"
    SSCAP_TAG='<{pid}>' SSCAP_VERBOSE=1 SSCAP_STDERR=merge run_preloaded bash -c 'echo $$; echo $$ >&2'
    assert_equal 2 "$(grep -cE '^<([0-9]+)> \| \1$' "$out")"
    assert_matches "$err" '^sscap: 1 process .* 2 lines'
    SSCAP_LINES=x run_preloaded touch "$TMP/started"
    assert_status 125
    assert_text "$err" "sscap: SSCAP_LINES: 'x' is not a number from 1 to 1000000000"
    [ ! -e "$TMP/started" ]
}

@test "wait: preloaded: arguments, argv[0], stdin, directory and environment are the program's" {
    local arguments=('' ' ' $'new\nline' '--help' '--tag=none' '--' '-v')
    cd "$TMP"
    printf '%s\0' "${arguments[@]}" >expected
    run_preloaded sh -c 'printf "%s\0" "$@" >found' sh "${arguments[@]}"
    assert_status 0
    assert_same expected found
    run_preloaded cat <expected
    SSCAP_TAG=none run_preloaded cat <expected
    assert_same expected "$out"
    run_preloaded sh -c 'pwd >found'
    assert_text found "$TMP"
    # argv[0] differs from the path, as for login shells and busybox.
    SSCAP_TAG=none capture bash -c 'export LD_PRELOAD=$0 SSCAP_RUNNER=$1; exec -a "odd name" "$PROGRAMS/argv0"' \
        "$LIBSSCAP" "$SSCAP"
    assert_text "$out" 'odd name'
}

@test "wait: preloaded: found by PATH, by a relative path, as a script" {
    cp "$PROGRAMS/argv0" "$TMP/program"
    printf '#!/bin/sh -e\necho "script: $0: $*"\nexit 8\n' >"$TMP/script"
    chmod +x "$TMP/script"
    mkdir "$TMP/below"
    cd "$TMP/below"
    export SSCAP_TAG=none
    run_preloaded ../program
    assert_text "$out" ../program
    PATH=$TMP:$PATH run_preloaded program
    assert_text "$out" program
    run_preloaded ../script a 'b c'
    assert_status 8
    assert_text "$out" 'script: ../script: a b c'
    PATH=$TMP:$PATH run_preloaded script
    assert_status 8
    assert_text "$out" "script: $TMP/script: "
}

@test "wait: preloaded: the kernel's name of the program is what it is without" {
    printf '#!/bin/sh\ncat /proc/$$/comm\n' >"$TMP/script"
    chmod +x "$TMP/script"
    ln -s "$PROGRAMS/argv0" "$TMP/link"
    export SSCAP_TAG=none
    # A symbolic link has its own name, not that of its target.
    run_preloaded "$TMP/link" comm
    assert_text "$out" link
    run_preloaded "$TMP/script"
    assert_text "$out" script
    unset SSCAP_TAG
    run_preloaded "$TMP/script"
    assert_matches "$out" '^cat\[[0-9]+\] \| script$'
}

@test "wait: preloaded sscap is one session, not two" {
    not_wrapped "the wrapper is preloaded, too"
    run_preloaded "$SSCAP" --tag=t sh -c 'echo one; exit 3'
    assert_status 3
    assert_text "$out" 't | one'
}

@test "wait: preloaded: each command of a shell that has it is a session of its own" {
    capture bash -c 'export LD_PRELOAD=$0 SSCAP_RUNNER=$1 SSCAP_TAG=t; /bin/echo one
            sh -c "echo two; sh -c \"echo three\""; echo four' \
        "$LIBSSCAP" "$SSCAP"
    assert_status 0
    # The shell itself started before LD_PRELOAD was set.
    assert_text "$out" $'t | one\nt | two\nt | three\nfour'
}
