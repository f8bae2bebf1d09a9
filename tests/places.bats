#!/usr/bin/env bats
# places.bats: unusual places in which a program forks, prints, loads a library or is cancelled. The results must be
# the same as without sscap.

load helper
export SSCAP_QUIET=1

# same_as_bare COMMAND...: the same status and errors, and the same lines in any order and number, because threads and
# handlers print as often as there is time
same_as_bare() {
    local bare_status
    run_bare "$@"
    bare_status=$status
    sort -u "$out" >"$TMP/bare.out"
    sort "$err" >"$TMP/bare.err"
    run_sscap --tag=none "$@"
    assert_status "$bare_status"
    sort -u "$out" | diff "$TMP/bare.out" -
    sort "$err" | diff "$TMP/bare.err" -
}

@test "places: fork in a thread" { same_as_bare "$PROGRAMS/fork_places" thread; }
@test "places: fork in handlers of fork" { same_as_bare "$PROGRAMS/fork_places" atfork; }
@test "places: fork in a signal's handler, whatever that interrupts" { same_as_bare "$PROGRAMS/fork_places" handler; }
@test "places: vfork, and then close, dup2, exec, crash" { same_as_bare "$PROGRAMS/fork_places" vfork; }
@test "places: clone with all kinds of flags" { same_as_bare "$PROGRAMS/fork_places" clone; }
@test "places: clone and clone3 by syscall" { same_as_bare "$PROGRAMS/fork_places" syscall; }
@test "places: clone into namespaces" { same_as_bare "$PROGRAMS/fork_places" namespaces; }

@test "places: a signal's handler forks in the midst of a thread's write, and both go on with it" {
    for _ in 1 2 3 4 5; do
        same_as_bare "$PROGRAMS/fork_places" write
    done
}

@test "places: children forked beside threads that write inherit nothing" {
    same_as_bare "$PROGRAMS/fork_places" beside
}

@test "places: cancelled before a call: cancellation points are libc's own" {
    same_as_bare "$PROGRAMS/cancel_points" pending
}

@test "places: cancelled while waiting" { same_as_bare "$PROGRAMS/cancel_points" waiting; }
@test "places: cancelled anywhere in a write, hundreds of times" { same_as_bare "$PROGRAMS/cancel_points" anywhere; }

@test "places: a library that prints and forks as it comes and goes" {
    same_as_bare "$PROGRAMS/loading" once "$PROGRAMS/libloud.so"
    same_as_bare env LD_BIND_NOW=1 "$PROGRAMS/loading" once "$PROGRAMS/libloud.so"
    same_as_bare env LD_PRELOAD="$PROGRAMS/libloud.so" "$PROGRAMS/loading" once "$PROGRAMS/libloud.so"
}

@test "places: dlopen and dlclose in threads that fork" {
    same_as_bare "$PROGRAMS/loading" storm "$PROGRAMS/libloud.so"
}

@test "places: dlmopen, with a libc apart" {
    same_as_bare "$PROGRAMS/loading" apart "$PROGRAMS/libloud.so"
    same_as_bare "$PROGRAMS/loading" libc "$PROGRAMS/libloud.so"
}

@test "places: what dlerror has to tell is not lost by the first call of anything" {
    same_as_bare "$PROGRAMS/loading" error "$PROGRAMS/libloud.so"
}

@test "places: few descriptors, none free" { same_as_bare "$PROGRAMS/limited" descriptors; }
@test "places: no privileges, no processes, not dumpable" { same_as_bare "$PROGRAMS/limited" privileges; }
@test "places: little memory" { same_as_bare "$PROGRAMS/limited" memory; }
@test "places: small stacks of threads, coroutines, handlers and the program" { same_as_bare "$PROGRAMS/limited" \
    stacks; }
@test "places: a stack overflow that is recovered from, and one that is not" { same_as_bare "$PROGRAMS/limited" \
    overflow; }
