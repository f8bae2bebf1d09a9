/* sandbox.c: adapts the library to the seccomp filters that the program installs.
 *
 * For OpenSSH's sshd. Its network child kills itself for system calls that it does not list. On
 * kernels before 6.15 the library sends an event at exit, and without this file each such child
 * dies of SIGSYS. Every other program with such a filter would die of SIGSYS at fork or in a crash.
 *
 * Such a program allows the system calls that it needs, and a filter may kill the process for any
 * other. The library needs more, for example sendmsg at fork and getsockopt at close. Therefore we
 * examine a filter before it is installed, and no longer make calls that it may punish
 * (syscalls_forbidden). For the library these calls fail, and it works without each of them. The
 * kernel's credentials still tell who wrote what.
 *
 * syscalls_forbidden goes to forked children, and by the session variable to executed programs. It
 * is for all threads, although a filter may be for one. It is set before the kernel accepts the
 * filter, and stays set if the kernel does not. A vfork child sets it for its parent, too.
 * Processes without a filter are then served less well, and nothing more.
 *
 * Not covered are filters that exist before sscap starts (those of containers let calls fail), and
 * those of static programs and of Go programs. */
#define _GNU_SOURCE
#include "shim/seccomp/sandbox.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>

#include "shim/core/real.h"
#include "shim/core/send.h"
#include "shim/core/session.h"
#include "shim/crash/handler.h"
#include "shim/seccomp/bpf_filter.h"

#include "shim/nolibc.h"

/* Memory for one filter, because a stack may be too small. One thread at a time uses it. Untouched
 * pages cost nothing. */
static struct {
    bool taken;
    struct sock_filter code[BPF_MAXINSNS];
    struct bpf_filter_state states[BPF_MAXINSNS];
} memory;

/* The kinds of calls that the filter forbids. 0 also if the kernel will refuse the filter. */
static uint32_t examine(const void *program)
{
    struct sock_fprog filter = {0};
    if (!nolibc_read_memory(&filter, program, sizeof filter) || filter.len == 0 ||
        filter.len > BPF_MAXINSNS)
        return 0;
    if (__atomic_exchange_n(&memory.taken, true, __ATOMIC_ACQUIRE))
        return SYSCALL_ALL;
    uint32_t kinds = 0;
    if (nolibc_read_memory(memory.code, filter.filter, filter.len * sizeof *memory.code))
        kinds = bpf_filter_forbids(memory.code, filter.len, memory.states);
    __atomic_store_n(&memory.taken, false, __ATOMIC_RELEASE);
    return kinds;
}

void sandbox_expect(unsigned long mode, const void *program)
{
    uint32_t kinds = 0;
    if (session.joined && mode == SECCOMP_MODE_STRICT)
        kinds = SYSCALL_ALL;
    else if (session.joined && mode == SECCOMP_MODE_FILTER)
        kinds = examine(program);
    if (kinds == 0)
        return;
    crash_handler_disarm(kinds);
    if (kinds & SEND_NEEDS) {
        struct sscap_event event = {.type = SSCAP_EVENT_SILENT,
                                    .other = (int32_t)RAW_SYSCALL(SYS_getppid)};
        send_event(&event, NULL, 0);
        send_wait_for_runner(); /* so that it looks up this process before the next output */
    }
    session_forbid(kinds);
}

/* --- syscall ---
 *
 * libc has no function for seccomp(2), and libseccomp calls prctl by syscall(2), too. The exported
 * function is in syscall_*.S. It jumps to libc's function for all other numbers, so that libc's
 * function returns to our caller. That also works in a vfork child, where a function of ours would
 * return on a stack that the parent goes on to use. */

long sandbox_syscall(long number, long a, long b, long c, long d, long e, long f)
    __attribute__((used, visibility("hidden")));

long sandbox_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    int which = (int)number; /* the kernel uses the lower half */
    if (which == SYS_prctl && a == PR_SET_SECCOMP)
        sandbox_expect((unsigned long)b, (const void *)c);
    else if (which == SYS_seccomp && a == SECCOMP_SET_MODE_STRICT && b == 0 &&
             c == 0) /* else EINVAL: a test by libseccomp */
        sandbox_expect(SECCOMP_MODE_STRICT, NULL);
    else if (which == SYS_seccomp && a == SECCOMP_SET_MODE_FILTER)
        sandbox_expect(SECCOMP_MODE_FILTER, (const void *)c);
    return REAL(syscall)(number, a, b, c, d, e, f);
}

_Static_assert(REAL_syscall == 0, "syscall_*.S: real_functions begins with syscall's");

#if !defined(__i386__) && (defined(__ILP32__) || !(defined(__x86_64__) || defined(__aarch64__)))
/* Good for everything but vfork. */
SSCAP_EXPORT long syscall(long number, ...)
{
    long arguments[6];
    va_list list;
    va_start(list, number);
    for (size_t i = 0; i < 6; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    return sandbox_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
                           arguments[4], arguments[5]);
}
#endif
