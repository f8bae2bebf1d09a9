/* modules.c: the kernel's list of mappings, and what it is good for (see modules.h). */
#define _GNU_SOURCE
#include "shim/crash/modules.h"

#include <fcntl.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/resource.h>

#include "shim/crash/fault_guard.h"

#include "shim/nolibc.h"

/* --- the kernel's list of mappings --- */

struct mapping {
    uint64_t start, end, offset, device, inode;
    bool readable, executable;
    const char *path;
    size_t path_length;
};

/* Static, as the stack may be small. A line is at most some 80 bytes and a path of PATH_MAX. */
static struct {
    int fd;
    bool skipping; /* the rest of a line that is longer than this */
    size_t at, end;
    char text[8192];
} maps;

static int open_list(const char *path)
{
    struct rlimit64 limit, more;
    long fd = RAW_SYSCALL(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd != -EMFILE || RAW_SYSCALL(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) < 0)
        return (int)fd;
    /* Running out of descriptors is a reason to crash. */
    more = (struct rlimit64){.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    RAW_SYSCALL(SYS_prlimit64, 0, RLIMIT_NOFILE, &more, NULL);
    fd = RAW_SYSCALL(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    RAW_SYSCALL(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, NULL);
    return (int)fd;
}

static bool maps_open(void)
{
    /* Not /proc/self: the thread that gave the process its pid may have ended, and its list is
     * empty then. */
    maps.fd = open_list("/proc/thread-self/maps");
    if (maps.fd < 0)
        maps.fd = open_list("/proc/self/maps");
    maps.at = maps.end = 0;
    maps.skipping = false;
    return maps.fd >= 0;
}

/* Reads more behind what there is. False: there is no more. */
static bool maps_fill(void)
{
    if (maps.at > 0) {
        nolibc_copy(maps.text, maps.text + maps.at,
                    maps.end - maps.at); /* to a lower address, byte by byte */
        maps.end -= maps.at;
        maps.at = 0;
    }
    if (maps.end == sizeof maps.text) {
        maps.skipping = true;
        maps.end = 0;
    }
    long got;
    do
        got = RAW_SYSCALL(SYS_read, maps.fd, maps.text + maps.end, sizeof maps.text - maps.end);
    while (got == -EINTR);
    if (got > 0)
        maps.end += (size_t)got;
    return got > 0;
}

/* The next whole line, without its newline. NULL: there is none. */
static const char *maps_line(size_t *ret_length)
{
    size_t seen = maps.at;
    for (;;) {
        for (; seen < maps.end; seen++) {
            if (maps.text[seen] != '\n')
                continue;
            const char *line = maps.text + maps.at;
            *ret_length = seen - maps.at;
            maps.at = ++seen;
            if (!maps.skipping)
                return line;
            maps.skipping = false;
        }
        if (!maps_fill())
            return NULL;
        seen = 0;
    }
}

/* A number and the character behind it, which must be `stop`. */
static bool read_number(const char **at, const char *end, unsigned int base, char stop,
                        uint64_t *ret_value)
{
    uint64_t value = 0;
    for (; *at < end; ++*at) {
        char c = **at;
        unsigned int digit = c >= '0' && c <= '9' ? (unsigned int)(c - '0')
                                                  : (unsigned int)(c - 'a') + 10;
        if (digit >= base)
            break;
        value = value * base + digit;
    }
    if (*at == end || *(*at)++ != stop)
        return false;
    *ret_value = value;
    return true;
}

/* 7f0e6c000000-7f0e6c021000 r-xp 00026000 fd:01 1234      /usr/lib/libc.so.6 (proc_pid_maps(5)) */
static bool parse_mapping(const char *at, size_t length, struct mapping *ret_mapping)
{
    const char *end = at + length;
    uint64_t major, minor;
    if (!read_number(&at, end, 16, '-', &ret_mapping->start) ||
        !read_number(&at, end, 16, ' ', &ret_mapping->end) || end - at < 5)
        return false;
    ret_mapping->readable = at[0] == 'r';
    ret_mapping->executable = at[2] == 'x';
    at += 5;
    if (!read_number(&at, end, 16, ' ', &ret_mapping->offset) ||
        !read_number(&at, end, 16, ':', &major) || !read_number(&at, end, 16, ' ', &minor) ||
        !read_number(&at, end, 10, ' ', &ret_mapping->inode))
        return false;
    ret_mapping->device = major << 32 | minor;
    while (at < end && *at == ' ')
        at++;
    ret_mapping->path = at;
    ret_mapping->path_length = (size_t)(end - at);
    return true;
}

/* Calls visit for each mapping, in order of addresses, until it says false. */
static void maps_walk(bool (*visit)(const struct mapping *mapping, void *argument), void *argument)
{
    if (!maps_open())
        return;
    size_t length;
    const char *line;
    while ((line = maps_line(&length)) != NULL) {
        struct mapping mapping;
        if (parse_mapping(line, length, &mapping) && !visit(&mapping, argument))
            break;
    }
    RAW_SYSCALL(SYS_close, maps.fd);
}

/* --- code --- */

struct code {
    uintptr_t pc;
    size_t before;
    bool found;
};

static bool visit_code(const struct mapping *mapping, void *argument)
{
    struct code *code = argument;
    if (code->pc >= mapping->end)
        return true;
    code->found = mapping->executable && mapping->readable &&
                  code->pc - code->before >= mapping->start;
    return false;
}

bool modules_is_code(uintptr_t pc, size_t before)
{
    struct code code = {.pc = pc, .before = before};
    maps_walk(visit_code, &code);
    return code.found;
}

/* --- modules --- */

/* One load of a file: its mappings in a row. */
struct load {
    uint64_t device, inode, start, end, header_length;
    struct module *module; /* NULL: no frame is in it so far */
};

struct module_walk {
    struct modules *modules;
    const uint64_t *pc;
    uint32_t count;
    uint64_t exact;
    struct load load;
};

static bool holds_frame(const struct mapping *mapping, const struct module_walk *walk)
{
    for (uint32_t i = 0; i < walk->count; i++) {
        uint64_t pc = walk->pc[i] -
                      ((walk->exact >> i & 1) == 0); /* a call may be the last there is */
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
    /* A file can be loaded twice (dlmopen), but in a small one the data's first page is the file's
     * first, too. */
    if (!same || (mapping->offset == 0 && mapping->start != load->end)) {
        bool header = mapping->offset == 0 && mapping->readable;
        *load = (struct load){.device = mapping->device,
                              .inode = mapping->inode,
                              .start = mapping->start - mapping->offset,
                              .header_length = header ? mapping->end - mapping->start : 0};
    }
    load->end = mapping->end;
    if (load->module == NULL && holds_frame(mapping, walk))
        add_module(walk, mapping);
    if (load->module != NULL)
        load->module->head.end = load->end;
    return true;
}

struct note {
    const uint8_t *bytes;
    uint32_t length; /* 0: not found */
};

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

/* A note's name (with its NUL it is `name_size` long) and type, in one segment. */
static struct note find_note(const uint8_t *at, uint64_t size, uint64_t align, const char *name,
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
        /* Go's linker pads its own name with a second NUL. */
        const char *rest = head.n_namesz >= name_size
                               ? nolibc_after_prefix((const char *)at + own_name, name)
                               : NULL;
        if (head.n_type == type && rest != NULL && *rest == '\0')
            return (struct note){.bytes = at + bytes, .length = head.n_descsz};
    }
    return (struct note){0};
}

enum { SEGMENTS_MAX = 64, NOTES_MAX = 65536 };

/* `bias`: what is to be added to the segments' addresses. */
static struct note note_of(const ElfW(Phdr) * segments, size_t count, uintptr_t bias,
                           const char *name, uint32_t type)
{
    struct note note = {0};
    for (size_t i = 0; i < count && i < SEGMENTS_MAX && note.length == 0; i++)
        if (segments[i].p_type == PT_NOTE && segments[i].p_filesz <= NOTES_MAX)
            note = find_note((const uint8_t *)(bias + segments[i].p_vaddr), segments[i].p_filesz,
                             segments[i].p_align, name, type);
    return note;
}

/* In the file's header as it is mapped: the file itself may be gone, or be another one by now. */
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
    struct note id = note_of(segments, header->e_phnum, bias, ELF_NOTE_GNU, NT_GNU_BUILD_ID);
    uint32_t length = id.length < SSCAP_BUILD_ID_MAX ? id.length : SSCAP_BUILD_ID_MAX;
    nolibc_copy(module->head.build_id, id.bytes, length);
    module->head.build_id_length = length;
}

static void walk_modules(void *argument)
{
    maps_walk(visit_module, argument);
}

void modules_find(struct modules *modules, const uint64_t *pc, uint32_t n, uint64_t exact)
{
    struct module_walk walk = {.modules = modules, .pc = pc, .count = n, .exact = exact};
    modules->count = 0;
    fault_guard_try(walk_modules, &walk, NULL);
    for (uint32_t i = 0; i < modules->count; i++)
        fault_guard_try(read_build_id, &modules->of[i], NULL);
}

bool modules_program_has_note(const char *name, uint32_t type)
{
    const ElfW(Phdr) *segments = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    size_t count = getauxval(AT_PHNUM);
    for (size_t i = 0; segments != NULL && i < count; i++)
        if (segments[i].p_type == PT_PHDR)
            return note_of(segments, count, (uintptr_t)segments - segments[i].p_vaddr, name, type)
                       .length > 0;
    return false;
}

/* Go's runtime looks at the dispositions by system calls of its own, and where one is not the
 * default, it hands crashes in C code on to it instead of telling of them itself and exiting
 * with 2. */
bool modules_is_go(void)
{
    enum { NT_GO_BUILD_ID = 4 };
    return modules_program_has_note("Go", NT_GO_BUILD_ID);
}
