/* unwind.h: walks the stack of the thread that crashed.
 *
 * For handlers of fatal signals. Nothing here allocates, locks or changes errno. Only one thread
 * may use it at a time. */
#ifndef SSCAP_SHIM_CRASH_UNWIND_H
#define SSCAP_SHIM_CRASH_UNWIND_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#include "shim/wire.h"

/* Program counters, innermost first. Bit i of `exact`: pc[i] is the address of an instruction; else
 * it is a return address. */
struct unwind_trace {
    uint32_t frames;
    uint64_t exact;
    uint64_t pc[SSCAP_FRAMES_MAX];
};

/* Walks outwards from what a signal interrupted. The signal's handler must be among the callers. If
 * a fault ends the walk, the trace keeps what it has. `exact`: whether the first program counter is
 * that of its instruction, and not of the one after it. */
void unwind_stack(struct unwind_trace *trace, ucontext_t *context, bool exact);

#endif
