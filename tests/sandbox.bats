#!/usr/bin/env bats
# sandbox.bats: programs that set a seccomp filter for themselves. The library must not make a call that the filter
# forbids, and the program must end as it does without sscap.

load helper

# All system calls that the library makes by itself (shim/syscalls.h).
calls() {
    sed -n 's/^ *X(\([a-z0-9_]*\), [A-Z]*).*/\1/p' "$ROOT/shim/syscalls.h"
}

# same ARG...: `sandboxed ARG...` has the same result with sscap as without it
same() {
    run_bare "$PROGRAMS/sandboxed" "$@"
    local expected=$status
    mv "$out" "$TMP/bare.out"
    mv "$err" "$TMP/bare.err"
    run_sscap --tag=none -q "$PROGRAMS/sandboxed" "$@"
    if [ "$status" -ne "$expected" ] || ! cmp -s "$TMP/bare.out" "$out" || ! cmp -s "$TMP/bare.err" "$err"; then
        echo "sandboxed $*: status $expected, then $status"
        diff "$TMP/bare.out" "$out"
        diff "$TMP/bare.err" "$err"
        return 1
    fi
}

@test "the list of the library's own calls is whole" {
    calls | sort >"$TMP/listed"
    [ "$(wc -l <"$TMP/listed")" -gt 30 ]
    # Leaves out code that runs only before there is a session, and names that only other machines have.
    grep -ohE 'RAW_SYSCALL\(SYS_[a-z0-9_]+' "$ROOT"/shim/*.c "$ROOT"/shim/*/*.[ch] "$ROOT"/shim/nolibc.h |
        sed 's/.*SYS_//' | sort -u |
        grep -vxE 'write|pwrite64' | comm -23 - "$TMP/listed" >"$out"
    assert_empty "$out"
    # The program sandboxed must know each call, too.
    while read -r name; do
        "$PROGRAMS/sandboxed" none "kill:$name" >/dev/null 2>"$err" || :
        assert_empty "$err"
    done <"$TMP/listed"
}

@test "a filter that kills for one of the library's calls: fork, exec, shells" {
    for name in $(calls); do
        same prctl "kill:$name" fork exec system
        same seccomp "trap:$name" fork system exec
    done
}

@test "a filter that kills for one of the library's calls: threads, descriptors, names, signals" {
    for name in $(calls); do
        same indirect "kill:$name" thread descriptors
        same prctl "trap:$name" nonblock signal name
        same prctl "kill:$name" kill
    done
}

@test "a filter that kills for one of the library's calls: aborts and crashes" {
    for name in $(calls); do
        same prctl "kill:$name" abort
        same seccomp "kill:$name" crash
        same prctl "trap:$name" crash
    done
}

@test "a filter that allows writing and exiting alone" {
    same prctl only
    same seccomp only crash
    same indirect only nonblock fork
    same tsync only name
    same prctl only abort
}

@test "a filter for all threads, from one of them" {
    for name in sendmsg getsockopt fcntl rt_sigaction getpid gettid; do
        same tsync "kill:$name" fork thread exec
        same thread "kill:$name" thread fork system crash
        same thread "trap:$name" abort
    done
}

@test "strict mode" {
    same strict - quit
    assert_status 5
    same strict - fork
    same strict - crash
}

@test "a vfork child's filter is not its parent's" {
    for filter in only kill:sendmsg kill:rt_sigaction kill:getpid; do
        same vfork "$filter" fork exec thread
        same vfork "$filter" abort crash
    done
}

@test "a filter that lets calls fail" {
    for name in sendmsg getsockopt socket connect getpid gettid; do
        same prctl "errno:$name" fork exec system thread descriptors abort crash
        same prctl "zero:$name" fork exec system
    done
}

@test "filters one on top of the other, over exec, with the environment and without" {
    for clean in "" "-i" "-u SSCAP_SESSION" "-u LD_PRELOAD"; do
        # shellcheck disable=SC2086 # a word or none
        same prctl kill:ppoll fork run env $clean "$PROGRAMS/sandboxed" seccomp kill:socket fork redirect run \
            env $clean "$PROGRAMS/sandboxed" prctl kill:sendmsg fork exec system crash
    done
}

@test "what a filter allows still works: /dev/stderr opens, also after exec" {
    for filter in allow kill:sendmsg kill:ppoll kill:socket kill:fcntl:1=1024 kill:rt_sigaction; do
        case $filter in
        kill:rt_sigaction) same prctl "$filter" nonblock ;;
        *) same prctl "$filter" redirect ;;
        esac
        assert_no_match "$err" 'cannot'
    done
}

@test "a filter that allows every call, and one that was not accepted, change nothing" {
    for way in prctl seccomp probe; do
        run_sscap -t '{name}[{pid}/{tid}]' "$PROGRAMS/sandboxed" "$way" allow thread name exec redirect crash
        assert_status 139
        # The differences are the thread's number, the new name, and the place of the crash.
        assert_matches "$out" '^sandboxed\[([0-9]+)/[0-9]+\] .*thread 1$'
        ! grep -E '^sandboxed\[([0-9]+)/\1\].*thread 1$' "$out"
        assert_matches "$out" '^renamed\[[0-9/]+\] .*name 0$'
        assert_matches "$out" '^sh\[[0-9/]+\] .*executed$'
        assert_matches "$err" '^sh\[[0-9/]+\] .*to stderr$'
        assert_matches "$err" 'do_crash'
    done
}

@test "an argument that is not ours may be forbidden" {
    # socket(AF_NETLINK), fcntl(F_SETOWN), prctl(PR_SET_DUMPABLE)
    for filter in kill:socket:0=16 kill:fcntl:1=8 kill:prctl:0=4; do
        same prctl "$filter" redirect thread fork descriptors
        run_sscap -t '{name}[{pid}/{tid}]' "$PROGRAMS/sandboxed" prctl "$filter" thread crash
        assert_matches "$out" '^sandboxed\[[0-9]+/[0-9]+\] .*thread 1$'
        ! grep -E '^sandboxed\[([0-9]+)/\1\].*thread 1$' "$out"
        assert_matches "$err" 'do_crash'
    done
}

@test "the kernel's stamps still name who wrote what under a filter" {
    run_sscap "$PROGRAMS/sandboxed" prctl kill:sendmsg fork exec
    assert_status 6
    # The name is not known if the process was reaped before the runner looked.
    assert_matches "$out" '^(sandboxed|\?)\[[0-9]+\] .*child 1$'
    assert_matches "$out" '^(sh|\?)\[[0-9]+\] .*executed$'
    assert_equal 4 "$(of_stream '|' <"$out" | grep -oE '\[[0-9]+\]' | sort -u | wc -l)"
}

@test "syscall() does what it did" {
    run_sscap --tag=none -q "$PROGRAMS/raw_calls"
    assert_status 0
    assert_text "$out" 'all as said'
    assert_empty "$err"
    # It must do so without a session, too.
    run_bare env SSCAP_SESSION=none LD_PRELOAD="$LIBSSCAP" "$PROGRAMS/raw_calls"
    assert_status 0
    assert_text "$out" 'all as said'
    assert_empty "$err"
}

@test "the children of a program that a filter silences are told of like a static one's" {
    printf '6.16\n%s\n' "$(uname -r)" | sort -VC || not_here "needs Linux 6.16"
    for _ in 1 2 3 4 5 6 7 8; do
        run_sscap "$PROGRAMS/sandboxed" prctl kill:sendmsg fork system
        assert_status 6
        assert_count "$err" vanished 0
        assert_count "$err" 'exited with status 3$' 1
        assert_count "$err" 'exited with status 4$' 1
    done
}
