/* unwind.h: where a thread stands, read from inside a process whose memory may be broken. For
 * handlers of fatal signals: nothing here allocates, locks, or changes errno; all of it is for one
 * thread at a time. */
#ifndef SSCAP_SHIM_CRASH_UNWIND_H
#define SSCAP_SHIM_CRASH_UNWIND_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#include "shim/wire.h"

/* Program counters, the innermost first. Bit i of `exact`: frame i stood at that instruction; else
 * it is a return address. */
struct unwind_trace {
    uint32_t frames;
    uint64_t exact;
    uint64_t pc[SSCAP_FRAMES_MAX];
};

/* From what a signal interrupted (its handler must be among the callers) outwards. What there is
 * when a fault ends it stays. `exact`: whether the first of them stands at its instruction, and not
 * behind it. */
void unwind_stack(struct unwind_trace *trace, ucontext_t *context, bool exact);

#endif
