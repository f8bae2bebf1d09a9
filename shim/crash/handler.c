/* crash.c: handlers for fatal signals that say what happened and then let it happen (see crash.h).
 *
 * The process dies as it would without us: of the same signal, with the same siginfo, at the same
 * instruction, with its core dump. For that the handler puts the default back and returns: a fault
 * comes again by itself, another signal is sent again. Until then it is in a process whose stack
 * and heap may be broken, and in which other threads run on. So: one crash at a time; a stack of
 * our own, as the one we are called on may be small; each step can fail (fault_guard_try) and
 * leaves what it had got so far; a timer ends steps that take too long. */
#define _GNU_SOURCE
#include "shim/crash/handler.h"

#include <time.h>
#include <ucontext.h>

#include "shim/core/send.h"
#include "shim/core/session.h"
#include "shim/crash/fault_guard.h"
#include "shim/crash/modules.h"
#include "shim/crash/unwind.h"

#include "shim/nolibc.h"

enum {
    SIGNALS = 7,
    WAIT_NS = 10 * 1000 * 1000,
    WAITS = 200, /* for another thread's crash to be done with */
    WAITS_STALE =
        20, /* where its process is not ours: our parent's, or that of a quick vfork child */
    /* The unwinder needs some 4 KiB, sending 1 KiB, a nested signal's frame up to 12 KiB. */
    STACK_SIZE = 128 * 1024,
    /* The program's own handlers meet it, too, if they ask for one and have none. */
    ALTERNATE_STACK_SIZE = 128 * 1024,
    INIT = 1, /* pid of a pid namespace's init, which does not die of signals that are sent */
};

/* The last two are not repeated when the handler returns: then they have to be sent, and init would
 * not die of that. */
enum { SIGNALS_OF_INIT = SIGNALS - 2 };
static const int signals[SIGNALS] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};

static int watched; /* how many of them: written by the constructor alone */
static bool alternate_stack_used;
static bool disarmed; /* for good: a sandbox */

/* Without these no handler could do its work, return, or let the process die. */
enum { NEEDED = SYSCALL_IDS | SYSCALL_COOKIE | SYSCALL_SEND | SYSCALL_SLEEP | SYSCALL_SIGNAL };

/* Untouched pages cost nothing. */
static char alternate_stack[ALTERNATE_STACK_SIZE] __attribute__((aligned(64)));
static char own_stack[STACK_SIZE] __attribute__((aligned(64)));

static void on_crash(int signal, siginfo_t *info, void *context);
static void on_nested(int signal, siginfo_t *info, void *context);

static uint64_t bit_of(int signal)
{
    return (uint64_t)1 << (signal - 1);
}

/* All but those that mean that something of ours has failed. */
static uint64_t mask_of_others(void)
{
    uint64_t mask = ~(uint64_t)0;
    for (int i = 0; i < SIGNALS; i++)
        mask &= ~bit_of(signals[i]);
    return mask;
}

/* SA_NODEFER: a fault in the handler must come through, a blocked one would kill at once.
 * SA_RESTART: init lives on, and must not be told EINTR. SA_ONSTACK: for stack overflows alone.
 * Elsewhere it would change how the process dies where a program's alternate stack is too small for
 * this machine's registers: the kernel makes a SIGSEGV of that. */
static int flags_of(int signal)
{
    return SA_SIGINFO | SA_NODEFER | SA_RESTART | (signal == SIGSEGV ? SA_ONSTACK : 0);
}

static void sleep_ns(long ns)
{
    struct timespec limit = {.tv_nsec = ns};
    RAW_SYSCALL(SYS_ppoll, NULL, 0, &limit, NULL, 0);
}

/* --- one crash at a time --- */

struct thread {
    int32_t pid, tid;
};

/* The thread that uses what is below, as pid and tid; 0: none. A vfork child shares all this with
 * its parent, a forked one has a copy. */
static uint64_t owner;
/* The one that has told of its crash, and whose process is about to die of it. */
static uint64_t told;

static struct {
    int signal;
    siginfo_t *info;
    ucontext_t *context;
    int saved_errno;
    bool late; /* no more steps that can be left out */
    struct fault_guard_timer timer;
    int diverted; /* how many of: */
    struct signal_action saved[SIGNALS];
    struct unwind_trace trace;
    struct modules modules;
    uint32_t length;
    struct sscap_event event;
    union {
        struct sscap_crash head;
        char bytes[SSCAP_EVENT_SIZE_MAX - sizeof(struct sscap_event)];
    } payload;
} crash;

static struct thread self(void)
{
    return (struct thread){.pid = nolibc_getpid(), .tid = (int32_t)RAW_SYSCALL(SYS_gettid)};
}

static uint64_t word_of(struct thread thread)
{
    return (uint64_t)(uint32_t)thread.pid << 32 | (uint32_t)thread.tid;
}

static int32_t pid_of(uint64_t word)
{
    return (int32_t)(word >> 32);
}

static bool is_stale(uint64_t word, struct thread me, int waits)
{
    if (pid_of(word) != me.pid)
        return waits >= WAITS_STALE;
    return RAW_SYSCALL(SYS_tgkill, me.pid, (int32_t)word, 0) == -ESRCH;
}

/* Waits a while for another thread that is at it: mostly that one ends the process meanwhile. */
static bool claim(struct thread me)
{
    for (int waits = 0; waits <= WAITS; waits++) {
        uint64_t last = __atomic_load_n(&told, __ATOMIC_ACQUIRE);
        uint64_t word = __atomic_load_n(&owner, __ATOMIC_ACQUIRE);
        if (last == word_of(me) || word == word_of(me))
            return false; /* dying of it is what failed */
        if (pid_of(last) != me.pid && (word == 0 || is_stale(word, me, waits)) &&
            __atomic_compare_exchange_n(&owner, &word, word_of(me), false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            return true;
        sleep_ns(WAIT_NS);
    }
    return false;
}

/* --- steps; each may be cut short anywhere --- */

static void save_errno(void *unused)
{
    (void)unused;
    crash.saved_errno = errno;
}

static void restore_errno(void *unused)
{
    (void)unused;
    errno = crash.saved_errno;
}

/* Not on the alternate stack: the first signal's frame may lie there, and the kernel would begin at
 * its top again. */
static void divert_signals(void)
{
    struct signal_action nested = signal_action_make((uintptr_t)on_nested,
                                                     SA_SIGINFO | SA_NODEFER | SA_RESTART, 0);
    for (crash.diverted = 0; crash.diverted < SIGNALS; crash.diverted++)
        signal_action_set(signals[crash.diverted], &nested, &crash.saved[crash.diverted]);
}

static void restore_signals(void)
{
    for (int i = 0; i < crash.diverted; i++)
        signal_action_set(signals[i], &crash.saved[i], NULL);
}

static void describe_signal(struct sscap_crash *head)
{
    const siginfo_t *info = crash.info;
    *head = (struct sscap_crash){.signal = crash.signal, .code = info->si_code};
    head->tid = (uint32_t)RAW_SYSCALL(SYS_gettid);
    if (info->si_code > 0)
        head->address = crash.signal == SIGSYS ? (uint64_t)(uint32_t)info->si_syscall
                                               : (uintptr_t)info->si_addr;
    else if (info->si_code == SI_USER || info->si_code == SI_QUEUE || info->si_code == SI_TKILL)
        head->sender = info->si_pid;
}

static void trace_stack(void)
{
    bool exact = true;
#if defined(__x86_64__) || defined(__i386__)
    /* int3 is a trap: the program counter is behind it already. */
    exact = crash.signal != SIGTRAP || crash.info->si_code != SI_KERNEL;
#endif
    unwind_stack(&crash.trace, crash.context, exact);
}

static char *put_modules(char *to)
{
    for (uint32_t i = 0; i < crash.modules.count; i++) {
        const struct module *module = &crash.modules.of[i];
        to = nolibc_copy(to, &module->head, sizeof module->head);
        to = nolibc_copy(to, module->path, module->head.path_length);
    }
    return to;
}

/* What was printed but not written: glibc's FILE, as its header shows it. Wide streams have theirs
 * elsewhere. */
static void put_left(void *to)
{
#ifdef __GLIBC__
    enum { MAGIC = (int)0xfbad0000, MAGIC_MASK = (int)0xffff0000, CURRENTLY_PUTTING = 0x800 };
    const FILE *file = stdout;
    if (file == NULL || (file->_flags & MAGIC_MASK) != MAGIC ||
        (file->_flags & CURRENTLY_PUTTING) == 0 || session_stream(file->_fileno) < 0)
        return;
    const char *start = file->_IO_write_base, *end = file->_IO_write_ptr;
    if (start < file->_IO_buf_base || end <= start || end > file->_IO_buf_end)
        return;
    size_t length = (size_t)(end - start);
    if (length > SSCAP_LEFT_MAX)
        length = SSCAP_LEFT_MAX;
    nolibc_copy(to, end - length, length);
    crash.payload.head.left_length = (uint32_t)length;
#else
    (void)to;
#endif
}

/* By itself: a sandbox may forbid it. */
static void find_parent(void *unused)
{
    (void)unused;
    crash.event.other = (int32_t)RAW_SYSCALL(SYS_getppid);
}

static void send_crash(void *unused)
{
    (void)unused;
    send_event(&crash.event, &crash.payload, crash.length);
}

static void tell(void *unused)
{
    (void)unused;
    struct sscap_crash *head = &crash.payload.head;
    divert_signals();
    fault_guard_try(save_errno, NULL, NULL);
    fault_guard_try(fault_guard_start_timer, &crash.timer, NULL);
    describe_signal(head);
    trace_stack();
    head->frames = crash.trace.frames;
    head->exact = crash.trace.exact;
    char *to = nolibc_copy(head + 1, crash.trace.pc, head->frames * sizeof *crash.trace.pc);
    if (!crash.late)
        modules_find(&crash.modules, crash.trace.pc, crash.trace.frames, crash.trace.exact);
    head->modules = crash.modules.count;
    to = put_modules(to);
    fault_guard_try(put_left, to, NULL);
    crash.length = (uint32_t)(to - crash.payload.bytes) + head->left_length;
    crash.event = (struct sscap_event){.type = SSCAP_EVENT_CRASH};
    fault_guard_try(find_parent, NULL, NULL);
    fault_guard_try(send_crash, NULL, NULL);
    fault_guard_try(restore_errno, NULL, NULL);
}

/* On our own stack, where on_nested knows us. */
static void tell_in_time(void *unused)
{
    (void)unused;
    fault_guard_try(tell, NULL, NULL);
    fault_guard_try(fault_guard_stop_timer, &crash.timer, NULL);
}

static void tell_of(int signal, siginfo_t *info, ucontext_t *context)
{
    crash.signal = signal;
    crash.info = info;
    crash.context = context;
    crash.late = crash.timer.made = false;
    crash.diverted = 0;
    crash.modules.count = 0;
    fault_guard_try(tell_in_time, NULL, own_stack + sizeof own_stack);
    signal_action_block_all();
    restore_signals();
}

/* --- handlers --- */

static void send_again(int signal, siginfo_t *info, struct thread me)
{
    /* It stays blocked until the handler returns: where the program stood is where it is taken.
     * Anybody may send himself any siginfo (rt_tgsigqueueinfo(2)). */
    signal_action_block_all();
    if (RAW_SYSCALL(SYS_rt_tgsigqueueinfo, me.pid, me.tid, signal, info) < 0)
        RAW_SYSCALL(SYS_tgkill, me.pid, me.tid, signal);
}

/* Whether the instruction does it again by itself, with the true siginfo: so does init's, whom a
 * sent signal does not kill; and emulators (valgrind, qemu) take a sent signal that looks like a
 * fault for one of their own. Not what the kernel raised for other reasons. */
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
    /* An address that is none at all. */
    if (info->si_code == SI_KERNEL && context->uc_mcontext.gregs[REG_TRAPNO] != GENERAL_PROTECTION)
        return false;
    return signal == SIGSEGV;
#else
    return signal == SIGSEGV && info->si_code != SI_KERNEL &&
           info->si_code != ASYNCHRONOUS_TAG_FAULT;
#endif
}

/* What the signal would have done without us, once the handler returns. */
static void die_of(int signal, siginfo_t *info, const ucontext_t *context, struct thread me)
{
    if (!signal_action_set_default(
            signal)) /* a sandbox: of two wrongs, ending otherwise is better than never */
        RAW_SYSCALL(SYS_tgkill, me.pid, me.tid, SIGKILL);
    if (!comes_again(signal, info, context))
        send_again(signal, info, me);
}

static bool on_own_stack(void)
{
#if FAULT_GUARD_NATIVE
    const char *here = __builtin_frame_address(0);
    return here >= own_stack && here < own_stack + sizeof own_stack;
#else
    return __atomic_load_n(&owner, __ATOMIC_ACQUIRE) == word_of(self());
#endif
}

static void on_crash(int signal, siginfo_t *info, void *context)
{
    if (on_own_stack() && fault_guard_escape(context))
        return;   /* the very first steps have failed */
    if (disarmed) /* not in this process: a vfork child of it is under a filter, and has its own
                     dispositions */
        __atomic_store_n(&syscalls_forbidden, 0, __ATOMIC_RELAXED);
    struct thread me = self();
    if (info->si_code <= 0 && me.pid == INIT)
        return; /* somebody sent it: the default action would have been to ignore it
                   (pid_namespaces(7)) */
    if (claim(me)) {
        tell_of(signal, info, context);
        __atomic_store_n(&told, word_of(me), __ATOMIC_RELEASE);
        __atomic_store_n(&owner, 0, __ATOMIC_RELEASE);
    }
    die_of(signal, info, context, me);
}

/* While a thread tells of its crash. */
static void on_nested(int signal, siginfo_t *info, void *context)
{
    if (on_own_stack()) {
        if (info->si_code == SI_TIMER)
            crash.late = true;
        if (fault_guard_escape(context))
            return;
    }
    /* Another thread, which may have a handler for it. Once the first is done, if this one still
     * lives, all is as it was. */
    struct thread me = self();
    int waits = 0;
    while (__atomic_load_n(&owner, __ATOMIC_ACQUIRE) != 0 && waits++ < WAITS)
        sleep_ns(WAIT_NS);
    if (waits > WAITS)
        die_of(signal, info, context, me);
    else if (!comes_again(signal, info, context))
        send_again(signal, info, me);
}

/* --- being there --- */

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
        if (signals[i] == signal)
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

void crash_handler_init(void)
{
    if ((session.flags & SSCAP_FLAG_CRASHES) == 0 || syscalls_forbidden & NEEDED ||
        modules_is_go()) /* Go tells of crashes itself */
        return;
    watched = nolibc_getpid() == INIT ? SIGNALS_OF_INIT : SIGNALS;
    for (int i = 0; i < watched; i++) {
        struct signal_action ours = signal_action_make((uintptr_t)on_crash, flags_of(signals[i]),
                                                       mask_of_others()),
                             old = ours;
        if (signal_action_set(signals[i], &ours, &old) && !signal_action_is_default(&old))
            signal_action_set(signals[i], &old, NULL);
    }
    stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof alternate_stack}, old = {0};
    alternate_stack_used = RAW_SYSCALL(SYS_sigaltstack, &stack, &old) == 0;
    if (alternate_stack_used && (old.ss_flags & SS_DISABLE) == 0) {
        RAW_SYSCALL(SYS_sigaltstack, &old, NULL);
        alternate_stack_used = false;
    }
}

void crash_handler_disarm(uint32_t forbidden)
{
    if (watched == 0 || (forbidden & NEEDED) == 0 ||
        __atomic_exchange_n(&disarmed, true, __ATOMIC_RELAXED))
        return;
    for (int i = 0; i < watched; i++)
        if (signal_action_has_handler(signals[i], (uintptr_t)on_crash))
            signal_action_set_default(signals[i]);
}
