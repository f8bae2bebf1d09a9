/* signal_action.c: dispositions and signal masks as the kernel has them. */
#define _GNU_SOURCE
#include "shim/crash/signal_action.h"

#include "shim/core/real.h"

#include "shim/nolibc.h"

enum { MASK_SIZE = 8 }; /* the kernel's sigset_t */

#if MACHINE_KNOWN

/* In fault_guard_*.S. */
void signal_action_restorer(void);

enum { RESTORER_FLAG = 0x04000000 }; /* SA_RESTORER of the kernel's headers */

bool signal_action_set(int signal, const struct signal_action *action, struct signal_action *old)
{
    return RAW_SYSCALL(SYS_rt_sigaction, signal, action, old, MASK_SIZE) == 0;
}

struct signal_action signal_action_make(uintptr_t handler, int flags, uint64_t mask)
{
    return (struct signal_action){.handler = handler,
                                  .flags = (unsigned long)(flags | RESTORER_FLAG),
                                  .restorer = signal_action_restorer,
                                  .mask = mask};
}

bool signal_action_is_default(const struct signal_action *action)
{
    return action->handler == (uintptr_t)SIG_DFL;
}

bool signal_action_has_handler(int signal, uintptr_t handler)
{
    struct signal_action now = {0}; /* for the analyser: the kernel fills it in */
    return signal_action_set(signal, NULL, &now) && now.handler == handler;
}

#else

bool signal_action_set(int signal, const struct signal_action *action, struct signal_action *old)
{
    return REAL(sigaction)(signal, action == NULL ? NULL : &action->libc,
                           old == NULL ? NULL : &old->libc) == 0;
}

struct signal_action signal_action_make(uintptr_t handler, int flags, uint64_t mask)
{
    struct signal_action action = {
        .libc = {.sa_handler = (sighandler_t)handler, .sa_flags = flags}};
    nolibc_copy(&action.libc.sa_mask, &mask, sizeof mask);
    return action;
}

bool signal_action_is_default(const struct signal_action *action)
{
    return action->libc.sa_handler == SIG_DFL;
}

bool signal_action_has_handler(int signal, uintptr_t handler)
{
    struct signal_action now;
    return signal_action_set(signal, NULL, &now) && (uintptr_t)now.libc.sa_handler == handler;
}

#endif

bool signal_action_set_default(int signal)
{
    struct signal_action action = signal_action_make((uintptr_t)SIG_DFL, 0, 0);
    return signal_action_set(signal, &action, NULL);
}

void signal_action_block_all(void)
{
    uint64_t all = ~(uint64_t)0;
    RAW_SYSCALL(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, MASK_SIZE);
}
