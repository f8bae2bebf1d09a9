/* modules.h: the loaded files that a list of program counters is in.
 *
 * For handlers of fatal signals. Nothing here allocates, locks or changes errno. Only one thread
 * may use it at a time. */
#ifndef SSCAP_SHIM_CRASH_MODULES_H
#define SSCAP_SHIM_CRASH_MODULES_H

#include <stdint.h>

#include "shim/wire.h"

struct module {
    struct sscap_module head;
    /* How many bytes from head.start on are one readable mapping of the file's beginning. */
    uint64_t header_length;
    char path[SSCAP_PATH_MAX];
};

struct modules {
    uint32_t count;
    struct module of[SSCAP_MODULES_MAX];
};

/* Finds the mapped files that contain `n` program counters. Bit i of `exact`: pc[i] is the address
 * of an instruction; else it is a return address. Of a path that is too long, the end is kept, so
 * it does not begin with '/'. */
void modules_find(struct modules *modules, const uint64_t *pc, uint32_t n, uint64_t exact);

#endif
