/* modules.c: the loaded files that a list of program counters is in. */
#define _GNU_SOURCE
#include "shim/crash/modules.h"

#include <link.h>

#include "shim/crash/elf_note.h"
#include "shim/crash/fault_guard.h"
#include "shim/crash/mappings.h"

#include "shim/nolibc.h"

/* One load of a file: consecutive mappings. */
struct load {
    uint64_t device, inode, start, end, header_length;
    struct module *module; /* NULL: no program counter is in it so far */
};

struct module_walk {
    struct modules *modules;
    const uint64_t *pc;
    uint32_t count;
    uint64_t exact;
    struct load load;
};

static bool holds_pc(const struct mapping *mapping, const struct module_walk *walk)
{
    for (uint32_t i = 0; i < walk->count; i++) {
        /* A call may be the mapping's last instruction, so a return address counts less one. */
        uint64_t pc = walk->pc[i] - ((walk->exact >> i & 1) == 0);
        if (pc >= mapping->start && pc < mapping->end)
            return true;
    }
    return false;
}

static void add_module(struct module_walk *walk, const struct mapping *mapping)
{
    struct modules *modules = walk->modules;
    if (modules->count == SSCAP_MODULES_MAX)
        return;
    struct module *module = &modules->of[modules->count];
    size_t length = mapping->path_length;
    const char *path = mapping->path;
    if (length > SSCAP_PATH_MAX) {
        path += length - SSCAP_PATH_MAX;
        length = SSCAP_PATH_MAX;
    }
    nolibc_copy(module->path, path, length);
    module->head = (struct sscap_module){.start = walk->load.start,
                                         .path_length = (uint32_t)length};
    module->header_length = walk->load.header_length;
    walk->load.module = module;
    modules->count++;
}

static bool visit_module(const struct mapping *mapping, void *argument)
{
    struct module_walk *walk = argument;
    struct load *load = &walk->load;
    if (mapping->inode == 0 || mapping->path_length == 0 || mapping->path[0] != '/')
        return true;
    bool same = load->end != 0 && load->device == mapping->device && load->inode == mapping->inode;
    /* A file may be loaded twice (dlmopen). In a small file, the data's mapping begins with the
     * file's first page, too. */
    if (!same || (mapping->offset == 0 && mapping->start != load->end)) {
        bool header = mapping->offset == 0 && mapping->readable;
        *load = (struct load){.device = mapping->device,
                              .inode = mapping->inode,
                              .start = mapping->start - mapping->offset,
                              .header_length = header ? mapping->end - mapping->start : 0};
    }
    load->end = mapping->end;
    if (load->module == NULL && holds_pc(mapping, walk))
        add_module(walk, mapping);
    if (load->module != NULL)
        load->module->head.end = load->end;
    return true;
}

/* Reads the mapped header, because the file may have been deleted or replaced. */
static void read_build_id(void *argument)
{
    struct module *module = argument;
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)(uintptr_t)module->head.start;
    if (module->header_length < sizeof *header ||
        nolibc_after_prefix((const char *)header->e_ident, ELFMAG) == NULL ||
        header->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
        header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phoff > module->header_length ||
        header->e_phnum > (module->header_length - header->e_phoff) / sizeof(ElfW(Phdr)))
        return;
    const ElfW(Phdr) *segments = (const ElfW(Phdr) *)((uintptr_t)header + header->e_phoff);
    uintptr_t bias = (uintptr_t)header;
    for (size_t i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type == PT_LOAD) {
            bias -= segments[i].p_vaddr - segments[i].p_offset;
            break;
        }
    }
    struct elf_note id = elf_note_find(segments, header->e_phnum, bias, ELF_NOTE_GNU,
                                       NT_GNU_BUILD_ID);
    uint32_t length = id.length < SSCAP_BUILD_ID_MAX ? id.length : SSCAP_BUILD_ID_MAX;
    nolibc_copy(module->head.build_id, id.bytes, length);
    module->head.build_id_length = length;
}

static void walk_modules(void *argument)
{
    mappings_walk(visit_module, argument);
}

void modules_find(struct modules *modules, const uint64_t *pc, uint32_t n, uint64_t exact)
{
    struct module_walk walk = {.modules = modules, .pc = pc, .count = n, .exact = exact};
    modules->count = 0;
    fault_guard_try(walk_modules, &walk, NULL);
    for (uint32_t i = 0; i < modules->count; i++)
        fault_guard_try(read_build_id, &modules->of[i], NULL);
}
