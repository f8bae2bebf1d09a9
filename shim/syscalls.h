/* syscalls.h: system calls without libc.
 *
 * RAW_SYSCALL(number, arguments...) returns the result, or -errno. It does not change errno, cannot
 * be replaced by the program, is no cancellation point, and after fork needs no page of libc's
 * code. A system call that the program's seccomp filter would punish is not made and fails with
 * EPERM (seccomp/sandbox.c). */
#ifndef SSCAP_SHIM_SYSCALLS_H
#define SSCAP_SHIM_SYSCALLS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

/* The system calls that the library makes itself, and their kinds. The calls of a kind are of no
 * use without each other. There are at most 24 kinds, because the session variable has so many
 * bits. A call that is not in the list has the kind OTHER. */
#define SYSCALLS_USED(X)                                                                           \
    X(getpid, IDS)                                                                                 \
    X(gettid, IDS)                                                                                 \
    X(getppid, IDS)                                                                                \
    X(getsockopt, COOKIE)                                                                          \
    X(sendmsg, SEND)                                                                               \
    X(setsockopt, BUFFER)                                                                          \
    X(ppoll, SLEEP)                                                                                \
    X(socket, CONNECT)                                                                             \
    X(connect, CONNECT)                                                                            \
    X(fcntl, DUPLICATE)                                                                            \
    X(dup3, DUPLICATE)                                                                             \
    X(close, CLOSE)                                                                                \
    X(openat, OPEN)                                                                                \
    X(read, OPEN)                                                                                  \
    X(pread64, OPEN)                                                                               \
    X(faccessat, PATH)                                                                             \
    X(readlinkat, PATH)                                                                            \
    X(statx, PATH)                                                                                 \
    X(fstatfs, PATH)                                                                               \
    X(getcwd, DIRECTORY)                                                                           \
    X(prctl, NAME)                                                                                 \
    X(ioctl, CONTROL)                                                                              \
    X(process_vm_readv, MEMORY)                                                                    \
    X(process_vm_writev, MEMORY)                                                                   \
    X(rt_sigaction, SIGNAL)                                                                        \
    X(rt_sigprocmask, SIGNAL)                                                                      \
    X(rt_sigreturn, SIGNAL)                                                                        \
    X(rt_tgsigqueueinfo, SIGNAL)                                                                   \
    X(tgkill, SIGNAL)                                                                              \
    X(sigaltstack, STACK)                                                                          \
    X(timer_create, TIMER)                                                                         \
    X(timer_settime, TIMER)                                                                        \
    X(timer_delete, TIMER)                                                                         \
    X(waitid, CHILD)                                                                               \
    X(getrusage, USAGE)                                                                            \
    X(prlimit64, LIMIT)

enum syscall_kind {
    SYSCALL_IDS = 1 << 0,
    SYSCALL_COOKIE = 1 << 1,
    SYSCALL_SEND = 1 << 2,
    SYSCALL_SLEEP = 1 << 3,
    SYSCALL_CONNECT = 1 << 4,
    SYSCALL_DUPLICATE = 1 << 5,
    SYSCALL_CLOSE = 1 << 6,
    SYSCALL_OPEN = 1 << 7,
    SYSCALL_PATH = 1 << 8,
    SYSCALL_DIRECTORY = 1 << 9,
    SYSCALL_NAME = 1 << 10,
    SYSCALL_CONTROL = 1 << 11,
    SYSCALL_MEMORY = 1 << 12,
    SYSCALL_SIGNAL = 1 << 13,
    SYSCALL_STACK = 1 << 14,
    SYSCALL_TIMER = 1 << 15,
    SYSCALL_USAGE = 1 << 16,
    SYSCALL_LIMIT = 1 << 17,
    SYSCALL_BUFFER = 1 << 18,
    SYSCALL_CHILD = 1 << 19,
    SYSCALL_OTHER = 1 << 20,
    SYSCALL_ALL = (1 << 21) - 1,
};

/* The kinds that a seccomp filter would punish (bits of enum syscall_kind). seccomp/sandbox.c sets
 * it. Always 0 in the runner. */
extern uint32_t syscalls_forbidden;

/* The compiler folds it if the number is a constant. */
__attribute__((always_inline)) static inline uint32_t syscall_kind_of(long number)
{
    uint32_t kind = 0;
#define SYSCALL_IF(name, kind_of_it) kind |= number == SYS_##name ? SYSCALL_##kind_of_it : 0u;
    SYSCALLS_USED(SYSCALL_IF)
#undef SYSCALL_IF
    return kind != 0 ? kind : SYSCALL_OTHER;
}

/* Whether no filter would punish the call. For calls that libc makes for us. */
__attribute__((always_inline)) static inline bool syscall_allowed(long number)
{
    return (__atomic_load_n(&syscalls_forbidden, __ATOMIC_RELAXED) & syscall_kind_of(number)) == 0;
}

#if defined(__x86_64__) && !defined(__ILP32__)

static inline long raw_syscall6(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#elif defined(__aarch64__)

static inline long raw_syscall6(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}

#elif defined(__i386__)

/* In raw_syscall_i386.S. */
__attribute__((visibility("hidden"))) long raw_syscall6(long number, long a, long b, long c, long d,
                                                        long e, long f);

#else

#include <unistd.h>

static inline long raw_syscall6(long number, long a, long b, long c, long d, long e, long f)
{
    int saved = errno;
    long result = syscall(number, a, b, c, d, e, f);
    if (result == -1)
        result = -errno;
    errno = saved;
    return result;
}

#endif

__attribute__((always_inline)) static inline long raw_syscall(long number, long a, long b, long c,
                                                              long d, long e, long f)
{
    return syscall_allowed(number) ? raw_syscall6(number, a, b, c, d, e, f) : -EPERM;
}

/* RAW_SYSCALL(number, up to six arguments). Each argument is a number or a pointer. */
#define RAW_ARGUMENT(x)        ((long)(x))
#define RAW_SYSCALL_0(n)       raw_syscall(n, 0, 0, 0, 0, 0, 0)
#define RAW_SYSCALL_1(n, a)    raw_syscall(n, RAW_ARGUMENT(a), 0, 0, 0, 0, 0)
#define RAW_SYSCALL_2(n, a, b) raw_syscall(n, RAW_ARGUMENT(a), RAW_ARGUMENT(b), 0, 0, 0, 0)
#define RAW_SYSCALL_3(n, a, b, c)                                                                  \
    raw_syscall(n, RAW_ARGUMENT(a), RAW_ARGUMENT(b), RAW_ARGUMENT(c), 0, 0, 0)
#define RAW_SYSCALL_4(n, a, b, c, d)                                                               \
    raw_syscall(n, RAW_ARGUMENT(a), RAW_ARGUMENT(b), RAW_ARGUMENT(c), RAW_ARGUMENT(d), 0, 0)
#define RAW_SYSCALL_5(n, a, b, c, d, e)                                                            \
    raw_syscall(n, RAW_ARGUMENT(a), RAW_ARGUMENT(b), RAW_ARGUMENT(c), RAW_ARGUMENT(d),             \
                RAW_ARGUMENT(e), 0)
#define RAW_SYSCALL_6(n, a, b, c, d, e, f)                                                         \
    raw_syscall(n, RAW_ARGUMENT(a), RAW_ARGUMENT(b), RAW_ARGUMENT(c), RAW_ARGUMENT(d),             \
                RAW_ARGUMENT(e), RAW_ARGUMENT(f))
#define RAW_PICK(n, a, b, c, d, e, f, name, ...) name
#define RAW_SYSCALL(...)                                                                           \
    RAW_PICK(__VA_ARGS__, RAW_SYSCALL_6, RAW_SYSCALL_5, RAW_SYSCALL_4, RAW_SYSCALL_3,              \
             RAW_SYSCALL_2, RAW_SYSCALL_1, RAW_SYSCALL_0, 0)                                       \
    (__VA_ARGS__)

#endif
