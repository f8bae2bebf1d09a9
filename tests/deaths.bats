#!/usr/bin/env bats
# deaths.bats: the report tells exactly how each process of the tree ended, whichever process waited for it, on
# kernels that tell the runner (6.16) and on older ones.

load helper

# The features that older kernels lack.
OLD_KERNEL=no-pidfd-info,no-pass-pidfd
KERNELS=("" "$OLD_KERNEL")

# on_kernel KERNEL ARG...: runs sscap ARG... with the tree at the end.
on_kernel() {
    local kernel=$1
    shift
    SSCAP_DEBUG=$kernel run_sscap --tree "$@"
}

# Prints NAME ENDING of each process, in the order of the tree at the end of $err.
endings() {
    sed -nE 's/^[^A-Za-z0-9_?.-]*([^ []+)\[[0-9]+\] ([A-Za-z0-9+]+)  [0-9.]+ s.*/\1 \2/p' "$err"
}

# Does the same with pids: PID ENDING.
endings_by_pid() {
    sed -nE 's/^[^A-Za-z0-9_?.-]*[^ []+\[([0-9]+)\] ([A-Za-z0-9+]+)  [0-9.]+ s.*/\1 \2/p' "$err"
}

signal_name() {
    case $1 in
    16) echo SIGSTKFLT ;;
    34) echo SIGRTMIN ;;
    3[5-9] | [4-6]?) echo "SIGRTMIN+$(($1 - 34))" ;;
    *) echo "SIG$(kill -l "$1")" ;;
    esac
}

# --- ways to end ---

# What the tree must say of `die WAY NUMBER HOW`: one line for each process. The last one is the process that dies.
expected_endings() {
    local program=$1 way=$2 number=$3 how=$4 ending=$3 name=$1
    case $way in
    kill | raise) ending=$(signal_name "$number") ;;
    esac
    case $how in
    '') echo "$name $ending" ;;
    orphan) printf '%s\n' "$name 0" "$name 0" "$name $ending" ;;
    vfork | spawn) printf '%s\n' "$name 0" "exe $ending" ;;
    *) printf '%s\n' "$name 0" "$name $ending" ;;
    esac
}

# On an old kernel some endings cannot be known: the ending of a child that cannot report it itself and whose status
# the kernel discards at once, and those of the children of a static program's shell.
may_vanish() {
    # valgrind does not support pidfds.
    [ "$1" = "$OLD_KERNEL" ] || [ -n "${WRAP:-}" ] || return 1
    case $2,$3,$5 in
    die,syscall,sigign | die,syscall,nocldwait | die,kill,sigign | die,kill,nocldwait | die,raise,sigign | \
        die,raise,nocldwait) ;;
    static_die,*,system | static_die,*,popen | static_die,*,clone | static_die,*,spawn | static_die,*,vfork | \
        static_die,*,sigign) ;;
    static_die,*,nocldwait | static_die,*,child | static_die,*,wait*) ;;
    *) return 1 ;;
    esac
}

check_ending() {
    local kernel=$1 program=$2 way=$3 number=$4 how=$5
    on_kernel "$kernel" "$PROGRAMS/$program" "$way" "$number" ${how:+"$how"}
    expected_endings "$program" "$way" "$number" "$how" >"$TMP/expected"
    endings >"$TMP/found"
    cmp -s "$TMP/expected" "$TMP/found" && return
    # Processes of a static program that print nothing stay unknown, unless they become sscap's own children.
    if [ "$program" = static_die ] && [ -n "$how" ] && ! grep -vxFq -f "$TMP/expected" "$TMP/found" &&
        cmp -s <(head -n 1 "$TMP/expected") <(head -n 1 "$TMP/found"); then
        case $how in
        orphan | daemon) cmp -s <(tail -n 1 "$TMP/expected") <(tail -n 1 "$TMP/found") && return ;;
        *) return ;;
        esac
    fi
    if may_vanish "$@" && cmp -s <(sed '$s/ [^ ]*$/ vanished/' "$TMP/expected") "$TMP/found"; then
        return
    fi
    echo "kernel '$kernel', $program $way $number $how: expected:"
    cat "$TMP/expected"
    echo "got:"
    cat "$TMP/found"
}

check_endings() {
    local program=$1 kernel how way number \
        ways="exit_7 _exit_8 _Exit_9 quick_exit_10 return_11 syscall_12 atexit_13 kill_9 raise_15 raise_11"
    # A runner under valgrind takes a hundred times as long to start.
    [ -z "${WRAP:-}" ] || ways="return_11 kill_9"
    for kernel in "${KERNELS[@]}"; do
        for how in '' child sigign nocldwait orphan daemon vfork spawn waitid wait wait3 wait4 clone system popen; do
            for way in $ways; do
                number=${way##*_}
                check_ending "$kernel" "$program" "${way%_*}" "$number" "$how"
            done
        done
    done >"$TMP/wrong"
    assert_empty "$TMP/wrong"
}

@test "deaths: every way to end, whoever waits" {
    check_endings die
}

@test "deaths: every way to end, of a static program" {
    check_endings static_die
}

@test "deaths: a static program's child, on a kernel that tells" {
    local how
    # The parent has no library, so the runner knows of the child only by what the child writes.
    SSCAP_DEBUG='' run_sscap --tree "$PROGRAMS/static_die" exit 7 orphan
    assert_equal "static_die 7" "$(endings | tail -n 1)"
    for how in "exit 7" "kill 9"; do
        # shellcheck disable=SC2086 # two words
        on_kernel "" bash -c '"$0" $1; true' "$PROGRAMS/static_die" "$how"
        assert_equal 1 "$(endings | grep -Ec '^static_die (7|SIGKILL)$')"
    done
}

@test "deaths: exit statuses 0 to 255, each way" {
    local kernel way last=255
    [ -z "${WRAP:-}" ] || last=20
    for kernel in "${KERNELS[@]}"; do
        for way in exit _exit _Exit quick_exit return syscall atexit; do
            on_kernel "$kernel" bash -c 'for ((i = 0; i <= $2; i++)); do "$0" "$1" $i; done; exit 0' "$PROGRAMS/die" \
                "$way" "$last"
            assert_status 0
            endings | sed 1d >"$TMP/found"
            seq -f 'die %g' 0 "$last" >"$TMP/expected"
            assert_same "$TMP/expected" "$TMP/found"
        done
    done
}

@test "deaths: every signal that ends a process" {
    local kernel number
    for number in $(seq 1 64); do
        case $number in
        17 | 18 | 19 | 20 | 21 | 22 | 23 | 28 | 32 | 33) continue ;; # ignored, stopping, or libc's own
        esac
        echo "$number"
    done >"$TMP/numbers"
    for kernel in "${KERNELS[@]}"; do
        on_kernel "$kernel" bash -c 'for i in $(cat "$1"); do "$0" kill $i; done 2>/dev/null; exit 0' "$PROGRAMS/die" \
            "$TMP/numbers"
        while read -r number; do
            echo "die $(signal_name "$number")"
        done <"$TMP/numbers" >"$TMP/expected"
        endings | grep '^die' >"$TMP/found"
        assert_same "$TMP/expected" "$TMP/found"
    done
}

@test "deaths: killed before it could say or print anything" {
    local kernel program
    for kernel in "${KERNELS[@]}"; do
        for program in die static_die; do
            on_kernel "$kernel" bash -c \
                'for i in 1 2 3 4 5 6 7 8 9 10; do "$0" kill 9 & kill -9 $!; wait $!; done 2>/dev/null; exit 0' \
                "$PROGRAMS/$program"
            assert_equal 10 "$(endings | grep -c ' SIGKILL$')"
            assert_equal 11 "$(endings | wc -l)"
        done
    done
}

@test "deaths: stopped and continued is not dead" {
    local kernel
    for kernel in "${KERNELS[@]}"; do
        on_kernel "$kernel" "$(command -v /usr/bin/python3 || command -v python3)" -c '
import os, signal
pid = os.fork()
if pid == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(5)
assert os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1])
os.kill(pid, signal.SIGCONT)
assert os.WIFCONTINUED(os.waitpid(pid, os.WCONTINUED)[1])
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5'
        assert_status 0
        assert_matches <(endings | tail -n 1) '^python3.* 5$'
        assert_matches "$err" '^sscap: 1 of [0-9]+ processes? failed; '
    done
}

# --- many ---

# Compares the list that casualties has written with the tree.
check_casualties() {
    awk 'BEGIN {
            split("segv SIGSEGV assert SIGABRT exit 3 kill SIGKILL term SIGTERM", w)
            for (i = 1; i < 10; i += 2)
                is[w[i]] = w[i + 1]
        }
        { print $2, is[$1] }' "$1" | sort >"$TMP/expected"
    endings_by_pid | grep -v ' 0$' | sort >"$TMP/found"
    assert_same "$TMP/expected" "$TMP/found"
    assert_equal "$(($2 + 1))" "$(endings | wc -l)"
    assert_matches "$err" "^sscap: 100 of $(($2 + 1)) processes failed, 80 killed by signals; "
}

five_groups_of() {
    assert_count "$err" "^[1-5]\\. casualties: .*, $1 times\$" 5
    assert_count "$err" '^[0-9]+\. ' 5
}

@test "deaths: 10,000 children, 100 of which die in one of five ways: each accounted for, none invented, five groups" {
    local kernel children=10000
    ulimit -c 0
    [ -z "${WRAP:-}" ] || children=1000
    for kernel in "${KERNELS[@]}"; do
        on_kernel "$kernel" "$PROGRAMS/casualties" "$children" 100 "$TMP/died"
        assert_status 0
        check_casualties "$TMP/died" "$children"
        five_groups_of 20
    done
}

@test "deaths: the same under make -j and under GNU parallel" {
    need make parallel
    ulimit -c 0
    {
        echo "all: $(seq -s ' ' -f 'job%g' 8)"
        printf 'job%%:\n\t@"%s" 100 10 "%s/died.$*"\n' "$PROGRAMS/casualties" "$TMP"
    } >"$TMP/Makefile"
    on_kernel "" make -j4 -f "$TMP/Makefile"
    assert_status 0
    cat "$TMP"/died.* >"$TMP/died"
    awk '{ print $2 }' "$TMP/died" | sort >"$TMP/expected"
    endings_by_pid | grep -Ev ' 0$' | cut -d ' ' -f 1 | sort >"$TMP/found"
    assert_same "$TMP/expected" "$TMP/found"
    assert_count "$err" '^[1-5]\. casualties: .*, 16 times$' 5
    rm "$TMP"/died*
    on_kernel "" parallel -j4 "$PROGRAMS/casualties" 100 10 "$TMP/died.{}" ::: 1 2 3 4 5 6 7 8
    assert_status 0
    cat "$TMP"/died.* >"$TMP/died"
    awk '{ print $2 }' "$TMP/died" | sort >"$TMP/expected"
    sed -nE 's/.*casualties\[([0-9]+)\] .*<- failed$/\1/p' "$err" | sort >"$TMP/found"
    assert_same "$TMP/expected" "$TMP/found"
}

@test "deaths: pids that are reused every 150 children" {
    local kernel children=6000 pid_max
    not_wrapped "so slow that pids come round before it has heard of who had them"
    need_root
    need unshare
    # Since Linux 6.14 each pid namespace has its own pid_max. Before, this would change the whole machine's.
    printf '%s\n' 6.14 "$(uname -r)" | sort -CV || not_here "needs Linux 6.14"
    ulimit -c 0
    pid_max=$(cat /proc/sys/kernel/pid_max)
    for kernel in "${KERNELS[@]}"; do
        SSCAP_DEBUG=$kernel capture unshare -pf --mount-proc sh -c 'echo 450 >/proc/sys/kernel/pid_max && exec "$@"' \
            sh \
            "$SSCAP" --tree "$PROGRAMS/casualties" "$children" 100 "$TMP/died"
        assert_status 0
        # If a pid is reused before its last lines are read, the lines may count as the new process's and make a group
        # of their own. So we check the endings instead of the groups.
        check_casualties "$TMP/died" "$children"
        assert_equal "$pid_max" "$(cat /proc/sys/kernel/pid_max)"
    done
}

# --- out of memory ---

# Prints where the file system TYPE (cgroup, cgroup2) with an OPTION is mounted, from /proc/self/mountinfo (proc(5)).
mount_of() {
    awk -v type="$1" -v option="$2" '{
        for (i = 7; $i != "-"; i++)
            ;
        if ($(i + 1) == type && index("," $(i + 3) ",", option)) { print $5; exit }
    }' /proc/self/mountinfo
}

# Makes a memory cgroup with this limit and sets $cgroup. Supports both versions of cgroups.
make_cgroup() {
    local mount
    need_root
    for mount in "$(mount_of cgroup ,memory,)" "$(mount_of cgroup2 ,)"; do
        cgroup=$mount/sscap-test.$$
        if [ -z "$mount" ] || ! mkdir "$cgroup" 2>/dev/null; then
            continue
        fi
        # Disables swap: version 1 limits memory and swap together, version 2 limits swap.
        if { echo "$1" >"$cgroup/memory.limit_in_bytes" || echo "$1" >"$cgroup/memory.max"; } 2>/dev/null; then
            { echo "$1" >"$cgroup/memory.memsw.limit_in_bytes" || echo 0 >"$cgroup/memory.swap.max" || :; } 2>/dev/null
            return
        fi
        rmdir "$cgroup"
    done
    not_here "no memory cgroup can be made"
}

@test "deaths: out of memory, by the cgroup's own count, and no other kill" {
    local cgroup kernel
    make_cgroup 40M
    for kernel in "${KERNELS[@]}"; do
        SSCAP_DEBUG=$kernel run_sscap bash -c '
            (echo $BASHPID >"$0/cgroup.procs" && exec "$1" 200)
            (echo $BASHPID >"$0/cgroup.procs" && exec bash -c "kill -9 \$\$")
            exit 0' "$cgroup" "$PROGRAMS/eat_memory"
        cp "$err" "$TMP/$kernel.err"
    done
    wait_until rmdir "$cgroup"
    for kernel in "${KERNELS[@]}"; do
        assert_count "$TMP/$kernel.err" '^[0-9]\. .*killed by SIGKILL' 2
        assert_count "$TMP/$kernel.err" \
            '^   why      out of memory: its memory cgroup .*sscap-test.* counts [0-9]+ such kill' 1
        assert_count "$TMP/$kernel.err" '^   why      it sent the signal to itself$' 1
    done
}

@test "deaths: what a process used" {
    local kernel
    for kernel in "${KERNELS[@]}"; do
        SSCAP_DEBUG=$kernel run_sscap bash -c '"$0" 64; exit 0' "$PROGRAMS/eat_memory"
        assert_matches "$err" '^1\. eat_memory: killed by SIGKILL$'
        assert_matches "$err" '^   used     [0-9.]+ s user, [0-9.]+ s system, (6[4-9]|[7-9][0-9])\.[0-9] MB at most$'
    done
}
