/* crash_event.c: collects the evidence of a crash and sends it to the runner.
 *
 * The process's stack and heap may be broken, and its other threads run on. Therefore all this runs
 * on a stack of its own, each step may fault (fault_guard.h), and a timer ends a step that takes
 * too long. What was collected until then is sent. */
#define _GNU_SOURCE
#include "shim/crash/crash_event.h"

#include "shim/core/send.h"
#include "shim/core/session.h"
#include "shim/crash/claim.h"
#include "shim/crash/fault_guard.h"
#include "shim/crash/machine.h"
#include "shim/crash/modules.h"
#include "shim/crash/signal_action.h"
#include "shim/crash/unwind.h"

#include "shim/nolibc.h"

const int crash_event_signals[CRASH_EVENT_SIGNALS] = {SIGSEGV, SIGBUS,  SIGILL, SIGFPE,
                                                      SIGABRT, SIGTRAP, SIGSYS};

/* The unwinder needs some 4 KiB, sending 1 KiB, the stack frame of a nested signal up to 12 KiB.
 * Untouched pages cost nothing. */
enum { STACK_SIZE = 128 * 1024 };
static char own_stack[STACK_SIZE] __attribute__((aligned(64)));

static struct {
    int signal;
    siginfo_t *info;
    ucontext_t *context;
    void (*on_nested)(int, siginfo_t *, void *);
    int saved_errno;
    bool late; /* the timer has expired */
    struct fault_guard_timer timer;
    int diverted; /* how many of `saved` are filled in */
    struct signal_action saved[CRASH_EVENT_SIGNALS];
    struct unwind_trace trace;
    struct modules modules;
    uint32_t length;
    struct sscap_event event;
    union {
        struct sscap_crash head;
        char bytes[SSCAP_EVENT_SIZE_MAX - sizeof(struct sscap_event)];
    } payload;
} crash;

/* --- steps: each may end anywhere --- */

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

/* Without SA_ONSTACK. The stack frame of the first signal may be on the alternate stack, and the
 * kernel would begin at its top again. */
static void divert_signals(void)
{
    struct signal_action nested = signal_action_make((uintptr_t)crash.on_nested,
                                                     SA_SIGINFO | SA_NODEFER | SA_RESTART, 0);
    for (crash.diverted = 0; crash.diverted < CRASH_EVENT_SIGNALS; crash.diverted++)
        signal_action_set(crash_event_signals[crash.diverted], &nested,
                          &crash.saved[crash.diverted]);
}

static void restore_signals(void)
{
    for (int i = 0; i < crash.diverted; i++)
        signal_action_set(crash_event_signals[i], &crash.saved[i], NULL);
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
    /* int3 is a trap: the program counter is already after it. */
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

/* What stdout's buffer holds, read from glibc's FILE as its header shows it. Wide streams have
 * another buffer. */
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

/* A step of its own, because a seccomp filter may forbid it. */
static void find_parent(void *unused)
{
    (void)unused;
    crash.event.other = (int32_t)RAW_SYSCALL(SYS_getppid);
}

static void send_collected(void *unused)
{
    (void)unused;
    send_event(&crash.event, &crash.payload, crash.length);
}

/* Puts the variable parts of the event after its head. Returns the end. */
static char *put_trace_and_modules(struct sscap_crash *head)
{
    head->frames = crash.trace.frames;
    head->exact = crash.trace.exact;
    char *to = nolibc_copy(head + 1, crash.trace.pc, head->frames * sizeof *crash.trace.pc);
    if (!crash.late)
        modules_find(&crash.modules, crash.trace.pc, crash.trace.frames, crash.trace.exact);
    head->modules = crash.modules.count;
    return put_modules(to);
}

static void collect_and_send(void *unused)
{
    (void)unused;
    struct sscap_crash *head = &crash.payload.head;
    divert_signals();
    fault_guard_try(save_errno, NULL, NULL);
    fault_guard_try(fault_guard_start_timer, &crash.timer, NULL);
    describe_signal(head);
    trace_stack();
    char *to = put_trace_and_modules(head);
    fault_guard_try(put_left, to, NULL);
    crash.length = (uint32_t)(to - crash.payload.bytes) + head->left_length;
    crash.event = (struct sscap_event){.type = SSCAP_EVENT_CRASH};
    fault_guard_try(find_parent, NULL, NULL);
    fault_guard_try(send_collected, NULL, NULL);
    fault_guard_try(restore_errno, NULL, NULL);
}

/* Runs on our own stack, by which crash_event_is_collecting knows it. */
static void collect_in_time(void *unused)
{
    (void)unused;
    fault_guard_try(collect_and_send, NULL, NULL);
    fault_guard_try(fault_guard_stop_timer, &crash.timer, NULL);
}

void crash_event_send(int signal, siginfo_t *info, ucontext_t *context,
                      void (*on_nested)(int, siginfo_t *, void *))
{
    crash.signal = signal;
    crash.info = info;
    crash.context = context;
    crash.on_nested = on_nested;
    crash.late = crash.timer.made = false;
    crash.diverted = 0;
    crash.modules.count = 0;
    fault_guard_try(collect_in_time, NULL, own_stack + sizeof own_stack);
    signal_action_block_all();
    restore_signals();
}

bool crash_event_is_collecting(void)
{
#if MACHINE_KNOWN
    const char *here = __builtin_frame_address(0);
    return here >= own_stack && here < own_stack + sizeof own_stack;
#else
    return claim_is_mine();
#endif
}

void crash_event_hurry(void)
{
    crash.late = true;
}
