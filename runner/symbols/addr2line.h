/* addr2line.h: finds files and lines of a crash's frames with the program addr2line (binutils), if
 * it is installed. */
#ifndef SSCAP_RUNNER_SYMBOLS_ADDR2LINE_H
#define SSCAP_RUNNER_SYMBOLS_ADDR2LINE_H

#include "runner/symbols/symbols.h"

/* Adds file and line to n frames that symbols_find has just filled, where the module or its debug
 * file has line numbers. Runs addr2line once for each module. This takes seconds at worst, and a
 * module that took too long is not tried again. The function starts and reaps a child, so nothing
 * else may wait for any child (-1) meanwhile. */
void addr2line_add(struct symbols *symbols, struct symbol *frames, size_t n);

#endif
