# shellcheck shell=bash
# system.sh: rows for terminals, tracers, other preloaded libraries, sanitizers, other architectures and libcs, and
# kernel features.

row tmux -n tmux 'a server of its own, panes, capture, run-shell, wait-for, exit status of a pane'
row_tmux() {
    local mux=(tmux -L compat -f /dev/null)
    "${mux[@]}" new-session -d -x 80 -y 24 'echo in a pane; test -t 1 && echo terminal; stty size
        tmux -L compat wait-for -S ready; read -r x; echo "got $x"
        tmux -L compat wait-for -S done; sleep 20'
    "${mux[@]}" wait-for ready
    "${mux[@]}" send-keys typed Enter
    "${mux[@]}" wait-for 'done'
    "${mux[@]}" capture-pane -p | grep .
    "${mux[@]}" split-window -d 'sleep 20'
    "${mux[@]}" list-panes -F '#{pane_index} #{pane_width}'
    "${mux[@]}" run-shell 'echo by run-shell'
    "${mux[@]}" kill-server
    echo "tmux $?"
}

row script -n 'script=bsdutils expect socat' -f 's/\r//g; s/(started|done) on [^[]*/\1 /; s/spawn .*//' \
    'script, expect and socat with terminals inside, and without'
row_script() {
    script -qec 'test -t 1 && echo terminal; ls --color=auto -d /etc; echo err >&2; exit 5' /dev/null
    echo "script $?"
    script -qc 'echo to a file' typescript >/dev/null && grep -c 'to a file' typescript
    expect -c 'spawn sh -c {echo -n "name? "; read n; echo "is $n"; exit 4}; expect "name?"; send "expect\r"; expect eof; exit [lindex [wait] 3]'
    echo "expect $?"
    socat - EXEC:'tr a-z A-Z' <<<'by socat'
    printf 'test -t 1 && echo terminal\nsleep 0.1\n' >inside
    socat -u EXEC:'sh inside',pty,stderr - | tr -d '\r'
    socat -u EXEC:'seq 1000' STDOUT | md5sum
    echo last | socat -u STDIN OPEN:/dev/stdout,append
    sh -c 'echo other writers go on; seq 3'
}

row stress -n stress-ng -s both -t 120 \
    -f 's/\[[0-9]+\]/[N]/g; s/[0-9]+\.[0-9]+ ?s(ecs)?/T/; s/[0-9.]+ (sec|nanosec).*/T/' \
    'stress-ng: fork, vfork, clone, exec, spawn, daemon, session, pipe, fifo, sock, sockpair, kill, zombie, wait, dup, close, poll, epoll, signals'
row_stress() {
    for stressor in fork vfork clone exec pipe sock sockpair kill zombie wait dup daemon sigsegv sigabrt \
        sigchld session close fault switch spawn vforkmany fifo poll epoll; do
        timeout 30 stress-ng "--$stressor" 2 "--$stressor-ops" 300 --timeout 4 --quiet
        echo "$stressor $?"
    done
    timeout 30 stress-ng --fork 2 --fork-ops 500 --timeout 10 --metrics-brief 2>&1 | grep -cE 'successful run|passed: 2'
}

row strace -n strace -x 'echo: write error' \
    -w 'stdout is buffered by line, so echo meets the error in its line, as on a terminal, and not in fclose' \
    -f 's/[0-9]+ <unfinished/N <unfinished/; s/\bpid +[0-9]+\]/pid N]/; s/0x[0-9a-f]+/X/g; s/(si_pid|pid)=[0-9]+/\1=N/; s/= [0-9]{2,}$/= N/; s/si_utime=.*//' \
    'strace: writes and exits of a shell and its children, -c, -o with a pipe, --inject of EIO, an exit by a signal'
row_strace() {
    strace -qq -f -e trace=exit_group -e signal=none sh -c '(exit 3); true' 2>&1 | sed 's/^\[pid *[0-9]*\] //' | sort
    strace -qq -e trace=write -e signal=none /bin/echo traced
    strace -qq -o '|grep -c exit_group' sh -c 'exit 4'
    echo "strace $?"
    strace -qq -o /dev/null -e inject=write:error=EIO:when=1 /bin/echo injected
    echo "strace $?"
    strace -qq -o /dev/null sh -c 'kill -TERM $$'
    echo "strace $?"
    strace -f -c -o counts sh -c 'seq 100 | cat >/dev/null' && grep -c execve counts
}

FORKING='
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <pthread.h>
static int shared;
static char *kept;
static void *thread(void *x) { shared++; puts("thread"); return x; }
int main(int argc, char **argv)
{
    pthread_t t[2];
    setvbuf(stdout, NULL, _IOLBF, 0); /* what forks would inherit unwritten is for the row `buffering` */
    printf("start %s\n", argc > 1 ? argv[1] : "");
    for (int i = 0; i < 3; i++)
        if (fork() == 0) { printf("child %d\n", i); fprintf(stderr, "err %d\n", i); if (i == 2) raise(SIGKILL); return i; }
    for (int i = 0, s; i < 3; i++) { wait(&s); printf("status %x\n", s); }
    for (int i = 0; i < 2; i++) pthread_create(&t[i], NULL, thread, NULL);
    for (int i = 0; i < 2; i++) pthread_join(t[i], NULL);
    system("echo by system; exit 5");
    char *p = malloc(10);
    strcpy(p, "kept");
    kept = p;
    if (argc > 1 && !strcmp(argv[1], "leak")) for (int i = 0; i < 100; i++) *(char *volatile *)&p = malloc(20);
    if (argc > 1 && !strcmp(argv[1], "heap")) { volatile int n = 10; p[n] = 1; }
    if (argc > 1 && !strcmp(argv[1], "free")) { free(p); return p[argc]; }
    if (argc > 1 && !strcmp(argv[1], "over")) { volatile int n = 2147483647; n += argc; printf("%d\n", n); }
    if (argc > 1 && !strcmp(argv[1], "null")) { volatile int *volatile q = NULL; *q = 1; }
    if (argc > 1 && !strcmp(argv[1], "init")) { volatile int x[4]; if (x[argc]) puts("set"); }
    puts("end");
    return 6;
}'

row gdb -n 'gdb gcc' -s err -t 90 -x 'Breakpoint 2' \
    -w 'a breakpoint on a function of libc that sscap wraps is in both' \
    -f 's/0x[0-9a-f]+/X/g; s/\b(process|Thread) (N|X|[0-9]+)( \(LWP [0-9]+\))?/\1 N/g' \
    'break, backtrace, follow-fork-mode child, catch fork, a crash, attach'
row_gdb() {
    echo "$FORKING" >p.c && gcc -g -O0 -w -pthread -o p p.c || return
    local debugger=(timeout 40 gdb -q -nx -batch -ex 'set confirm off' -ex 'set startup-with-shell off' -ex \
        'set disable-randomization off')
    "${debugger[@]}" -ex 'break thread' -ex run -ex 'bt 1' -ex delete -ex continue ./p >log 2>&1
    echo "gdb $?"
    grep -E 'Breakpoint|exited|^(start|child|status|end)' log | sort | uniq -c
    "${debugger[@]}" -ex 'break main' -ex run -ex 'delete' -ex 'break system' -ex continue ./p 2>&1 |
        grep 'Breakpoint 2'
    "${debugger[@]}" -ex 'run null' -ex bt -ex 'info threads' -ex kill ./p 2>&1 | grep -E 'SIGSEGV|#[0-9]' |
        sed 's/0x[0-9a-f]* in //'
    "${debugger[@]}" -ex 'set follow-fork-mode child' -ex 'catch fork' -ex run -ex continue -ex continue ./p >log 2>&1
    echo "gdb $?"
    sleep 30 &
    "${debugger[@]}" -p $! -ex 'bt 1' -ex detach 2>&1 | grep -c '#0'
    kill $!
}

row valgrind -n 'valgrind gcc' -s both -t 120 \
    -f 's/==[0-9]+==/==N==/; s/0x[0-9A-Fa-f]+/X/g; s/pid [0-9]+/pid N/' \
    'memcheck and helgrind over forks and threads, errors and leaks found alike, --trace-children=yes, --error-exitcode'
row_valgrind() {
    echo "$FORKING" >p.c && gcc -g -O0 -w -pthread -o p p.c || return
    valgrind -q --error-exitcode=77 --leak-check=full ./p heap
    echo "valgrind $?"
    valgrind -q --error-exitcode=77 --trace-children=yes ./p init
    echo "valgrind $?"
    valgrind -q --tool=helgrind --error-exitcode=77 ./p 2>&1 | grep -cE 'data race|^end'
    valgrind --leak-check=full --show-leak-kinds=all ./p 2>&1 |
        grep -E 'in use at exit|definitely|ERROR SUMMARY|still reachable'
    valgrind -q ./p null >/dev/null 2>&1
    echo "valgrind $?"
}

sanitized() { # COMPILER SANITIZER ARG: the first words of its report, and its status
    "$1" -g -O0 -w -pthread "-fsanitize=$2" -o "p-$1-$2" p.c || return
    timeout 40 "./p-$1-$2" "$3" >out 2>err
    echo "$1 $2 $3: $?"
    sort out
    grep -aE '^err|SUMMARY|runtime error|ERROR: |came first|Shadow memory' err | sort
}

SANITIZED='s/==[0-9]+==/==N==/; s/0x[0-9a-f]+/X/g; s/ T[0-9]+\)/ T)/; s/[0-9]+ byte\(s\) leaked in [0-9]+/N byte(s) leaked in N/'

row asan -n 'gcc clang' -t 120 -f "$SANITIZED" \
    'ASan of gcc (dynamic) and clang (static): clean, heap overflow, use after free, leak, crash, over forks and threads'
row_asan() {
    echo "$FORKING" >p.c
    for cc in gcc clang; do for way in none heap free null leak; do sanitized $cc address $way; done; done
}

row tsan -n 'gcc clang' -t 120 -f "$SANITIZED" 'TSan of gcc and clang: a race, found alike, over forks and threads'
row_tsan() {
    echo "$FORKING" >p.c
    for cc in gcc clang; do sanitized $cc thread none; sanitized $cc thread null; done
}

row ubsan -n 'gcc clang' -t 120 -f "$SANITIZED" 'UBSan of gcc and clang, MSan of clang, LSan'
row_ubsan() {
    echo "$FORKING" >p.c
    for cc in gcc clang; do sanitized $cc undefined over; sanitized $cc leak none; sanitized $cc leak leak; done
    sanitized clang memory init
}

row preloads -n 'faketime fakeroot eatmydata /usr/lib/*/libjemalloc.so.2=libjemalloc2 stdbuf=coreutils gcc' \
    'faketime, fakeroot, eatmydata, jemalloc, stdbuf: before and after ours in LD_PRELOAD, and as commands'
row_preloads() {
    local malloc
    malloc=$(compgen -G '/usr/lib/*/libjemalloc.so.2')
    faketime '2001-02-03 04:05:06' date +%F
    faketime '2001-02-03 04:05:06' sh -c 'date +%Y; (date +%m; exit 3); echo $?'
    fakeroot sh -c 'touch f; chown 12:34 f; stat -c "%u %g" f; mknod n c 1 3; stat -c %F n; id -u; echo err >&2; exit 4'
    echo "fakeroot $?"
    eatmydata sh -c 'sync; echo eaten; exit 5'
    echo "eatmydata $?"
    LD_PRELOAD="${LD_PRELOAD:+$LD_PRELOAD:}$malloc" sh -c \
        'ls -d /etc; cat /proc/self/maps | grep -c -m1 jemalloc; perl -e "print qq(perl\n)"'
    LD_PRELOAD="$malloc${LD_PRELOAD:+:$LD_PRELOAD}" sh -c 'ls -d /etc; grep -c -m1 jemalloc /proc/self/maps; exit 6'
    echo "jemalloc $?"
    LD_PRELOAD="$malloc" MALLOC_CONF=stats_print:false sh -c 'echo ours scrubbed; grep -c -m1 jemalloc /proc/self/maps'
    stdbuf -oL sh -c 'tr a-z A-Z <<HERE
stdbuf
HERE'
    env -u LD_PRELOAD sh -c 'echo "LD_PRELOAD is ${LD_PRELOAD:+set}"' | sed 's/is set/is /'
    eatmydata faketime '2001-02-03' fakeroot stdbuf -o0 sh -c 'id -u; date +%Y'
}

row m32 -n 'gcc /usr/lib/gcc/*/*/32/libgcc.a=gcc-multilib' -s both \
    'a 32-bit program that forks, calls system() and crashes, from a 64-bit shell'
row_m32() {
    echo "$FORKING" >p.c && gcc -m32 -g -w -pthread -o p p.c || return
    ./p none | sort
    ./p null >/dev/null
    echo "status $?"
    env -i ./p none | sort
}

row musl -n musl-gcc=musl-tools -s both 'musl programs, dynamic and static, that fork, call system() and crash'
row_musl() {
    echo "$FORKING" >p.c
    musl-gcc -g -w -pthread -o p p.c && musl-gcc -static -g -w -pthread -o s p.c || return
    for program in ./p ./s; do
        $program none | sort
        $program null >/dev/null
        echo "status $?"
    done
}

row static -n 'gcc /usr/lib/*/libc.a=libc6-dev' -s both \
    'static glibc and static-pie programs that fork, call system() and crash'
row_static() {
    echo "$FORKING" >p.c
    for option in -static -static-pie; do
        gcc $option -g -w -pthread -o p p.c && ./p none | sort
        ./p null >/dev/null
        echo "status $?"
    done
}

row users -n 'setpriv=util-linux su=login runuser=util-linux' \
    'su, runuser, setpriv (other ids, no new privileges, no capabilities), setuid programs run by nobody'
row_users() {
    su nobody -s /bin/sh -c 'id -un; echo err >&2; exit 3'
    echo "su $?"
    su - nobody -s /bin/sh -c 'id -un; (exit 2); echo $?' 2>&1
    runuser -u nobody -- sh -c 'id -un; sh -c "kill -SEGV \$\$"; exit 4'
    echo "runuser $?"
    setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'id -u; id -g; ls / >/dev/null && echo ls; exit 5'
    echo "setpriv $?"
    setpriv --no-new-privs --bounding-set=-all --inh-caps=-all sh -c \
        'grep NoNewPrivs /proc/self/status; echo out; exit 6'
    echo "setpriv $?"
    cp /usr/bin/id . && chmod 4755 id . && runuser -u nobody -- "$PWD/id" -u
    runuser -u nobody -- su -c true </dev/null
    echo "su by nobody $?"
}

row namespaces -n 'unshare=util-linux busybox=busybox-static chroot=coreutils' \
    'unshare of each namespace, with user ids mapped, chroot into a static and into a dynamic root'
row_namespaces() {
    for kind in -m -u -i -n -p\ -f -U -r -C -T; do
        # shellcheck disable=SC2086
        unshare $kind sh -c 'echo unshared; echo err >&2; sh -c "exit 3"; echo $?; exit 4'
        echo "unshare $kind $?"
    done
    unshare -pf --mount-proc sh -c 'echo $$; (sleep 0.1; echo orphan) & exec sleep 0.3'
    mkdir -p root/bin && cp "$(command -v busybox)" root/bin/
    chroot root /bin/busybox sh -c 'echo static root; /bin/busybox false; echo $?'
    cp /bin/sh /bin/echo root/bin/
    ldd /bin/sh /bin/echo | grep -oE '/[^ :]+' | sort -u | grep -v sscap | while read -r file; do
        mkdir -p "root${file%/*}" && cp "$file" "root$file"
    done
    chroot root /bin/sh -c 'echo dynamic root; /bin/echo echo; exit 7'
    echo "chroot $?"
}

row limits -n 'prlimit=util-linux /usr/bin/python3=python3' \
    'RLIMIT_NOFILE 16 and 4, RLIMIT_FSIZE, RLIMIT_AS, RLIMIT_STACK, RLIMIT_CPU'
row_limits() {
    bash -c 'ulimit -n 16; echo few; for n in 1 2 3; do (echo child $n; ls -d /etc; exit $n); echo $?; done
        exec 9>&1; echo nine >&9; seq 3 | sort -r'
    prlimit --nofile=16 /usr/bin/python3 -c 'import os, subprocess
fds = []
try:
    while True: fds.append(os.open("/dev/null", 0))
except OSError as e: print(len(fds), e)
os.closerange(3, 16); print(subprocess.run(["echo", "run"]).returncode)'
    bash -c 'ulimit -n 4; echo four; sh -c "echo child"'
    bash -c 'ulimit -f 1; head -c 100000 /dev/zero >big' 2>/dev/null
    echo "fsize $?"
    prlimit --as=100000000 sh -c 'echo small; ls -d /etc'
    prlimit --stack=65536 sh -c 'echo shallow; seq 3'
    prlimit --cpu=1 sh -c 'while :; do :; done'
    echo "cpu $?"
    prlimit --fsize=0 sh -c 'echo to a stream; ls -d /etc'
    echo "fsize $?"
}

row seccomp -n gcc -s both \
    'filters that refuse sendmsg, socket and sendto, or kill over them; PR_SET_DUMPABLE 0; strict mode'
row_seccomp() {
    cat >s.c <<'END'
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    unsigned action = strcmp(argv[1], "kill") ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_KILL_PROCESS;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendmsg, 3, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendto, 1, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW), BPF_STMT(BPF_RET | BPF_K, action),
    };
    struct sock_fprog program = { sizeof code / sizeof *code, code };
    printf("before %s\n", argv[1]);
    fflush(stdout);
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, strcmp(argv[1], "strict") ? SECCOMP_MODE_FILTER : SECCOMP_MODE_STRICT, &program);
    (void)!write(1, "after\n", 6);
    if (!strcmp(argv[1], "strict"))
        syscall(SYS_exit, 5);
    int status;
    if (fork() == 0) {
        puts("child");
        exit(3);
    }
    wait(&status);
    printf("status %x\n", status);
    printf("system %x\n", system("echo by a shell; exit 4"));
    if (fork() == 0)
        execl("/bin/ls", "ls", "-d", "/etc", NULL);
    wait(&status);
    printf("status %x\n", status);
    return 6;
}
END
    gcc -w -o s s.c || return
    for way in refuse kill strict; do
        ./s $way
        echo "$way $?"
    done
}

row sandboxes -n 'man=man-db groff=groff-base apt-get=apt' 'programs with seccomp filters of their own: man, apt'
row_sandboxes() {
    printf '.TH PAGE 1\n.SH NAME\npage \\- some text\n.EQ\nx sup 2\n.EN\n' >page.1 && gzip -k page.1
    man ./page.1 && man ./page.1.gz
    echo "man $?"
    mkdir -p repository apt/lists/partial apt/cache/archives/partial
    : >repository/Packages
    echo "deb [trusted=yes] copy:$PWD/repository ./" >apt/sources.list
    apt-get -o Dir::Etc::SourceList="$PWD/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o \
        Dir::Cache="$PWD/apt/cache" \
        -o Dir::State::Lists="$PWD/apt/lists" -o APT::Sandbox::Seccomp=1 -o APT::Sandbox::User=root update 2>&1 |
        tail -n 1
    echo "apt ${PIPESTATUS[0]}"
}

# Compiles one of the tests' programs if it is needed.
own_program() { # NAME [OPTION]...
    gcc -I"$HERE/../.." -D_GNU_SOURCE= -w -pthread "${@:2}" "$HERE/../programs/$1.c" -ldl
}

row clone -n gcc -s set -t 90 \
    'fork in threads, in handlers of signals and of fork; vfork; clone and clone3 with all kinds of flags; dlopen storms, dlmopen, LD_BIND_NOW'
row_clone() {
    local way
    own_program fork_places -o fork_places && own_program loading -o loading &&
        own_program libloud -shared -fPIC -o libloud.so || return
    for way in thread atfork handler vfork clone syscall namespaces write beside; do
        ./fork_places $way
        echo "$way $?"
    done
    for way in once storm apart libc error; do
        ./loading $way ./libloud.so
        echo "$way $?"
        LD_BIND_NOW=1 ./loading $way ./libloud.so
        echo "$way, bound at once: $?"
    done
}

row limited -n gcc -s both -t 90 \
    'programs that go on with no free descriptor, no privileges, no processes, little memory, small stacks, a stack that overflows'
row_limited() {
    local way
    own_program limited -o limited || return
    for way in descriptors privileges memory stacks overflow; do
        ./limited $way
        echo "$way $?"
    done
}

# Kills the runner while each process prints. Each process continues until it has seen that the runner is
# dead.
row survives -n 'make /usr/bin/python3=python3' -s both -t 120 -f '/^sscap: the runner was killed by SIGKILL: /d' \
    'the runner killed with SIGKILL in the midst of make -j4, a Python Pool and a shell with children; lines, errors, statuses'
row_survives() {
    local jobs=() job runner=$PPID
    mkdir begun
    cat >Makefile <<'END'
all: $(shell seq -f t%g 300) fail
t%:
	@echo "made $*"; echo "warned $*" >&2; if [ $* = 100 ]; then touch begun/make; until [ -e killed ]; do sleep 0.02; done; fi
fail:
	@echo failing; exit 7
END
    cat >pool.py <<'END'
import multiprocessing, os, sys, time

def work(n):
    print("work", n, flush=True)
    os.write(2, b"warned by work %d\n" % n)
    if n == 100:
        open("begun/pool", "w")
        while not os.path.exists("killed"):
            time.sleep(0.02)
    return n * n

if __name__ == "__main__":
    with multiprocessing.Pool(4) as pool:
        print(sum(pool.map(work, range(1000), 5)))
    sys.exit(3)
END
    cat >loop.sh <<'END'
for n in $(seq 300); do
    echo "by the shell $n"
    /bin/echo "by a child $n" >&2
    (echo "by a pipe $n" | cat)
    [ "$n" != 100 ] || { >begun/loop; until [ -e killed ]; do sleep 0.02; done; }
done
sh -c 'echo last; kill -KILL $$'
END
    make -s -k -j4 &
    jobs+=($!)
    /usr/bin/python3 pool.py &
    jobs+=($!)
    bash loop.sh &
    jobs+=($!)
    for job in make pool loop; do until_true 60 [ -e "begun/$job" ]; done
    # Without sscap there is no runner to kill.
    if [ "$(ps -o comm= -p "$runner")" = sscap ]; then
        kill -KILL "$runner"
        until_true 10 sh -c "! ps -o pid= -p $runner" && echo "the runner is dead"
    else
        echo "the runner is dead"
    fi
    touch killed
    for job in "${jobs[@]}"; do
        wait "$job"
        echo "status $?"
    done
    return 9
}

row descriptors -n 'perl /usr/bin/python3=python3 ruby node=nodejs' \
    'programs that list, count and close their descriptors: shells, python, perl, ruby, node, find'
row_descriptors() {
    find /proc/self/fd | sed 's#.*/##' | wc -l
    bash -c 'echo /proc/self/fd/* | wc -w'
    bash -c 'for fd in /proc/$$/fd/*; do fd=${fd##*/}; [ "$fd" -gt 2 ] && [ "$fd" -ne 255 ] && eval "exec $fd>&-"; done
        echo closed; ls -d /etc; (exit 3); echo $?'
    /usr/bin/python3 -c 'import os; print(len(os.listdir("/proc/self/fd"))); os.closerange(3, 100000); print(os.dup(1))
os.system("echo closed; exit 3"); print(os.spawnlp(os.P_WAIT, "sh", "sh", "-c", "exit 4"))'
    perl -MPOSIX -e 'POSIX::close($_) for 3 .. 4095; open my $f, "<", "/dev/null"; print fileno $f, "\n";
        system "echo perl"; print `ls /proc/self/fd | wc -l`'
    ruby -e 'puts Dir.children("/proc/self/fd").size; (3..4095).each { |n| IO.for_fd(n).close rescue nil }; system "ls /proc/self/fd | wc -l"'
    node -e 'const fs = require("fs"); const own = n => n > 255; console.log(fs.readdirSync("/proc/self/fd").filter(own),
        fs.readdirSync("/dev/fd").filter(own)); fs.readdir("/proc/self/fdinfo", (e, l) => console.log(e, l.filter(own)))'
}

row lsof -n lsof 'what lsof sees of others, and of itself'
row_lsof() {
    lsof -a -p $$ -d '^txt,^mem,^cwd,^rtd,^255' 2>/dev/null |
        awk '$4 ~ /^[0-9]/ && substr($4, 1, length($4) - 1) < 255' | wc -l
}

row buffering -n gcc -x '^[-+]out (unfinished|whole)' \
    -w 'stdout is buffered by line: what was in stdio at a fork is not there twice, and what was there at a crash is not lost' \
    'stdio at a fork and at a crash'
row_buffering() {
    cat >b.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    puts("whole");
    if (fork() == 0)
        exit(0);
    wait(NULL);
    puts("unfinished");
    abort();
}
END
    gcc -w -o b b.c && ./b
    echo "status $?" >&2
}

row pipes -n 'gzip xz=xz-utils tar sort=coreutils bc sqlite3 rsync' \
    'tar, gzip, xz -T2, bc, sqlite3, rsync by a remote shell that is none'
row_pipes() {
    mkdir from && for n in $(seq 200); do seq "$n" >"from/$n"; done
    tar --sort=name --mtime=@0 -cf - from | gzip -n | gzip -dc | xz -T2 | xz -dc | tar -tf - | md5sum
    tar --sort=name --mtime=@0 -I 'gzip -n' -cf a.tgz from --checkpoint=10 --checkpoint-action=exec='echo checkpoint'
    tar -xf a.tgz --to-command='wc -c' | awk '{ n += $1 } END { print n }'
    printf '#!/bin/sh\nshift\nexec "$@"\n' >here && chmod +x here
    rsync -a --stats --rsh="$PWD/here" from/ "localhost:$PWD/to" | grep 'Number of regular'
    diff -r from to && echo alike
    echo '2^200' | bc
    sqlite3 :memory: 'create table t(x);
        with recursive c(n) as (select 1 union all select n+1 from c where n<1000) insert into t select n from c; select sum(x) from t; select * from nonexistent;'
    echo "sqlite $?"
    yes | head -c 10000000 | md5sum
    dd if=/dev/zero bs=1M count=32 status=none | tee >(md5sum >sum) | wc -c
}
