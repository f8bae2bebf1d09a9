/* eh_frame.h: where functions begin and end, by the call frame information of their file. That is
 * there in stripped files, too, for exceptions. */
#ifndef SSCAP_RUNNER_SYMBOLS_EH_FRAME_H
#define SSCAP_RUNNER_SYMBOLS_EH_FRAME_H

#include "runner/symbols/elf.h"

/* [start, end), in the file's own addresses. */
struct eh_frame_function {
    uint64_t start, end;
    bool signal; /* the frame that the kernel makes for a handler: it is returned to at its first
                    byte */
};

/* The function at that address, by .eh_frame_hdr. */
bool eh_frame_find(const struct elf *elf, uint64_t address, struct eh_frame_function *ret);

#endif
