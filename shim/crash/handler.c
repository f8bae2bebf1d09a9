/* handler.c: the handlers of the signals that a crash raises.
 *
 * The process must die as it would without us: of the same signal, with the same siginfo, at the
 * same instruction, with its core dump. Therefore the handler sends the evidence, restores the
 * default disposition and returns. A fault then happens again. Another signal is sent again. */
#define _GNU_SOURCE
#include "shim/crash/handler.h"

#include <ucontext.h>

#include "shim/core/session.h"
#include "shim/crash/claim.h"
#include "shim/crash/crash_event.h"
#include "shim/crash/elf_note.h"
#include "shim/crash/fault_guard.h"
#include "shim/crash/signal_action.h"

#include "shim/nolibc.h"

enum {
    /* The program's own handlers run on it, too, if they have SA_ONSTACK and no stack. */
    ALTERNATE_STACK_SIZE = 128 * 1024,
    INIT = 1, /* the pid of a pid namespace's init, which does not die of signals that are sent */
};

/* Without these system calls, no handler could do its work, return, or let the process die. */
enum { NEEDED = SYSCALL_IDS | SYSCALL_COOKIE | SYSCALL_SEND | SYSCALL_SLEEP | SYSCALL_SIGNAL };

static int watched; /* how many of crash_event_signals; the constructor writes it */
static bool alternate_stack_used;
static bool disarmed; /* for good, because of a seccomp filter */

/* Untouched pages cost nothing. */
static char alternate_stack[ALTERNATE_STACK_SIZE] __attribute__((aligned(64)));

static uint64_t bit_of(int signal)
{
    return (uint64_t)1 << (signal - 1);
}

/* All signals except those that a fault of ours could raise. */
static uint64_t mask_of_others(void)
{
    uint64_t mask = ~(uint64_t)0;
    for (int i = 0; i < CRASH_EVENT_SIGNALS; i++)
        mask &= ~bit_of(crash_event_signals[i]);
    return mask;
}

/* SA_NODEFER: a fault in the handler must reach the handler; a blocked one would kill at once.
 * SA_RESTART: init does not die, and its system calls must not fail with EINTR.
 * SA_ONSTACK: for stack overflows, so only for SIGSEGV. If the program's alternate stack is too
 * small for this machine's registers, the kernel makes a SIGSEGV of any other signal. */
static int flags_of(int signal)
{
    return SA_SIGINFO | SA_NODEFER | SA_RESTART | (signal == SIGSEGV ? SA_ONSTACK : 0);
}

/* --- dying as without us --- */

static void send_again(int signal, siginfo_t *info, struct claim_thread me)
{
    /* The signal stays blocked until the handler returns, so it hits the program where it stood. A
     * thread may send itself any siginfo (rt_tgsigqueueinfo(2)). */
    signal_action_block_all();
    if (RAW_SYSCALL(SYS_rt_tgsigqueueinfo, me.pid, me.tid, signal, info) < 0)
        RAW_SYSCALL(SYS_tgkill, me.pid, me.tid, signal);
}

/* Whether the instruction raises the signal again when the handler returns. That is better than
 * sending the signal again: it kills a pid namespace's init, and emulators (valgrind, qemu) take a
 * sent signal that looks like a fault for one of their own. */
static bool comes_again(int signal, const siginfo_t *info, const ucontext_t *context)
{
    enum { ASYNCHRONOUS_TAG_FAULT = 8, GENERAL_PROTECTION = 13 };
    (void)context;
    if (info->si_code <= 0)
        return false;
    if (signal == SIGILL || signal == SIGFPE)
        return true;
    if (signal == SIGBUS)
        return info->si_code == BUS_ADRALN || info->si_code == BUS_ADRERR ||
               info->si_code == BUS_OBJERR;
#if defined(__x86_64__)
    /* A non-canonical address. */
    if (info->si_code == SI_KERNEL && context->uc_mcontext.gregs[REG_TRAPNO] != GENERAL_PROTECTION)
        return false;
    return signal == SIGSEGV;
#else
    return signal == SIGSEGV && info->si_code != SI_KERNEL &&
           info->si_code != ASYNCHRONOUS_TAG_FAULT;
#endif
}

/* Makes the process die of the signal when the handler returns. If a seccomp filter forbids that,
 * SIGKILL is better than to run on. */
static void die_of(int signal, siginfo_t *info, const ucontext_t *context, struct claim_thread me)
{
    if (!signal_action_set_default(signal))
        RAW_SYSCALL(SYS_tgkill, me.pid, me.tid, SIGKILL);
    if (!comes_again(signal, info, context))
        send_again(signal, info, me);
}

/* --- handlers --- */

/* During the collection of another thread's evidence. */
static void on_nested(int signal, siginfo_t *info, void *context)
{
    if (crash_event_is_collecting()) {
        if (info->si_code == SI_TIMER)
            crash_event_hurry();
        if (fault_guard_escape(context))
            return;
    }
    /* Another thread, whose handler may be the program's own. It waits for the first one. If the
     * process still lives then, the dispositions are as before. */
    struct claim_thread me = claim_self();
    if (!claim_wait_until_free())
        die_of(signal, info, context, me);
    else if (!comes_again(signal, info, context))
        send_again(signal, info, me);
}

static void on_crash(int signal, siginfo_t *info, void *context)
{
    /* A fault in the first steps, before the signals are diverted. */
    if (crash_event_is_collecting() && fault_guard_escape(context))
        return;
    /* The filter is that of a vfork child, which has its own dispositions. We run in its parent. */
    if (disarmed)
        __atomic_store_n(&syscalls_forbidden, 0, __ATOMIC_RELAXED);
    struct claim_thread me = claim_self();
    /* The default action would be to ignore a signal that was sent (pid_namespaces(7)). */
    if (info->si_code <= 0 && me.pid == INIT)
        return;
    if (claim_take(me)) {
        crash_event_send(signal, info, context, on_nested);
        claim_release(me);
    }
    die_of(signal, info, context, me);
}

/* --- dispositions --- */

struct sigaction crash_handler_action(int signal)
{
    struct sigaction act = {.sa_sigaction = on_crash, .sa_flags = flags_of(signal)};
    if (disarmed)
        return (struct sigaction){.sa_handler = SIG_DFL};
    uint64_t mask = mask_of_others();
    nolibc_copy(&act.sa_mask, &mask, sizeof mask);
    return act;
}

bool crash_handler_watches(int signal)
{
    for (int i = 0; i < watched; i++)
        if (crash_event_signals[i] == signal)
            return true;
    return false;
}

bool crash_handler_is_ours(void (*handler)(int))
{
    return (uintptr_t)handler == (uintptr_t)on_crash;
}

stack_t crash_handler_alternate_stack(void)
{
    if (!alternate_stack_used)
        return (stack_t){.ss_flags = SS_DISABLE};
    return (stack_t){.ss_sp = alternate_stack, .ss_size = sizeof alternate_stack};
}

static void set_alternate_stack(void)
{
    stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof alternate_stack}, old = {0};
    alternate_stack_used = RAW_SYSCALL(SYS_sigaltstack, &stack, &old) == 0;
    if (alternate_stack_used && (old.ss_flags & SS_DISABLE) == 0) {
        RAW_SYSCALL(SYS_sigaltstack, &old, NULL);
        alternate_stack_used = false;
    }
}

void crash_handler_init(void)
{
    if ((session.flags & SSCAP_FLAG_CRASHES) == 0 || syscalls_forbidden & NEEDED ||
        elf_note_program_is_go())
        return;
    watched = nolibc_getpid() == INIT ? CRASH_EVENT_SIGNALS_OF_INIT : CRASH_EVENT_SIGNALS;
    for (int i = 0; i < watched; i++) {
        int signal = crash_event_signals[i];
        struct signal_action ours = signal_action_make((uintptr_t)on_crash, flags_of(signal),
                                                       mask_of_others()),
                             old = ours;
        if (signal_action_set(signal, &ours, &old) && !signal_action_is_default(&old))
            signal_action_set(signal, &old, NULL);
    }
    set_alternate_stack();
}

void crash_handler_disarm(uint32_t forbidden)
{
    if (watched == 0 || (forbidden & NEEDED) == 0 ||
        __atomic_exchange_n(&disarmed, true, __ATOMIC_RELAXED))
        return;
    for (int i = 0; i < watched; i++)
        if (signal_action_has_handler(crash_event_signals[i], (uintptr_t)on_crash))
            signal_action_set_default(crash_event_signals[i]);
}
