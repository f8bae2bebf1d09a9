/* eh_frame.h: finds where a function begins and ends, by the call frame information of its file.
 * Stripped files have that information too, because exceptions need it. */
#ifndef SSCAP_RUNNER_SYMBOLS_EH_FRAME_H
#define SSCAP_RUNNER_SYMBOLS_EH_FRAME_H

#include "runner/symbols/elf.h"

/* [start, end) in the file's own addresses. */
struct eh_frame_function {
    uint64_t start, end;
    /* The kernel makes this function's frame for a signal handler. The handler returns to the
     * function's first byte. */
    bool signal;
};

/* Finds the function at the address in .eh_frame_hdr. False: there is none, or the header has a
 * form that we do not know. */
bool eh_frame_find(const struct elf *elf, uint64_t address, struct eh_frame_function *ret);

#endif
