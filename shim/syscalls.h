/* syscalls.h: system calls without libc: no errno to save, nothing that a program could have replaced, and after fork no page of libc's text
 * to be faulted in for it. Returns the result, or -errno. No cancellation point. */
#ifndef SSCAP_SHIM_SYSCALLS_H
#define SSCAP_SHIM_SYSCALLS_H

#include <sys/syscall.h>

#if defined(__x86_64__) && !defined(__ILP32__)

static inline long guest_syscall6(long number, long a, long b, long c, long d, long e, long f)
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

static inline long guest_syscall6(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

#else

#include <errno.h>
#include <unistd.h>

static inline long guest_syscall6(long number, long a, long b, long c, long d, long e, long f)
{
    int saved = errno;
    long result = syscall(number, a, b, c, d, e, f);
    if (result == -1)
        result = -errno;
    errno = saved;
    return result;
}

#endif

/* GUEST_SYSCALL(number, up to six arguments), each a number or a pointer. */
#define GUEST_ARGUMENT(x)        ((long)(x))
#define GUEST_SYSCALL_0(n)       guest_syscall6(n, 0, 0, 0, 0, 0, 0)
#define GUEST_SYSCALL_1(n, a)    guest_syscall6(n, GUEST_ARGUMENT(a), 0, 0, 0, 0, 0)
#define GUEST_SYSCALL_2(n, a, b) guest_syscall6(n, GUEST_ARGUMENT(a), GUEST_ARGUMENT(b), 0, 0, 0, 0)
#define GUEST_SYSCALL_3(n, a, b, c)                                                                          \
    guest_syscall6(n, GUEST_ARGUMENT(a), GUEST_ARGUMENT(b), GUEST_ARGUMENT(c), 0, 0, 0)
#define GUEST_SYSCALL_4(n, a, b, c, d)                                                                       \
    guest_syscall6(n, GUEST_ARGUMENT(a), GUEST_ARGUMENT(b), GUEST_ARGUMENT(c), GUEST_ARGUMENT(d), 0, 0)
#define GUEST_SYSCALL_5(n, a, b, c, d, e)                                                                    \
    guest_syscall6(n, GUEST_ARGUMENT(a), GUEST_ARGUMENT(b), GUEST_ARGUMENT(c), GUEST_ARGUMENT(d),            \
                   GUEST_ARGUMENT(e), 0)
#define GUEST_SYSCALL_6(n, a, b, c, d, e, f)                                                                 \
    guest_syscall6(n, GUEST_ARGUMENT(a), GUEST_ARGUMENT(b), GUEST_ARGUMENT(c), GUEST_ARGUMENT(d),            \
                   GUEST_ARGUMENT(e), GUEST_ARGUMENT(f))
#define GUEST_PICK(n, a, b, c, d, e, f, name, ...) name
#define GUEST_SYSCALL(...)                                                                                   \
    GUEST_PICK(__VA_ARGS__, GUEST_SYSCALL_6, GUEST_SYSCALL_5, GUEST_SYSCALL_4, GUEST_SYSCALL_3,              \
               GUEST_SYSCALL_2, GUEST_SYSCALL_1, GUEST_SYSCALL_0, 0)                                         \
    (__VA_ARGS__)

#endif
