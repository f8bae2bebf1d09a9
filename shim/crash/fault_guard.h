/* guard.h: steps that may fail in a process whose memory may be broken, and the signals that tell
 * of their failing. For handlers of fatal signals: nothing here allocates, locks, or changes errno;
 * steps are for one thread at a time. */
#ifndef SSCAP_SHIM_CRASH_FAULT_GUARD_H
#define SSCAP_SHIM_CRASH_FAULT_GUARD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

/* Machines whose registers and system calls we know ourselves. On others there is no change of
 * stacks and the unwinder stands alone. */
#if (defined(__x86_64__) && !defined(__ILP32__)) || (defined(__aarch64__) && !defined(__ILP32__))
#define FAULT_GUARD_NATIVE 1
#else
#define FAULT_GUARD_NATIVE 0
#endif

/* Registers of what a signal interrupted. */
#if defined(__x86_64__)
#define FAULT_GUARD_PC(context)    ((context)->uc_mcontext.gregs[REG_RIP])
#define FAULT_GUARD_STACK(context) ((context)->uc_mcontext.gregs[REG_RSP])
#define FAULT_GUARD_FRAME(context) ((context)->uc_mcontext.gregs[REG_RBP])
#elif FAULT_GUARD_NATIVE
#define FAULT_GUARD_PC(context)    ((context)->uc_mcontext.pc)
#define FAULT_GUARD_STACK(context) ((context)->uc_mcontext.sp)
#define FAULT_GUARD_FRAME(context) ((context)->uc_mcontext.regs[29])
#endif

/* A signal's disposition; where we can, as the kernel has it: past libc and whatever stands before
 * it, as other libraries' wrappers are not ready when we start. */
struct signal_action {
#if FAULT_GUARD_NATIVE
    uintptr_t handler;
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
#else
    struct sigaction libc;
#endif
};

/* Of `flags` as sigaction has them, and bit n - 1 of `mask` for signal n. */
struct signal_action signal_action_make(uintptr_t handler, int flags, uint64_t mask);
bool signal_action_set(int signal, const struct signal_action *action, struct signal_action *old);
bool signal_action_is_default(const struct signal_action *action);
bool signal_action_set_default(int signal);
bool signal_action_has_handler(int signal, uintptr_t handler);

/* Until this thread's handler returns. */
void signal_action_block_all(void);

/* Runs step(argument) on the stack that ends at `top` (NULL: on this one). False:
 * fault_guard_escape cut it short. Calls may be nested. */
bool fault_guard_try(void (*step)(void *argument), void *argument, void *top);

/* In the handler of a signal that came in the midst of a step: once that handler returns, the
 * innermost fault_guard_try returns false. False: there is none, and the handler has to find
 * another way. May not return at all on machines that are not FAULT_GUARD_NATIVE. */
bool fault_guard_escape(ucontext_t *context);

enum { FAULT_GUARD_TIMER_SIGNAL = SIGBUS };

struct fault_guard_timer {
    bool made; /* to be false at first */
    int id;
};

/* Sends this thread FAULT_GUARD_TIMER_SIGNAL, with SI_TIMER, after a second, and again and again
 * after that. To be called by fault_guard_try, whose argument is the struct fault_guard_timer: a
 * sandbox may refuse either by a signal. */
void fault_guard_start_timer(void *timer);
void fault_guard_stop_timer(void *timer);

#endif
