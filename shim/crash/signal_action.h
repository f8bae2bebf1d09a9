/* signal_action.h: dispositions and signal masks as the kernel has them.
 *
 * Where we know the machine, these functions make the system calls themselves. The wrappers of libc
 * and of other preloaded libraries may not be ready yet when we start. */
#ifndef SSCAP_SHIM_CRASH_SIGNAL_ACTION_H
#define SSCAP_SHIM_CRASH_SIGNAL_ACTION_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "shim/crash/machine.h"

/* The kernel's struct sigaction, or libc's. */
struct signal_action {
#if MACHINE_KNOWN
    uintptr_t handler;
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
#else
    struct sigaction libc;
#endif
};

/* `flags` as for sigaction(2). Bit n - 1 of `mask` stands for signal n. */
struct signal_action signal_action_make(uintptr_t handler, int flags, uint64_t mask);

/* `action` or `old` may be NULL. */
bool signal_action_set(int signal, const struct signal_action *action, struct signal_action *old);

bool signal_action_is_default(const struct signal_action *action);
bool signal_action_set_default(int signal);
bool signal_action_has_handler(int signal, uintptr_t handler);

/* Blocks all signals until this thread's handler returns. */
void signal_action_block_all(void);

#endif
