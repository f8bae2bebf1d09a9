/* elf.c: see elf.h. Of the format: elf(5), and for .eh_frame the Linux Standard Base, Core, chapter 10.6. */
#define _GNU_SOURCE
#include "runner/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAME_READ = 128, /* bytes of a name at a time */
    NOTES_MAX = 256, /* to look at, in search of the build-id */
    FRAME_READ = 96, /* bytes of a CIE or FDE: more than anything before its instructions */
};

/* Of DW_EH_PE: how a pointer in .eh_frame is stored; what it is relative to is in the bits above. */
enum { FORMAT_BITS = 0x0f, UDATA2 = 0x02, UDATA4 = 0x03, UDATA8 = 0x04, SDATA4_DATAREL = 0x3b, OMIT = 0xff };
enum { FORMAT_SIGNED = 0x08 };

/* --- the file --- */

/* All n bytes or none. */
static bool read_at(const struct elf *elf, uint64_t offset, void *ret, size_t n)
{
    if (offset > elf->identity.size || n > elf->identity.size - offset)
        return false;
    return pread(elf->fd, ret, n, (off_t)offset) == (ssize_t)n; /* less: truncated since */
}

/* Whether n records of that size lie in the file. */
static bool fits(const struct elf *elf, uint64_t offset, uint64_t n, uint64_t size)
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
    const unsigned char native = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
    if (!read_at(elf, 0, raw.ident, sizeof raw.ident) || memcmp(raw.ident, ELFMAG, SELFMAG) != 0 ||
        raw.ident[EI_DATA] != native)
        return -ENOEXEC;
    elf->wide = raw.ident[EI_CLASS] == ELFCLASS64;
    if ((!elf->wide && raw.ident[EI_CLASS] != ELFCLASS32) ||
        !read_at(elf, 0, &raw, elf->wide ? sizeof raw.wide : sizeof raw.narrow))
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
        !fits(elf, elf->segments_at, elf->segments, segment_size))
        return -ENOEXEC;
    /* A program runs without its sections, and some are distributed so. */
    if (section_size != (elf->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)) ||
        !fits(elf, elf->sections_at, elf->sections, section_size))
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
    /* Asked before it is opened, as opening alone does something to some devices; asked again, as it may be another by then. */
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

struct segment {
    uint32_t type, flags;
    uint64_t address, offset, file_size, memory_size, alignment;
};

static bool read_segment(const struct elf *elf, uint32_t number, struct segment *ret)
{
    union {
        Elf32_Phdr narrow;
        Elf64_Phdr wide;
    } raw;
    size_t size = elf->wide ? sizeof raw.wide : sizeof raw.narrow;
    if (number >= elf->segments || !read_at(elf, elf->segments_at + number * size, &raw, size))
        return false;
    *ret = (struct segment){
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
    if (number >= elf->sections || !read_at(elf, elf->sections_at + number * size, &raw, size))
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
    struct segment segment;
    struct segment first = {.type = PT_NULL};
    for (uint32_t i = 0; read_segment(elf, i, &segment); i++)
        if (segment.type == PT_LOAD && (first.type != PT_LOAD || segment.offset < first.offset))
            first = segment;
    if (first.type != PT_LOAD)
        return -ENOEXEC;
    *ret = first.address - first.offset;
    return 0;
}

bool elf_executable(const struct elf *elf, uint64_t address)
{
    struct segment segment;
    for (uint32_t i = 0; read_segment(elf, i, &segment); i++)
        if (segment.type == PT_LOAD && (segment.flags & PF_X) != 0 && address >= segment.address &&
            address - segment.address < segment.memory_size)
            return true;
    return false;
}

/* Where in the file the byte at that address is. */
static bool offset_of(const struct elf *elf, uint64_t address, uint64_t *ret)
{
    struct segment segment;
    for (uint32_t i = 0; read_segment(elf, i, &segment); i++) {
        if (segment.type == PT_LOAD && address >= segment.address &&
            address - segment.address < segment.file_size)
            return !__builtin_add_overflow(segment.offset, address - segment.address, ret);
    }
    return false;
}

/* Reads a text with its NUL, or size bytes of it, from a range of the file. Returns its length without the NUL. */
static size_t read_text(const struct elf *elf, uint64_t at, uint64_t left, char *ret, size_t size)
{
    if (left < size)
        size = (size_t)left;
    if (!read_at(elf, at, ret, size))
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

/* Looks through the notes of a range. *budget: how many notes may still be looked at. */
static size_t find_build_id(const struct elf *elf, uint64_t at, uint64_t size, uint64_t alignment,
                            int *budget, uint8_t ret[ELF_BUILD_ID_MAX])
{
    const uint64_t mask = alignment == 8 ? 7 : 3;
    while (size >= sizeof(Elf64_Nhdr) && (*budget)-- > 0) {
        Elf64_Nhdr note; /* the same in 32 bits */
        char name[sizeof ELF_NOTE_GNU];
        if (!read_at(elf, at, &note, sizeof note))
            return 0;
        uint64_t content = (sizeof note + note.n_namesz + mask) & ~mask;
        uint64_t next = (content + note.n_descsz + mask) & ~mask;
        if (content + note.n_descsz > size)
            return 0;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof name && note.n_descsz > 0 &&
            note.n_descsz <= ELF_BUILD_ID_MAX && read_at(elf, at + sizeof note, name, sizeof name) &&
            memcmp(name, ELF_NOTE_GNU, sizeof name) == 0 && read_at(elf, at + content, ret, note.n_descsz))
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
    struct segment segment;
    int budget = NOTES_MAX;
    size_t length = 0;
    /* By sections first: in a debug file the segments are those of the program, and their offsets lead elsewhere. */
    for (uint32_t i = 0; length == 0 && elf_section(elf, i, &section); i++)
        if (section.type == SHT_NOTE && (section.flags & SHF_ALLOC) != 0)
            length = find_build_id(elf, section.offset, section.size, section.alignment, &budget, ret);
    for (uint32_t i = 0; length == 0 && read_segment(elf, i, &segment); i++)
        if (segment.type == PT_NOTE)
            length = find_build_id(elf, segment.offset, segment.file_size, segment.alignment, &budget, ret);
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
    if (!fits(elf, section.offset, section.size, 1) || !fits(elf, strings.offset, strings.size, 1))
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
        !read_at(elf, table->at + first * size, &raw, n * size))
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
           read_at(elf, table->versions_at + number * sizeof version, &version, sizeof version) &&
           (version & hidden) != 0;
}

/* --- call frame information --- */

/* Bytes to take one after the other; past the end come zeros, and `failed`. */
struct bytes {
    const uint8_t *at, *end;
    bool failed;
};

static uint8_t take(struct bytes *bytes)
{
    if (bytes->at >= bytes->end) {
        bytes->failed = true;
        return 0;
    }
    return *bytes->at++;
}

static void skip(struct bytes *bytes, size_t n)
{
    if (n > (size_t)(bytes->end - bytes->at)) {
        bytes->failed = true;
        bytes->at = bytes->end;
    } else {
        bytes->at += n;
    }
}

/* A number of 7 bits a byte: none of those that we pass is of use. */
static void skip_number(struct bytes *bytes)
{
    while ((take(bytes) & 0x80) != 0)
        ;
}

/* Bytes that a pointer takes; 0: an encoding that ld does not make here. */
static size_t pointer_size(const struct elf *elf, uint8_t encoding)
{
    switch (encoding & FORMAT_BITS & ~FORMAT_SIGNED) {
    case 0:
        return elf->wide ? 8 : 4;
    case UDATA2:
        return 2;
    case UDATA4:
        return 4;
    case UDATA8:
        return 8;
    default:
        return 0;
    }
}

/* Reads a CIE or FDE from its length on, as much of it as there is room for. */
static bool read_entry(const struct elf *elf, uint64_t at, uint8_t *buffer, struct bytes *ret)
{
    uint32_t length;
    if (!read_at(elf, at, &length, sizeof length) || length == 0 || length == UINT32_MAX) /* end; 64 bits */
        return false;
    size_t n = length < FRAME_READ ? length : FRAME_READ;
    if (!read_at(elf, at + sizeof length, buffer, n))
        return false;
    *ret = (struct bytes){.at = buffer, .end = buffer + n};
    return true;
}

/* What the augmentation of a CIE says: how its FDEs store their addresses, and whether they are signal frames. */
static bool read_augmentation(const struct elf *elf, struct bytes *cie, const char *letters,
                              uint8_t *ret_encoding, bool *ret_signal)
{
    if (*letters == '\0')
        return true;
    if (*letters++ != 'z')
        return false;
    skip_number(cie);
    for (; *letters != '\0'; letters++) {
        if (*letters == 'R') {
            *ret_encoding = take(cie);
        } else if (*letters == 'L') {
            take(cie);
        } else if (*letters == 'P') {
            skip(cie, pointer_size(elf, take(cie)));
        } else if (*letters == 'S') {
            *ret_signal = true;
        } else if (*letters != 'B') { /* arm64: return addresses are signed with key B */
            return false;
        }
    }
    return true;
}

static bool read_cie(const struct elf *elf, uint64_t at, uint8_t *ret_encoding, bool *ret_signal)
{
    uint8_t buffer[FRAME_READ];
    struct bytes cie;
    char letters[8];
    size_t n = 0;
    uint8_t encoding = 0; /* as the machine has its pointers */
    bool signal = false;
    if (!read_entry(elf, at, buffer, &cie))
        return false;
    skip(&cie, sizeof(uint32_t));
    uint8_t version = take(&cie);
    while ((letters[n] = (char)take(&cie)) != '\0')
        if (++n == sizeof letters)
            return false;
    if (version != 1 && version != 3)
        return false;
    skip_number(&cie); /* code alignment */
    skip_number(&cie); /* data alignment */
    if (version == 1)
        take(&cie); /* the return address's register */
    else
        skip_number(&cie);
    if (!read_augmentation(elf, &cie, letters, &encoding, &signal) || cie.failed || encoding == OMIT)
        return false;
    *ret_encoding = encoding;
    *ret_signal = signal;
    return true;
}

/* How many bytes of code the FDE at that address is for. */
static bool read_fde(const struct elf *elf, uint64_t address, uint64_t *ret_length, bool *ret_signal)
{
    uint8_t buffer[FRAME_READ];
    struct bytes fde;
    uint64_t at;
    uint32_t back;
    uint64_t length = 0;
    uint8_t encoding;
    if (!offset_of(elf, address, &at) || !read_entry(elf, at, buffer, &fde) ||
        fde.end - fde.at < (ptrdiff_t)sizeof back)
        return false;
    memcpy(&back, buffer, sizeof back);
    at += sizeof(uint32_t); /* the distance to the CIE counts from here */
    if (back > at || !read_cie(elf, at - back, &encoding, ret_signal))
        return false;
    size_t size = pointer_size(elf, encoding);
    skip(&fde, sizeof back + size);
    if (size == 0 || fde.end - fde.at < (ptrdiff_t)size)
        return false;
    if (size == sizeof(uint64_t)) {
        memcpy(&length, fde.at, sizeof length);
    } else if (size == sizeof(uint32_t)) {
        uint32_t four;
        memcpy(&four, fde.at, sizeof four);
        length = four;
    } else {
        uint16_t two;
        memcpy(&two, fde.at, sizeof two);
        length = two;
    }
    *ret_length = length;
    return true;
}

/* A pair of the sorted table: a function's first byte, and its FDE; both relative to the table's section. */
struct pair {
    int32_t start, fde;
};

/* The last pair whose function begins at or before the address. */
static bool search_pairs(const struct elf *elf, uint64_t at, uint64_t count, int64_t address,
                         struct pair *ret)
{
    uint64_t low = 0;
    uint64_t high = count;
    bool found = false;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct pair pair;
        if (!read_at(elf, at + middle * sizeof pair, &pair, sizeof pair))
            return false;
        if (pair.start <= address) {
            *ret = pair;
            found = true;
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return found;
}

bool elf_function(const struct elf *elf, uint64_t address, struct elf_function *ret)
{
    struct {
        uint8_t version, frame_encoding, count_encoding, table_encoding;
        uint32_t frame, count;
    } header;
    struct segment segment = {.type = PT_NULL};
    struct pair pair = {0};
    uint64_t length;
    bool signal;
    for (uint32_t i = 0; segment.type != PT_GNU_EH_FRAME; i++)
        if (!read_segment(elf, i, &segment))
            return false;
    if (segment.file_size < sizeof header || !fits(elf, segment.offset, segment.file_size, 1) ||
        !read_at(elf, segment.offset, &header, sizeof header))
        return false;
    /* As ld, gold, lld and mold make it; nothing else was ever seen. */
    if (header.version != 1 || header.table_encoding != SDATA4_DATAREL || header.count_encoding != UDATA4 ||
        (header.frame_encoding & FORMAT_BITS & ~FORMAT_SIGNED) != UDATA4)
        return false;
    uint64_t room = (segment.file_size - sizeof header) / sizeof pair;
    if (!search_pairs(elf, segment.offset + sizeof header, header.count < room ? header.count : room,
                      (int64_t)(address - segment.address), &pair) ||
        !read_fde(elf, segment.address + (uint64_t)(int64_t)pair.fde, &length, &signal))
        return false;
    uint64_t start = segment.address + (uint64_t)(int64_t)pair.start;
    uint64_t end;
    if (address - start >= length || __builtin_add_overflow(start, length, &end))
        return false;
    *ret = (struct elf_function){.start = start, .end = end, .signal = signal};
    return true;
}
