/* fault_guard.c: runs steps that may fault, because the process's memory may be broken. */
#define _GNU_SOURCE
#include "shim/crash/fault_guard.h"

#include <time.h>

#include "shim/crash/machine.h"

#include "shim/nolibc.h"

/* --- steps --- */

#if MACHINE_KNOWN

struct guard {
    uintptr_t frame_pointer; /* of fault_guard_enter, which returns by it */
    struct guard *outer;
};

static struct guard *volatile innermost;

/* In fault_guard_*.S. Calls step(argument). Returns 0 if the step returned, and 1 after a jump to
 * fault_guard_landing. */
int fault_guard_enter(void (*step)(void *), void *argument, void *top, uintptr_t *ret_frame);
void fault_guard_landing(void);

bool fault_guard_try(void (*step)(void *argument), void *argument, void *top)
{
    struct guard guard = {.outer = innermost};
    innermost = &guard;
    bool whole = fault_guard_enter(step, argument, top, &guard.frame_pointer) == 0;
    innermost = guard.outer;
    return whole;
}

/* A string instruction may have been interrupted in mid-copy, or an indirect branch before its
 * target. Neither state fits the landing. */
static void clear_instruction_state(ucontext_t *context)
{
#if defined(__x86_64__)
    enum { DIRECTION_FLAG = 0x400 };
    context->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)DIRECTION_FLAG;
#else
    enum { BRANCH_TYPE = 0xc00 }; /* PSTATE.BTYPE: the landing is no branch target (BTI) */
    context->uc_mcontext.pstate &= ~(uint64_t)BRANCH_TYPE;
#endif
}

/* Sigreturn jumps to the landing, not longjmp, so that the signal mask is restored too. On aarch64,
 * the floating-point registers that a callee saves are not restored. Nothing uses them between here
 * and the sigreturn to the program. */
bool fault_guard_escape(ucontext_t *context)
{
    enum { BELOW = 64 }; /* stack below the frame pointer that fault_guard_enter uses */
    if (innermost == NULL)
        return false;
    uintptr_t frame = innermost->frame_pointer;
    MACHINE_PC(context) = (uintptr_t)fault_guard_landing;
    MACHINE_FRAME_POINTER(context) = (__typeof__(MACHINE_FRAME_POINTER(context)))frame;
    MACHINE_STACK_POINTER(context) = (__typeof__(MACHINE_STACK_POINTER(context)))(frame - BELOW);
    clear_instruction_state(context);
    return true;
}

#else

static void **volatile innermost;

bool fault_guard_try(void (*step)(void *argument), void *argument, void *top)
{
    (void)top;
    void *place[5];
    void **outer = innermost;
    if (__builtin_setjmp(place) != 0) {
        innermost = outer;
        return false;
    }
    innermost = place;
    step(argument);
    innermost = outer;
    return true;
}

/* Leaves by longjmp, so the kernel must not have changed the signal mask for the handler. */
bool fault_guard_escape(ucontext_t *context)
{
    (void)context;
    if (innermost == NULL)
        return false;
    __builtin_longjmp(innermost, 1);
}

#endif

/* --- the timer --- */

enum {
    FIRST_NS = 1000 * 1000 * 1000,
    AGAIN_NS = 250 * 1000 * 1000,
};

void fault_guard_start_timer(void *timer_made)
{
    struct fault_guard_timer *timer = timer_made;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
                             .sigev_signo = FAULT_GUARD_TIMER_SIGNAL};
    event._sigev_un._tid = (pid_t)RAW_SYSCALL(SYS_gettid);
    if (RAW_SYSCALL(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer->id) < 0)
        return;
    timer->made = true;
    struct itimerspec limit = {
        .it_value = {.tv_sec = FIRST_NS / 1000000000, .tv_nsec = FIRST_NS % 1000000000},
        .it_interval = {.tv_nsec = AGAIN_NS},
    };
    RAW_SYSCALL(SYS_timer_settime, timer->id, 0, &limit, NULL);
}

/* The timer's last signal may end this step when the system call returns. The timer is deleted by
 * then. */
void fault_guard_stop_timer(void *timer_made)
{
    const struct fault_guard_timer *timer = timer_made;
    if (timer->made)
        RAW_SYSCALL(SYS_timer_delete, timer->id);
}
