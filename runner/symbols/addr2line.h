/* addr2line.h: files and lines of a crash's frames, by the program of that name (of binutils), if
 * it is installed. */
#ifndef SSCAP_RUNNER_SYMBOLS_ADDR2LINE_H
#define SSCAP_RUNNER_SYMBOLS_ADDR2LINE_H

#include "runner/symbols/symbols.h"

/* Adds file and line to n frames that symbols_find has just filled, where the file or its debug
 * file has line numbers. One run for each module; takes seconds at worst, after which slow modules
 * are not asked again. It starts and reaps a child, so nobody may wait for just any child
 * meanwhile. */
void addr2line_add(struct symbols *symbols, struct symbol *frames, size_t n);

#endif
