/* guard.c: dispositions, steps, their timer (see guard.h). */
#define _GNU_SOURCE
#include "shim/crash/fault_guard.h"

#include <time.h>

#include "shim/core/real.h"

#include "shim/nolibc.h"

/* --- dispositions and masks --- */

enum { MASK_SIZE = 8 };

#if FAULT_GUARD_NATIVE

/* The trampoline that a kernel's sigaction wants (SA_RESTORER). The unwinder knows it by its bytes.
 */
void signal_action_restorer(void);

enum { RESTORER_FLAG = 0x04000000 };

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
    return REAL(sigaction)(signal, &action->libc, old == NULL ? NULL : &old->libc) == 0;
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
    struct sigaction now;
    return REAL(sigaction)(signal, NULL, &now) == 0 && (uintptr_t)now.sa_handler == handler;
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

/* --- steps --- */

#if FAULT_GUARD_NATIVE

struct guard {
    uintptr_t frame; /* of fault_guard_enter: its frame pointer, by which it returns */
    struct guard *outer;
};

static struct guard *volatile innermost;

/* Calls step(argument) on the stack that ends at top, if not NULL. 0: it returned; 1:
 * fault_guard_escape let it return. */
int fault_guard_enter(void (*step)(void *), void *argument, void *top, uintptr_t *ret_frame);
void fault_guard_landing(void);

/* The unwinder walks from one stack to the other by fault_guard_enter's own CFI: the frame pointer
 * stays on the old one. The restorer has no CFI, and the byte before it belongs to nobody: else the
 * unwinder would take that for its caller's, instead of knowing it by its instructions (libgcc,
 * x86_64_fallback_frame_state and aarch64_fallback_frame_state). */
#if defined(__x86_64__)
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl fault_guard_enter\n.hidden fault_guard_enter\n.type fault_guard_enter, @function\n"
        "fault_guard_enter:\n"
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
        ".globl fault_guard_landing\n.hidden fault_guard_landing\n"
        "fault_guard_landing:\n"
        "movl $1, %eax\n"
        "1: leaq -40(%rbp), %rsp\n"
        "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\n"
        ".cfi_def_cfa %rsp, 8\n"
        "retq\n"
        ".cfi_endproc\n"
        ".size fault_guard_enter, . - fault_guard_enter\n"
        "nop\n"
        ".balign 16\n"
        ".globl signal_action_restorer\n.hidden signal_action_restorer\n.type "
        "signal_action_restorer, @function\n"
        "signal_action_restorer:\n"
        "movq $15, %rax\n" /* __NR_rt_sigreturn */
        "syscall\n"
        ".size signal_action_restorer, . - signal_action_restorer\n"
        ".popsection\n");
#else
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl fault_guard_enter\n.hidden fault_guard_enter\n.type fault_guard_enter, %function\n"
        "fault_guard_enter:\n"
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
        ".globl fault_guard_landing\n.hidden fault_guard_landing\n"
        "fault_guard_landing:\n"
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
        ".size fault_guard_enter, . - fault_guard_enter\n"
        "nop\n"
        ".balign 16\n"
        ".globl signal_action_restorer\n.hidden signal_action_restorer\n.type "
        "signal_action_restorer, %function\n"
        "signal_action_restorer:\n"
        "mov x8, #139\n" /* __NR_rt_sigreturn */
        "svc #0\n"
        ".size signal_action_restorer, . - signal_action_restorer\n"
        ".popsection\n");
#endif

bool fault_guard_try(void (*step)(void *argument), void *argument, void *top)
{
    struct guard guard = {.outer = innermost};
    innermost = &guard;
    bool whole = fault_guard_enter(step, argument, top, &guard.frame) == 0;
    innermost = guard.outer;
    return whole;
}

bool fault_guard_escape(ucontext_t *context)
{
    if (innermost == NULL)
        return false;
    /* By sigreturn, not by longjmp: the signal mask and the direction flag come right by
     * themselves. The floating-point registers that a callee saves on aarch64 are not put back:
     * between here and the program's own sigreturn nobody uses them. */
    FAULT_GUARD_PC(context) = (uintptr_t)fault_guard_landing;
    FAULT_GUARD_FRAME(context) = (__typeof__(FAULT_GUARD_FRAME(context)))innermost->frame;
    FAULT_GUARD_STACK(context) = (__typeof__(FAULT_GUARD_STACK(context)))(innermost->frame - 64);
#if defined(__x86_64__)
    enum { DIRECTION_FLAG = 0x400 };
    context->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)DIRECTION_FLAG;
#endif
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

/* Leaves by longjmp: the handler must have been called without a change of the signal mask. */
bool fault_guard_escape(ucontext_t *context)
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
        .it_value = {.tv_sec = LATE_NS / 1000000000, .tv_nsec = LATE_NS % 1000000000},
        .it_interval = {.tv_nsec = LATE_AGAIN_NS},
    };
    RAW_SYSCALL(SYS_timer_settime, timer->id, 0, &limit, NULL);
}

/* A last signal of its may still cut this short, on the way out of the system call: the timer is
 * gone then all the same. */
void fault_guard_stop_timer(void *timer_made)
{
    const struct fault_guard_timer *timer = timer_made;
    if (timer->made)
        RAW_SYSCALL(SYS_timer_delete, timer->id);
}
