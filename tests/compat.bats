#!/usr/bin/env bats
# compat.bats: the quick rows of `make compat` (tests/compat): real software with and without sscap. Rows that need
# minutes, a network or software that .ci/run does not install run only there.

load helper

# compat ROW: puts the row's line of the table and the differences into $out
compat() {
    need_root
    need unshare
    not_wrapped 'the rows look at what sscap starts'
    unshare -pfn --mount-proc true 2>/dev/null || not_here "no namespaces can be made"
    capture env TMPDIR="$TMP" "$ROOT/tests/compat/run" --as-is --only "$1"
}

assert_row_is() { # ROW RESULT
    local absent
    absent=$(sed -n "s/^| $1 |.*| absent: \(.*\) |\$/\1/p" "$out")
    [ -z "$absent" ] || not_run "needs $absent"
    assert_count "$out" "^\\| $1 \\|.*\\| $2 \\|\$" 1
}

assert_row_same() {
    compat "$1"
    assert_row_is "$1" same
    assert_status 0
}

@test "compat: dash" { assert_row_same dash; }
@test "compat: zsh" { assert_row_same zsh; }
@test "compat: make -j8" { assert_row_same make; }
@test "compat: xargs -P8" { assert_row_same xargs; }
@test "compat: find -exec" { assert_row_same find; }
@test "compat: programs that list, count and close their descriptors" { assert_row_same descriptors; }
@test "compat: seccomp filters" { assert_row_same seccomp; }
@test "compat: namespaces and chroot" { assert_row_same namespaces; }
@test "compat: static programs" { assert_row_same static; }
@test "compat: musl programs" { assert_row_same musl; }

@test "compat: 32-bit programs" {
    [ "$(uname -m)" = x86_64 ] || not_here "this machine has no 32-bit programs"
    assert_row_same m32
}

@test "compat: what differs is told: a status, a line" {
    printf '#!/bin/sh\nwhile [ "$1" != bash ]; do shift; done\n"$@" | sed s/^args/Args/\nexit 7\n' >"$TMP/sscap"
    chmod +x "$TMP/sscap"
    cp "$LIBSSCAP" "$TMP/libsscap.so"
    export SSCAP=$TMP/sscap
    compat dash
    assert_row_is dash different
    assert_status 1
    assert_matches "$out" '^    -status 42$'
    assert_matches "$out" '^    \+status 7$'
    assert_matches "$out" '^    \+out Args 2 one two$'
}

@test "compat: the library is the one beside the command, unless it is named" {
    cp "$SSCAP" "$TMP/sscap"
    local library=$LIBSSCAP
    export SSCAP=$TMP/sscap
    unset LIBSSCAP
    compat find
    assert_status 2
    assert_matches "$err" "$TMP/libsscap.so"
    cp "$library" "$TMP/libsscap.so"
    compat find
    assert_row_is find same
}
