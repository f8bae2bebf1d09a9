/* elf_note.h: finds notes in the PT_NOTE segments of loaded ELF files (elf(5)). */
#ifndef SSCAP_SHIM_CRASH_ELF_NOTE_H
#define SSCAP_SHIM_CRASH_ELF_NOTE_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_note {
    const uint8_t *bytes;
    uint32_t length; /* 0: not found */
};

/* The first note with this name and type. `bias` is added to the segments' addresses. */
struct elf_note elf_note_find(const ElfW(Phdr) * segments, size_t count, uintptr_t bias,
                              const char *name, uint32_t type);

/* Whether the program that the kernel started is written in Go. Go makes most of its system calls
 * without libc. Go's runtime also looks at the dispositions, and if one is not the default, it
 * leaves crashes in C code to it, instead of reporting them itself and exiting with 2. */
bool elf_note_program_is_go(void);

#endif
