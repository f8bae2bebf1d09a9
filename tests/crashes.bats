#!/usr/bin/env bats
# crashes.bats: each process that crashes dies exactly as it does without sscap, and the report tells how, where and
# why. A program's own handler, debugger or tracer works as before.

load helper

setup() {
    make_tmp
    # Tests that need a core file set their own limit.
    ulimit -S -c 0
    # The directory has links to the programs, and the library that they load from beside themselves.
    mkdir "$TMP/ways"
    ln -s "$PROGRAMS/libcrash_ctor.so" "$TMP/ways/"
}

# build COMPILER FLAG...: builds crash_ways and own_handlers in $TMP
build() {
    local compiler=$1 program
    shift
    for program in crash_ways own_handlers; do
        "$compiler" -std=gnu11 -O2 -I"$ROOT" -D_GNU_SOURCE= -pthread "$@" -o "$TMP/$program" \
            "$ROOT/tests/programs/$program.c" -ldl
    done
}

# program_of WAY: the program that has this way
program_of() {
    case $1 in
    own_*) echo "$PROGRAMS/own_handlers" ;;
    *) echo "$PROGRAMS/crash_ways" ;;
    esac
}

# frames_are FILE REGEX...: each regex matches a frame, in this order, from the innermost frame outwards
frames_are() {
    local file=$1 regex at=0 found
    shift
    for regex; do
        found=$(grep -En -- "#[0-9]+ $regex" "$file" | cut -d: -f1 | awk -v at="$at" '$1 > at { print; exit }')
        if [ -z "$found" ]; then
            echo "no frame (further out than the one before) matches: $regex"
            cat "$file"
            return 1
        fi
        at=$found
    done
}

# What the report must say of each way: the function at fault (-: it cannot be known) and the reason.
expected_reports() {
    cat <<'END'
null_read null_read address not mapped: 0x0$
null_write null_write address not mapped: 0x0$
null_call call address not mapped: 0x0$
wild_call call address not mapped: 0x1234567000$
data_call - no permission for this address: 0x[0-9a-f]+$
noncanonical noncanonical not a possible address
bus bus beyond the end of a mapped file: 0x[0-9a-f]+064$
divide divide integer division by zero$
illegal illegal illegal operand$
breakpoint breakpoint breakpoint$
aborts aborts it called abort$
asserts asserts it called abort$
double_free double_free it called abort$
broken_heap broken_heap it called abort$
inside_malloc inside_malloc address not mapped: 0x10[0-9a-f]+$
stack_smash smash it called abort$
fortified fortified it called abort$
stack_overflow deeper address not mapped: 0x7[0-9a-f]+$
broken_stack - address not mapped: 0x41414141$
broken_stack_noncanonical overwrite not a possible address
thread null_read address not mapped: 0x0$
small_thread aborts it called abort$
threads null_read address not mapped: 0x0$
main_thread_gone null_read address not mapped: 0x0$
in_handler null_read address not mapped: 0x0$
in_callback null_read address not mapped: 0x0$
alternate_stack null_read address not mapped: 0x0$
smallest_alternate_stack smallest_alternate_stack it called abort$
on_alternate_stack null_read address not mapped: 0x0$
constructor read_it address not mapped: 0x0$
after_dlclose call address not mapped: 0x[0-9a-f]+$
forked null_read address not mapped: 0x0$
raise_segv raise_segv it sent the signal to itself$
raise_bus raise_bus it sent the signal to itself$
raise_ill raise_ill it sent the signal to itself$
raise_fpe raise_fpe it sent the signal to itself$
raise_abrt raise_abrt it called abort$
raise_trap raise_trap it sent the signal to itself$
raise_sys raise_sys it sent the signal to itself$
kill_self kill_self it sent the signal to itself$
queued queued it sent the signal to itself$
seccomp_no_files - address not mapped: 0x0$
seccomp_no_timers null_read address not mapped: 0x0$
seccomp_no_queue seccomp_no_queue it called abort$
seccomp_stuck - address not mapped: 0x0$
no_descriptors - address not mapped: 0x0$
closed_stdout null_read address not mapped: 0x0$
own_gives_up null_read address not mapped: 0x0$
own_raises_again own_raises_again it called abort$
own_once null_read it sent the signal to itself$
END
}

# each_way DIRECTORY FILE: runs all ways of both programs in DIRECTORY; FILE gets their statuses
each_way() {
    "$PYTHON" "$ROOT/tests/programs/each_way.py" "$1/crash_ways" "$TMP/ways" "$2"
    "$PYTHON" "$ROOT/tests/programs/each_way.py" "$1/own_handlers" "$TMP/ways" "$2.own"
    cat "$2.own" >>"$2"
}

# every_way DIRECTORY [stripped]: the programs' statuses are the same with and without sscap, and each way that is a
# crash has a group with the expected text. The functions of a stripped program are not checked.
every_way() {
    export -f each_way
    export TMP
    run_bare bash -ec 'each_way "$0" "$1"' "$1" "$TMP/statuses.bare"
    assert_status 0
    run_sscap -v bash -ec 'each_way "$0" "$1"' "$1" "$TMP/statuses"
    assert_status 0
    assert_same "$TMP/statuses.bare" "$TMP/statuses"
    [ "$(wc -l <"$TMP/statuses")" -ge 58 ]
    # The program itself lists the expected statuses.
    { "$1/crash_ways" list && "$1/own_handlers" list; } >"$TMP/list"
    awk '{ print $1, $2 == "exit" ? $3 * 256 : $2 }' "$TMP/list" >"$TMP/listed"
    assert_same "$TMP/listed" "$TMP/statuses"
    for number in 4 5 6 7 8 11 31; do
        echo "$number SIG$(kill -l "$number")"
    done >"$TMP/signals"
    expected_reports >"$TMP/expected"
    awk -v kind="${2:-}" "$CHECK_REPORTS" "$TMP/signals" "$TMP/list" "$TMP/expected" "$err" >"$TMP/wrong"
    assert_empty "$TMP/wrong"
    # A process that recovers has not failed, and a process that exits has not crashed.
    assert_no_match "$err" '^[0-9]+\. own_(recovers|recovers_ov|ignores|view): '
    assert_matches "$err" '^[0-9]+\. own_exits: exited with status 3$'
    assert_count "$err" '^[0-9]+\. own_exits: ' 1
}

# Reads the signals' names, the list of ways, the expected reports and the report. Prints the differences.
CHECK_REPORTS='
function name_of(way) { return substr(way, 1, 15) }
FILENAME ~ /signals$/ { signal[$1] = $2; next }
FILENAME ~ /list$/ { if ($2 != "exit") ends[$1] = signal[$2]; next }
FILENAME ~ /expected$/ { function_of[$1] = $2; reason[$1] = substr($0, length($1 $2) + 3); next }
/^[0-9]+\. / {
    name = $2
    sub(":$", "", name)
    heads[name] = heads[name] $0 "\n"
    if (name in head)
        name = ""
    else
        head[name] = $0
    next
}
/^$/ { name = "" }
name != "" { text[name] = text[name] $0 "\n" }
function has(text, regex,   lines, n, i) {
    n = split(text, lines, "\n")
    for (i = 1; i <= n; i++)
        if (lines[i] ~ regex)
            return 1
    return 0
}
END {
    for (way in ends)
        if (!has(heads[name_of(way)], ": killed by " ends[way] "( |,|$)"))
            print way ": no group says " ends[way]
    for (way in reason) {
        if (!has(text[name_of(way)], "^   why +.*" reason[way]))
            print way ": no such reason: " reason[way]
        if (kind == "stripped" && way != "constructor") {
            if (head[name_of(way)] ~ / in /)
                print way ": has the name of a function"
            continue
        }
        if (function_of[way] == "-")
            continue
        if (head[name_of(way)] !~ " in " function_of[way] "(,|$)")
            print way ": not in " function_of[way] ": " head[name_of(way)]
        if (!has(text[name_of(way)], "#[0-9]+ " function_of[way] "(\\.[a-z0-9.]+)?(\\+| )"))
            print way ": no frame of " function_of[way]
    }
}'

@test "crashes: every way, as built by make" {
    every_way "$PROGRAMS"
}

@test "crashes: every way, without the newest kernel calls" {
    export SSCAP_DEBUG=no-pidfd-info,no-pass-pidfd
    every_way "$PROGRAMS"
}

@test "crashes: every way, without frame pointers and stripped" {
    need gcc strip
    build gcc -fomit-frame-pointer
    strip "$TMP/crash_ways" "$TMP/own_handlers"
    every_way "$TMP" stripped
}

@test "crashes: every way, not position independent" {
    need gcc
    build gcc -no-pie
    every_way "$TMP"
}

@test "crashes: every way, built by clang" {
    need clang
    build clang
    every_way "$TMP"
}

@test "crashes: the status of the command itself, and its output, are as without sscap" {
    local way mode
    for mode in '' no-pidfd-info,no-pass-pidfd; do
        for way in null_read aborts divide raise_sys stack_overflow broken_stack thread blocked own_exits \
            own_recovers; do
            echo "# $way $mode"
            run_bare "$(program_of "$way")" "$way"
            mv "$out" "$TMP/bare.out"
            expected=$status
            SSCAP_DEBUG=$mode run_sscap --tag=none --buffer=keep --color=never "$(program_of "$way")" "$way"
            assert_status "$expected"
            assert_same "$TMP/bare.out" "$out"
        done
    done
}

@test "crashes: a stripped program's frames are offsets in its file" {
    need gcc strip addr2line
    local kind
    for kind in pie no-pie; do
        echo "# $kind"
        build gcc -g "-$kind" "-f$kind" -fomit-frame-pointer
        strip -o "$TMP/stripped" "$TMP/crash_ways"
        run_sscap "$TMP/stripped" in_callback
        assert_status 139
        group 1 >"$TMP/group"
        frames_are "$TMP/group" 'stripped\+0x[0-9a-f]+$' 'stripped\+0x[0-9a-f]+$' 'qsort' 'stripped\+0x[0-9a-f]+$'
        # A return address is one instruction after the call, which may be in another C function.
        grep -o 'stripped+0x[0-9a-f]*$' "$TMP/group" | cut -d+ -f2 | while read -r offset; do
            [ -n "$second" ] && offset=$(printf '0x%x' $((offset - 1)))
            second=1
            addr2line -f -e "$TMP/crash_ways" "$offset" | head -n 1
        done >"$TMP/functions"
        assert_text <(head -n 5 "$TMP/functions") $'null_read\nby_comparison\nin_callback\nway\nmain'
    done
}

@test "crashes: file and line" {
    need gcc addr2line
    local line
    line=$(grep -n 'sum += .*nothing' "$ROOT/tests/programs/crash_ways.c" | head -n 1 | cut -d: -f1)
    build gcc -g
    run_sscap "$TMP/crash_ways" null_read
    group 1 >"$TMP/group"
    frames_are "$TMP/group" "null_read \\(.*crash_ways\\.c:$line\\)\$" 'way \(.*ways\.h:[0-9]+\)$' \
        'main \(.*ways\.h:[0-9]+\)$'
}

@test "crashes: without addr2line there are still the functions" {
    not_wrapped "what it needs is on PATH"
    local tool
    mkdir "$TMP/bin"
    for tool in sh env; do
        ln -s "$(command -v "$tool")" "$TMP/bin/"
    done
    capture env PATH="$TMP/bin" "$SSCAP" "$PROGRAMS/crash_ways" null_read
    assert_status 139
    group 1 >"$TMP/group"
    frames_are "$TMP/group" 'null_read\+0x[0-9a-f]+ \(crash_ways\)$' 'way\+0x[0-9a-f]+ \(crash_ways\)$' 'main\+0x'
}

# --- backtraces through what is not the program's ---

@test "crashes: a backtrace through qsort, a signal handler, a thread" {
    run_sscap "$PROGRAMS/crash_ways" in_callback
    group 1 >"$TMP/group"
    frames_are "$TMP/group" null_read by_comparison qsort in_callback way main
    run_sscap "$PROGRAMS/crash_ways" in_handler
    group 1 >"$TMP/group"
    frames_are "$TMP/group" null_read crash_in_handler in_handler way main
    run_sscap "$PROGRAMS/crash_ways" on_alternate_stack
    group 1 >"$TMP/group"
    frames_are "$TMP/group" null_read crash_in_handler on_alternate_stack way main
    run_sscap "$PROGRAMS/crash_ways" thread
    group 1 >"$TMP/group"
    frames_are "$TMP/group" null_read thread_body
}

@test "crashes: a backtrace from abort through libc and out of it" {
    local way
    for way in aborts asserts double_free broken_heap fortified; do
        run_sscap "$PROGRAMS/crash_ways" "$way"
        assert_status 134
        group 1 >"$TMP/group"
        frames_are "$TMP/group" abort "$way" way main
    done
    # libc's own message
    run_sscap "$PROGRAMS/crash_ways" asserts
    group 1 >"$TMP/group"
    assert_count "$TMP/group" "stderr ! .*asserts: Assertion .zero == 1. failed\\.\$" 1
}

@test "crashes: a backtrace through a stripped shared library" {
    need gcc strip
    cat >"$TMP/lib.c" <<'END'
__attribute__((noinline)) static int hidden(int (*function)(void)) { return function() + 1; }
int through_library(int (*function)(void));
int through_library(int (*function)(void)) { return hidden(function) + 1; }
int inside_library(int *at);
int inside_library(int *at) { return *at + 1; }
END
    cat >"$TMP/program.c" <<'END'
int through_library(int (*function)(void));
int inside_library(int *at);
static int *volatile nothing;
__attribute__((noinline)) static int at_fault(void) { return *nothing + 1; }
int main(int argc, char **argv)
{
    return (argc > 1 ? through_library(at_fault) : inside_library(nothing)) + (argv != 0);
}
END
    gcc -O2 -fPIC -shared -o "$TMP/libthrough.so" "$TMP/lib.c"
    strip "$TMP/libthrough.so"
    gcc -O2 -o "$TMP/program" "$TMP/program.c" "$TMP/libthrough.so"
    run_sscap "$TMP/program" through
    assert_status 139
    group 1 >"$TMP/group"
    assert_matches "$TMP/group" '^1\. program: killed by SIGSEGV in at_fault$'
    frames_are "$TMP/group" at_fault 'libthrough\.so\+0x[0-9a-f]+$' 'through_library\+0x[0-9a-f]+ \(libthrough\.so\)$' \
        main
    run_sscap "$TMP/program"
    group 1 >"$TMP/group"
    assert_matches "$TMP/group" '^1\. program: killed by SIGSEGV in inside_library$'
    frames_are "$TMP/group" 'inside_library\+0x[0-9a-f]+ \(libthrough\.so\)$' main
}

@test "crashes: C++ that nobody catches, and that does not return" {
    need g++
    cat >"$TMP/program.cc" <<'END'
#include <cstdio>
#include <stdexcept>
#include <vector>
__attribute__((noinline)) static void thrower(int n) { if (n > 0) throw std::runtime_error("nobody catches this"); }
struct guard { ~guard() { std::puts("unwound"); } };
__attribute__((noinline)) static void cannot_throw(int n) noexcept { guard g; thrower(n); }
int main(int argc, char **) {
    if (argc == 1) thrower(argc);
    if (argc == 2) cannot_throw(argc);
    return (int)std::vector<int>().at((std::size_t)argc);
}
END
    g++ -O2 -o "$TMP/program" "$TMP/program.cc"
    run_bare "$TMP/program"
    mv "$err" "$TMP/bare.err"
    run_sscap "$TMP/program"
    assert_status 134
    group 1 >"$TMP/group"
    assert_matches "$TMP/group" '^1\. program: killed by SIGABRT in .*thrower'
    frames_are "$TMP/group" abort '.*thrower' main
    assert_count "$TMP/group" ' ! +what\(\): +nobody catches this$' 1
    grep -v '^[0-9]*\. \|^sscap: ' "$err" | untag | head -n "$(wc -l <"$TMP/bare.err")" >"$TMP/err.text"
    assert_same "$TMP/bare.err" "$TMP/err.text"
    run_sscap "$TMP/program" 1
    assert_status 134
    group 1 >"$TMP/group"
    assert_matches "$TMP/group" '^1\. program: killed by SIGABRT in .*thrower'
    frames_are "$TMP/group" abort '.*thrower' '.*cannot_throw'
    run_sscap "$TMP/program" 1 2
    assert_status 134
    assert_matches "$err" '^1\. program: killed by SIGABRT in main$'
}

@test "crashes: a system call that a sandbox forbids, by its number" {
    need gcc
    cat >"$TMP/program.c" <<'END'
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
__attribute__((noinline)) static int forbidden(void) { struct utsname name; return uname(&name) + 1; }
int main(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_uname, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    printf("%d\n", SYS_uname);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return 9;
    return forbidden();
}
END
    gcc -O2 -o "$TMP/program" "$TMP/program.c"
    run_sscap "$TMP/program"
    assert_status 159
    group 1 >"$TMP/group"
    assert_matches "$TMP/group" '^1\. program: killed by SIGSYS in forbidden$'
    assert_matches "$TMP/group" "^   why +system call forbidden by seccomp: number $(untag <"$out")\$"
    frames_are "$TMP/group" uname forbidden main
}

# Inside the namespace, the process and its main thread have other numbers. Numbers of other processes mean nothing
# outside it.
@test "crashes: in a pid namespace" {
    need_root
    need unshare
    unshare -pf true 2>/dev/null || not_here "no pid namespace can be made"
    run_sscap unshare -pf sh -c '"$0" null_read; exit 0' "$PROGRAMS/crash_ways"
    assert_matches <(group 1) '^1\. crash_ways: killed by SIGSEGV in null_read$'
    assert_no_match "$err" '^   thread'
    run_sscap unshare -pf sh -c '"$0" thread; exit 0' "$PROGRAMS/crash_ways"
    assert_matches <(group 1) '^   thread   [0-9]+, not the main one$'
    run_sscap unshare -pf sh -c '"$0" aborts; exit 0' "$PROGRAMS/crash_ways"
    assert_matches <(group 1) '^   why      it called abort$'
    run_sscap unshare -pf sh -c 'sh -c "echo >\"\$0/ready\"; while :; do :; done" "$0" &
        until [ -e "$0/ready" ]; do :; done; kill -SEGV $!; wait; exit 0' "$TMP"
    assert_matches "$err" '^1\. sh: killed by SIGSEGV'
    assert_no_match "$err" '^   why .*sent'
}

@test "crashes: a stack overflow's one frame is said once" {
    run_sscap "$PROGRAMS/crash_ways" stack_overflow
    assert_status 139
    group 1 >"$TMP/group"
    assert_matches "$TMP/group" '^ +and [0-9]+ more frames like it$'
    assert_count "$TMP/group" '#[0-9]+ deeper' 2
    # In a thread we have no alternate stack, so we can check only the signal.
    cat >"$TMP/program.py" <<'END'
import ctypes, threading
def deeper(): ctypes.PYFUNCTYPE(None)(deeper)()
import sys
sys.setrecursionlimit(10 ** 9)
threading.stack_size(256 * 1024)
thread = threading.Thread(target=deeper)
thread.start()
thread.join()
END
    run_bare "$PYTHON" "$TMP/program.py"
    local expected=$status
    run_sscap "$PYTHON" "$TMP/program.py"
    assert_status "$expected"
    assert_matches "$err" '^1\. python[0-9.]*: killed by SIGSEGV'
}

@test "crashes: a crash with a damaged stack is reported" {
    local way
    for way in broken_stack broken_stack_noncanonical; do
        run_sscap "$PROGRAMS/crash_ways" "$way"
        assert_status 139
        group 1 >"$TMP/group"
        assert_matches "$TMP/group" '^1\. crash_ways: killed by SIGSEGV'
        assert_matches "$TMP/group" '^   stack +#0 '
        assert_matches "$TMP/group" '^   command .*crash_ways'
        assert_matches "$TMP/group" " $way\$"
    done
}

@test "crashes: what stood in stdio's buffer is shown as unsent, and is not in the output" {
    run_sscap --buffer=block "$PROGRAMS/crash_ways" aborts
    assert_status 134
    assert_empty "$out"
    group 1 >"$TMP/group"
    assert_matches "$TMP/group" '^   unsent \| going: aborts$'
    assert_matches "$TMP/group" '^ +\| no end~$'
    # with line buffering, only the unfinished line is left
    run_sscap "$PROGRAMS/crash_ways" aborts
    assert_text <(untag <"$out") 'going: aborts'
    group 1 >"$TMP/group"
    assert_matches "$TMP/group" '^   stdout \| going: aborts$'
    assert_matches "$TMP/group" '^   unsent \| no end~$'
    run_sscap --buffer=none "$PROGRAMS/crash_ways" aborts
    assert_count "$out" 'no end$' 1
    assert_no_match "$err" '^   unsent'
}

# --- core files ---

need_core_files() {
    case $(</proc/sys/kernel/core_pattern) in
    '|'* | */* | '') not_run "core files are not left in the working directory here" ;;
    esac
    (ulimit -c unlimited) 2>/dev/null || not_run "core files are not allowed here"
    # A sanitizer disables core files in the runner, and the programs inherit that limit.
    export ASAN_OPTIONS=${ASAN_OPTIONS:-}:disable_coredump=0
}

@test "crashes: core files are as without sscap, and show the fault" {
    local way how core
    need_core_files
    for way in null_read aborts kill_self thread own_gives_up; do
        for how in bare sscap; do
            mkdir "$TMP/$how.$way"
            # The program has the same working directory as the runner.
            (cd "$TMP/$how.$way" && ulimit -c unlimited &&
                "run_$how" "$PYTHON" "$ROOT/tests/programs/each_way.py" "$(program_of "$way")" \
                "$TMP/ways" "$TMP/$how.status" "$way" && assert_status 0)
        done
        assert_same "$TMP/bare.status" "$TMP/sscap.status"
        # 128: the bit of a core dump
        [ $(($(cut -d ' ' -f 2 "$TMP/sscap.status") & 128)) -eq 128 ]
        assert_equal "$(cd "$TMP/bare.$way" && find . -type f | wc -l)" \
            "$(cd "$TMP/sscap.$way" && find . -type f | wc -l)"
        [ "$way" = thread ] || assert_matches "$err" "^1\. $way: killed by SIG[A-Z]+ in [a-z_]+ \(core dumped\)\$"
    done
    need gdb
    for way in null_read thread own_gives_up; do
        core=$(echo "$TMP/sscap.$way/core"*)
        gdb -nx -batch -ex bt "$(program_of "$way")" "$core" >"$TMP/bt" 2>&1
        assert_matches "$TMP/bt" '^#0 .* null_read \('
        assert_matches "$TMP/bt" 'terminated with signal SIGSEGV'
    done
}

@test "crashes: a core dump of several threads is told of like any other" {
    # The kernel tells two different things of such a process (PIDFD_GET_INFO, waitpid): an exit code from before the
    # dump, and a status for the parent from after it. Which comes first differs from run to run.
    need_core_files
    mkdir "$TMP/here"
    for _ in {1..25}; do
        (cd "$TMP/here" && ulimit -c unlimited &&
            run_sscap "$PYTHON" "$ROOT/tests/programs/each_way.py" "$PROGRAMS/crash_ways" "$TMP/ways" \
            "$TMP/statuses" thread && assert_status 0)
        assert_text "$TMP/statuses" 'thread 139'
        assert_matches "$err" '^1\. thread: killed by SIGSEGV in null_read \(core dumped\)$'
        rm -f "$TMP/here"/*
    done
}

# --- handlers of the program's own ---

@test "crashes: python's faulthandler says what it says without sscap" {
    local program='import ctypes; ctypes.string_at(0)'
    run_bare "$PYTHON" -X faulthandler -c "$program"
    local expected=$status
    mv "$err" "$TMP/bare.err"
    assert_matches "$TMP/bare.err" '^Fatal Python error: Segmentation fault'
    run_sscap "$PYTHON" -X faulthandler -c "$program"
    assert_status "$expected"
    of_stream '!' <"$err" | untag | sed 's/0x[0-9a-f]*/0x/' >"$TMP/err.text"
    sed -i 's/0x[0-9a-f]*/0x/' "$TMP/bare.err"
    assert_same "$TMP/bare.err" <(head -n "$(wc -l <"$TMP/bare.err")" "$TMP/err.text")
    assert_matches "$err" '^1\. python[0-9.]*: killed by SIGSEGV'
}

@test "crashes: bash's trap on SEGV" {
    run_sscap bash -c 'trap "echo caught" SEGV ABRT FPE; kill -SEGV $$; kill -FPE $$; echo after; exit 3'
    assert_status 3
    assert_text <(untag <"$out") $'caught\ncaught\nafter'
    assert_no_match "$err" 'killed'
}

@test "crashes: a handler that recovers, one that gives up, and what sigaction says" {
    local way
    for way in own_recovers own_recovers_overflow own_ignores own_view; do
        echo "# $way"
        run_sscap "$PROGRAMS/own_handlers" "$way"
        assert_status 0
        assert_empty "$err"
    done
    run_sscap "$PROGRAMS/own_handlers" own_exits
    assert_status 3
    assert_matches "$err" '! own handler$'
    assert_no_match "$err" 'killed'
    run_sscap "$PROGRAMS/own_handlers" own_gives_up
    assert_status 139
    assert_matches "$err" '^1\. own_handlers: killed by SIGSEGV in null_read$'
}

@test "crashes: java's null pointers are no crash" {
    need java javac
    cat >"$TMP/Nulls.java" <<'END'
public class Nulls {
    int value;
    static int look(Nulls nulls) { return nulls.value; }
    public static void main(String[] args) {
        int caught = 0, sum = 0;
        Nulls one = new Nulls();
        for (int i = 0; i < 200000; i++) {
            try {
                sum += look(i % 100000 == 99999 ? null : one);
            } catch (NullPointerException e) {
                caught++;
            }
        }
        System.out.println("caught " + caught + ", sum " + sum);
        System.exit(5);
    }
}
END
    (cd "$TMP" && javac Nulls.java)
    run_sscap --ok-exit=java=5 java -cp "$TMP" Nulls
    assert_status 5
    assert_text <(untag <"$out") 'caught 2, sum 0'
    assert_empty "$err"
}

# --- debuggers and tracers ---

# fails_only REGEX: every failure in the report matches REGEX
fails_only() {
    grep -E '^[0-9]+\. ' "$err" | grep -Ev "^[0-9]+\. ($1)" >"$TMP/others" || :
    assert_empty "$TMP/others"
}

@test "crashes: gdb under sscap" {
    need gdb
    run_bare gdb -nx -batch -ex run -ex bt --args "$PROGRAMS/crash_ways" null_read
    local expected=$status
    sed -E 's/0x[0-9a-f]+/0x/g' "$out" | grep -E '^#|^Program' >"$TMP/bare.bt"
    assert_matches "$TMP/bare.bt" '^#0 .* null_read '
    run_sscap --tag=none gdb -nx -batch -ex run -ex bt --args "$PROGRAMS/crash_ways" null_read
    assert_status "$expected"
    sed -E 's/0x[0-9a-f]+/0x/g' "$out" | grep -E '^#|^Program' >"$TMP/bt"
    assert_same "$TMP/bare.bt" "$TMP/bt"
    # gdb itself handles a breakpoint.
    run_sscap gdb -nx -batch -ex 'break own_view' -ex run -ex bt -ex continue --args "$PROGRAMS/own_handlers" own_view
    assert_status 0
    assert_matches "$out" 'Breakpoint 1, own_view '
    assert_matches "$out" 'exited normally'
    # gdb starts and kills children to find out what the kernel can do, so the report may name them.
    fails_only 'gdb: killed by SIGKILL'
}

@test "crashes: strace under sscap, and sscap under strace" {
    need strace
    run_sscap strace -f -o "$TMP/trace" "$PROGRAMS/die" return 0 child
    assert_status 0
    assert_empty "$out"
    fails_only 'strace: killed by SIGKILL'
    run_sscap strace -f -o "$TMP/trace" "$PROGRAMS/crash_ways" null_read
    assert_status 139
    assert_matches "$TMP/trace" 'SIGSEGV .*SEGV_MAPERR, si_addr=NULL'
    assert_matches "$TMP/trace" 'killed by SIGSEGV'
    assert_matches "$err" '^[0-9]+\. crash_ways: killed by SIGSEGV in null_read$'
    not_wrapped "the wrapper would be traced"
    # The leak checker needs ptrace, which strace already uses.
    export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
    run_bare strace -f -o "$TMP/trace" "$SSCAP" "$PROGRAMS/crash_ways" null_read
    assert_status 139
    assert_matches "$err" '^1\. crash_ways: killed by SIGSEGV in null_read$'
    run_bare strace -f -o "$TMP/trace" "$SSCAP" sh -c 'echo "from $0"; exit 7' sh
    assert_status 7
    assert_text <(untag <"$out") 'from sh'
}

@test "crashes: valgrind under sscap" {
    need valgrind
    run_bare valgrind -q "$PROGRAMS/own_handlers" own_recovers
    mv "$err" "$TMP/bare.err"
    run_sscap valgrind -q "$PROGRAMS/own_handlers" own_recovers
    assert_status 0
    assert_text <(untag <"$out") $'going: own_recovers\nno end'
    assert_same <(sed -E 's/==[0-9]+==/==/; s/0x[0-9A-F]+/0x/' "$TMP/bare.err") \
        <(untag <"$err" | sed -E 's/==[0-9]+==/==/; s/0x[0-9A-F]+/0x/')
    run_sscap valgrind -q "$PROGRAMS/crash_ways" null_read
    assert_status 139
    assert_matches "$err" '^1\. .*: killed by SIGSEGV in null_read$'
    assert_matches "$err" 'Process terminating with default action of signal 11'
    assert_matches "$err" '^   why +address not mapped: 0x0$'
    run_sscap valgrind -q --error-exitcode=9 "$PROGRAMS/die" return 0
    assert_status 0
    assert_empty "$err"
}

@test "a crash without descriptors and with a small send buffer is told in full" {
    run_sscap "$PROGRAMS/small_sndbuf" 1 crash
    assert_status 134
    assert_matches "$err" 'small_sndbuf: killed by SIGABRT in deeper'
    assert_matches "$err" 'yyyyyyyy'
    assert_matches "$err" '#[0-9]+ deeper'
}
