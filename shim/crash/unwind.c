/* unwind.c: walks the stack of the thread that crashed.
 *
 * The unwinder is libgcc's, linked statically. It reads .eh_frame, which every program of the
 * platform has, so it needs no frame pointers. From glibc 2.35 on, it finds .eh_frame without the
 * loader's lock (_dl_find_object). */
#define _GNU_SOURCE
#include "shim/crash/unwind.h"

#include <unwind.h>

#include "shim/core/objects.h"
#include "shim/crash/fault_guard.h"
#include "shim/crash/machine.h"
#include "shim/crash/mappings.h"

#include "shim/nolibc.h"

/* --- functions of libc that libgcc's unwinder calls --- */

/* The unwinder allocates memory when code is registered with it at run time. Nobody registers code
 * with our copy. These definitions (hidden, so only the library sees them) make sure that it never
 * allocates. It can handle NULL. It takes itself to be in a process without threads, because --wrap
 * hides pthread_once and its kin from it; those came into libc proper with glibc 2.34. It must not
 * call a strlen that the program defines. */
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

/* _dl_find_object of glibc 2.35. The linker's --wrap option sends libgcc's calls to us, because a
 * library that refers to it does not load with an older glibc. */
int __wrap__dl_find_object(void *pc, void *result);

int __wrap__dl_find_object(void *pc, void *result)
{
    void *found = NULL;
    if (objects_find("_dl_find_object", &found) != OBJECTS_FOUND)
        return -1;
    return ((int (*)(void *, void *))found)(pc, result);
}

/* --- stack frames --- */

struct walk {
    struct unwind_trace *trace;
    bool started;
    uintptr_t pc, stack; /* of the stack frame before */
};

static _Unwind_Reason_Code collect(struct _Unwind_Context *frame, void *argument)
{
    struct walk *walk = argument;
    struct unwind_trace *trace = walk->trace;
    int interrupted = 0;
    uintptr_t pc = _Unwind_GetIPInfo(frame, &interrupted);
    uintptr_t stack = _Unwind_GetCFA(frame);
    if (!walk->started) {
        /* First come our own stack frames and the signal trampoline. The next one is what the
         * signal interrupted. It may be in the trace already. */
        walk->started = interrupted != 0;
        interrupted = 0;
        if (!walk->started || trace->frames > 0)
            return _URC_NO_REASON;
    }
    if (pc == 0 || (pc == walk->pc && stack == walk->stack) || trace->frames == SSCAP_FRAMES_MAX)
        return _URC_END_OF_STACK;
    walk->pc = pc;
    walk->stack = stack;
    /* Nobody called a signal's trampoline, so its address is that of an instruction, too. */
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

#if MACHINE_KNOWN

/* The registers after the return from a call. */
struct caller {
    uintptr_t pc, stack, frame;
};

/* Whether the instruction before it is a call. */
#if defined(__x86_64__)
static bool follows_call(uintptr_t pc)
{
    const volatile uint8_t *before = (const volatile uint8_t *)pc;
    if (before[-5] == 0xe8)
        return true;
    /* ff /2, with each length that its operand may have */
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

/* Removes the signature that -mbranch-protection puts into return addresses (pointer
 * authentication). Machines without it take the instruction for a nop. */
static uintptr_t unsigned_address(uintptr_t pc)
{
#if defined(__aarch64__)
    register uintptr_t x30 __asm__("x30") = pc;
    __asm__("hint #7" : "+r"(x30)); /* xpaclri */
    return x30;
#else
    return pc;
#endif
}

static bool is_return_address(uintptr_t pc)
{
    return mappings_is_code(pc, CALL_LENGTH_MAX) && follows_call(pc);
}

struct search {
    const ucontext_t *context;
    struct caller caller; /* pc 0: none was found */
};

/* A jump to a bad address is mostly a call, so the return address is where a call puts it. Code
 * without CFI may have a frame pointer instead. */
static void find_caller(void *argument)
{
    struct search *search = argument;
    const ucontext_t *context = search->context;
    uintptr_t stack = (uintptr_t)MACHINE_STACK_POINTER(context),
              frame = (uintptr_t)MACHINE_FRAME_POINTER(context);
#if defined(__x86_64__)
    uintptr_t pc = *(const volatile uintptr_t *)stack;
    stack += sizeof pc;
#else
    uintptr_t pc = unsigned_address((uintptr_t)context->uc_mcontext.regs[30]);
#endif
    if (!is_return_address(pc)) {
        const volatile uintptr_t *record = (const volatile uintptr_t *)frame;
        stack = frame + 2 * sizeof pc;
        frame = record[0];
        pc = unsigned_address(record[1]);
        if (!is_return_address(pc))
            return;
    }
    search->caller = (struct caller){.pc = pc, .stack = stack, .frame = frame};
}

/* The unwinder starts from the registers that the kernel saved for sigreturn. They are set to the
 * caller's for that long. */
static void walk_from_caller(struct unwind_trace *trace, ucontext_t *context)
{
    struct search search = {.context = context};
    if (!fault_guard_try(find_caller, &search, NULL) || search.caller.pc == 0)
        return;
    trace->pc[trace->frames++] = search.caller.pc;
    __typeof__(MACHINE_PC(context)) pc = MACHINE_PC(context);
    __typeof__(MACHINE_STACK_POINTER(context)) stack = MACHINE_STACK_POINTER(context);
    __typeof__(MACHINE_FRAME_POINTER(context)) frame = MACHINE_FRAME_POINTER(context);
    /* Inside the call instruction, because another function may begin after it. */
    MACHINE_PC(context) = (__typeof__(pc))(search.caller.pc - 1);
    MACHINE_STACK_POINTER(context) = (__typeof__(stack))search.caller.stack;
    MACHINE_FRAME_POINTER(context) = (__typeof__(frame))search.caller.frame;
    walk(trace);
    MACHINE_PC(context) = pc;
    MACHINE_STACK_POINTER(context) = stack;
    MACHINE_FRAME_POINTER(context) = frame;
}

void unwind_stack(struct unwind_trace *trace, ucontext_t *context, bool exact)
{
    trace->pc[0] = (uintptr_t)MACHINE_PC(context);
    trace->frames = 1;
    trace->exact = exact;
    walk(trace);
    if (trace->frames == 1)
        walk_from_caller(trace, context);
}

#else

/* We do not know the registers, so the first program counter is the unwinder's. */
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
