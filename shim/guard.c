/* guard.c: dispositions, steps, their timer (see guard.h). */
#define _GNU_SOURCE
#include "shim/guard.h"

#include <time.h>

#include "shim/real.h"

#include "shim/guest.h"

/* --- dispositions and masks --- */

enum { MASK_SIZE = 8 };

#if GUARD_NATIVE

/* The trampoline that a kernel's sigaction wants (SA_RESTORER). The unwinder knows it by its bytes. */
void guard_restorer(void);

enum { RESTORER_FLAG = 0x04000000 };

bool guard_set_action(int signal, const struct guard_action *action, struct guard_action *old)
{
    return GUEST_SYSCALL(SYS_rt_sigaction, signal, action, old, MASK_SIZE) == 0;
}

struct guard_action guard_action_of(uintptr_t handler, int flags, uint64_t mask)
{
    return (struct guard_action){.handler = handler,
                                 .flags = (unsigned long)(flags | RESTORER_FLAG),
                                 .restorer = guard_restorer,
                                 .mask = mask};
}

bool guard_is_default(const struct guard_action *action)
{
    return action->handler == (uintptr_t)SIG_DFL;
}

bool guard_has_handler(int signal, uintptr_t handler)
{
    struct guard_action now = {0}; /* for the analyser: the kernel fills it in */
    return guard_set_action(signal, NULL, &now) && now.handler == handler;
}

#else

bool guard_set_action(int signal, const struct guard_action *action, struct guard_action *old)
{
    return REAL(sigaction)(signal, &action->libc, old == NULL ? NULL : &old->libc) == 0;
}

struct guard_action guard_action_of(uintptr_t handler, int flags, uint64_t mask)
{
    struct guard_action action = {.libc = {.sa_handler = (sighandler_t)handler, .sa_flags = flags}};
    guest_copy(&action.libc.sa_mask, &mask, sizeof mask);
    return action;
}

bool guard_is_default(const struct guard_action *action)
{
    return action->libc.sa_handler == SIG_DFL;
}

bool guard_has_handler(int signal, uintptr_t handler)
{
    struct sigaction now;
    return REAL(sigaction)(signal, NULL, &now) == 0 && (uintptr_t)now.sa_handler == handler;
}

#endif

bool guard_set_default(int signal)
{
    struct guard_action action = guard_action_of((uintptr_t)SIG_DFL, 0, 0);
    return guard_set_action(signal, &action, NULL);
}

void guard_block_all(void)
{
    uint64_t all = ~(uint64_t)0;
    GUEST_SYSCALL(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, MASK_SIZE);
}

/* --- steps --- */

#if GUARD_NATIVE

struct guard {
    uintptr_t frame; /* of guard_enter: its frame pointer, by which it returns */
    struct guard *outer;
};

static struct guard *volatile innermost;

/* Calls step(argument) on the stack that ends at top, if not NULL. 0: it returned; 1: guard_escape let it
 * return. */
int guard_enter(void (*step)(void *), void *argument, void *top, uintptr_t *ret_frame);
void guard_landing(void);

/* The unwinder walks from one stack to the other by guard_enter's own CFI: the frame pointer stays on the old
 * one. The restorer has no CFI, and the byte before it belongs to nobody: else the unwinder would take that
 * for its caller's, instead of knowing it by its instructions (libgcc, x86_64_fallback_frame_state and
 * aarch64_fallback_frame_state). */
#if defined(__x86_64__)
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl guard_enter\n.hidden guard_enter\n.type guard_enter, @function\n"
        "guard_enter:\n"
        ".cfi_startproc\n"
        "pushq %rbp\n"
        ".cfi_def_cfa_offset 16\n.cfi_offset %rbp, -16\n"
        "movq %rsp, %rbp\n"
        ".cfi_def_cfa_register %rbp\n"
        "pushq %rbx\n.cfi_offset %rbx, -24\n"
        "pushq %r12\n.cfi_offset %r12, -32\n"
        "pushq %r13\n.cfi_offset %r13, -40\n"
        "pushq %r14\n.cfi_offset %r14, -48\n"
        "pushq %r15\n.cfi_offset %r15, -56\n"
        "subq $8, %rsp\n"
        "movq %rbp, (%rcx)\n"
        "testq %rdx, %rdx\n"
        "cmovneq %rdx, %rsp\n"
        "movq %rdi, %rax\n"
        "movq %rsi, %rdi\n"
        "callq *%rax\n"
        "xorl %eax, %eax\n"
        "jmp 1f\n"
        ".globl guard_landing\n.hidden guard_landing\n"
        "guard_landing:\n"
        "movl $1, %eax\n"
        "1: leaq -40(%rbp), %rsp\n"
        "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\n"
        ".cfi_def_cfa %rsp, 8\n"
        "retq\n"
        ".cfi_endproc\n"
        ".size guard_enter, . - guard_enter\n"
        "nop\n"
        ".balign 16\n"
        ".globl guard_restorer\n.hidden guard_restorer\n.type guard_restorer, @function\n"
        "guard_restorer:\n"
        "movq $15, %rax\n" /* __NR_rt_sigreturn */
        "syscall\n"
        ".size guard_restorer, . - guard_restorer\n"
        ".popsection\n");
#else
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl guard_enter\n.hidden guard_enter\n.type guard_enter, %function\n"
        "guard_enter:\n"
        ".cfi_startproc\n"
        "stp x29, x30, [sp, #-96]!\n"
        ".cfi_def_cfa_offset 96\n.cfi_offset 29, -96\n.cfi_offset 30, -88\n"
        "mov x29, sp\n"
        ".cfi_def_cfa_register 29\n"
        "stp x19, x20, [sp, #16]\n.cfi_offset 19, -80\n.cfi_offset 20, -72\n"
        "stp x21, x22, [sp, #32]\n.cfi_offset 21, -64\n.cfi_offset 22, -56\n"
        "stp x23, x24, [sp, #48]\n.cfi_offset 23, -48\n.cfi_offset 24, -40\n"
        "stp x25, x26, [sp, #64]\n.cfi_offset 25, -32\n.cfi_offset 26, -24\n"
        "stp x27, x28, [sp, #80]\n.cfi_offset 27, -16\n.cfi_offset 28, -8\n"
        "str x29, [x3]\n"
        "cbz x2, 1f\n"
        "mov sp, x2\n"
        "1: mov x4, x0\n"
        "mov x0, x1\n"
        "blr x4\n"
        "mov w0, #0\n"
        "b 2f\n"
        ".globl guard_landing\n.hidden guard_landing\n"
        "guard_landing:\n"
        "mov w0, #1\n"
        "2: mov sp, x29\n"
        "ldp x19, x20, [sp, #16]\n"
        "ldp x21, x22, [sp, #32]\n"
        "ldp x23, x24, [sp, #48]\n"
        "ldp x25, x26, [sp, #64]\n"
        "ldp x27, x28, [sp, #80]\n"
        "ldp x29, x30, [sp], #96\n"
        ".cfi_def_cfa 31, 0\n.cfi_restore 29\n.cfi_restore 30\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size guard_enter, . - guard_enter\n"
        "nop\n"
        ".balign 16\n"
        ".globl guard_restorer\n.hidden guard_restorer\n.type guard_restorer, %function\n"
        "guard_restorer:\n"
        "mov x8, #139\n" /* __NR_rt_sigreturn */
        "svc #0\n"
        ".size guard_restorer, . - guard_restorer\n"
        ".popsection\n");
#endif

bool guard_try(void (*step)(void *argument), void *argument, void *top)
{
    struct guard guard = {.outer = innermost};
    innermost = &guard;
    bool whole = guard_enter(step, argument, top, &guard.frame) == 0;
    innermost = guard.outer;
    return whole;
}

bool guard_escape(ucontext_t *context)
{
    if (innermost == NULL)
        return false;
    /* By sigreturn, not by longjmp: the signal mask and the direction flag come right by themselves. The
     * floating-point registers that a callee saves on aarch64 are not put back: between here and the
     * program's own sigreturn nobody uses them. */
    GUARD_PC(context) = (uintptr_t)guard_landing;
    GUARD_FRAME(context) = (__typeof__(GUARD_FRAME(context)))innermost->frame;
    GUARD_STACK(context) = (__typeof__(GUARD_STACK(context)))(innermost->frame - 64);
#if defined(__x86_64__)
    enum { DIRECTION_FLAG = 0x400 };
    context->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)DIRECTION_FLAG;
#endif
    return true;
}

#else

static void **volatile innermost;

bool guard_try(void (*step)(void *argument), void *argument, void *top)
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

/* Leaves by longjmp: the handler must have been called without a change of the signal mask. */
bool guard_escape(ucontext_t *context)
{
    (void)context;
    if (innermost == NULL)
        return false;
    __builtin_longjmp(innermost, 1);
}

#endif

/* --- their timer --- */

enum {
    LATE_NS = 1000 * 1000 * 1000,      /* the first time that a step is cut short, */
    LATE_AGAIN_NS = 250 * 1000 * 1000, /* and each time after that */
};

void guard_start_timer(void *timer_made)
{
    struct guard_timer *timer = timer_made;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = GUARD_TIMER_SIGNAL};
    event._sigev_un._tid = (pid_t)GUEST_SYSCALL(SYS_gettid);
    if (GUEST_SYSCALL(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer->id) < 0)
        return;
    timer->made = true;
    struct itimerspec limit = {
        .it_value = {.tv_sec = LATE_NS / 1000000000, .tv_nsec = LATE_NS % 1000000000},
        .it_interval = {.tv_nsec = LATE_AGAIN_NS},
    };
    GUEST_SYSCALL(SYS_timer_settime, timer->id, 0, &limit, NULL);
}

/* A last signal of its may still cut this short, on the way out of the system call: the timer is gone then
 * all the same. */
void guard_stop_timer(void *timer_made)
{
    const struct guard_timer *timer = timer_made;
    if (timer->made)
        GUEST_SYSCALL(SYS_timer_delete, timer->id);
}
