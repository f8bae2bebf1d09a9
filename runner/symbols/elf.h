/* elf.h: reads what symbols.c needs of an ELF file: build-id, symbol tables, sections and segments.
 *
 * The files are not trusted. A file may be truncated while we read it, or made to attack its
 * reader. So we read with pread into small buffers and never map a file, because access to a
 * mapping of a file that has become shorter raises SIGBUS (mmap(2)). Every count and offset is
 * checked, and every loop is bounded. The module reads 32-bit and 64-bit files in this machine's
 * byte order. */
#ifndef SSCAP_RUNNER_SYMBOLS_ELF_H
#define SSCAP_RUNNER_SYMBOLS_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum {
    ELF_SYMBOLS_MAX = 4 << 20, /* of one table; a larger table is refused */
    ELF_SYMBOLS_AT_ONCE = 256,
    ELF_BUILD_ID_MAX = 64, /* bytes; ld makes 16 or 20, --build-id=0x... any number */
};

/* Two of these are equal if a path still leads to the same file with the same contents. */
struct elf_identity {
    uint64_t device, inode, size;
    struct timespec modified, changed;
};

struct elf {
    int fd;
    bool wide; /* 64 bits */
    bool arm;  /* 32-bit ARM, where bit 0 of a function's address means Thumb */
    struct elf_identity identity;
    uint64_t segments_at, sections_at;
    uint32_t segments, sections;
    uint32_t names; /* the section that holds the names of the sections */
};

struct elf_segment {
    uint32_t type, flags;
    uint64_t address, offset, file_size, memory_size, alignment;
};

struct elf_section {
    uint32_t name, type, link;
    uint64_t flags, address, offset, size, alignment;
};

struct elf_table {
    uint64_t at;
    uint32_t count;
    uint64_t strings_at, strings_size;
    uint64_t versions_at; /* of .dynsym: a uint16_t for each symbol; 0: none */
};

struct elf_symbol {
    uint64_t value, size;
    uint32_t name; /* offset into the strings */
    uint32_t section;
    uint8_t type, binding;
};

/* Opens a regular file and reads its header. A file of another type is refused; the call neither
 * blocks on it nor changes it. Returns 0 or -errno; -ENOEXEC: not a program or library in this
 * machine's byte order. The caller calls elf_close. */
int elf_open(struct elf *elf, const char *path);
void elf_close(struct elf *elf);

/* The identity of a regular file, as elf_open would find it now. Returns 0 or -errno. */
int elf_identify(const char *path, struct elf_identity *ret);
bool elf_same(const struct elf_identity *a, const struct elf_identity *b);

/* Reads all n bytes or none. */
bool elf_read(const struct elf *elf, uint64_t offset, void *ret, size_t n);

/* Whether n records of this size, from the offset on, lie in the file. */
bool elf_fits(const struct elf *elf, uint64_t offset, uint64_t n, uint64_t size);

/* The file offset of the byte at this address. False: the file has no such byte. */
bool elf_offset(const struct elf *elf, uint64_t address, uint64_t *ret);

/* The difference between the file's own addresses and offsets from its first mapped byte. Returns 0
 * or -ENOEXEC. */
int elf_base(const struct elf *elf, uint64_t *ret);

/* Whether the address is in an executable segment. */
bool elf_executable(const struct elf *elf, uint64_t address);

/* Copies the build-id from the note NT_GNU_BUILD_ID. Returns its length in bytes; 0: there is
 * none. */
size_t elf_build_id(const struct elf *elf, uint8_t ret[ELF_BUILD_ID_MAX]);

/* Finds the first table of this type, SHT_SYMTAB or SHT_DYNSYM. Returns 0, -ENOENT, or -EFBIG if
 * the table has more than ELF_SYMBOLS_MAX symbols. */
int elf_table(const struct elf *elf, uint32_t type, struct elf_table *ret);

/* Reads symbols first to first + n - 1 (n at most ELF_SYMBOLS_AT_ONCE). */
bool elf_symbols(const struct elf *elf, const struct elf_table *table, uint32_t first, uint32_t n,
                 struct elf_symbol *ret);

/* Copies a symbol's name, cut to size - 1 bytes. False: there is no readable name, and ret is
 * untouched. */
bool elf_symbol_name(const struct elf *elf, const struct elf_table *table, uint32_t name, char *ret,
                     size_t size);

/* Whether symbol `number` of .dynsym has a version that is not the default. Only old programs use
 * such symbols. */
bool elf_symbol_old(const struct elf *elf, const struct elf_table *table, uint32_t number);

bool elf_segment(const struct elf *elf, uint32_t number, struct elf_segment *ret);
bool elf_section(const struct elf *elf, uint32_t number, struct elf_section *ret);
bool elf_has_section(const struct elf *elf, const char *name);

#endif
