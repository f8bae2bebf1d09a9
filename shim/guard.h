/* guard.h: steps that may fail in a process whose memory may be broken, and the signals that tell of their
 * failing. For handlers of fatal signals: nothing here allocates, locks, or changes errno; steps are for one
 * thread at a time. */
#ifndef SSCAP_SHIM_GUARD_H
#define SSCAP_SHIM_GUARD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

/* Machines whose registers and system calls we know ourselves. On others there is no change of stacks and the
 * unwinder stands alone. */
#if (defined(__x86_64__) && !defined(__ILP32__)) || (defined(__aarch64__) && !defined(__ILP32__))
#define GUARD_NATIVE 1
#else
#define GUARD_NATIVE 0
#endif

/* Registers of what a signal interrupted. */
#if defined(__x86_64__)
#define GUARD_PC(context)    ((context)->uc_mcontext.gregs[REG_RIP])
#define GUARD_STACK(context) ((context)->uc_mcontext.gregs[REG_RSP])
#define GUARD_FRAME(context) ((context)->uc_mcontext.gregs[REG_RBP])
#elif GUARD_NATIVE
#define GUARD_PC(context)    ((context)->uc_mcontext.pc)
#define GUARD_STACK(context) ((context)->uc_mcontext.sp)
#define GUARD_FRAME(context) ((context)->uc_mcontext.regs[29])
#endif

/* A signal's disposition; where we can, as the kernel has it: past libc and whatever stands before it, as
 * other libraries' wrappers are not ready when we start. */
struct guard_action {
#if GUARD_NATIVE
    uintptr_t handler;
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
#else
    struct sigaction libc;
#endif
};

/* Of `flags` as sigaction has them, and bit n - 1 of `mask` for signal n. */
struct guard_action guard_action_of(uintptr_t handler, int flags, uint64_t mask);
bool guard_set_action(int signal, const struct guard_action *action, struct guard_action *old);
bool guard_is_default(const struct guard_action *action);
bool guard_set_default(int signal);
bool guard_has_handler(int signal, uintptr_t handler);

/* Until this thread's handler returns. */
void guard_block_all(void);

/* Runs step(argument) on the stack that ends at `top` (NULL: on this one). False: guard_escape cut it short.
 * Calls may be nested. */
bool guard_try(void (*step)(void *argument), void *argument, void *top);

/* In the handler of a signal that came in the midst of a step: once that handler returns, the innermost
 * guard_try returns false. False: there is none, and the handler has to find another way. May not return at
 * all on machines that are not GUARD_NATIVE. */
bool guard_escape(ucontext_t *context);

enum { GUARD_TIMER_SIGNAL = SIGBUS };

struct guard_timer {
    bool made; /* to be false at first */
    int id;
};

/* Sends this thread GUARD_TIMER_SIGNAL, with SI_TIMER, after a second, and again and again after that. To be
 * called by guard_try, whose argument is the struct guard_timer: a sandbox may refuse either by a signal. */
void guard_start_timer(void *timer);
void guard_stop_timer(void *timer);

#endif
