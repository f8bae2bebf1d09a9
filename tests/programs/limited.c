/* limited WAY: continues with few resources: few descriptors or processes, little memory, small
 * stacks, no privileges. It prints the results. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/programs/say.h"

enum { NOBODY = 65534 };

extern char **environ;

static void limit(__rlimit_resource_t what, rlim_t value)
{
    const struct rlimit both = {value, value};
    if (setrlimit(what, &both) < 0)
        _exit(98);
}

/* Calls all libc functions that sscap wraps. */
static void *do_all(void *unused)
{
    struct iovec parts[] = {{.iov_base = (void *)(uintptr_t) "two ", .iov_len = 4},
                            {.iov_base = (void *)(uintptr_t) "parts\n", .iov_len = 6}};
    struct sigaction action;
    char *const argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
                          (char *)(uintptr_t) "echo spawned", NULL};
    pid_t child;
    if (writev(STDOUT_FILENO, parts, 2) != 10)
        _exit(97);
    say("posix_spawn: %d\n", posix_spawnp(&child, "sh", NULL, NULL, argv, environ));
    reap("posix_spawn", child);
    child = fork();
    if (child == 0) {
        execlp("sh", "sh", "-c", "echo started; exit 5", (char *)NULL);
        _exit(96);
    }
    reap("fork", child);
    child = fork();
    if (child == 0)
        raise(SIGABRT);
    reap("crash", child);
    /* Another user may not open a pipe by name, but under sscap it works. */
    int fd = open(getuid() == NOBODY ? "/dev/null" : "/dev/stdout", O_WRONLY);
    say("open: %d\n", fd >= 0);
    close(fd);
    sigaction(SIGSEGV, NULL, &action);
    say("%d %d %d\n", action.sa_handler == SIG_DFL, isatty(STDOUT_FILENO), kill(getpid(), 0));
    return unused;
}

static void descriptors(void)
{
    static const int limits[] = {16, 5, 4};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        pid_t child = fork();
        if (child == 0) {
            pthread_t id;
            limit(RLIMIT_NOFILE, (rlim_t)limits[i]);
            pthread_create(&id, NULL, do_all, NULL);
            pthread_join(id, NULL);
            int copies = 0;
            while (dup(STDIN_FILENO) >= 0)
                copies++;
            say("%d copies, and then %s\n", copies, strerror(errno));
            pid_t second = fork();
            if (second == 0) {
                say("no descriptor is free\n");
                raise(SIGSEGV);
            }
            reap("second", second);
            _exit(3);
        }
        reap("limit", child);
    }
}

static void privileges(void)
{
    if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        _exit(95);
    prctl(PR_SET_DUMPABLE, 0);
    limit(RLIMIT_CORE, 0);
    do_all(NULL);
    say("dumpable: %d\n", prctl(PR_GET_DUMPABLE));
    limit(RLIMIT_NPROC, 1);
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    reap("fork", child);
    pthread_t id;
    say("pthread_create: %s\n", strerror(pthread_create(&id, NULL, do_all, NULL)));
    say("system: %x\n", (unsigned)system("exit 3"));
    abort();
}

static void memory(void)
{
    limit(RLIMIT_AS, 64 << 20);
    limit(RLIMIT_DATA, 16 << 20);
    do_all(NULL);
    void *none = malloc(100 << 20);
    say("malloc: %s\n", none == NULL ? "none" : "some");
    free(none);
    raise(SIGSEGV);
}

static void *fault(void *unused)
{
    raise(SIGSEGV);
    return unused;
}

static void start(void *(*what)(void *), size_t stack)
{
    pthread_attr_t attributes;
    pthread_t id;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack);
    if (pthread_create(&id, &attributes, what, NULL) != 0)
        _exit(94);
    pthread_join(id, NULL);
}

static ucontext_t here, there;

static void coroutine(void)
{
    do_all(NULL);
}

static void on_alternate_stack(int signal)
{
    say("on a stack of its own: %d\n", signal);
    do_all(NULL);
}

static int executed = -1;

static void execute(void)
{
    pid_t child = fork();
    if (child == 0) {
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    waitpid(child, &executed, 0);
}

/* Executes a program on the stack that is left of the old SIGSTKSZ (8 KiB), with a guard page below
 * it. A program's crash handler may start a debugger on such a stack. */
static void on_tiny_stack(void)
{
    enum { PAGE = 4096, SIZE = 6 << 10 };
    char *memory = mmap(NULL, PAGE + SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                        0);
    mprotect(memory, PAGE, PROT_NONE);
    getcontext(&there);
    there.uc_stack.ss_sp = memory + PAGE;
    there.uc_stack.ss_size = SIZE;
    there.uc_link = &here;
    makecontext(&there, execute, 0);
    swapcontext(&here, &there);
    say("executed: %d\n", executed);
}

static void stacks(void)
{
    static char small[24 << 10], alternate[24 << 10];
    const stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction action = {.sa_handler = on_alternate_stack, .sa_flags = SA_ONSTACK};
    stack_t old = {.ss_flags = 0};
    start(do_all, PTHREAD_STACK_MIN + (8 << 10));
    getcontext(&there);
    there.uc_stack.ss_sp = small;
    there.uc_stack.ss_size = sizeof small;
    there.uc_link = &here;
    makecontext(&there, coroutine, 0);
    swapcontext(&here, &there);
    sigaltstack(&stack, &old);
    on_tiny_stack();
    say("there was %s alternate stack\n", old.ss_flags & SS_DISABLE ? "no" : "an");
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    limit(RLIMIT_STACK, 64 << 10);
    do_all(NULL);
    start(fault, PTHREAD_STACK_MIN);
}

static sigjmp_buf out;

static void on_overflow(int signal)
{
    siglongjmp(out, signal);
}

static volatile int bottom = -1;

__attribute__((noinline)) static int deeper(int n)
{
    volatile char frame[4096];
    frame[0] = (char)n;
    return n == bottom ? 0 : deeper(n + 1) + frame[0];
}

static void overflow(void)
{
    static char alternate[64 << 10];
    const stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction action = {.sa_handler = on_overflow, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
    for (volatile int i = 0; i < 3; i++) {
        if (sigsetjmp(out, 1) == 0)
            deeper(0);
        say("out of it again\n");
    }
    signal(SIGSEGV, SIG_DFL);
    deeper(0);
}

int main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        void (*run)(void);
    } ways[] = {
        {"descriptors", descriptors}, {"privileges", privileges}, {"memory", memory},
        {"stacks", stacks},           {"overflow", overflow},
    };
    for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof *ways; i++)
        if (strcmp(argv[1], ways[i].name) == 0) {
            ways[i].run();
            return 0;
        }
    return 2;
}
