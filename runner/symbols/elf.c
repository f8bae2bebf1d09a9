/* elf.c: see elf.h. elf(5) describes the format. */
#define _GNU_SOURCE
#include "runner/symbols/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAME_READ = 128, /* bytes of a name at a time */
    NOTES_MAX = 256, /* notes that are searched for the build-id */
};

/* --- the file --- */

bool elf_read(const struct elf *elf, uint64_t offset, void *ret, size_t n)
{
    if (offset > elf->identity.size || n > elf->identity.size - offset)
        return false;
    return pread(elf->fd, ret, n, (off_t)offset) == (ssize_t)n; /* less: the file was truncated */
}

bool elf_fits(const struct elf *elf, uint64_t offset, uint64_t n, uint64_t size)
{
    uint64_t bytes;
    return !__builtin_mul_overflow(n, size, &bytes) && offset <= elf->identity.size &&
           bytes <= elf->identity.size - offset;
}

static int read_header(struct elf *elf)
{
    union {
        unsigned char ident[EI_NIDENT];
        Elf32_Ehdr narrow;
        Elf64_Ehdr wide;
    } raw = {0};
    const unsigned char native = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB
                                                                           : ELFDATA2MSB;
    if (!elf_read(elf, 0, raw.ident, sizeof raw.ident) || memcmp(raw.ident, ELFMAG, SELFMAG) != 0 ||
        raw.ident[EI_DATA] != native)
        return -ENOEXEC;
    elf->wide = raw.ident[EI_CLASS] == ELFCLASS64;
    if ((!elf->wide && raw.ident[EI_CLASS] != ELFCLASS32) ||
        !elf_read(elf, 0, &raw, elf->wide ? sizeof raw.wide : sizeof raw.narrow))
        return -ENOEXEC;
    uint32_t type = elf->wide ? raw.wide.e_type : raw.narrow.e_type;
    uint32_t segment_size = elf->wide ? raw.wide.e_phentsize : raw.narrow.e_phentsize;
    uint32_t section_size = elf->wide ? raw.wide.e_shentsize : raw.narrow.e_shentsize;
    elf->arm = !elf->wide && raw.narrow.e_machine == EM_ARM;
    elf->segments_at = elf->wide ? raw.wide.e_phoff : raw.narrow.e_phoff;
    elf->sections_at = elf->wide ? raw.wide.e_shoff : raw.narrow.e_shoff;
    elf->segments = elf->wide ? raw.wide.e_phnum : raw.narrow.e_phnum;
    elf->sections = elf->wide ? raw.wide.e_shnum : raw.narrow.e_shnum;
    elf->names = elf->wide ? raw.wide.e_shstrndx : raw.narrow.e_shstrndx;
    if ((type != ET_EXEC && type != ET_DYN) ||
        segment_size != (elf->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) ||
        !elf_fits(elf, elf->segments_at, elf->segments, segment_size))
        return -ENOEXEC;
    /* A program runs without sections, and some programs are distributed that way. */
    if (section_size != (elf->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)) ||
        !elf_fits(elf, elf->sections_at, elf->sections, section_size))
        elf->sections = 0;
    return 0;
}

static int identity_of(const struct stat *status, struct elf_identity *ret)
{
    if (!S_ISREG(status->st_mode))
        return -ENOEXEC;
    *ret = (struct elf_identity){
        .device = status->st_dev,
        .inode = status->st_ino,
        .size = status->st_size > 0 ? (uint64_t)status->st_size : 0,
        .modified = status->st_mtim,
        .changed = status->st_ctim,
    };
    return 0;
}

int elf_identify(const char *path, struct elf_identity *ret)
{
    struct stat status;
    return stat(path, &status) < 0 ? -errno : identity_of(&status, ret);
}

int elf_open(struct elf *elf, const char *path)
{
    struct stat status;
    struct elf made = {.fd = -1};
    /* We check before we open, because opening alone changes the state of some devices. We check
     * again after it, because the path may lead to another file by then. */
    int error = elf_identify(path, &made.identity);
    if (error != 0)
        return error;
    made.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (made.fd < 0)
        return -errno;
    error = fstat(made.fd, &status) < 0 ? -errno : identity_of(&status, &made.identity);
    if (error == 0)
        error = read_header(&made);
    if (error != 0)
        close(made.fd);
    else
        *elf = made;
    return error;
}

void elf_close(struct elf *elf)
{
    close(elf->fd);
    elf->fd = -1;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool elf_same(const struct elf_identity *a, const struct elf_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time(&a->modified, &b->modified) && same_time(&a->changed, &b->changed);
}

/* --- segments and sections --- */

bool elf_segment(const struct elf *elf, uint32_t number, struct elf_segment *ret)
{
    union {
        Elf32_Phdr narrow;
        Elf64_Phdr wide;
    } raw;
    size_t size = elf->wide ? sizeof raw.wide : sizeof raw.narrow;
    if (number >= elf->segments || !elf_read(elf, elf->segments_at + number * size, &raw, size))
        return false;
    *ret = (struct elf_segment){
        .type = elf->wide ? raw.wide.p_type : raw.narrow.p_type,
        .flags = elf->wide ? raw.wide.p_flags : raw.narrow.p_flags,
        .address = elf->wide ? raw.wide.p_vaddr : raw.narrow.p_vaddr,
        .offset = elf->wide ? raw.wide.p_offset : raw.narrow.p_offset,
        .file_size = elf->wide ? raw.wide.p_filesz : raw.narrow.p_filesz,
        .memory_size = elf->wide ? raw.wide.p_memsz : raw.narrow.p_memsz,
        .alignment = elf->wide ? raw.wide.p_align : raw.narrow.p_align,
    };
    return true;
}

bool elf_section(const struct elf *elf, uint32_t number, struct elf_section *ret)
{
    union {
        Elf32_Shdr narrow;
        Elf64_Shdr wide;
    } raw;
    size_t size = elf->wide ? sizeof raw.wide : sizeof raw.narrow;
    if (number >= elf->sections || !elf_read(elf, elf->sections_at + number * size, &raw, size))
        return false;
    *ret = (struct elf_section){
        .name = elf->wide ? raw.wide.sh_name : raw.narrow.sh_name,
        .type = elf->wide ? raw.wide.sh_type : raw.narrow.sh_type,
        .link = elf->wide ? raw.wide.sh_link : raw.narrow.sh_link,
        .flags = elf->wide ? raw.wide.sh_flags : raw.narrow.sh_flags,
        .address = elf->wide ? raw.wide.sh_addr : raw.narrow.sh_addr,
        .offset = elf->wide ? raw.wide.sh_offset : raw.narrow.sh_offset,
        .size = elf->wide ? raw.wide.sh_size : raw.narrow.sh_size,
        .alignment = elf->wide ? raw.wide.sh_addralign : raw.narrow.sh_addralign,
    };
    return true;
}

int elf_base(const struct elf *elf, uint64_t *ret)
{
    struct elf_segment segment;
    struct elf_segment first = {.type = PT_NULL};
    for (uint32_t i = 0; elf_segment(elf, i, &segment); i++)
        if (segment.type == PT_LOAD && (first.type != PT_LOAD || segment.offset < first.offset))
            first = segment;
    if (first.type != PT_LOAD)
        return -ENOEXEC;
    *ret = first.address - first.offset;
    return 0;
}

bool elf_executable(const struct elf *elf, uint64_t address)
{
    struct elf_segment segment;
    for (uint32_t i = 0; elf_segment(elf, i, &segment); i++)
        if (segment.type == PT_LOAD && (segment.flags & PF_X) != 0 && address >= segment.address &&
            address - segment.address < segment.memory_size)
            return true;
    return false;
}

bool elf_offset(const struct elf *elf, uint64_t address, uint64_t *ret)
{
    struct elf_segment segment;
    for (uint32_t i = 0; elf_segment(elf, i, &segment); i++) {
        if (segment.type == PT_LOAD && address >= segment.address &&
            address - segment.address < segment.file_size)
            return !__builtin_add_overflow(segment.offset, address - segment.address, ret);
    }
    return false;
}

/* Reads a string with its NUL, or `size` bytes of it, from a range of the file. Returns the length
 * without the NUL. */
static size_t read_text(const struct elf *elf, uint64_t at, uint64_t left, char *ret, size_t size)
{
    if (left < size)
        size = (size_t)left;
    if (!elf_read(elf, at, ret, size))
        return 0;
    return strnlen(ret, size);
}

bool elf_has_section(const struct elf *elf, const char *name)
{
    struct elf_section names;
    struct elf_section section;
    size_t length = strlen(name);
    if (length >= NAME_READ || !elf_section(elf, elf->names, &names))
        return false;
    for (uint32_t i = 0; elf_section(elf, i, &section); i++) {
        char text[NAME_READ];
        if (section.name >= names.size || section.type == SHT_NOBITS)
            continue;
        size_t found = read_text(elf, names.offset + section.name, names.size - section.name, text,
                                 length + 1);
        if (found == length && memcmp(text, name, length) == 0)
            return true;
    }
    return false;
}

/* --- the build-id --- */

/* Searches the notes of a range. *budget: how many more notes may be searched. */
static size_t find_build_id(const struct elf *elf, uint64_t at, uint64_t size, uint64_t alignment,
                            int *budget, uint8_t ret[ELF_BUILD_ID_MAX])
{
    const uint64_t mask = alignment == 8 ? 7 : 3;
    while (size >= sizeof(Elf64_Nhdr) && (*budget)-- > 0) {
        Elf64_Nhdr note; /* the same in 32 bits */
        char name[sizeof ELF_NOTE_GNU];
        if (!elf_read(elf, at, &note, sizeof note))
            return 0;
        uint64_t content = (sizeof note + note.n_namesz + mask) & ~mask;
        uint64_t next = (content + note.n_descsz + mask) & ~mask;
        if (content + note.n_descsz > size)
            return 0;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof name && note.n_descsz > 0 &&
            note.n_descsz <= ELF_BUILD_ID_MAX &&
            elf_read(elf, at + sizeof note, name, sizeof name) &&
            memcmp(name, ELF_NOTE_GNU, sizeof name) == 0 &&
            elf_read(elf, at + content, ret, note.n_descsz))
            return note.n_descsz;
        if (next >= size)
            return 0;
        at += next;
        size -= next;
    }
    return 0;
}

size_t elf_build_id(const struct elf *elf, uint8_t ret[ELF_BUILD_ID_MAX])
{
    struct elf_section section;
    struct elf_segment segment;
    int budget = NOTES_MAX;
    size_t length = 0;
    /* We search the sections first, because the segments of a debug file are copied from the
     * program and their offsets are wrong in the debug file. */
    for (uint32_t i = 0; length == 0 && elf_section(elf, i, &section); i++)
        if (section.type == SHT_NOTE && (section.flags & SHF_ALLOC) != 0)
            length = find_build_id(elf, section.offset, section.size, section.alignment, &budget,
                                   ret);
    for (uint32_t i = 0; length == 0 && elf_segment(elf, i, &segment); i++)
        if (segment.type == PT_NOTE)
            length = find_build_id(elf, segment.offset, segment.file_size, segment.alignment,
                                   &budget, ret);
    return length;
}

/* --- symbols --- */

static size_t symbol_size(const struct elf *elf)
{
    return elf->wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
}

static uint64_t find_versions(const struct elf *elf, uint32_t table, uint32_t count)
{
    struct elf_section section;
    for (uint32_t i = 0; elf_section(elf, i, &section); i++)
        if (section.type == SHT_GNU_versym && section.link == table &&
            section.size / sizeof(Elf64_Versym) >= count)
            return section.offset;
    return 0;
}

int elf_table(const struct elf *elf, uint32_t type, struct elf_table *ret)
{
    struct elf_section section;
    struct elf_section strings;
    uint32_t i = 0;
    while (elf_section(elf, i, &section) && section.type != type)
        i++;
    if (!elf_section(elf, i, &section) || !elf_section(elf, section.link, &strings) ||
        strings.type != SHT_STRTAB)
        return -ENOENT;
    uint64_t count = section.size / symbol_size(elf);
    if (!elf_fits(elf, section.offset, section.size, 1) ||
        !elf_fits(elf, strings.offset, strings.size, 1))
        return -ENOENT;
    if (count > ELF_SYMBOLS_MAX)
        return -EFBIG;
    *ret = (struct elf_table){
        .at = section.offset,
        .count = (uint32_t)count,
        .strings_at = strings.offset,
        .strings_size = strings.size,
        .versions_at = type == SHT_DYNSYM ? find_versions(elf, i, (uint32_t)count) : 0,
    };
    return 0;
}

bool elf_symbols(const struct elf *elf, const struct elf_table *table, uint32_t first, uint32_t n,
                 struct elf_symbol *ret)
{
    union {
        Elf32_Sym narrow[ELF_SYMBOLS_AT_ONCE];
        Elf64_Sym wide[ELF_SYMBOLS_AT_ONCE];
    } raw;
    size_t size = symbol_size(elf);
    if (n > ELF_SYMBOLS_AT_ONCE || first > table->count || n > table->count - first ||
        !elf_read(elf, table->at + first * size, &raw, n * size))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const Elf64_Sym *wide = &raw.wide[i];
        const Elf32_Sym *narrow = &raw.narrow[i];
        unsigned char info = elf->wide ? wide->st_info : narrow->st_info;
        ret[i] = (struct elf_symbol){
            .value = elf->wide ? wide->st_value : narrow->st_value,
            .size = elf->wide ? wide->st_size : narrow->st_size,
            .name = elf->wide ? wide->st_name : narrow->st_name,
            .section = elf->wide ? wide->st_shndx : narrow->st_shndx,
            .type = ELF64_ST_TYPE(info), /* the same in 32 bits */
            .binding = ELF64_ST_BIND(info),
        };
        if (elf->arm && ret[i].type == STT_FUNC)
            ret[i].value &= ~(uint64_t)1;
    }
    return true;
}

bool elf_symbol_name(const struct elf *elf, const struct elf_table *table, uint32_t name, char *ret,
                     size_t size)
{
    char text[NAME_READ];
    if (name >= table->strings_size || size < 2)
        return false;
    size_t length = read_text(elf, table->strings_at + name, table->strings_size - name, text,
                              size - 1 < sizeof text ? size - 1 : sizeof text);
    if (length == 0)
        return false;
    memcpy(ret, text, length);
    ret[length] = '\0';
    return true;
}

bool elf_symbol_old(const struct elf *elf, const struct elf_table *table, uint32_t number)
{
    const uint16_t hidden = 0x8000; /* VERSYM_HIDDEN, which <elf.h> does not have */
    uint16_t version;
    return table->versions_at != 0 &&
           elf_read(elf, table->versions_at + number * sizeof version, &version, sizeof version) &&
           (version & hidden) != 0;
}
