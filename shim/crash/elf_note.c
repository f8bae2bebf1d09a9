/* elf_note.c: finds notes in the PT_NOTE segments of loaded ELF files. */
#define _GNU_SOURCE
#include "shim/crash/elf_note.h"

#include <sys/auxv.h>

#include "shim/nolibc.h"

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

/* Finds a note in one segment. */
static struct elf_note find_note(const uint8_t *at, uint64_t size, uint64_t align, const char *name,
                                 uint32_t type)
{
    uint32_t name_size = (uint32_t)nolibc_length(name) + 1;
    uint64_t offset = 0;
    if (align != 8)
        align = 4;
    while (offset + sizeof(ElfW(Nhdr)) <= size) {
        ElfW(Nhdr) head;
        nolibc_copy(&head, at + offset, sizeof head);
        uint64_t own_name = offset + sizeof head;
        uint64_t bytes = offset + round_up(sizeof head + (uint64_t)head.n_namesz, align);
        offset = round_up(bytes + head.n_descsz, align);
        if (bytes + head.n_descsz > size)
            break;
        /* Go's linker pads its name "Go" with a second NUL. */
        const char *rest = head.n_namesz >= name_size
                               ? nolibc_after_prefix((const char *)at + own_name, name)
                               : NULL;
        if (head.n_type == type && rest != NULL && *rest == '\0')
            return (struct elf_note){.bytes = at + bytes, .length = head.n_descsz};
    }
    return (struct elf_note){0};
}

enum { SEGMENTS_MAX = 64, NOTES_MAX = 65536 };

struct elf_note elf_note_find(const ElfW(Phdr) * segments, size_t count, uintptr_t bias,
                              const char *name, uint32_t type)
{
    struct elf_note note = {0};
    for (size_t i = 0; i < count && i < SEGMENTS_MAX && note.length == 0; i++)
        if (segments[i].p_type == PT_NOTE && segments[i].p_filesz <= NOTES_MAX)
            note = find_note((const uint8_t *)(bias + segments[i].p_vaddr), segments[i].p_filesz,
                             segments[i].p_align, name, type);
    return note;
}

/* By the program headers that the kernel names in the auxiliary vector. */
static bool program_has_note(const char *name, uint32_t type)
{
    const ElfW(Phdr) *segments = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    size_t count = getauxval(AT_PHNUM);
    for (size_t i = 0; segments != NULL && i < count; i++) {
        uintptr_t bias = (uintptr_t)segments - segments[i].p_vaddr;
        if (segments[i].p_type == PT_PHDR)
            return elf_note_find(segments, count, bias, name, type).length > 0;
    }
    return false;
}

bool elf_note_program_is_go(void)
{
    enum { NT_GO_BUILD_ID = 4 };
    return program_has_note("Go", NT_GO_BUILD_ID);
}
