#!/usr/bin/env bats
# reports.bats: the reports of failures: which failures are one group, their order and evidence, what counts as a
# failure, and when sscap prints nothing.

load helper

OLD_KERNEL=no-pidfd-info,no-pass-pidfd

setup() {
    make_tmp
    ulimit -S -c 0
}

# titles: prints the titles of all groups, in order
titles() {
    grep -E '^[0-9]+\. ' "$err" || :
}

assert_titles() { # TEXT
    assert_equal "$1" "$(titles)"
}

# --- groups ---

@test "reports: workers that crash in one function are one group, in two functions two" {
    local mode
    for mode in '' "$OLD_KERNEL"; do
        SSCAP_DEBUG=$mode run_sscap "$PROGRAMS/workers" 8
        assert_status 0
        assert_titles '1. workers: killed by SIGSEGV in first_fault, 8 times'
        assert_matches "$err" '^sscap: 8 of 9 processes failed, 8 killed by signals; 8 lines, [0-9.]+ s$'
        assert_matches "$err" '^   pids     [0-9]+( [0-9]+){7}$'
        SSCAP_DEBUG=$mode run_sscap "$PROGRAMS/workers" 12 two
        assert_equal "workers: killed by SIGSEGV in first_fault, 6 times
workers: killed by SIGSEGV in second_fault, 6 times" \
            "$(titles | cut -d ' ' -f 2- | sort)"
    done
    # there are more members than are named
    run_sscap "$PROGRAMS/workers" 30
    assert_titles '1. workers: killed by SIGSEGV in first_fault, 30 times'
    assert_matches "$err" '^   pids     [0-9]+( [0-9]+){7} and 22 more$'
}

@test "reports: where a program was loaded makes no difference" {
    run_sscap sh -c 'for i in 1 2 3 4 5; do "$0" null_read; done; exit 0' "$PROGRAMS/crash_ways"
    assert_status 0
    assert_titles '1. crash_ways: killed by SIGSEGV in null_read, 5 times'
}

@test "reports: last lines that differ in numbers, addresses and directories are one group" {
    cat >"$TMP/tree" <<'END'
for i in 1 2 3 4; do
    sh -c 'echo "cannot open /tmp/dir$1/part.$1/data: error $1 at 0x7f0$1, id deadbeef0$1" >&2; exit 1' sh $i
done
sh -c 'echo "cannot open /tmp/dir/data: no memory" >&2; exit 1'
exit 0
END
    run_sscap sh "$TMP/tree"
    assert_titles $'1. sh: exited with status 1, 4 times\n2. sh: exited with status 1'
}

@test "reports: last lines of nothing but numbers stay apart" {
    run_sscap sh -c 'for i in 17 42 17 3.5; do sh -c "echo $i >&2; exit 1"; done; exit 0'
    assert_titles $'1. sh: exited with status 1, 2 times\n2. sh: exited with status 1\n3. sh: exited with status 1'
}

@test "reports: another program, another status, another signal: another group" {
    run_sscap bash -c 'for i in 1 2; do
            (exit 3); (exit 4); sh -c "exit 3"; sh -c "kill -TERM \$\$"; sh -c "kill -KILL \$\$"
        done; exit 0'
    assert_status 0
    assert_equal $'bash: exited with status 3, 2 times
bash: exited with status 4, 2 times
sh: exited with status 3, 2 times
sh: killed by SIGKILL, 2 times
sh: killed by SIGTERM, 2 times' "$(titles | cut -d ' ' -f 2- | sort)"
}

@test "reports: the first failure first, crashes before the rest" {
    run_sscap sh -c '(exit 9); "$0" aborts; bash -c "exit 4"; "$0" divide; (exit 2); "$0" aborts; exit 0' \
        "$PROGRAMS/crash_ways"
    assert_titles '1. crash_ways: killed by SIGABRT in aborts, 2 times
2. crash_ways: killed by SIGFPE in divide
3. sh: exited with status 9
4. bash: exited with status 4
5. sh: exited with status 2'
}

@test "reports: a failure that follows a child's failure says so" {
    run_sscap sh -c 'sh -c "\"$0\" null_read; exit 7" "$0"; exit 8' "$PROGRAMS/crash_ways"
    assert_status 8
    assert_titles '1. crash_ways: killed by SIGSEGV in null_read
2. sh: exited with status 7
3. sh: exited with status 8'
    assert_equal '   after    a child of it failed, see 1.' "$(group 2 | grep 'after.*child')"
    assert_equal '   after    a child of it failed, see 2.' "$(group 3 | grep 'after.*child')"
    assert_no_match <(group 1) 'a child of it'
    assert_matches <(group 1) '^   started by sh\[[0-9]+\] < sh\[[0-9]+\]$'
}

@test "reports: many kinds are bounded, and counted" {
    local tree='for i in $(seq 150); do (exit $i); done; exit 0'
    run_sscap sh -c 'bash -c "$0"; sh -c "$0"' "$tree"
    assert_status 0
    assert_matches "$err" '^sscap: 300 of [0-9]+ processes failed; '
    assert_equal 20 "$(titles | wc -l)"
    assert_count "$err" '^and 236 more kinds of failure \(-v shows all\)$' 1
    assert_count "$err" '^and 44 more failures of further kinds \(at most 256 are kept\)$' 1
    run_sscap -v sh -c 'bash -c "$0"; sh -c "$0"' "$tree"
    assert_equal 256 "$(titles | wc -l)"
    assert_no_match "$err" 'more kinds of failure'
    assert_count "$err" '^and 44 more failures of further kinds \(at most 256 are kept\)$' 1
}

# --- evidence ---

@test "reports: a python worker's traceback" {
    cat >"$TMP/program.py" <<'END'
import multiprocessing
def work(i):
    if i == 2:
        raise ValueError("bad input %d" % i)
if __name__ == "__main__":
    workers = [multiprocessing.get_context("fork").Process(target=work, args=(i,)) for i in range(4)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
END
    run_sscap "$PYTHON" "$TMP/program.py"
    assert_status 0
    [ "$(titles | wc -l)" -eq 1 ]
    group 1 >"$TMP/group"
    assert_matches "$TMP/group" '^1\. python[0-9.]*: exited with status 1$'
    assert_matches "$TMP/group" ' ! Traceback \(most recent call last\):$'
    assert_matches "$TMP/group" ' !     raise ValueError\("bad input %d" % i\)$'
    assert_matches "$TMP/group" ' ! ValueError: bad input 2$'
}

@test "reports: a process's last lines are kept, however much others print" {
    mkfifo "$TMP/go"
    run_sscap -n 100 bash -c 'bash -c "echo last words; echo last error >&2; read -r x <\"\$0/go\"; exit 3" "$0" &
        seq 30000; seq 10000 >&2; echo >"$0/go"; wait $!; exit 0' "$TMP"
    assert_status 0
    assert_titles '1. bash: exited with status 3'
    assert_matches <(group 1) '^   stderr ! last error$'
}

@test "reports: the last lines are bounded, in number and length" {
    run_sscap bash -c 'bash -c "printf %s\\\\n {1..300}; printf %03000d\\\\n {1..50}; exit 3" >&2; exit 0'
    group 1 >"$TMP/group"
    [ "$(grep -c ' ! ' "$TMP/group")" -le 8 ]
    assert_matches "$TMP/group" ' ! 0+'
    [ "$(wc -L <"$TMP/group")" -le 450 ]
    run_sscap sh -c "sh -c 'kill -9 \$\$'; exec head -c 1000000 /dev/zero" # it has no newline
    assert_status 0
    [ "$(wc -c <"$err")" -lt 3000 ]
}

@test "reports: a line without an end is marked" {
    run_sscap sh -c 'sh -c "echo whole >&2; printf unfinished >&2; exit 3"; exit 0'
    assert_matches <(group 1) '^   stderr ! whole$'
    assert_matches <(group 1) '^          ! unfinished~$'
}

@test "reports: control characters in a process's line do not control the terminal" {
    run_sscap sh -c 'sh -c \
        "printf \"a\\001b\\033[31mred\\033]0;title\\a\\177\\n\" >&2; exit 3" "$(printf "arg\\033[2J")"; exit 0'
    group 1 >"$TMP/group"
    assert_matches "$TMP/group" ' ! a\^Ab\^\[\[31mred\^\[\]0;title\^G\^\?$'
    assert_matches "$TMP/group" "\\^\\[\\[2J"
    [ "$(tr -d '\n\040-\176\200-\377' <"$TMP/group" | wc -c)" -eq 0 ]
}

@test "reports: control characters in a process's name do not control the terminal" {
    cat >"$TMP/program.pl" <<'END'
$| = 1;
$0 = "a\e[31mX\a";
if (fork) {
    print "named\n";
    kill 'KILL', $$;
}
open my $go, '<', "$ARGV[0]/go";
END
    mkfifo "$TMP/go"
    start --tree sh -c 'perl "$0/program.pl" "$0"; exit 0' "$TMP"
    # the notice of processes that are waited for, the notice of the signal, the report, and the tree
    wait_until grep -q 'waiting for 1 process that holds a stream: a?\[31mX?\[' "$err"
    : >"$TMP/go"
    finish
    assert_status 0
    assert_matches "$err" '^sscap: a\?\[31mX\?: killed by SIGKILL \(pid [0-9]+\)$'
    assert_titles '1. a?[31mX?: killed by SIGKILL'
    assert_count "$err" 'a\?\[31mX\?\[[0-9]+\] (SIGKILL|0) ' 2
    assert_matches "$out" '^a\?\[31mX\?\[[0-9]+\] +\| named$'
    [ "$(cat "$out" "$err" | tr -d '\n\040-\176\200-\377' | wc -c)" -eq 0 ]
}

@test "reports: --no-args keeps arguments to themselves" {
    local how
    for how in exec fork; do
        run_sscap sh -c '"$0" -c "exit 3" hunter2; exit 0' bash
        assert_matches "$err" "^   command  bash -c 'exit 3' hunter2\$"
        run_sscap --no-args --tree -v sh -c '"$0" -c "exit 3" hunter2; exit 0' bash
        assert_titles '1. bash: exited with status 3'
        assert_no_match "$err" 'hunter2'
        assert_no_match "$err" '^   command'
        SSCAP_NO_ARGS=1 run_preloaded sh -c '"$0" -c "exit 3" hunter2; exit 0' bash
        assert_no_match "$err" 'hunter2'
    done
}

@test "reports: which thread crashed is said, where it is not the main one" {
    local way
    for way in thread main_thread_gone; do
        run_sscap "$PROGRAMS/crash_ways" "$way"
        assert_status 139
        group 1 >"$TMP/group"
        assert_count "$TMP/group" '^   thread   [0-9]+, not the main one$' 1
        # The main thread has the process's own number.
        assert_no_match "$TMP/group" "^   thread   $(sed -n 's/.*(pid \([0-9]*\))$/\1/p' "$err"),"
    done
    for way in null_read in_handler; do
        run_sscap "$PROGRAMS/crash_ways" "$way"
        assert_status 139
        assert_no_match "$err" '^   thread'
    done
}

# labels: prints the labels of the groups' lines, in order
labels() {
    sed -nE 's/^(   )?([0-9]+\.|[a-z]+( by)?)( .*)?$/\2/p' "$err"
}

@test "reports: -v tells of an exit all that is told of a crash, and what made the kind" {
    # For a plain exit, the last line on stderr is the reason.
    run_sscap sh -c 'bash -c "echo out; echo err >&2; exit 3"; exit 0'
    assert_equal '1. stderr command started by when' "$(labels | xargs)"
    run_sscap sh -c 'bash -c "echo out; exit 3"; exit 0'
    assert_equal '1. stdout command started by when' "$(labels | xargs)"
    run_sscap -v sh -c 'bash -c "echo out; echo err >&2; exit 3"; exit 0'
    assert_equal '1. stdout stderr command started by when used group' "$(labels | xargs)"
    group 1 >"$TMP/group"
    assert_matches "$TMP/group" '^   stdout \| out$'
    assert_matches "$TMP/group" '^   stderr ! err$'
    assert_matches "$TMP/group" \
        '^   used     [0-9]+\.[0-9]{3} s user, [0-9]+\.[0-9]{3} s system, [0-9]+\.[0-9] MB at most$'
    assert_matches "$TMP/group" '^   group    v1:[0-9a-f]{16} bash\|3\|err$'
    # the command alone failed, which is one line without -v
    run_sscap -v sh -c 'echo err >&2; exit 3'
    assert_equal '1. stderr command when used group' "$(labels | xargs)"
}

# fingerprints [ARG...]: prints the fingerprints of a run's groups
fingerprints() {
    run_sscap -v "$@"
    sed -n 's/^   group    \(v1:[0-9a-f]*\) .*/\1/p' "$err"
}

@test "reports: the fingerprint of a kind is the same in every run, and differs from other kinds'" {
    local first second
    first=$(fingerprints sh -c '"$0" null_read; (exit 3); exit 0' "$PROGRAMS/crash_ways")
    assert_equal 2 "$(echo "$first" | sort -u | wc -l)"
    second=$(fingerprints sh -c 'true; (exit 3); "$0" null_read; "$0" null_write; exit 0' "$PROGRAMS/crash_ways")
    assert_equal "$first" "$(echo "$second" | sed 2d)"
    assert_equal 3 "$(echo "$second" | sort -u | wc -l)"
    assert_matches <(group 2) '^   group    v1:[0-9a-f]+ crash_ways\|SIGSEGV\|crash_ways!null_write$'
}

@test "reports: with no more room for evidence the kinds are still told apart" {
    local i
    mkdir "$TMP/ways"
    for i in {1..220}; do
        ln -s "$PROGRAMS/crash_ways" "$TMP/ways/way$i"
    done
    # Each group has 24 frames and two full tails, about 20 KB. So 220 groups do not fit into 4 MiB.
    run_sscap -v bash -c 'ulimit -s 256; printf -v line %03000d 0
        for i in {1..220}; do (echo $line; echo $line >&2; exec "$0/way$i" stack_overflow); done
        exit 0' "$TMP/ways"
    assert_status 0
    assert_matches "$err" '^220\. '
    assert_matches "$err" '^no details were kept of [1-9][0-9]* of these \(no more room\)$'
    assert_matches <(group 1) '^   stack    #0 deeper'
    # For every group we keep how the process ended, when, and the kind.
    group 220 >"$TMP/group"
    assert_equal '220. started by when used group' "$(err=$TMP/group labels | xargs)"
    assert_matches "$TMP/group" '^220\. way220: killed by SIGSEGV$'
    assert_matches "$TMP/group" '^   group    v1:[0-9a-f]{16} way220\|SIGSEGV\|crash_ways!deeper$'
}

# --- who sent it ---

# sent_by NAME REGEX_OF_VICTIM: the only group names the sender of the signal
sent_by() {
    assert_matches <(group 1) "^1\\. $2"
    if ! group 1 | grep -Eq "^   why +sent by $1\\[[0-9]+\\]\$"; then
        group 1
        return 1
    fi
}

@test "reports: who sent a signal is named" {
    local mode
    for mode in '' "$OLD_KERNEL"; do
        export SSCAP_DEBUG=$mode
        run_sscap bash -c 'sleep 100 & kill -9 $!; wait; exit 0'
        sent_by bash '(bash|sleep): killed by SIGKILL$'
        run_sscap "$PYTHON" -c 'if True:
            import os, signal
            pid = os.fork()
            if pid == 0:
                signal.pause()
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)'
        sent_by 'python[0-9.]*' 'python[0-9.]*: killed by SIGTERM$'
        run_sscap sh -c \
            'perl -e "if (my \$pid = fork) { kill \"USR1\", \$pid; waitpid \$pid, 0 } else { sleep 100 }"; exit 0'
        sent_by perl 'perl: killed by SIGUSR1$'
        # a child of the victim sends the signal
        run_sscap bash -c 'sleep 100 & (kill -9 $!; exit 0) & wait; exit 0'
        sent_by bash '(bash|sleep): killed by SIGKILL$'
        # a sibling sends the signal
        run_sscap sh -c 'sleep 100 & env perl -e "kill 9, \$ARGV[0]" $!; wait; exit 0'
        sent_by perl '(sh|sleep): killed by SIGKILL$'
        run_sscap sh -c 'kill -KILL $$'
        assert_matches <(group 1) '^   why +it sent the signal to itself$'
    done
}

@test "reports: who sent a signal to a group is named" {
    local mode how
    cat >"$TMP/program.py" <<'END'
import os, signal, sys
read_end, write_end = os.pipe()
pids = []
for i in range(3):
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, pids[0] if pids else 0)
        os.write(write_end, b"x")
        signal.pause()
    pids.append(pid)
    os.read(read_end, 1)
if sys.argv[1] == "killpg":
    os.killpg(pids[0], signal.SIGTERM)
else:
    os.kill(-pids[0], signal.SIGTERM)
for pid in pids:
    os.waitpid(pid, 0)
END
    # The test runs several times, because the processes may be gone before the runner looks.
    for _ in 1 2 3 4 5; do
        for how in killpg kill; do
            for mode in '' "$OLD_KERNEL"; do
                SSCAP_DEBUG=$mode run_sscap "$PYTHON" "$TMP/program.py" "$how"
                assert_status 0
                sent_by 'python[0-9.]*' 'python[0-9.]*: killed by SIGTERM, 3 times$'
            done
        done
    done
}

@test "reports: who sent a signal from outside is not made up" {
    start sh -c 'sh -c "echo \$\$ >\"\$0/pid.new\"; mv \"\$0/pid.new\" \"\$0/pid\"
        while :; do read -r x <\"\$0/go\"; done" "$0"; exit 0' "$TMP"
    mkfifo "$TMP/go"
    wait_until test -s "$TMP/pid"
    kill -KILL "$(cat "$TMP/pid")"
    finish
    assert_status 0
    assert_titles '1. sh: killed by SIGKILL'
    assert_matches <(group 1) '^   why +unknown: no process of this tree sent it$'
}

@test "reports: who sent the signal that killed, and not who sent another one to the zombie" {
    cat >"$TMP/pool.py" <<'EOF'
import concurrent.futures, os, signal
def work():
    os.kill(os.getpid(), signal.SIGKILL)
if __name__ == "__main__":
    try:
        with concurrent.futures.ProcessPoolExecutor(1) as pool:
            pool.submit(work).result()
    except concurrent.futures.process.BrokenProcessPool:
        pass
EOF
    cat >"$TMP/zombie.py" <<'EOF'
import os, signal, sys, time
ready, go = os.pipe()
child = os.fork()
if child == 0:
    os.read(ready, 1)
    time.sleep(1000)
# One child kills the other. Then the parent sends the same signal and another one to the zombie.
killer = os.fork()
if killer == 0:
    os.kill(child, signal.SIGKILL)
    os._exit(0)
os.waitpid(killer, 0)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
os.kill(child, signal.SIGKILL)
os.kill(child, signal.SIGTERM)
killer = os.fork()
if killer == 0: # the zombie is no child of this one's
    os.kill(child, signal.SIGKILL)
    os._exit(0)
os.waitpid(killer, 0)
EOF
    for mode in '' "$OLD_KERNEL"; do
        for _ in 1 2 3; do
            SSCAP_DEBUG=$mode run_sscap "$PYTHON" "$TMP/pool.py"
            assert_status 0
            assert_matches <(group 1) ': killed by SIGKILL'
            assert_matches <(group 1) '^   why +it sent the signal to itself$'
            SSCAP_DEBUG=$mode run_sscap "$PYTHON" "$TMP/zombie.py"
            assert_status 0
            assert_matches <(group 1) ': killed by SIGKILL'
            assert_matches <(group 1) '^   why +sent by python[0-9.]*\[[0-9]+\]$'
            killer=$(sed -n 's/^   why *sent by .*\[\([0-9]*\)\]$/\1/p' "$err")
            parent=$(sed -n 's/^   started by *python[0-9.]*\[\([0-9]*\)\].*/\1/p' "$err")
            [ "$killer" != "$parent" ]
        done
    done
}

@test "reports: the kernel's limits of processor time and file size are named" {
    run_sscap bash -c '(ulimit -t 1; while :; do :; done); (ulimit -St 1; while :; do :; done)
        (ulimit -f 4; trap - XFSZ; exec head -c 100000 /dev/zero >"$1"); exit 0' bash "$TMP/file"
    assert_status 0
    limits() { sed -n 's/^   why *sent by the kernel: //p' "$err" | sort; }
    assert_text <(limits) 'CPU time limit of 1 s (RLIMIT_CPU)
file size limit of 4096 bytes (RLIMIT_FSIZE)
hard CPU time limit of 1 s (RLIMIT_CPU)'
    # The process sets the limit itself, or a forked child inherits it.
    run_sscap "$PYTHON" -c 'import os, resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
if os.fork() == 0:
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    os.write(os.open("'"$TMP/file"'", os.O_CREAT | os.O_WRONLY | os.O_TRUNC), b"x" * 1000)
    os.write(3, b"x")
os.wait()'
    assert_text <(limits) 'file size limit of 1000 bytes (RLIMIT_FSIZE)'
    # If another process sends the same signal, the report names that process and not the kernel.
    run_sscap bash -c '(ulimit -St 1000; kill -XCPU $BASHPID); exit 0'
    assert_matches <(group 1) '^   why +it sent the signal to itself$'
}

# If a process sends a fault's signal, si_pid names the sender.
@test "reports: who sent a fault's signal is named, where nobody but the kernel says so" {
    need busybox
    mkfifo "$TMP/go"
    cat >"$TMP/tree" <<'END'
sh -c 'echo >"$0/ready"; read -r x <"$0/go"' "$1" &
victim=$!
busybox sh -c 'until [ -e "$1/ready" ]; do :; done; kill -SEGV $0; read -r x <"$1/go"' $victim "$1" &
wait $victim
echo >"$1/go"
wait
exit 0
END
    run_sscap bash "$TMP/tree" "$TMP"
    assert_status 0
    sent_by busybox 'sh: killed by SIGSEGV'
}

@test "reports: who sent a fault's signal from outside has a pid, and no name" {
    start sh -c 'echo $$ >"$0/pid.new"; mv "$0/pid.new" "$0/pid"; while :; do read -r x <"$0/go"; done' "$TMP"
    mkfifo "$TMP/go"
    wait_until test -s "$TMP/pid"
    # the pid of the victim is known
    bash -c 'echo $$ >"$0/sender"; kill -ABRT "$(<"$0/pid")"' "$TMP"
    finish
    assert_status 134
    assert_matches <(group 1) '^1\. sh: killed by SIGABRT'
    assert_matches <(group 1) "^   why      sent by process $(cat "$TMP/sender"), outside this tree\$"
}

# --- what is a failure ---

@test "reports: --errors" {
    local tree='(exit 3); sh -c "kill -9 \$\$"; exit 5'
    run_sscap sh -c "$tree"
    assert_titles $'1. sh: killed by SIGKILL\n2. sh: exited with status 3\n3. sh: exited with status 5'
    run_sscap --errors=exit sh -c "$tree"
    assert_titles $'1. sh: killed by SIGKILL\n2. sh: exited with status 3\n3. sh: exited with status 5'
    run_sscap --errors=crash sh -c "$tree"
    assert_status 5
    assert_titles '1. sh: killed by SIGKILL'
    run_sscap --errors=none sh -c "$tree"
    assert_status 5
    assert_no_match "$err" sscap
    SSCAP_ERRORS=crash run_preloaded sh -c "$tree"
    assert_status 5
    assert_titles '1. sh: killed by SIGKILL'
}

@test "reports: --ok-exit in every form, and what is none" {
    local tree='grep -q x /dev/null; bash -c "exit 4"; bash -c "exit 5"; bash -c "exit 6"; exit 0' bad
    run_sscap --ok-exit=grep=1 --ok-exit=bash=4,6 sh -c "$tree"
    assert_titles '1. bash: exited with status 5'
    run_sscap --ok-exit=/usr/bin/grep=1 --ok-exit=bash=4,5,6 sh -c "$tree"
    assert_empty "$err"
    SSCAP_OK_EXIT='grep=1 bash=4 bash=5' run_sscap --ok-exit=bash=6 sh -c "$tree"
    assert_empty "$err"
    SSCAP_OK_EXIT='grep=1  bash=6,4' run_preloaded sh -c "$tree"
    assert_titles '1. bash: exited with status 5'
    # a status of another program, or a signal's number, does not match
    run_sscap --ok-exit=sh=137 --ok-exit=bash=9 sh -c 'sh -c "kill -9 \$\$"; exit 0'
    assert_titles '1. sh: killed by SIGKILL'
    for bad in grep grep= =1 grep=0 grep=256 grep=1,,2 'grep=1 2' grep=-1; do
        run_sscap --ok-exit="$bad" touch "$TMP/started"
        assert_status 125
        assert_text "$err" "sscap: --ok-exit: '$bad' is not NAME=CODE[,CODE...] with codes from 1 to 255"
    done
    [ ! -e "$TMP/started" ]
}

@test "reports: --strict" {
    run_sscap --strict sh -c '(exit 3); exit 0'
    assert_status 123
    assert_titles '1. sh: exited with status 3'
    run_sscap --strict -q sh -c 'sh -c "kill -9 \$\$"; exit 0'
    assert_status 123
    SSCAP_STRICT=1 run_preloaded sh -c '(exit 3); exit 0'
    assert_status 123
    # the command's own status
    run_sscap --strict sh -c '(exit 3); exit 5'
    assert_status 5
    run_sscap --strict sh -c '(exit 3); kill -TERM $$'
    assert_status 143
    # endings that are not failures
    run_sscap --strict sh -c 'true; exit 0'
    assert_status 0
    run_sscap --strict sh -c 'yes | head -n 1 >/dev/null; exit 0'
    assert_status 0
    run_sscap --strict --ok-exit=sh=3 sh -c '(exit 3); exit 0'
    assert_status 0
    run_sscap --strict --errors=crash sh -c '(exit 3); exit 0'
    assert_status 0
    run_sscap --strict --errors=none sh -c 'sh -c "kill -9 \$\$"; exit 0'
    assert_status 0
}

@test "reports: a process whose ending is not known counts as not failed" {
    # The children of a static program are reaped at once, so the runner sees only some of them in time.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        SSCAP_DEBUG=$OLD_KERNEL run_sscap --strict --ok-exit=static_children=3 --ok-exit='?=3' \
            "$PROGRAMS/static_children" 20
        assert_no_match "$err" '^[0-9]+\. .*: (exited|killed)'
        assert_status 0
        if grep -q '^[0-9]*\. .*: vanished' "$err"; then
            break
        fi
    done
    assert_matches "$err" '^[0-9]+\. .*: vanished: it ended, and its exit status is unknown'
    assert_matches "$err" '^sscap: [0-9]+ processes, [0-9]+ vanished; '
}

@test "reports: SIGPIPE in a pipeline is how pipelines end" {
    run_sscap sh -c 'yes | head -n 1; exit 0'
    assert_status 0
    assert_empty "$err"
    run_sscap bash -c 'set -o pipefail; yes | head -n 1'
    assert_status 141
    assert_empty "$err"
    run_sscap bash -c 'set -o pipefail; yes | head -n 1; yes | cat | head -n 2; exit'
    assert_status 141
    assert_empty "$err"
    # 141 is a failure in a process without a child that SIGPIPE has killed
    run_sscap sh -c 'sh -c "exit 141"; exit 0'
    assert_titles '1. sh: exited with status 141'
}

@test "reports: what was asked for by a signal to sscap is no failure" {
    local name
    mkfifo "$TMP/go"
    for name in TERM INT HUP; do
        rm -f "$TMP/ready"
        # The command fails because of the signal, and a child is killed.
        start bash -c 'trap "kill \$!; exit 9" TERM INT HUP; while :; do sleep 0.02; done &
            echo >"$0/ready"; wait; exit 3' "$TMP"
        wait_until test -e "$TMP/ready"
        kill -"$name" "$runner"
        finish
        assert_status 9
        assert_no_match "$err" 'failed|killed|exited'
    done
    start sh -c 'echo >"$0/again"; read -r x <"$0/go"' "$TMP"
    wait_until test -e "$TMP/again"
    kill -TERM "$runner"
    finish
    assert_status 143
    assert_empty "$err"
}

# --- how much is said ---

@test "reports: nothing failed, nothing is said; -q says nothing; -v says how much there was" {
    run_sscap sh -c 'echo one; (echo two); seq 3 | tail -n 1'
    assert_status 0
    assert_empty "$err"
    run_sscap -q sh -c '(exit 3); sh -c "kill -9 \$\$" 2>/dev/null; exit 4' 2>/dev/null
    assert_status 4
    assert_no_match "$err" sscap
    run_sscap -q --tree sh -c 'exit 4'
    assert_empty "$err"
    run_sscap -v sh -c 'echo one; (echo two); exit 0'
    assert_text "$err" 'sscap: 2 processes (0 without the library), 2 lines, 8 bytes'
}

@test "reports: the command's own status alone is one line" {
    run_sscap sh -c 'echo words >&2; exit 3'
    assert_status 3
    assert_count "$err" . 2
    assert_matches "$err" '^sscap: sh: exited with status 3; 1 process, 1 line, [0-9]+\.[0-9]+ s$'
}

# shape: prints the tree without what differs from run to run
shape() {
    sed -n '/^$/,$p' "$err" | sed -E 's/\[[0-9]+\]/[]/; s/ +[0-9]+\.[0-9]+ s/ T/' | grep -E '\[\]' | grep -v '^ '
}

@test "reports: --tree" {
    # The second line of the shell's report names the child that was killed.
    local tree='echo a; bash -c "sh -c \"exit 3\"; echo b; echo c; (exit 4); exit 0"; sh -c "kill -9 \$\$"; exit 0' mode
    for mode in '' "$OLD_KERNEL"; do
        SSCAP_DEBUG=$mode run_sscap --tree sh -c "$tree"
        assert_status 0
        assert_equal 'sh[] 0 T  2 lines
├─ bash[] 0 T  2 lines
│  ├─ sh[] 3 T  <- failed
│  └─ bash[] 4 T  <- failed
└─ sh[] SIGKILL T  <- failed' "$(shape)"
    done
    LC_ALL=C run_sscap --tree sh -c "$tree"
    assert_equal 'sh[] 0 T  2 lines
|- bash[] 0 T  2 lines
|  |- sh[] 3 T  <- failed
|  `- bash[] 4 T  <- failed
`- sh[] SIGKILL T  <- failed' "$(shape)"
    # if nothing failed, only the tree is printed
    run_sscap --tree sh -c 'true; (echo x); exit 0'
    assert_equal $'sh[] 0 T\n└─ sh[] 0 T  1 line' \
        "$(sed -E 's/\[[0-9]+\]/[]/; s/ +[0-9]+\.[0-9]+ s/ T/' "$err" | grep '\[\]')"
}

@test "reports: 80 columns are enough for it" {
    local lines
    cd "$TMP"
    ln -s "$PROGRAMS/crash_ways" "$PROGRAMS/workers" .
    cat >tree <<'END'
./crash_ways asserts 2>/dev/null
./crash_ways in_callback
./crash_ways smallest_alternate_stack
./crash_ways bus
./crash_ways seccomp_no_files
./workers 20 two 2>/dev/null
env bash -c "exit 3" a rather long list of arguments that goes on and on, and "does not" end where one would like it to
sh -c 'kill -9 $$'
exit 7
END
    run_sscap --tree sh tree
    assert_status 7
    [ "$(titles | wc -l)" -ge 8 ]
    # Lines that the programs themselves printed may have any length.
    lines=$(grep -Ev '^[^ ]+ *[|!]' "$err" | awk 'length($0) > 80')
    assert_equal '' "$lines"
}

@test "reports: colour where it is asked for" {
    run_sscap sh -c '(exit 3); sh -c "kill -9 \$\$"; exit 0'
    assert_no_match "$err" $'\033'
    run_sscap --color=always sh -c '(exit 3); sh -c "kill -9 \$\$"; exit 0'
    assert_matches "$err" $'^\033\[[0-9;]*m1\. sh: killed by SIGKILL\033\[0?m$'
    # The text is the same as without colour.
    sed $'s/\033\\[[0-9;]*m//g' "$err" | sed -n '/failed, /,$s/[0-9.][0-9.]*/N/gp' >"$TMP/plain"
    run_sscap --color=never sh -c '(exit 3); sh -c "kill -9 \$\$"; exit 0'
    sed -n '/failed, /,$s/[0-9.][0-9.]*/N/gp' "$err" >"$TMP/uncoloured"
    assert_same "$TMP/uncoloured" "$TMP/plain"
    # the labels in the first columns are dim, the titles are not
    run_sscap --color=always -v "$PROGRAMS/crash_ways" thread
    assert_no_match "$err" '^   [a-z]'
    assert_matches "$err" $'^\033\\[1;31m1\\. crash_ways: killed by SIGSEGV in null_read\033\\[0m$'
    assert_matches "$err" $'^   \033\\[2mthread   \033\\[0m[0-9]+, not the main one$'
    assert_matches "$err" $'^   \033\\[2mstdout \\|\033\\[0m going: thread$'
    assert_matches "$err" $'^   \033\\[2mgroup    \033\\[0mv1:[0-9a-f]{16} crash_ways'
    run_sscap --color=never sh -c '(exit 3); exit 0'
    assert_no_match "$err" $'\033'
    need script
    script -qec "exec '$SSCAP' sh -c '(exit 3); exit 0'" /dev/null >"$TMP/terminal" </dev/null
    assert_matches "$TMP/terminal" $'\033\[[0-9;]*m1\. sh: exited with status 3\033\[0?m'
}

# --- where it is said ---

@test "reports: a killed process is reported at once, between the lines of the others" {
    start sh -c 'echo one >&2; "$1" aborts; i=0
        until grep -q "^sscap: crash_ways: killed by SIGABRT in aborts (pid [0-9]*)\$" "$0/err" || [ $i = 1000 ]; do
            i=$((i + 1)); sleep 0.02
        done
        echo three >&2; exit 0' "$TMP" "$PROGRAMS/crash_ways"
    finish
    assert_status 0
    grep -n '' "$err" | grep -E '! (one|three)$|:sscap: crash_ways: killed' |
        sed -E 's/^[0-9]+://; s/.*! //; s/ \(.*//' >"$TMP/order"
    assert_text "$TMP/order" $'one\nsscap: crash_ways: killed by SIGABRT in aborts\nthree'
}

@test "reports: --tail has the groups at their places, and N lines besides" {
    local program='import os, signal
def say(text):
    os.write(2, (text + "\n").encode())
for i in range(5):
    say("before %d" % i)
for i in range(2):
    pid = os.fork()
    if pid == 0:
        os.kill(os.getpid(), [signal.SIGKILL, signal.SIGTERM][i])
    os.waitpid(pid, 0)'
    run_sscap --tail=2 "$PYTHON" -c "$program"
    assert_status 0
    sed -n '1,/ processes failed/p' "$err" | sed -E '$d; s/^[^!]*! //; s/^sscap: [^:]*: (.*) \(pid.*/\1/' >"$TMP/lines"
    assert_text "$TMP/lines" $'before 3\nbefore 4\nkilled by SIGKILL\nkilled by SIGTERM'
}

@test "reports: stderr that cannot take it" {
    run_bare bash -c '"$0" sh -c "echo out; (exit 3); sh -c \"kill -9 \\\$\\\$\"; exit 6" 2>&-' "$SSCAP"
    assert_status 6
    assert_text <(untag <"$out") out
    run_bare bash -c '"$0" --tree -v sh -c "echo out; (exit 3); exit 0" 2>/dev/full' "$SSCAP"
    # The programs printed nothing there.
    assert_status 0
    assert_text <(untag <"$out") out
    run_bare bash -c '"$0" --strict sh -c "echo out; (exit 3); exit 0" 2>&-' "$SSCAP"
    assert_status 123
    run_bare bash -c '"$0" sh -c "echo out; (exit 3); exit 4" 2> >(exec 0<&-)' "$SSCAP"
    assert_status 4
}

@test "reports: with stderr not captured, or in one stream with stdout, the report is on stderr still" {
    local mode
    for mode in pass merge; do
        run_sscap --stderr=$mode sh -c 'echo out; echo err >&2; (exit 3); exit 0'
        assert_status 0
        assert_titles '1. sh: exited with status 3'
        assert_no_match "$out" 'sscap:|^1\. '
        assert_count "$out" 'out$' 1
    done
}

@test "reports: LD_PRELOAD alone" {
    run_preloaded sh -c 'echo out; "$0" null_read; exit 3' "$PROGRAMS/crash_ways"
    assert_status 3
    assert_titles $'1. crash_ways: killed by SIGSEGV in null_read\n2. sh: exited with status 3'
    run_preloaded sh -c 'echo out; exit 0'
    assert_empty "$err"
}

# --- what people run ---

@test "reports: make -j, and the compiler that failed" {
    need make gcc
    echo 'int good(void) { return 0; }' >"$TMP/good.c"
    echo 'int bad(void) { return undeclared_name; }' >"$TMP/bad.c"
    printf 'all: good.o bad.o worse.o\n%%.o: %%.c\n\tgcc -c -o $@ $<\nworse.o:\n\t@kill -9 $$$$\n' >"$TMP/Makefile"
    run_bare make -C "$TMP" -k -j4
    local expected=$status
    rm -f "$TMP"/*.o
    run_sscap make -C "$TMP" -k -j4
    assert_status "$expected"
    titles | cut -d ' ' -f 2- | sort >"$TMP/titles"
    assert_text "$TMP/titles" 'cc1: exited with status 1
gcc: exited with status 1
make: exited with status 2
sh: killed by SIGKILL'
    assert_matches "$err" " ! .*bad\\.c:1.*error: .undeclared_name."
}

@test "reports: xargs -P" {
    run_bare bash -c 'seq 20 | xargs -P 4 -n 1 sh -c '\''[ $0 != 7 ] || exit 3; [ $0 != 9 ] || exit 4'\'
    local expected=$status
    run_sscap bash -c 'seq 20 | xargs -P 4 -n 1 sh -c '\''[ $0 != 7 ] || exit 3; [ $0 != 9 ] || exit 4'\'
    assert_status "$expected"
    titles | cut -d ' ' -f 2- | sort >"$TMP/titles"
    assert_text "$TMP/titles" 'bash: exited with status 123
sh: exited with status 3
sh: exited with status 4
xargs: exited with status 123'
}

@test "reports: GNU parallel" {
    need parallel
    local jobs='exit $(({} == 7 ? 3 : {} % 5 == 0 ? 4 : 0))'
    export HOME=$TMP
    run_bare parallel -j 4 "$jobs" ::: 1 2 3 4 5 6 7 8 9 10
    assert_status 3
    run_sscap parallel -j 4 "$jobs" ::: 1 2 3 4 5 6 7 8 9 10
    assert_status 3
    assert_count <(titles) ': exited with status 4, 2 times$' 1
    assert_count <(titles) '^[0-9]+\. (ba|da)?sh: exited with status 3$' 1
    assert_count <(titles) '^[0-9]+\. (perl|parallel): exited with status 3$' 1
}

@test "reports: a bash script with failing pipelines" {
    cat >"$TMP/script" <<'END'
set -o pipefail
echo data | grep nothing | sort
echo "one: $? ${PIPESTATUS[*]}"
cat /nowhere/at/all | wc -l
echo "two: $?"
(exit 7) | true
echo "three: $?"
! false
sh -c 'exit 5' || true
exit 4
END
    run_bare bash "$TMP/script"
    assert_status 4
    mv "$out" "$TMP/bare.out"
    run_sscap bash "$TMP/script"
    assert_status 4
    assert_same <(sort "$TMP/bare.out") <(untag <"$out" | sort)
    titles | cut -d ' ' -f 2- | sort >"$TMP/titles"
    assert_text "$TMP/titles" 'bash: exited with status 4
bash: exited with status 7
cat: exited with status 1
grep: exited with status 1
sh: exited with status 5'
    assert_matches "$err" '^ +(stderr )? *! cat: /nowhere/at/all: No such file or directory$'
}

@test "reports: with stderr merged or passed, what is killed is told of on stderr all the same" {
    local where
    for where in merge pass; do
        run_sscap "--stderr=$where" bash -c 'echo one; bash -c "kill -9 \$\$"; echo two; exit 0' 2>/dev/null
        assert_count "$err" '^sscap: bash: killed by SIGKILL \(pid [0-9]+\)$' 1
        assert_no_match "$out" 'sscap:'
    done
    run_sscap --stderr=merge --tail sh -c 'echo one; sh -c "kill -9 \$\$"; echo two; exit 0'
    assert_count "$out" '^sscap: sh: killed by SIGKILL \(pid [0-9]+\)$' 1
    assert_equal "one
two" "$(untag <"$out" | grep -v -e Killed -e ^sscap)"
}
