/* stack.h: the stack frames in the evidence of a crash. */
#ifndef SSCAP_RUNNER_REPORT_STACK_H
#define SSCAP_RUNNER_REPORT_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runner/symbols/symbols.h"
#include "shim/wire.h"

/* Finds the functions of the frames, the innermost first, at most `max`. Returns how many frames
 * there are. */
size_t stack_frames(struct symbols *symbols, const struct sscap_crash *crash, struct symbol *ret,
                    size_t max);

/* Returns the index of the first frame that belongs to the program and not to the C library or to a
 * language's run-time; else of the first frame with a name; else n. */
size_t stack_culprit(const struct symbol *frames, size_t n);

/* Copies a function's name without the suffixes that a compiler adds for copies and parts of it
 * (f.constprop.0, f.cold), because for the reader they are the same function. */
void stack_plain_name(const struct symbol *frame, char ret[SYMBOL_FUNCTION_SIZE]);

/* The bytes that were in stdout's stdio buffer when the process crashed. */
const char *stack_left(const struct sscap_crash *crash, size_t *ret_length);

#endif
