/* unwind.h: where a thread stands, read from inside a process whose memory may be broken. For handlers of fatal signals: nothing here
 * allocates, locks, or changes errno; all of it is for one thread at a time. */
#ifndef SSCAP_SHIM_UNWIND_H
#define SSCAP_SHIM_UNWIND_H

#include <link.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#include "shim/wire.h"

/* Machines whose registers and system calls we know ourselves. On others there is no change of stacks and the unwinder stands alone. */
#if (defined(__x86_64__) && !defined(__ILP32__)) || (defined(__aarch64__) && !defined(__ILP32__))
#define UNWIND_NATIVE 1
/* The trampoline that a kernel's sigaction wants (SA_RESTORER). The unwinder knows it by its bytes. */
void unwind_restorer(void);
#else
#define UNWIND_NATIVE 0
#endif

/* Runs step(argument) on the stack that ends at `top` (NULL: on this one). False: unwind_escape cut it short. Calls may be nested. */
bool unwind_try(void (*step)(void *argument), void *argument, void *top);

/* In the handler of a signal that came in the midst of a step: once that handler returns, the innermost unwind_try returns false.
 * False: there is none, and the handler has to find another way. May not return at all on machines that are not UNWIND_NATIVE. */
bool unwind_escape(ucontext_t *context);

/* Program counters, the innermost first. Bit i of `exact`: frame i stood at that instruction; else it is a return address. */
struct unwind_trace {
    uint32_t frames;
    uint64_t exact;
    uint64_t pc[SSCAP_FRAMES_MAX];
};

/* From what a signal interrupted (its handler must be among the callers) outwards. What there is when a fault ends it stays. `exact`:
 * whether the first of them stands at its instruction, and not behind it. */
void unwind_stack(struct unwind_trace *trace, ucontext_t *context, bool exact);

struct unwind_module {
    struct sscap_module head;
    uint64_t
        header_length; /* bytes from head.start on that are one readable mapping of the file's beginning; 0: none */
    char path[SSCAP_PATH_MAX];
};

struct unwind_modules {
    uint32_t count;
    struct unwind_module of[SSCAP_MODULES_MAX];
};

/* The mapped files in which the frames are, from the kernel's list. Of a path that is too long the end is kept, so it does not begin
 * with '/'. */
void unwind_modules(struct unwind_modules *modules, const struct unwind_trace *trace);

/* Whether the program has this note in one of its PT_NOTE segments: by the program headers that the kernel names. */
bool unwind_program_has_note(const char *name, uint32_t type);

#endif
