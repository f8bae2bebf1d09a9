/* mappings.h: the kernel's list of this process's memory mappings.
 *
 * For handlers of fatal signals. Nothing here allocates, locks or changes errno. Only one thread
 * may use it at a time, and where memory may be broken, in a step (fault_guard.h). */
#ifndef SSCAP_SHIM_CRASH_MAPPINGS_H
#define SSCAP_SHIM_CRASH_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapping {
    uint64_t start, end, offset, device, inode;
    bool readable, executable;
    const char *path; /* not terminated */
    size_t path_length;
};

/* Calls visit for each mapping, in the order of the addresses, until it returns false. */
void mappings_walk(bool (*visit)(const struct mapping *mapping, void *argument), void *argument);

/* Whether the address and the `before` bytes in front of it are in code that can be read. */
bool mappings_is_code(uintptr_t pc, size_t before);

#endif
