/* unwind.c: frames (see unwind.h).
 *
 * The unwinder is libgcc's, linked in statically: it reads .eh_frame, which every program of the
 * platform has, and so needs no frame pointers. From glibc 2.35 on it finds that without the
 * loader's lock
 * (_dl_find_object). */
#define _GNU_SOURCE
#include "shim/crash/unwind.h"

#include <unwind.h>

#include "shim/crash/fault_guard.h"
#include "shim/crash/modules.h"

#include "shim/nolibc.h"

/* --- what libgcc's unwinder would take from libc --- */

/* It can keep a register of code that was made at run time, and allocates for that: nobody
 * registers anything with our copy of it. These names are ours within the library alone (hidden),
 * so that it never can; it copes with NULL. Its strlen may not be the program's. */
void *unwind_no_memory(size_t size) __asm__("malloc") __attribute__((used));
void unwind_no_free(void *memory) __asm__("free") __attribute__((used));
size_t unwind_length(const char *text) __asm__("strlen") __attribute__((used));

void *unwind_no_memory(size_t size)
{
    (void)size;
    return NULL;
}

void unwind_no_free(void *memory)
{
    (void)memory;
}

size_t unwind_length(const char *text)
{
    return nolibc_length(text);
}

/* glibc alone has it, since 2.35: weak, as in guest.h (ld --wrap). */
int __wrap__dl_find_object(void *pc, void *result);
int __real__dl_find_object(void *pc, void *result) __attribute__((weak));

int __wrap__dl_find_object(void *pc, void *result)
{
    return __real__dl_find_object != NULL ? __real__dl_find_object(pc, result) : -1;
}

/* --- frames --- */

struct walk {
    struct unwind_trace *trace;
    bool started;
    uintptr_t pc, stack; /* of the frame before */
};

static _Unwind_Reason_Code collect(struct _Unwind_Context *frame, void *argument)
{
    struct walk *walk = argument;
    struct unwind_trace *trace = walk->trace;
    int interrupted = 0;
    uintptr_t pc = _Unwind_GetIPInfo(frame, &interrupted);
    uintptr_t stack = _Unwind_GetCFA(frame);
    if (!walk->started) {
        /* Our own, and the trampoline that called us; then the one that the signal interrupted:
         * that may be in the trace already. */
        walk->started = interrupted != 0;
        interrupted = 0;
        if (!walk->started || trace->frames > 0)
            return _URC_NO_REASON;
    }
    if (pc == 0 || (pc == walk->pc && stack == walk->stack) || trace->frames == SSCAP_FRAMES_MAX)
        return _URC_END_OF_STACK;
    walk->pc = pc;
    walk->stack = stack;
    /* A signal frame's trampoline was never called: its address, too, is that of an instruction. */
    if (interrupted)
        trace->exact |= (uint64_t)3 << (trace->frames - 1);
    trace->pc[trace->frames++] = pc;
    return _URC_NO_REASON;
}

static void walk_stack(void *argument)
{
    _Unwind_Backtrace(collect, argument);
}

static void walk(struct unwind_trace *trace)
{
    struct walk w = {.trace = trace};
    fault_guard_try(walk_stack, &w, NULL);
}

#if FAULT_GUARD_NATIVE

/* What a call leaves behind: where it returns to, and the stack and frame pointers that are there
 * then. */
struct caller {
    uintptr_t pc, stack, frame;
};

/* Whether the instruction before is a call. */
#if defined(__x86_64__)
static bool follows_call(uintptr_t pc)
{
    const volatile uint8_t *before = (const volatile uint8_t *)pc;
    if (before[-5] == 0xe8)
        return true;
    /* ff /2, with the lengths that its operand may have */
    static const int lengths[] = {2, 3, 4, 6, 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        if (before[-lengths[i]] == 0xff && (before[1 - lengths[i]] & 0x38) == 0x10)
            return true;
    return false;
}
#else
static bool follows_call(uintptr_t pc)
{
    if (pc % 4 != 0)
        return false;
    uint32_t before = ((const volatile uint32_t *)pc)[-1];
    return (before & 0xfc000000) == 0x94000000 || /* bl */
           (before & 0xfffffc1f) == 0xd63f0000 || /* blr */
           (before & 0xfefff800) == 0xd63f0800;   /* blraa and its kin */
}
#endif

enum { CALL_LENGTH_MAX = 8 }; /* in bytes */

/* Readable, too, with what stands before it. */
static bool is_return_address(uintptr_t pc)
{
    return modules_is_code(pc, CALL_LENGTH_MAX) && follows_call(pc);
}

struct search {
    const ucontext_t *context;
    struct caller caller; /* pc 0: none was found */
};

/* A jump to nowhere is a call, most often: the return address is where the call put it. Code
 * without CFI may have kept a frame pointer. */
static void find_caller(void *argument)
{
    struct search *search = argument;
    const ucontext_t *context = search->context;
    uintptr_t stack = (uintptr_t)FAULT_GUARD_STACK(context),
              frame = (uintptr_t)FAULT_GUARD_FRAME(context);
#if defined(__x86_64__)
    uintptr_t pc = *(const volatile uintptr_t *)stack;
    stack += sizeof pc;
#else
    uintptr_t pc = (uintptr_t)context->uc_mcontext.regs[30];
#endif
    if (!is_return_address(pc)) {
        const volatile uintptr_t *record = (const volatile uintptr_t *)frame;
        stack = frame + 2 * sizeof pc;
        frame = record[0];
        pc = record[1];
        if (!is_return_address(pc))
            return;
    }
    search->caller = (struct caller){.pc = pc, .stack = stack, .frame = frame};
}

/* The unwinder goes by what the kernel has put on the stack for sigreturn: that is made the
 * caller's for a while. */
static void walk_from_caller(struct unwind_trace *trace, ucontext_t *context)
{
    struct search search = {.context = context};
    if (!fault_guard_try(find_caller, &search, NULL) || search.caller.pc == 0)
        return;
    trace->pc[trace->frames++] = search.caller.pc;
    __typeof__(FAULT_GUARD_PC(context)) pc = FAULT_GUARD_PC(context);
    __typeof__(FAULT_GUARD_STACK(context)) stack = FAULT_GUARD_STACK(context);
    __typeof__(FAULT_GUARD_FRAME(context)) frame = FAULT_GUARD_FRAME(context);
    /* In the midst of the call: behind it there may be another function. */
    FAULT_GUARD_PC(context) = (__typeof__(pc))(search.caller.pc - 1);
    FAULT_GUARD_STACK(context) = (__typeof__(stack))search.caller.stack;
    FAULT_GUARD_FRAME(context) = (__typeof__(frame))search.caller.frame;
    walk(trace);
    FAULT_GUARD_PC(context) = pc;
    FAULT_GUARD_STACK(context) = stack;
    FAULT_GUARD_FRAME(context) = frame;
}

void unwind_stack(struct unwind_trace *trace, ucontext_t *context, bool exact)
{
    trace->pc[0] = (uintptr_t)FAULT_GUARD_PC(context);
    trace->frames = 1;
    trace->exact = exact;
    walk(trace);
    if (trace->frames == 1)
        walk_from_caller(trace, context);
}

#else

/* Without a name for the registers the unwinder's word must do: the interrupted frame is its own.
 */
void unwind_stack(struct unwind_trace *trace, ucontext_t *context, bool exact)
{
    (void)context;
    trace->frames = 0;
    trace->exact = exact;
    walk(trace);
    if (trace->frames == 0)
        trace->exact = 0;
}

#endif
