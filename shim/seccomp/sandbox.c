/* sandbox.c: see sandbox.h.
 *
 * A program that allows itself what it needs, on pain of death, does not think of what we need:
 * sendmsg at its next fork, getsockopt at its next close. So a filter is looked at before it is in
 * force, and what it may punish is not called any more (syscalls_forbidden): to the library it is
 * as if the filter let it fail, and it can do without each of its calls. The kernel's stamps still
 * name who wrote what.
 *
 * The filter goes from parent to child with syscalls_forbidden, and from one program to the next
 * with the session's variable. It is in force for a thread, and its children, or for all threads:
 * syscalls_forbidden is for all, as is a handler. It is said before the kernel has accepted the
 * filter, and stays said if it did not; a vfork child says it for its parent, too. For those who
 * are under no filter that means less service and no more than that.
 *
 * Not seen: filters that were there when sscap was started (a container's lets calls fail, by
 * custom), those of static programs, and of those that have no need of libc for their system calls
 * (Go). */
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

/* Where a filter is looked at, by one thread at a time: a stack may be too small. Untouched pages
 * cost nothing. */
static struct {
    bool taken;
    struct sock_filter code[BPF_MAXINSNS];
    struct bpf_filter_state states[BPF_MAXINSNS];
} desk;

/* 0: there is none, or the kernel will not have it. */
static uint32_t examine(const void *program)
{
    struct sock_fprog filter = {0};
    if (!nolibc_read_memory(&filter, program, sizeof filter) || filter.len == 0 ||
        filter.len > BPF_MAXINSNS)
        return 0;
    if (__atomic_exchange_n(&desk.taken, true, __ATOMIC_ACQUIRE))
        return SYSCALL_ALL;
    uint32_t kinds = 0;
    if (nolibc_read_memory(desk.code, filter.filter, filter.len * sizeof *desk.code))
        kinds = bpf_filter_forbids(desk.code, filter.len, desk.states);
    __atomic_store_n(&desk.taken, false, __ATOMIC_RELEASE);
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
        send_wait_for_runner(); /* who it is that writes next, the kernel is to be asked in time
                                 */
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
    int which = (int)number; /* the kernel looks at no more of it */
    if (which == SYS_prctl && a == PR_SET_SECCOMP)
        sandbox_expect((unsigned long)b, (const void *)c);
    else if (which == SYS_seccomp && a == SECCOMP_SET_MODE_STRICT && b == 0 &&
             c == 0) /* else EINVAL: libseccomp asks */
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
