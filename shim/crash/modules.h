/* modules.h: what is mapped into this process. For handlers of fatal signals: nothing here
 * allocates, locks, or changes errno; all of it is for one thread at a time, and where memory may
 * be broken, to be called in a step (guard.h). */
#ifndef SSCAP_SHIM_CRASH_MODULES_H
#define SSCAP_SHIM_CRASH_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/wire.h"

struct module {
    struct sscap_module head;
    /* Bytes from head.start on that are one readable mapping of the file's beginning; 0: none. */
    uint64_t header_length;
    char path[SSCAP_PATH_MAX];
};

struct modules {
    uint32_t count;
    struct module of[SSCAP_MODULES_MAX];
};

/* The mapped files in which n program counters are, from the kernel's list. Bit i of `exact`: pc[i]
 * is that of an instruction; else it is a return address. Of a path that is too long the end is
 * kept, so it does not begin with '/'. */
void modules_find(struct modules *modules, const uint64_t *pc, uint32_t n, uint64_t exact);

/* Whether the address and that many bytes before it are in code that can be read. */
bool modules_is_code(uintptr_t pc, size_t before);

/* Whether the program has this note in one of its PT_NOTE segments: by the program headers that the
 * kernel names. */
bool modules_program_has_note(const char *name, uint32_t type);

/* Whether the program is one of Go's, which makes most of its system calls past libc. */
bool modules_is_go(void);

#endif
