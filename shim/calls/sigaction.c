/* sigaction.c: sigaction, signal and their kin hide the crash handlers.
 *
 * The crash handler stands in for the default disposition. A program that sets the default gets our
 * handler, and a program that asks sees the default. We know our disposition by the handler's
 * address and keep no state, so threads and vfork children need no care. */
#define _GNU_SOURCE
#include <signal.h>

#include "shim/core/real.h"
#include "shim/crash/handler.h"

#include "shim/nolibc.h"

#ifndef SS_AUTODISARM /* Linux 4.7; libc has no name for it */
#define SS_AUTODISARM (1U << 31)
#endif

static void hide(struct sigaction *action)
{
    if (crash_handler_is_ours(action->sa_handler))
        nolibc_zero(action, sizeof *action); /* SIG_DFL is 0, and so the kernel has the rest */
}

SSCAP_EXPORT int sigaction(int signal, const struct sigaction *act, struct sigaction *old)
{
    if (!crash_handler_watches(signal))
        return REAL(sigaction)(signal, act, old);
    struct sigaction ours;
    if (act != NULL && act->sa_handler == SIG_DFL) {
        ours = crash_handler_action(signal);
        act = &ours;
    }
    int result = REAL(sigaction)(signal, act, old);
    if (result == 0 && old != NULL)
        hide(old);
    return result;
}

SSCAP_ALIAS(__sigaction, sigaction);

/* Returns what signal and its variants return. */
static sighandler_t set_default(int signal)
{
    struct sigaction ours = crash_handler_action(signal), old;
    if (REAL(sigaction)(signal, &ours, &old) != 0)
        return SIG_ERR;
    hide(&old);
    return old.sa_handler;
}

static sighandler_t set_handler(int signal, sighandler_t handler,
                                sighandler_t (*real_signal)(int, sighandler_t))
{
    if (!crash_handler_watches(signal))
        return real_signal(signal, handler);
    if (handler == SIG_DFL)
        return set_default(signal);
    sighandler_t old = real_signal(signal, handler);
    return crash_handler_is_ours(old) ? SIG_DFL : old;
}

/* In some modes, libc's headers define these names as macros for other functions. */
#undef signal
#undef bsd_signal

/* sigset is deprecated, but programs still use it. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

SSCAP_EXPORT sighandler_t signal(int number, sighandler_t handler)
{
    return set_handler(number, handler, REAL(signal));
}

SSCAP_ALIAS(bsd_signal, signal);
SSCAP_ALIAS(ssignal, signal);

SSCAP_EXPORT sighandler_t sysv_signal(int signal, sighandler_t handler)
{
    return set_handler(signal, handler, REAL(sysv_signal));
}

SSCAP_ALIAS(__sysv_signal, sysv_signal);

/* sigset also unblocks the signal, and returns whether it was blocked. */
SSCAP_EXPORT sighandler_t sigset(int signal, sighandler_t handler)
{
    if (handler != SIG_DFL || !crash_handler_watches(signal))
        return set_handler(signal, handler, REAL(sigset));
    sighandler_t old = set_default(signal);
    sigset_t one, before;
    if (old == SIG_ERR || sigemptyset(&one) != 0 || sigaddset(&one, signal) != 0 ||
        sigprocmask(SIG_UNBLOCK, &one, &before) != 0)
        return SIG_ERR;
    return sigismember(&before, signal) ? SIG_HOLD : old;
}

/* If the main thread's alternate stack is ours, the program sees none. As ever, it cannot change
 * one that is in use (EPERM). */
SSCAP_EXPORT int sigaltstack(const stack_t *stack, stack_t *old)
{
    stack_t ours = crash_handler_alternate_stack();
    if (ours.ss_flags & SS_DISABLE)
        return REAL(sigaltstack)(stack, old);
    long thread = RAW_SYSCALL(SYS_gettid);
    bool is_main = thread > 0 && thread == nolibc_getpid();
    stack_t wanted = {0}; /* for the analyser: the kernel fills it in */
    if (stack != NULL && is_main && nolibc_read_memory(&wanted, stack, sizeof wanted) &&
        ((unsigned int)wanted.ss_flags & ~SS_AUTODISARM) == SS_DISABLE)
        stack = &ours;
    int result = REAL(sigaltstack)(stack, old);
    if (result == 0 && old != NULL && old->ss_sp == ours.ss_sp)
        *old = (stack_t){.ss_flags = SS_DISABLE};
    return result;
}
