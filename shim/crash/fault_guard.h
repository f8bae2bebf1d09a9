/* fault_guard.h: runs steps that may fault, because the process's memory may be broken.
 *
 * For handlers of fatal signals. Nothing here allocates, locks or changes errno. Only one thread
 * may use it at a time. */
#ifndef SSCAP_SHIM_CRASH_FAULT_GUARD_H
#define SSCAP_SHIM_CRASH_FAULT_GUARD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

/* Runs step(argument) on the stack that ends at `top`, or on this stack if `top` is NULL. Returns
 * false if fault_guard_escape ended the step. Calls may be nested. */
bool fault_guard_try(void (*step)(void *argument), void *argument, void *top);

/* For the handler of a signal that came during a step. Once the handler returns, the innermost
 * fault_guard_try returns false. Returns false if there is no step. On machines that are not
 * MACHINE_KNOWN it may not return at all. */
bool fault_guard_escape(ucontext_t *context);

/* The timer that ends a step which takes too long. */
enum { FAULT_GUARD_TIMER_SIGNAL = SIGBUS };

struct fault_guard_timer {
    bool made; /* must be false at first */
    int id;
};

/* Sends this thread FAULT_GUARD_TIMER_SIGNAL with SI_TIMER after one second, and then four times a
 * second. Call both by fault_guard_try with a struct fault_guard_timer, because a seccomp filter
 * may punish the system calls by a signal. */
void fault_guard_start_timer(void *timer);
void fault_guard_stop_timer(void *timer);

#endif
