/* crash_ways.c: ways for a process to crash (see ways.h). The crash is in a function with the way's
 * name, or in the function that the way names. */
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
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

#include "tests/programs/newer_libc.h"
#include "tests/programs/ways.h"

/* Volatile, so that the compiler knows nothing about it. */
static void *volatile nothing;
static volatile int zero;
static volatile int sum;

WAY(null_read, SIGSEGV)
{
    sum += *(volatile int *)nothing;
    LAST;
}

WAY(null_write, SIGSEGV)
{
    *(volatile int *)nothing = 1;
    LAST;
}

/* A separate function, for one more level of calls. */
__attribute__((noinline)) static void call(void *volatile *function)
{
    ((void (*)(void))(uintptr_t)*function)();
    LAST;
}

WAY(null_call, SIGSEGV)
{
    call(&nothing);
    LAST;
}

WAY(wild_call, SIGSEGV)
{
    void *volatile wild = (void *)0x1234567000;
    call(&wild);
    LAST;
}

WAY(data_call, SIGSEGV)
{
    static int data[64];
    void *volatile there = data;
    call(&there);
    LAST;
}

/* A non-canonical address: its upper bits differ from each other. */
WAY(noncanonical, SIGSEGV)
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

WAY(bus, SIGBUS)
{
    sum += ((volatile char *)mapped_file(4096))[100];
    LAST;
}

WAY(divide, SIGFPE)
{
#if defined(__x86_64__) || defined(__i386__)
    sum += (INT_MAX - sum) / zero;
#else
    raise(SIGFPE); /* this machine has no trap for it */
#endif
    LAST;
}

WAY(illegal, SIGILL)
{
#if defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("ud2");
#else
    __asm__ volatile(".inst 0");
#endif
    LAST;
}

WAY(breakpoint, SIGTRAP)
{
#if defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("int3");
#else
    __asm__ volatile("brk #0");
#endif
    LAST;
}

WAY(aborts, SIGABRT)
{
    abort();
}

WAY(asserts, SIGABRT)
{
    assert(zero == 1);
    LAST;
}

WAY(double_free, SIGABRT)
{
    void *volatile memory = malloc(3000);
    void *volatile keep = malloc(16);
    free(memory);
    free(memory);
    sum += keep != NULL;
}

/* Writes past a block of the heap, over malloc's size of the free top block. */
WAY(broken_heap, SIGABRT)
{
    char *volatile memory = malloc(24);
    memset(memory + malloc_usable_size(memory), 0x6d, 8);
    memory = malloc(100000);
    LAST;
}

/* Damages malloc's list of free blocks, so that the fault is inside malloc. */
WAY(inside_malloc, SIGSEGV)
{
    volatile uintptr_t *volatile memory = malloc(5000);
    void *volatile keep = malloc(16);
    free((void *)memory);
    memory[0] = memory[1] = 0x1000;
    keep = malloc(100000);
    sum += keep != NULL;
}

extern void __stack_chk_fail(void) __attribute__((noreturn));

/* A stack protector calls this when the guard is damaged. The return address is damaged then,
 * too. */
__attribute__((noinline)) static void smash(uintptr_t value)
{
    volatile uintptr_t *at = __builtin_frame_address(0);
    at[0] = at[1] = value;
    __stack_chk_fail();
}

WAY(stack_smash, SIGABRT)
{
    smash(0x41414141);
    LAST;
}

extern char *__strcpy_chk(char *to, const char *from, size_t size);

WAY(fortified, SIGABRT)
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

WAY(stack_overflow, SIGSEGV)
{
    sum += deeper(zero);
    LAST;
}

/* Overwrites the stack above the frame: the return address, frame pointers, and all else that an
 * unwinder needs. */
__attribute__((noinline)) static void overwrite(uintptr_t value)
{
    volatile uintptr_t *at = __builtin_frame_address(0);
    for (int i = -2; i < 24; i++)
        at[i] = value;
}

WAY(broken_stack, SIGSEGV)
{
    overwrite(0x41414141);
    LAST;
}

WAY(broken_stack_noncanonical, SIGSEGV)
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

WAY(thread, SIGSEGV)
{
    in_thread(null_read, 1 << 20);
}

WAY(small_thread, SIGABRT)
{
    in_thread(aborts, PTHREAD_STACK_MIN);
}

/* All threads crash at the same time. */
WAY(threads, SIGSEGV)
{
    pthread_t thread;
    for (int i = 0; i < 8; i++)
        pthread_create(&thread, NULL, thread_body, (void *)(uintptr_t)null_read);
    pthread_join(thread, NULL);
}

/* The main thread has ended. */
static pthread_t main_thread;

static void crash_alone(void)
{
    pthread_join(main_thread, NULL);
    null_read();
}

WAY(main_thread_gone, SIGSEGV)
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

WAY(in_handler, SIGSEGV)
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

/* The backtrace goes through a library's frames. */
WAY(in_callback, SIGSEGV)
{
    int numbers[2] = {1, 2};
    qsort(numbers, 2, sizeof *numbers, by_comparison);
    LAST;
}

/* The process has its own alternate signal stack, which is as small as it may be or already in
 * use. */
static void small_alternate_stack(size_t size, int flags, void (*handler)(int))
{
    stack_t stack = {.ss_sp = malloc(size), .ss_size = size};
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    if (sigaltstack(&stack, NULL) != 0 ||
        (handler != NULL && sigaction(SIGUSR1, &action, NULL) != 0))
        exit(9);
}

WAY(alternate_stack, SIGSEGV)
{
    small_alternate_stack(signal_stack_minimum() + 1024, 0, NULL);
    null_read();
    LAST;
}

WAY(smallest_alternate_stack, SIGABRT)
{
    small_alternate_stack(2048, 0, NULL);
    abort();
}

WAY(on_alternate_stack, SIGSEGV)
{
    small_alternate_stack(16384, SA_ONSTACK, crash_in_handler);
    raise(SIGUSR1);
    LAST;
}

static char *beside(const char *file)
{
    static char path[PATH_MAX + 64], buffer[PATH_MAX];
    snprintf(buffer, sizeof buffer, "%s", program_invocation_name);
    snprintf(path, sizeof path, "%s/%s", dirname(buffer), file);
    return path;
}

WAY(constructor, SIGSEGV)
{
    dlopen(beside("libcrash_ctor.so"), RTLD_NOW);
    LAST;
}

/* Calls a function of a library that has been unloaded. Nothing else has the library loaded. */
WAY(after_dlclose, SIGSEGV)
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

WAY(forked, EXIT(SIGSEGV))
{
    pid_t child = fork();
    if (child == 0)
        null_read();
    end_as(child);
}

/* A vfork child crashes in the parent's memory. The parent continues and then crashes itself. */
WAY(vforked, SIGSEGV)
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

WAY(raise_segv, SIGSEGV)
{
    raise(SIGSEGV);
    LAST;
}

WAY(raise_bus, SIGBUS)
{
    raise(SIGBUS);
    LAST;
}

WAY(raise_ill, SIGILL)
{
    raise(SIGILL);
    LAST;
}

WAY(raise_fpe, SIGFPE)
{
    raise(SIGFPE);
    LAST;
}

WAY(raise_abrt, SIGABRT)
{
    raise(SIGABRT);
    LAST;
}

WAY(raise_trap, SIGTRAP)
{
    raise(SIGTRAP);
    LAST;
}

WAY(raise_sys, SIGSYS)
{
    raise(SIGSYS);
    LAST;
}

WAY(kill_self, SIGSEGV)
{
    kill(getpid(), SIGSEGV);
    LAST;
}

WAY(queued, SIGBUS)
{
    sigqueue(getpid(), SIGBUS, (union sigval){.sival_int = 42});
    LAST;
}

WAY(blocked, SIGSEGV)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    null_read();
    LAST;
}

/* Sets a filter for one system call. Returns the seccomp(2) descriptor if `flags` ask for one. */
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

WAY(seccomp, SIGSYS)
{
    forbid(SECCOMP_RET_TRAP, SYS_getppid, 0);
    getppid();
    LAST;
}

/* A filter answers the system calls that the crash handler needs with SIGSYS. */
WAY(seccomp_no_files, SIGSEGV)
{
    forbid(SECCOMP_RET_TRAP, SYS_openat, 0);
    null_read();
    LAST;
}

WAY(seccomp_no_messages, SIGSEGV)
{
    forbid(SECCOMP_RET_TRAP, SYS_sendmsg, 0);
    null_read();
    LAST;
}

WAY(seccomp_no_timers, SIGSEGV)
{
    forbid(SECCOMP_RET_TRAP, SYS_timer_create, 0);
    null_read();
    LAST;
}

WAY(seccomp_no_queue, SIGABRT)
{
    forbid(SECCOMP_RET_ERRNO | EPERM, SYS_rt_tgsigqueueinfo, 0);
    raise(SIGABRT);
    LAST;
}

/* A system call does not return, because the supervisor of the filter does not answer. */
WAY(seccomp_stuck, SIGSEGV)
{
    forbid(SECCOMP_RET_USER_NOTIF, SYS_openat, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    null_read();
    LAST;
}

WAY(no_descriptors, SIGSEGV)
{
    while (dup(0) >= 0)
        ;
    null_read();
    LAST;
}

WAY(closed_stdout, SIGSEGV)
{
    fclose(stdout);
    stdout = NULL;
    null_read();
    LAST;
}
