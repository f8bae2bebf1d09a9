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

/* Returns the index of the first frame in a known function that is the program's, and not the C
 * library's or a language's run-time's. If there is none, returns the index of the first frame that
 * is in the program or in a known function; else n. */
size_t stack_culprit(const struct symbol *frames, size_t n);

/* Copies a function's name without the suffixes that a compiler adds for copies and parts of it
 * (f.constprop.0, f.cold), because they are the same function in the source. */
void stack_plain_name(const struct symbol *frame, char ret[SYMBOL_FUNCTION_SIZE]);

/* The bytes that were in stdout's stdio buffer when the process crashed. */
const char *stack_left(const struct sscap_crash *crash, size_t *ret_length);

#endif
