#!/usr/bin/env bats
# build.bats: tests the build: the library's exports, what is linked and installed, and when it is rebuilt.

load helper

# Runs the Makefile on the build under test, with the BUILD_ARGS of `make test`.
build() {
    # shellcheck disable=SC2086 # a list of words
    env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory -C "$ROOT" ${BUILD_ARGS:-} "$@"
}

exported() {
    nm -D --defined-only "$1" | awk '{ print $3 }' | sort
}

# listed [32]: the names that the library, or its 32-bit twin, should export
listed() {
    sed "${1:+/# 64-bit/d;}s/#.*//" "$ROOT/shim/exports.list" | awk 'NF { print $1 }' | sort
}

libc() {
    ldd "${1:-$LIBSSCAP}" | awk '/libc\.so/ { print $3 }'
}

# Sets $twin to the library for 32-bit programs, if the compiler can build it.
need_twin() {
    twin=${LIBSSCAP%/*}/libsscap/lib32/libsscap.so
    [ "$(uname -m)" = x86_64 ] || not_here "this machine has no 32-bit programs"
    [ -e "$twin" ] || not_run "needs gcc -m32 (apt-get install gcc-multilib)"
}

@test "the library exports what shim/exports.list says, no more and no less" {
    listed >"$TMP/listed"
    exported "$LIBSSCAP" >"$TMP/exported"
    [ -s "$TMP/listed" ]
    assert_same "$TMP/listed" "$TMP/exported"
}

@test "shim/exports.list names nothing twice" {
    listed | uniq -d >"$out"
    assert_empty "$out"
}

# A wrapper with a name that libc does not have is never called, so the name is probably misspelled. A name that came
# with a later glibc has a note in the list: "pidfd_spawn # since glibc 2.39". So has a name that callers other than
# libc's use.
@test "each exported name is one of libc's" {
    nm -D --defined-only "$(libc)" | awk '{ sub(/@.*/, "", $3); print $3 }' | sort -u >"$TMP/libc"
    grep -vE "#.*(since glibc|not libc's)" "$ROOT/shim/exports.list" | sed 's/#.*//' | awk 'NF { print $1 }' | sort |
        comm -23 - "$TMP/libc" >"$out"
    assert_empty "$out"
}

@test "the twin for 32-bit programs exports the same, is of the same make, and each name is one of its libc's" {
    need_twin
    listed 32 >"$TMP/listed"
    exported "$twin" >"$TMP/exported"
    assert_same "$TMP/listed" "$TMP/exported"
    nm -D --defined-only "$(libc "$twin")" | awk '{ sub(/@.*/, "", $3); print $3 }' | sort -u >"$TMP/libc"
    grep -E "#.*(since glibc|not libc's)" "$ROOT/shim/exports.list" | awk '{ print $1 }' | sort |
        comm -23 "$TMP/exported" - |
        comm -23 - "$TMP/libc" >"$out"
    assert_empty "$out"
    readelf -hd "$twin" >"$out"
    assert_matches "$out" 'Class: +ELF32'
    assert_count "$out" 'NEEDED' 1
    assert_matches "$out" 'FLAGS_1.*INITFIRST'
    assert_no_match "$out" 'TEXTREL'
    nm -D --undefined-only "$twin" >"$out"
    assert_no_match "$out" '__tls_get_addr|__stack_chk_fail|_chk(@|$)|malloc|printf'
}

@test "the library needs libc alone, comes first, and is found by its bare name" {
    readelf -d "$LIBSSCAP" >"$out"
    assert_count "$out" 'NEEDED' 1
    assert_matches "$out" 'NEEDED.*\[libc\.so\.6\]'
    assert_matches "$out" 'FLAGS_1.*INITFIRST'
    assert_matches "$out" 'SONAME.*\[libsscap\.so\]'
    assert_no_match "$out" 'TEXTREL'
}

# Debian 10 has glibc 2.28. The loader refuses a library that needs a later version.
@test "the library asks for no version of glibc above 2.28" {
    for library in "$LIBSSCAP" "${LIBSSCAP%/*}/libsscap/lib32/libsscap.so"; do
        [ -e "$library" ] || continue
        readelf -V "$library" | grep -oE 'GLIBC_2\.[0-9]+' | sort -uV >"$out"
        [ -s "$out" ]
        printf 'GLIBC_2.28\n' | sort -V "$out" - | tail -n 1 >"$TMP/latest"
        assert_text "$TMP/latest" GLIBC_2.28
    done
}

@test "programs find those names that their libc has, and no others" {
    # shellcheck disable=SC2046 # a list of words
    set -- $(listed | grep -v '^__asan')
    run_bare "$PROGRAMS/weak_names" "$@"
    assert_status 0
    mv "$out" "$TMP/bare.out"
    run_sscap --tag=none -q "$PROGRAMS/weak_names" "$@"
    assert_same "$TMP/bare.out" "$out"
}

@test "no thread-local of the library is reached by a call" {
    nm -D --undefined-only "$LIBSSCAP" >"$out"
    assert_no_match "$out" '__tls_get_addr|__stack_chk_fail|_chk(@|$)|malloc|printf'
}

@test "the runner needs libc alone and is hardened" {
    local runner=${LIBSSCAP%/*}/sscap
    readelf -dlW "$runner" >"$out"
    # A sanitizer needs libraries of its own.
    [ -n "${SAN:-}" ] || assert_count "$out" 'NEEDED' 1
    assert_matches "$out" 'NEEDED.*\[libc\.so\.6\]'
    assert_matches "$out" 'FLAGS_1.*NOW.*PIE'
    assert_matches "$out" 'GNU_RELRO'
    assert_no_match "$out" 'GNU_STACK.*RWE'
    nm -D --defined-only "$runner" >"$out"
    assert_matches "$out" ' sscap_is_runner$'
}

@test "each header stands alone" {
    build check-headers
}

@test "a second make does nothing" {
    build all
    build all >"$out"
    assert_text "$out" "make: Nothing to be done for 'all'."
}

@test "a changed flag rebuilds, the same flag does not" {
    local object=$TMP/build/tests/programs/demo
    build B="$TMP/build" "$object" >/dev/null
    build B="$TMP/build" "$object" >"$out"
    assert_matches "$out" 'is up to date'
    build B="$TMP/build" CFLAGS=-O1 "$object" >"$out"
    assert_matches "$out" 'demo\.c'
    build B="$TMP/build" CFLAGS=-O1 "$object" >"$out"
    assert_matches "$out" 'is up to date'
}

@test "warnings are errors" {
    mkdir -p "$TMP/tree/tests/programs"
    cp "$ROOT/Makefile" "$TMP/tree"
    printf 'int main(void) {\n    int unused;\n    return 0;\n}\n' >"$TMP/tree/tests/programs/unused.c"
    capture make -C "$TMP/tree" B=build build/tests/programs/unused
    assert_status 2
    assert_matches "$err" 'unused-variable'
    [ ! -e "$TMP/tree/build/tests/programs/unused" ]
}

@test "make LDFLAGS=-static gives a static runner, and a library that is a shared object" {
    [ -z "${SAN:-}" ] || not_here "sanitizers need a dynamic runner"
    build B="$TMP/build" LDFLAGS=-static all >/dev/null
    readelf -lW "$TMP/build/sscap" >"$out"
    assert_no_match "$out" 'INTERP'
    readelf -dW "$TMP/build/libsscap.so" >"$out"
    assert_matches "$out" 'NEEDED.*\[libc\.so\.6\]'
    unset SSCAP_LIBRARY
    capture "$TMP/build/sscap" --tag=none sh -c 'echo "$LD_PRELOAD"; exit 3'
    assert_status 3
    assert_text "$out" "$TMP/build/libsscap.so"
}

# --- layers: tests/check/includes and tests/check/symbols ---

# A source tree of three layers: low, then middle/, then top. Each line names a file and a file that it includes.
make_tree() {
    mkdir -p "$TMP/tree/tests/check" "$TMP/tree/shim" "$TMP/tree/runner/middle"
    printf '%s\n' 'shim/wire.h shared' shim/core runner/low runner/middle/ runner/top >"$TMP/tree/tests/check/layers"
    while read -r file included; do
        touch "$TMP/tree/$file" "$TMP/tree/$included"
        echo "#include \"$included\"" >>"$TMP/tree/$file"
    done
}

includes() {
    capture "$ROOT/tests/check/includes" "$TMP/tree"
}

good_tree() {
    cat <<'END'
runner/low.c shim/wire.h
runner/middle/a.c runner/middle/a.h
runner/middle/a.h runner/low.h
runner/middle/b.c runner/middle/a.h
runner/top.c runner/middle/b.h
shim/core.c shim/wire.h
END
}

@test "includes: what goes downwards and sideways passes" {
    need python3
    good_tree | make_tree
    includes
    assert_empty "$out"
    assert_status 0
}

@test "includes: what goes upwards is named, with its line" {
    need python3
    { good_tree; echo "runner/middle/a.c runner/top.h"; } | make_tree
    includes
    assert_matches "$out" \
        '^runner/middle/a\.c:2: includes runner/top\.h, which is above it \(runner/top is above runner/middle/\)$'
    assert_matches "$out" '^cycle: runner/middle/a -> runner/top -> runner/middle/b -> runner/middle/a$'
    assert_count "$out" '' 2
    assert_status 1
}

@test "includes: a circle within a layer is shown as a path" {
    need python3
    { good_tree; echo "runner/middle/a.c runner/middle/b.h"; } | make_tree
    includes
    assert_text "$out" "cycle: runner/middle/a -> runner/middle/b -> runner/middle/a"
    assert_status 1
}

@test "includes: shim/ takes nothing from runner/, and runner/ only what shim/ shares" {
    need python3
    { good_tree; printf '%s\n' "shim/core.c runner/low.h" "runner/top.c shim/core.h" "runner/new.c runner/low.h"; } |
        make_tree
    includes
    assert_matches "$out" '^runner/new\.c:1: .*runner/new\.c has no layer in tests/check/layers$'
    assert_matches "$out" '^runner/top\.c:2: includes shim/core\.h, which is not shared$'
    assert_matches "$out" '^shim/core\.c:2: includes runner/low\.h, which is not shared$'
    assert_count "$out" '' 3
    assert_status 1
}

@test "symbols: a function of a higher layer is named, declared or not" {
    need python3 gcc nm
    make_tree </dev/null
    cp "$ROOT"/tests/check/{symbols,layering.py} "$TMP/tree/tests/check"
    cd "$TMP/tree"
    echo 'int above(void); int low(void); int low(void) { return above(); }' >runner/low.c
    echo 'int above(void); int above(void) { return 1; }' >runner/top.c
    mkdir -p b/runner
    gcc -c -o b/runner/low.c.o runner/low.c
    gcc -c -o b/runner/top.c.o runner/top.c
    B=b capture tests/check/symbols
    assert_text "$out" "runner/low.c: uses above of runner/top.c, which is above it (runner/top is above runner/low)"
    assert_status 1
}

@test "install puts the files where PREFIX and DESTDIR say, uninstall takes them all away" {
    build install DESTDIR="$TMP/root" PREFIX=/opt/it >/dev/null
    [ -x "$TMP/root/opt/it/bin/sscap" ]
    [ -r "$TMP/root/opt/it/lib/libsscap.so" ]
    [ ! -e "${LIBSSCAP%/*}/libsscap/lib32/libsscap.so" ] || [ -r "$TMP/root/opt/it/lib/libsscap/lib32/libsscap.so" ]
    [ -r "$TMP/root/opt/it/share/man/man1/sscap.1" ]
    build uninstall DESTDIR="$TMP/root" PREFIX=/opt/it >/dev/null
    find "$TMP/root" ! -type d >"$out"
    assert_empty "$out"
}

@test "an installed sscap finds its library, and the library its sscap" {
    build install DESTDIR= PREFIX="$TMP/it" >/dev/null
    unset SSCAP_LIBRARY SSCAP_RUNNER
    capture "$TMP/it/bin/sscap" --tag=none sh -c 'echo "$LD_PRELOAD"'
    assert_status 0
    assert_text "$out" "$TMP/it/lib/libsscap.so"
    capture env LD_PRELOAD="$TMP/it/lib/libsscap.so" SSCAP_TAG=none sh -c 'echo captured; exit 3'
    assert_status 3
    assert_text "$out" captured
}

# Finds the long options in a text. A man page may write its dashes as \-.
options_in() {
    sed 's/\\-/-/g' "$1" | grep -oE -- '--[a-z][a-z-]*' | sort -u
}

@test "the shells' completions know every option of --help, and no other" {
    local shell
    capture "$SSCAP" --help
    options_in "$out" >"$TMP/help"
    [ -s "$TMP/help" ]
    options_in "$ROOT/runner/completions/_sscap" >"$TMP/zsh"
    options_in "$ROOT/runner/completions/sscap.bash" >"$TMP/bash"
    sed -n 's/^complete .*-l /--/p' "$ROOT/runner/completions/sscap.fish" >"$TMP/long"
    options_in "$TMP/long" >"$TMP/fish"
    for shell in bash zsh fish; do
        assert_same "$TMP/help" "$TMP/$shell"
    done
}

@test "the man page tells of every option of --help" {
    capture "$SSCAP" --help
    options_in "$out" >"$TMP/help"
    options_in "$ROOT/runner/sscap.1" | comm -23 "$TMP/help" - >"$TMP/missing"
    assert_empty "$TMP/missing"
}
