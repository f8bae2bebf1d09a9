/* sandboxed WAY FILTER ACTION...: sets a seccomp filter for itself and continues. It prints the
 * results.
 *
 *   WAY     how it sets the filter:
 *           prctl           prctl(2)
 *           seccomp         seccomp(2), by syscall()
 *           indirect        prctl(2), by syscall()
 *           tsync           for all threads
 *           thread          for all threads, from a thread other than the main one
 *           strict          the strict mode, without FILTER
 *           vfork           a vfork child, for itself alone
 *           probe           with bad addresses, which fails
 *   FILTER  allow           all calls are allowed
 *           RESULT:CALL     kill, trap, errno or zero for one system call
 *           RESULT:CALL:N=V the same, if argument N of the call is V, as in kill:fcntl:1=1030
 *           only            the process is killed for all calls except write and exit
 *   ACTION  what it does then; see the table. "run" must be the last and executes the arguments
 *           after it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define AUDIT_ARCH_NATIVE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define AUDIT_ARCH_NATIVE AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define AUDIT_ARCH_NATIVE AUDIT_ARCH_AARCH64
#endif

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct {
    const char *name;
    unsigned int number;
} calls[] = {
#define CALL(name)                                                                                 \
    {                                                                                              \
#name, SYS_##name                                                                          \
    }
    CALL(getpid),
    CALL(gettid),
    CALL(getppid),
    CALL(getsockopt),
    CALL(setsockopt),
    CALL(sendmsg),
    CALL(ppoll),
    CALL(socket),
    CALL(connect),
    CALL(fcntl),
    CALL(dup3),
    CALL(close),
    CALL(openat),
    CALL(read),
    CALL(pread64),
    CALL(faccessat),
    CALL(readlinkat),
    CALL(statx),
    CALL(fstatfs),
    CALL(getcwd),
    CALL(prctl),
    CALL(ioctl),
    CALL(process_vm_readv),
    CALL(process_vm_writev),
    CALL(rt_sigaction),
    CALL(rt_sigprocmask),
    CALL(rt_sigreturn),
    CALL(rt_tgsigqueueinfo),
    CALL(tgkill),
    CALL(sigaltstack),
    CALL(timer_create),
    CALL(timer_settime),
    CALL(timer_delete),
    CALL(waitid),
    CALL(getrusage),
    CALL(prlimit64),
    CALL(socketpair),
    CALL(write),
    CALL(exit_group),
    CALL(wait4),
#undef CALL
};

/* --- the filter --- */

static struct sock_filter code[32];
static unsigned short length;

static void put(struct sock_filter instruction)
{
    code[length++] = instruction;
}

static unsigned int number_of(const char *name, size_t n)
{
    for (size_t i = 0; i < COUNT(calls); i++)
        if (strlen(calls[i].name) == n && strncmp(calls[i].name, name, n) == 0)
            return calls[i].number;
    fprintf(stderr, "no call: %s\n", name);
    exit(99);
}

static void load_number(void)
{
    put((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
}

static void finish_with(unsigned int result)
{
    put((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, result));
}

/* As hand-written filters do: number by number, allowed or not. */
static void make_only(void)
{
    static const unsigned int allowed[] = {SYS_write, SYS_exit_group, SYS_exit};
    load_number();
    for (size_t i = 0; i < COUNT(allowed); i++) {
        put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1));
        finish_with(SECCOMP_RET_ALLOW);
    }
    finish_with(SECCOMP_RET_KILL_PROCESS);
}

/* As compilers of filters do: the machine first, then ranges, then the number. */
static void make_one(unsigned int result, const char *name)
{
    const char *argument = strchr(name, ':');
    unsigned int number = number_of(name,
                                    argument != NULL ? (size_t)(argument - name) : strlen(name));
    put((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                     offsetof(struct seccomp_data, arch)));
    put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_NATIVE, 1, 0));
    finish_with(SECCOMP_RET_KILL_PROCESS);
    load_number();
    put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, number, 0, 1));
    finish_with(SECCOMP_RET_ALLOW);
    put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 1, 0));
    finish_with(SECCOMP_RET_ALLOW);
    if (argument != NULL) {
        unsigned int which = (unsigned int)atoi(argument + 1);
        put((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                         offsetof(struct seccomp_data, args) + 8 * which));
        put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                         (unsigned int)atoi(strchr(argument, '=') + 1), 1, 0));
        finish_with(SECCOMP_RET_ALLOW);
    }
    finish_with(result);
}

static void make_filter(const char *what)
{
    const char *name = strchr(what, ':');
    if (strcmp(what, "allow") == 0)
        finish_with(SECCOMP_RET_ALLOW);
    else if (strcmp(what, "only") == 0)
        make_only();
    else if (strncmp(what, "kill:", 5) == 0)
        make_one(SECCOMP_RET_KILL_PROCESS, name + 1);
    else if (strncmp(what, "trap:", 5) == 0)
        make_one(SECCOMP_RET_TRAP, name + 1);
    else if (strncmp(what, "errno:", 6) == 0)
        make_one(SECCOMP_RET_ERRNO | EACCES, name + 1);
    else if (strncmp(what, "zero:", 5) == 0)
        make_one(SECCOMP_RET_ERRNO, name + 1);
}

static const char *way;

/* Probes the kernel's features as libraries do. */
static long probe(void)
{
    struct sock_fprog bad = {length, (struct sock_filter *)8}, empty = {0, code};
    errno = 0;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL) == -1 && errno == EINVAL &&
                   prctl(PR_SET_SECCOMP, 99, &bad) == -1 && errno == EINVAL &&
                   prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) == -1 && errno == EFAULT &&
                   syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, NULL) ==
                       -1 &&
                   errno == EFAULT && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 8) == -1 &&
                   errno == EFAULT && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &bad) == -1 &&
                   errno == EFAULT && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &empty) == -1 &&
                   errno == EINVAL
               ? 0
               : -1;
}

static long in_vfork(const struct sock_fprog *program)
{
    int status = -1;
    pid_t pid = vfork();
    if (pid == 0) {
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program);
        syscall(SYS_exit_group, 0);
    }
    waitpid(pid, &status, 0);
    return status;
}

static void *enter(void *unused)
{
    struct sock_fprog program = {length, code};
    long result = -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        exit(98);
    if (strcmp(way, "strict") == 0)
        result = prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    else if (strcmp(way, "prctl") == 0)
        result = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    else if (strcmp(way, "indirect") == 0)
        result = syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
    else if (strcmp(way, "seccomp") == 0)
        result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
    else if (strcmp(way, "tsync") == 0 || strcmp(way, "thread") == 0)
        result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
    else if (strcmp(way, "vfork") == 0)
        result = in_vfork(&program);
    else if (strcmp(way, "probe") == 0)
        result = probe();
    if (result != 0)
        exit(97);
    return unused;
}

/* --- actions under the filter --- */

static void say(const char *what, int result)
{
    char line[80];
    int n = snprintf(line, sizeof line, "%s %d\n", what, result);
    (void)!write(STDOUT_FILENO, line, (size_t)n);
}

static void reap(const char *what, pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    say(what, status);
}

static void do_fork(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        say("child", 1);
        _exit(3);
    }
    reap("fork", pid);
}

static void do_exec(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "echo executed; (exit 3); echo $?; sh -c 'echo again'; exit 4",
              NULL);
        _exit(5);
    }
    reap("exec", pid);
}

static void do_system(void)
{
    say("system", system("echo by a shell; exit 4"));
}

/* The shell opens the file as every program does. */
static void do_redirect(void)
{
    say("redirect", system("echo to stderr >/dev/stderr"));
}

static void *in_thread(void *unused)
{
    say("thread", 1);
    return unused;
}

static void do_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, in_thread, NULL) == 0)
        pthread_join(thread, NULL);
}

static void do_nonblock(void)
{
    say("nonblock", fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK));
    say("written", 1);
    say("block", fcntl(STDOUT_FILENO, F_SETFL, 0));
}

static void do_descriptors(void)
{
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    say("dup2", dup2(STDOUT_FILENO, 9));
    say("closed", close(9));
}

static void do_name(void)
{
    say("name", prctl(PR_SET_NAME, "renamed"));
}

static void do_signal(void)
{
    say("signal", signal(SIGSEGV, SIG_DFL) == SIG_DFL);
}

static void do_kill(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        raise(SIGTERM);
        _exit(5);
    }
    reap("kill", pid);
}

static void do_abort(void)
{
    pid_t pid = fork();
    if (pid == 0)
        abort();
    reap("abort", pid);
}

static void do_crash(void)
{
    static int *volatile nowhere = NULL;
    *nowhere = 1;
}

static void do_quit(void)
{
    syscall(SYS_exit, 5);
}

static const struct {
    const char *name;
    void (*action)(void);
} actions[] = {
    {"fork", do_fork},
    {"exec", do_exec},
    {"system", do_system},
    {"redirect", do_redirect},
    {"thread", do_thread},
    {"signal", do_signal},
    {"descriptors", do_descriptors},
    {"nonblock", do_nonblock},
    {"name", do_name},
    {"kill", do_kill},
    {"abort", do_abort},
    {"crash", do_crash},
    {"quit", do_quit},
};

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    way = argv[1];
    make_filter(argv[2]);
    puts("before");
    fflush(stdout);
    pthread_t thread;
    if (strcmp(way, "thread") == 0)
        pthread_create(&thread, NULL, enter, NULL);
    else
        enter(NULL);
    if (strcmp(way, "thread") == 0)
        pthread_join(thread, NULL);
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "run") == 0 && i + 1 < argc)
            execvp(argv[i + 1], argv + i + 1);
        for (size_t a = 0; a < COUNT(actions); a++)
            if (strcmp(actions[a].name, argv[i]) == 0)
                actions[a].action();
    }
    say("end", 6);
    return 6;
}
