/* stack.h: the stack frames in the evidence of a crash. */
#ifndef SSCAP_RUNNER_REPORT_STACK_H
#define SSCAP_RUNNER_REPORT_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runner/symbols/symbols.h"
#include "shim/wire.h"

/* The frames with their functions, the innermost first; at most `max`. Returns how many. */
size_t stack_frames(struct symbols *symbols, const struct sscap_crash *crash, struct symbol *ret,
                    size_t max);

/* Of these frames the first that is the program's own and not of the C library or a run-time of a
 * language; the first with a name where none is; n: none. */
size_t stack_culprit(const struct symbol *frames, size_t n);

/* A function's name without what a compiler adds to its copies and parts (f.constprop.0, f.cold):
 * the same function to whoever reads it. */
void stack_plain_name(const struct symbol *frame, char ret[SYMBOL_FUNCTION_SIZE]);

/* Bytes that stood in stdout's stdio buffer. */
const char *stack_left(const struct sscap_crash *crash, size_t *ret_length);

#endif
