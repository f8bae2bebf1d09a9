/* Ways for a process to crash, and some not to.
 *
 *   crash_ways list   all of them: a name, and how it ends: a signal's number, or `exit` and a status
 *   crash_ways WAY    goes that way, after a line of output and a piece of one that has no end
 *
 * The crash itself is in a function of the way's name, called by way(), called by main(). */
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Nothing may be known at compile time, no frame may be saved by a tail call. */
#define WAY(name) __attribute__((noinline)) static void name(void)
#define LAST      __asm__ volatile("" ::: "memory")

static const char *self;
static void *volatile nothing;
static volatile int zero;
static volatile int sum;

WAY(null_read)
{
    sum += *(volatile int *)nothing;
    LAST;
}

WAY(null_write)
{
    *(volatile int *)nothing = 1;
    LAST;
}

/* A name of its own for one level of calls more. */
__attribute__((noinline)) static void call(void *volatile *function)
{
    ((void (*)(void))(uintptr_t)*function)();
    LAST;
}

WAY(null_call)
{
    call(&nothing);
    LAST;
}

WAY(wild_call)
{
    void *volatile wild = (void *)0x1234567000;
    call(&wild);
    LAST;
}

WAY(data_call)
{
    static int data[64];
    void *volatile there = data;
    call(&there);
    LAST;
}

/* No address at all: its upper bits are not alike. */
WAY(noncanonical)
{
    sum += *(volatile int *)(uintptr_t)0x6d6d6d6d6d6d6d6d;
    LAST;
}

static char *mapped_file(size_t size)
{
    char path[] = "/tmp/crash_ways.XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return fd < 0 || at == MAP_FAILED ? NULL : at;
}

WAY(bus)
{
    sum += ((volatile char *)mapped_file(4096))[100];
    LAST;
}

WAY(divide)
{
#if defined(__x86_64__) || defined(__i386__)
    sum += (INT_MAX - sum) / zero;
#else
    raise(SIGFPE); /* no trap there */
#endif
    LAST;
}

WAY(illegal)
{
#if defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("ud2");
#else
    __asm__ volatile(".inst 0");
#endif
    LAST;
}

WAY(breakpoint)
{
#if defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("int3");
#else
    __asm__ volatile("brk #0");
#endif
    LAST;
}

WAY(aborts)
{
    abort();
}

WAY(asserts)
{
    assert(zero == 1);
    LAST;
}

WAY(double_free)
{
    void *volatile memory = malloc(3000);
    void *volatile keep = malloc(16);
    free(memory);
    free(memory);
    sum += keep != NULL;
}

/* Writes past a piece of the heap, over what malloc keeps about the next: the size of all that is left. */
WAY(broken_heap)
{
    char *volatile memory = malloc(24);
    memset(memory + malloc_usable_size(memory), 0x6d, 8);
    memory = malloc(100000);
    LAST;
}

/* Its list of free pieces leads into nowhere: the fault is inside malloc. */
WAY(inside_malloc)
{
    volatile uintptr_t *volatile memory = malloc(5000);
    void *volatile keep = malloc(16);
    free((void *)memory);
    memory[0] = memory[1] = 0x1000;
    keep = malloc(100000);
    sum += keep != NULL;
}

extern void __stack_chk_fail(void) __attribute__((noreturn));

/* What a compiler's stack protector calls when a function's guard is no longer whole: nor is its return address. */
__attribute__((noinline)) static void smash(uintptr_t value)
{
    volatile uintptr_t *at = __builtin_frame_address(0);
    at[0] = at[1] = value;
    __stack_chk_fail();
}

WAY(stack_smash)
{
    smash(0x41414141);
    LAST;
}

extern char *__strcpy_chk(char *to, const char *from, size_t size);

WAY(fortified)
{
    char small[8];
    const char *volatile text = "longer than eight";
    __strcpy_chk(small, text, sizeof small);
    sum += small[0];
}

__attribute__((noinline)) static int deeper(int depth)
{
    volatile char page[512];
    if (depth < 0)
        return depth;
    page[depth % 512] = (char)depth;
    return deeper(depth + 1) + page[(depth + 1) % 512];
}

WAY(stack_overflow)
{
    sum += deeper(zero);
    LAST;
}

/* What is above the frame is not the stack's any more: return address, frame pointers, all that an unwinder goes by. */
__attribute__((noinline)) static void overwrite(uintptr_t value)
{
    volatile uintptr_t *at = __builtin_frame_address(0);
    for (int i = -2; i < 24; i++)
        at[i] = value;
}

WAY(broken_stack)
{
    overwrite(0x41414141);
    LAST;
}

WAY(broken_stack_noncanonical)
{
    overwrite(0x4141414141414141);
    LAST;
}

static void *thread_body(void *argument)
{
    ((void (*)(void))(uintptr_t)argument)();
    LAST;
    return NULL;
}

static void in_thread(void (*way)(void), size_t stack)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack);
    if (pthread_create(&thread, &attributes, thread_body, (void *)(uintptr_t)way) == 0)
        pthread_join(thread, NULL);
}

WAY(thread)
{
    in_thread(null_read, 1 << 20);
}

WAY(small_thread)
{
    in_thread(aborts, PTHREAD_STACK_MIN);
}

/* All at once. */
WAY(threads)
{
    pthread_t thread;
    for (int i = 0; i < 8; i++)
        pthread_create(&thread, NULL, thread_body, (void *)(uintptr_t)null_read);
    pthread_join(thread, NULL);
}

/* The thread that gave the process its number is no more. */
static pthread_t main_thread;

static void crash_alone(void)
{
    pthread_join(main_thread, NULL);
    null_read();
}

WAY(main_thread_gone)
{
    pthread_t thread;
    main_thread = pthread_self();
    pthread_create(&thread, NULL, thread_body, (void *)(uintptr_t)crash_alone);
    pthread_exit(NULL);
}

static void crash_in_handler(int signal)
{
    sum += signal;
    null_read();
    LAST;
}

WAY(in_handler)
{
    signal(SIGUSR1, crash_in_handler);
    raise(SIGUSR1);
    LAST;
}

static int by_comparison(const void *a, const void *b)
{
    null_read();
    return a < b;
}

/* Through a library's frames. */
WAY(in_callback)
{
    int numbers[2] = {1, 2};
    qsort(numbers, 2, sizeof *numbers, by_comparison);
    LAST;
}

/* With another stack for handlers: as small as it may be, and in use. */
static void small_alternate_stack(size_t size, int flags, void (*handler)(int))
{
    stack_t stack = {.ss_sp = malloc(size), .ss_size = size};
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    if (sigaltstack(&stack, NULL) != 0 || (handler != NULL && sigaction(SIGUSR1, &action, NULL) != 0))
        exit(9);
}

WAY(alternate_stack)
{
    small_alternate_stack((size_t)sysconf(_SC_MINSIGSTKSZ) + 1024, 0, NULL);
    null_read();
    LAST;
}

WAY(smallest_alternate_stack)
{
    small_alternate_stack(2048, 0, NULL);
    abort();
}

WAY(on_alternate_stack)
{
    small_alternate_stack(16384, SA_ONSTACK, crash_in_handler);
    raise(SIGUSR1);
    LAST;
}

static char *beside(const char *file)
{
    static char path[PATH_MAX + 64], buffer[PATH_MAX];
    snprintf(buffer, sizeof buffer, "%s", self);
    snprintf(path, sizeof path, "%s/%s", dirname(buffer), file);
    return path;
}

WAY(constructor)
{
    dlopen(beside("libcrash_ctor.so"), RTLD_NOW);
    LAST;
}

/* A function that is no longer there. The library is one that nobody else has loaded. */
WAY(after_dlclose)
{
    void *library = dlopen("libresolv.so.2", RTLD_NOW);
    void *volatile function = library ? dlsym(library, "ns_get16") : NULL;
    if (function == NULL || dlclose(library) != 0)
        exit(9);
    call(&function);
    LAST;
}

static void end_as(pid_t child)
{
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        _exit(WTERMSIG(status));
    _exit(100);
}

WAY(forked)
{
    pid_t child = fork();
    if (child == 0)
        null_read();
    end_as(child);
}

/* In the parent's memory, which goes on afterwards, and crashes itself. */
WAY(vforked)
{
    pid_t child = vfork();
    if (child == 0)
        raise(SIGABRT);
    int status = 0;
    waitpid(child, &status, 0);
    if (WTERMSIG(status) == SIGABRT)
        null_read();
    _exit(100);
}

WAY(raise_segv)
{
    raise(SIGSEGV);
    LAST;
}

WAY(raise_bus)
{
    raise(SIGBUS);
    LAST;
}

WAY(raise_ill)
{
    raise(SIGILL);
    LAST;
}

WAY(raise_fpe)
{
    raise(SIGFPE);
    LAST;
}

WAY(raise_abrt)
{
    raise(SIGABRT);
    LAST;
}

WAY(raise_trap)
{
    raise(SIGTRAP);
    LAST;
}

WAY(raise_sys)
{
    raise(SIGSYS);
    LAST;
}

WAY(kill_self)
{
    kill(getpid(), SIGSEGV);
    LAST;
}

WAY(queued)
{
    sigqueue(getpid(), SIGBUS, (union sigval){.sival_int = 42});
    LAST;
}

WAY(blocked)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    null_read();
    LAST;
}

/* What becomes of one system call. Returns the seccomp(2) descriptor, where `flags` ask for one. */
static int forbid(uint32_t answer, int number, unsigned int flags)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        exit(9);
    int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    if (fd < 0)
        exit(9);
    return fd;
}

WAY(seccomp)
{
    forbid(SECCOMP_RET_TRAP, SYS_getppid, 0);
    getppid();
    LAST;
}

/* What a witness would need is forbidden, and told so by a signal. */
WAY(seccomp_no_files)
{
    forbid(SECCOMP_RET_TRAP, SYS_openat, 0);
    null_read();
    LAST;
}

WAY(seccomp_no_messages)
{
    forbid(SECCOMP_RET_TRAP, SYS_sendmsg, 0);
    null_read();
    LAST;
}

WAY(seccomp_no_timers)
{
    forbid(SECCOMP_RET_TRAP, SYS_timer_create, 0);
    null_read();
    LAST;
}

WAY(seccomp_no_queue)
{
    forbid(SECCOMP_RET_ERRNO | EPERM, SYS_rt_tgsigqueueinfo, 0);
    raise(SIGABRT);
    LAST;
}

/* A system call that never ends: somebody is to be asked, and does not answer. */
WAY(seccomp_stuck)
{
    forbid(SECCOMP_RET_USER_NOTIF, SYS_openat, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    null_read();
    LAST;
}

WAY(no_descriptors)
{
    while (dup(0) >= 0)
        ;
    null_read();
    LAST;
}

WAY(closed_stdout)
{
    fclose(stdout);
    stdout = NULL;
    null_read();
    LAST;
}

/* --- handlers of the program's own --- */

static sigjmp_buf back;

static void recover(int signal)
{
    siglongjmp(back, signal);
}

WAY(own_recovers)
{
    struct sigaction action = {.sa_handler = recover}, old;
    if (sigaction(SIGSEGV, &action, &old) != 0 || old.sa_handler != SIG_DFL || old.sa_flags != 0)
        exit(9);
    for (int i = 0; i < 100; i++)
        if (sigsetjmp(back, 1) == 0)
            null_read();
    if (sigaction(SIGSEGV, &old, &action) != 0 || action.sa_handler != recover)
        exit(9);
    exit(0);
}

/* An overflow of the stack, too, by way of an alternate stack of its own. */
WAY(own_recovers_overflow)
{
    struct sigaction action = {.sa_handler = recover, .sa_flags = SA_ONSTACK};
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536}, old, none = {.ss_flags = SS_DISABLE}, now;
    if (sigaltstack(NULL, &old) != 0 || (old.ss_flags & SS_DISABLE) == 0 || sigaltstack(&stack, &old) != 0 ||
        (old.ss_flags & SS_DISABLE) == 0 || sigaction(SIGSEGV, &action, NULL) != 0)
        exit(9);
    if (sigsetjmp(back, 1) == 0)
        stack_overflow();
    if (sigaltstack(&none, &old) != 0 || old.ss_sp != stack.ss_sp || sigaltstack(NULL, &now) != 0 ||
        (now.ss_flags & SS_DISABLE) == 0)
        exit(9);
    exit(0);
}

static void leave(int signal)
{
    static const char text[] = "own handler\n";
    sum += (int)write(2, text, sizeof text - 1);
    _exit(signal == SIGSEGV ? 3 : 9);
}

WAY(own_exits)
{
    if (signal(SIGSEGV, leave) != SIG_DFL)
        exit(9);
    null_read();
    LAST;
}

static void give_up(int signal_number)
{
    signal(signal_number, SIG_DFL);
}

WAY(own_gives_up)
{
    if (signal(SIGSEGV, give_up) != SIG_DFL)
        exit(9);
    null_read();
    LAST;
}

static void raise_again(int signal_number)
{
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

WAY(own_raises_again)
{
    signal(SIGABRT, raise_again);
    abort();
}

WAY(own_once)
{
    struct sigaction action = {.sa_handler = raise_again, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGSEGV, &action, NULL);
    null_read();
    LAST;
}

WAY(own_ignores)
{
    if (signal(SIGABRT, SIG_IGN) != SIG_DFL || signal(SIGABRT, SIG_IGN) != SIG_IGN)
        exit(9);
    raise(SIGABRT);
    exit(0);
}

/* All the ways to ask and to set, as a program sees them. */
WAY(own_view)
{
    struct sigaction old;
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGUSR1};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        int number = signals[i];
        if (sigaction(number, NULL, &old) != 0 || old.sa_handler != SIG_DFL ||
            signal(number, leave) != SIG_DFL || signal(number, SIG_DFL) != leave ||
            signal(number, SIG_DFL) != SIG_DFL || ssignal(number, leave) != SIG_DFL ||
            sysv_signal(number, SIG_DFL) != leave || sysv_signal(number, SIG_IGN) != SIG_DFL ||
            ssignal(number, SIG_DFL) != SIG_IGN || sigaction(number, NULL, &old) != 0 ||
            old.sa_handler != SIG_DFL)
            exit(10 + (int)i);
    }
    exit(sigaction(1000, &old, NULL) == -1 && errno == EINVAL ? 0 : 9);
}

/* --- */

#define SIGNAL(name, number)                                                                                 \
    {                                                                                                        \
#name, name, number, 0                                                                               \
    }
#define EXIT(name, status)                                                                                   \
    {                                                                                                        \
#name, name, 0, status                                                                               \
    }

static const struct {
    const char *name;
    void (*way)(void);
    int signal, status;
} ways[] = {
    SIGNAL(null_read, SIGSEGV),
    SIGNAL(null_write, SIGSEGV),
    SIGNAL(null_call, SIGSEGV),
    SIGNAL(wild_call, SIGSEGV),
    SIGNAL(data_call, SIGSEGV),
    SIGNAL(noncanonical, SIGSEGV),
    SIGNAL(bus, SIGBUS),
    SIGNAL(divide, SIGFPE),
    SIGNAL(illegal, SIGILL),
    SIGNAL(breakpoint, SIGTRAP),
    SIGNAL(aborts, SIGABRT),
    SIGNAL(asserts, SIGABRT),
    SIGNAL(double_free, SIGABRT),
    SIGNAL(broken_heap, SIGABRT),
    SIGNAL(inside_malloc, SIGSEGV),
    SIGNAL(stack_smash, SIGABRT),
    SIGNAL(fortified, SIGABRT),
    SIGNAL(stack_overflow, SIGSEGV),
    SIGNAL(broken_stack, SIGSEGV),
    SIGNAL(broken_stack_noncanonical, SIGSEGV),
    SIGNAL(thread, SIGSEGV),
    SIGNAL(small_thread, SIGABRT),
    SIGNAL(threads, SIGSEGV),
    SIGNAL(main_thread_gone, SIGSEGV),
    SIGNAL(in_handler, SIGSEGV),
    SIGNAL(in_callback, SIGSEGV),
    SIGNAL(alternate_stack, SIGSEGV),
    SIGNAL(smallest_alternate_stack, SIGABRT),
    SIGNAL(on_alternate_stack, SIGSEGV),
    SIGNAL(constructor, SIGSEGV),
    SIGNAL(after_dlclose, SIGSEGV),
    EXIT(forked, SIGSEGV),
    SIGNAL(vforked, SIGSEGV),
    SIGNAL(raise_segv, SIGSEGV),
    SIGNAL(raise_bus, SIGBUS),
    SIGNAL(raise_ill, SIGILL),
    SIGNAL(raise_fpe, SIGFPE),
    SIGNAL(raise_abrt, SIGABRT),
    SIGNAL(raise_trap, SIGTRAP),
    SIGNAL(raise_sys, SIGSYS),
    SIGNAL(kill_self, SIGSEGV),
    SIGNAL(queued, SIGBUS),
    SIGNAL(blocked, SIGSEGV),
    SIGNAL(seccomp, SIGSYS),
    SIGNAL(seccomp_no_files, SIGSEGV),
    SIGNAL(seccomp_no_messages, SIGSEGV),
    SIGNAL(seccomp_no_timers, SIGSEGV),
    SIGNAL(seccomp_no_queue, SIGABRT),
    SIGNAL(seccomp_stuck, SIGSEGV),
    SIGNAL(no_descriptors, SIGSEGV),
    SIGNAL(closed_stdout, SIGSEGV),
    EXIT(own_recovers, 0),
    EXIT(own_recovers_overflow, 0),
    EXIT(own_exits, 3),
    SIGNAL(own_gives_up, SIGSEGV),
    SIGNAL(own_raises_again, SIGABRT),
    SIGNAL(own_once, SIGSEGV),
    EXIT(own_ignores, 0),
    EXIT(own_view, 0),
};

enum { WAYS = sizeof ways / sizeof *ways };

static int list(void)
{
    for (size_t i = 0; i < WAYS; i++)
        if (ways[i].signal != 0)
            printf("%s %d\n", ways[i].name, ways[i].signal);
        else
            printf("%s exit %d\n", ways[i].name, ways[i].status);
    return 0;
}

__attribute__((noinline)) static int way(const char *name)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (strcmp(ways[i].name, name) == 0) {
            printf("going: %s\nno end", name);
            ways[i].way();
            return 0;
        }
    }
    fprintf(stderr, "crash_ways: no way '%s'\n", name);
    return 2;
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc != 2)
        return 2;
    int status = strcmp(argv[1], "list") == 0 ? list() : way(argv[1]);
    LAST;
    return status;
}
