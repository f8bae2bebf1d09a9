#!/usr/bin/env bats
# loaders.bats: programs whose loader cannot load the library: musl programs, programs for another word size, and
# programs that do not find the library. They run as before, the loader prints nothing, and their lines have tags by
# the kernel's credentials.

load helper

# compile NAME COMPILER...: compiles tests/programs/NAME.c to $TMP/NAME
compile() {
    local name=$1
    shift
    "$@" -D_GNU_SOURCE= -I"$ROOT" -w -pthread -o "$TMP/$name" "$ROOT/tests/programs/$name.c"
}

compile_musl() {
    need musl-gcc
    compile "$1" musl-gcc
}

# Finds gcc's 32-bit support, which only some machines have.
compile_32() {
    [ "$(uname -m)" = x86_64 ] || not_here "this machine has no 32-bit programs"
    echo '#include <stdlib.h>' | gcc -m32 -shared -o "$TMP/empty" -x c - 2>/dev/null ||
        not_run "needs gcc -m32 (apt-get install gcc-multilib)"
    compile "$1" gcc -m32
}

# The program has run, stderr is empty, and each of its lines has a tag. The tag's name is "?" if the parent, a static
# program, could not report the name and the process had ended before the runner read it.
assert_ran() { # NAME STATUS
    assert_status "$2"
    assert_count "$out" "^($1|\\?)\\[[0-9]+\\] *\\| $1\\[[0-9]+\\]: that is all\$" 1
    assert_no_match "$out" '^[^[]*$'
    assert_no_match "$err" 'preload|relocat|ELF|symbol|ld\.so'
}

ways='execve execve_null execve_empty execv execvp execvpe execl execle execlp fexecve execveat execveat_fd vfork
    posix_spawn posix_spawnp'

# Starts $TMP/environment_of in every way. The parent has made an environment for it.
start_in_every_way() {
    local way
    for way in $ways; do
        echo "$way"
        run_sscap "$PROGRAMS/scrub_exec" "$way" "$TMP/environment_of"
        assert_status 42
        case $way in
        execve_null | execve_empty) ;;
        *) assert_count "$out" '^[^[]+\[[0-9]+\] *\| [^[]+\[[0-9]+\]: MINE=yes$' 1 ;;
        esac
        assert_count "$out" ': that is all$' 1
        assert_no_match "$err" 'preload|relocat|ELF|symbol|ld\.so'
    done
}

@test "a musl program runs as the command, from a shell, by env and through its own loader" {
    compile_musl environment_of
    run_sscap "$TMP/environment_of"
    assert_ran environment_of 42
    run_sscap sh -c '"$0"; exit $?' "$TMP/environment_of"
    assert_ran environment_of 42
    PATH=$TMP:$PATH run_sscap bash -c 'exec environment_of SHOW_LIBRARY'
    assert_ran environment_of 42
    assert_no_match "$out" 'preloaded: '
    PATH=$TMP:$PATH run_sscap environment_of
    assert_ran environment_of 42
    run_sscap env -i "$TMP/environment_of"
    assert_ran environment_of 42
    run_sscap "$PYTHON" -c 'import os, subprocess, sys; os._exit(subprocess.run(sys.argv[1]).returncode)' \
        "$TMP/environment_of"
    assert_ran environment_of 42
    run_sscap sh -c '/lib/ld-musl-*.so.1 "$0" >"$1"; exit $?' "$TMP/environment_of" "$TMP/through"
    assert_status 42
    assert_matches "$TMP/through" 'that is all$'
}

@test "a musl program runs in whatever way it is started" {
    compile_musl environment_of
    start_in_every_way
}

# Makes a library that every libc can load, because it needs no other.
make_plain() {
    printf 'int plain;\n' >"$TMP/plain.c"
    gcc -shared -nostdlib -o "$TMP/plain.so" "$TMP/plain.c"
}

@test "the others' preloads are kept for a musl program, and the library for glibc programs beside it" {
    compile_musl environment_of
    make_plain
    capture env LD_PRELOAD="$TMP/plain.so" "$SSCAP" sh -c '"$0" SHOW_LIBRARY; "$1" SHOW_LIBRARY; exit $?' \
        "$TMP/environment_of" "$PROGRAMS/environment_of"
    assert_status 42
    assert_count "$out" ': that is all$' 2
    assert_matches <(grep preloaded: "$out" | head -n 1) ': no$'
    assert_matches <(grep preloaded: "$out" | tail -n 1) ': yes$'
    assert_no_match "$err" 'relocat|symbol'
    run_sscap env LD_PRELOAD="$TMP/plain.so $LIBSSCAP:$TMP/plain.so" "$TMP/environment_of" SHOW_LIBRARY
    assert_status 42
    assert_matches "$out" 'preloaded: no$'
    run_sscap env LD_PRELOAD="$TMP/plain.so" "$PROGRAMS/environment_of" SHOW_LIBRARY
    assert_status 42
    assert_matches "$out" 'preloaded: yes$'
}

# A static parent cannot check the loader, so the library is loaded and does nothing.
@test "a musl program that a static parent starts runs, and a glibc program that it starts has the library" {
    compile_musl environment_of
    need busybox
    run_sscap busybox sh -c '"$0" SHOW_LIBRARY; exit $?' "$TMP/environment_of"
    assert_ran environment_of 42
    run_sscap busybox env MINE=yes "$TMP/environment_of"
    assert_ran environment_of 42
    capture busybox env LD_PRELOAD="$LIBSSCAP" "$TMP/environment_of"
    assert_status 42
    assert_empty "$err"
    compile workers musl-gcc
    run_sscap busybox env A=1 "$TMP/workers"
    assert_status 0
    assert_no_match "$err" 'relocat|symbol'
    printf '#include <unistd.h>\nint main(int c, char **v) { return execv(v[1], v + 1); }\n' >"$TMP/then.c"
    musl-gcc -o "$TMP/then" "$TMP/then.c"
    run_sscap busybox env "$TMP/then" "$PROGRAMS/environment_of" SHOW_LIBRARY
    assert_ran environment_of 42
    assert_matches "$out" 'preloaded: yes$'
}

@test "a script whose interpreter is a musl program runs" {
    compile_musl environment_of
    printf '#! %s MINE\nwhatever\n' "$TMP/environment_of" >"$TMP/script"
    printf '#!%s\n' "$TMP/script" >"$TMP/second"
    chmod +x "$TMP/script" "$TMP/second"
    local script
    for script in script second; do
        run_sscap "$TMP/$script"
        assert_status 42
        assert_matches "$out" ': that is all$'
        assert_no_match "$err" 'relocat|symbol'
        run_sscap sh -c '"$0"; exit $?' "$TMP/$script"
        assert_status 42
        assert_matches "$out" ': that is all$'
        assert_no_match "$err" 'relocat|symbol'
    done
}

@test "musl programs in the pipes of system and popen" {
    compile_musl environment_of
    local way
    for way in system popen; do
        run_sscap "$PROGRAMS/scrub_exec" "$way" "$TMP/environment_of"
        assert_status 42
        assert_matches "$out" 'MINE=yes$'
        assert_no_match "$err" 'relocat|symbol'
    done
}

# Copies the programs and what they need into a root directory.
make_root() { # PROGRAM...
    local file
    mkdir -p "$TMP/root/bin"
    cp "$@" "$TMP/root/bin"
    ldd "$@" | grep -oE '/[^ :]+' | sort -u | while read -r file; do
        case $file in
        *libsscap* | "$TMP"/* | "$PROGRAMS"/*) ;;
        *) mkdir -p "$TMP/root${file%/*}" && cp "$file" "$TMP/root$file" ;;
        esac
    done
}

@test "in a chroot without the library nothing is preloaded, and nothing said" {
    need_root
    make_root "$PROGRAMS/environment_of" "$PROGRAMS/scrub_exec" /bin/sh
    run_sscap chroot "$TMP/root" /bin/environment_of SHOW_LIBRARY
    assert_ran environment_of 42
    assert_no_match "$out" 'preloaded: '
    run_sscap chroot "$TMP/root" /bin/sh -c '/bin/environment_of SHOW_LIBRARY; echo "$?$LD_PRELOAD"'
    assert_status 0
    assert_matches "$out" '\| 42$'
    assert_no_match "$err" preload
    # The program has the library and enters the chroot itself. Its name stays in the tag.
    run_sscap "$PYTHON" -c 'import os, sys
os.chroot(sys.argv[1])
os.chdir("/")
pid = os.posix_spawn("/bin/environment_of", ["environment_of", "SHOW_LIBRARY"], os.environ)
os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))' "$TMP/root"
    assert_status 42
    assert_count "$out" ': that is all$' 1
    assert_no_match "$out" 'preloaded: yes'
    assert_no_match "$err" 'preload'
}

@test "in a mount namespace that hides the library nothing is said, either" {
    need_root
    need unshare
    unshare -m true 2>"$TMP/unshare" || not_here "no mount namespaces"
    mkdir "$TMP/seen"
    cp "$LIBSSCAP" "$TMP/seen"
    # shellcheck disable=SC2031
    SSCAP_LIBRARY=$TMP/seen/libsscap.so run_sscap unshare -m sh -c \
        'mount -t tmpfs none "$0" && exec "$1" SHOW_LIBRARY' "$TMP/seen" "$PROGRAMS/environment_of"
    assert_status 42
    assert_count "$out" ': that is all$' 1
    assert_no_match "$out" 'preloaded: yes'
    assert_no_match "$err" 'preload'
}

@test "programs that cannot be read are started with the library, as ever" {
    need_root
    need setpriv
    mkdir "$TMP/closed"
    cp "$PROGRAMS/environment_of" "$TMP/closed"
    chmod 711 "$TMP/closed/environment_of"
    run_sscap setpriv --reuid=65534 --clear-groups sh -c 'exec "$0" SHOW_LIBRARY' "$TMP/closed/environment_of"
    assert_status 42
    assert_matches "$out" 'preloaded: yes$'
}

@test "execvp goes along PATH as libc does: past directories and what may not be executed" {
    compile_musl environment_of
    mkdir -p "$TMP/a/environment_of" "$TMP/b" "$TMP/c"
    printf 'no' >"$TMP/b/environment_of"
    mv "$TMP/environment_of" "$TMP/c"
    run_sscap env PATH="$TMP/a:$TMP/none:$TMP/b::$TMP/c:$PROGRAMS" environment_of SHOW_LIBRARY
    assert_ran environment_of 42
    assert_no_match "$out" 'preloaded: '
    (cd "$TMP/c" && run_sscap env PATH=":$PROGRAMS" environment_of SHOW_LIBRARY && assert_ran environment_of 42 &&
        assert_no_match "$out" preloaded)
    run_sscap env PATH="$PROGRAMS:$TMP/c" environment_of SHOW_LIBRARY
    assert_ran environment_of 42
    assert_matches "$out" 'preloaded: yes$'
}

# --- the other word size --------------------------------------------------------------------------------------

@test "a 32-bit program runs in whatever way it is started, without a word of the loader's" {
    compile_32 environment_of
    run_sscap "$TMP/environment_of"
    assert_ran environment_of 42
    start_in_every_way
}

# Calls compile_32 and builds the library's twin.
compile_with_twin() {
    compile_32 "$1"
    [ -e "${LIBSSCAP%/*}/libsscap/lib32/libsscap.so" ] || not_run "needs gcc -m32 (apt-get install gcc-multilib)"
}

@test "a 32-bit program has a library of its own, which tells of its crash" {
    compile_with_twin environment_of
    run_sscap "$TMP/environment_of" SHOW_LIBRARY
    assert_ran environment_of 42
    assert_matches "$out" 'preloaded: yes$'
    printf 'int main(void) { return *(volatile int *)0; }\n' >"$TMP/crash.c"
    gcc -m32 -g -o "$TMP/crash" "$TMP/crash.c"
    run_sscap "$TMP/crash"
    assert_status 139
    assert_matches "$err" '^ +why +address not mapped: 0x0$'
    assert_matches "$err" '^ +stack +#0 '
}

@test "a 32-bit program with threads starts shells by system and popen without a word of the loader's" {
    compile_with_twin environment_of
    cat >"$TMP/threads.c" <<'EOF'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *idle(void *unused)
{
    pause();
    return unused;
}

int main(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, idle, NULL) != 0)
        return 1;
    int status = system("echo by system; exit 3");
    FILE *stream = popen("echo by popen", "w");
    return stream != NULL && pclose(stream) == 0 && status == 3 << 8 ? 42 : 1;
}
EOF
    gcc -m32 -pthread -o "$TMP/threads" "$TMP/threads.c"
    run_sscap -q "$TMP/threads"
    assert_status 42
    assert_empty "$err"
    assert_count "$out" '^sh\[[0-9]+\] *\| by (system|popen)$' 2
}

@test "programs of both word sizes start each other, each with its own library" {
    compile_with_twin environment_of
    compile_with_twin scrub_exec
    cat >"$TMP/both" <<'END'
"$0" SHOW_LIBRARY
"$1" SHOW_LIBRARY
"$2" execv "$0"
env -i "$2" execve "$1"
exit $?
END
    run_sscap sh -c "$(cat "$TMP/both")" "$TMP/environment_of" "$PROGRAMS/environment_of" "$TMP/scrub_exec"
    assert_status 42
    assert_count "$out" ': that is all$' 4
    assert_count "$out" 'preloaded: yes$' 2
    assert_count "$out" 'MINE=yes$' 2
    assert_no_match "$err" 'preload|ELF'
    local way
    for way in $ways system popen; do
        echo "$way"
        run_sscap env -i "$TMP/scrub_exec" "$way" "$PROGRAMS/environment_of"
        assert_status 42
        assert_no_match "$err" 'preload|ELF'
    done
}

@test "a 32-bit program without a library for it runs without a word" {
    compile_32 environment_of
    mkdir "$TMP/alone"
    cp "$LIBSSCAP" "$TMP/alone"
    SSCAP_LIBRARY=$TMP/alone/libsscap.so run_sscap sh -c '"$0" SHOW_LIBRARY; exit $?' "$TMP/environment_of"
    assert_status 42
    assert_matches "$out" ': that is all$'
    assert_no_match "$out" 'preloaded: yes'
    assert_no_match "$err" 'preload|ELF'
    SSCAP_LIBRARY=$TMP/alone/libsscap.so run_sscap "$TMP/environment_of"
    assert_ran environment_of 42
}

@test "LD_PRELOAD with the twin alone starts the runner, which takes its own library" {
    compile_with_twin environment_of
    capture env LD_PRELOAD="${LIBSSCAP%/*}/libsscap/lib32/libsscap.so" ${WRAP:+SSCAP_RUNNER="$SSCAP"} \
        busybox env "$TMP/environment_of" SHOW_LIBRARY
    assert_ran environment_of 42
    assert_count "$out" 'preloaded: yes$' 1
}
