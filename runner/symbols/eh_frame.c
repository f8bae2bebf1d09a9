/* eh_frame.c: see eh_frame.h. The Linux Standard Base, Core, chapter 10.6, describes the format. */
#include "runner/symbols/eh_frame.h"

#include <elf.h>
#include <string.h>

enum { FRAME_READ = 96 }; /* bytes of a CIE or FDE; the part before its instructions is shorter */

/* DW_EH_PE: the low bits say how a pointer in .eh_frame is stored, and the bits above say what it
 * is relative to. */
enum {
    FORMAT_BITS = 0x0f,
    UDATA2 = 0x02,
    UDATA4 = 0x03,
    UDATA8 = 0x04,
    SDATA4_DATAREL = 0x3b,
    OMIT = 0xff
};
enum { FORMAT_SIGNED = 0x08 };

/* Bytes that are read in order. Reading past the end gives zeros and sets `failed`. */
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

/* Skips a LEB128 number, because we need none of their values. */
static void skip_number(struct bytes *bytes)
{
    while ((take(bytes) & 0x80) != 0)
        ;
}

/* The size of a pointer in bytes. 0: an encoding that ld does not use here. */
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

/* Reads a CIE or FDE, beginning with its length, as far as the buffer has room. */
static bool read_entry(const struct elf *elf, uint64_t at, uint8_t *buffer, struct bytes *ret)
{
    uint32_t length;
    /* A length of 0 ends the section. UINT32_MAX means the 64-bit format, which is not read. */
    if (!elf_read(elf, at, &length, sizeof length) || length == 0 || length == UINT32_MAX)
        return false;
    size_t n = length < FRAME_READ ? length : FRAME_READ;
    if (!elf_read(elf, at + sizeof length, buffer, n))
        return false;
    *ret = (struct bytes){.at = buffer, .end = buffer + n};
    return true;
}

/* Reads the augmentation of a CIE: how its FDEs store addresses, and whether they describe signal
 * frames. */
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
    uint8_t encoding = 0; /* DW_EH_PE_absptr: the machine's own pointers */
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
    if (!read_augmentation(elf, &cie, letters, &encoding, &signal) || cie.failed ||
        encoding == OMIT)
        return false;
    *ret_encoding = encoding;
    *ret_signal = signal;
    return true;
}

/* Finds how many bytes of code the FDE at this address covers. */
static bool read_fde(const struct elf *elf, uint64_t address, uint64_t *ret_length,
                     bool *ret_signal)
{
    uint8_t buffer[FRAME_READ];
    struct bytes fde;
    uint64_t at;
    uint32_t back;
    uint64_t length = 0;
    uint8_t encoding;
    if (!elf_offset(elf, address, &at) || !read_entry(elf, at, buffer, &fde) ||
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

/* An entry of the sorted table: a function's first byte and its FDE, both relative to the table's
 * section. */
struct pair {
    int32_t start, fde;
};

/* Finds the last pair whose function begins at or before the address. */
static bool search_pairs(const struct elf *elf, uint64_t at, uint64_t count, int64_t address,
                         struct pair *ret)
{
    uint64_t low = 0;
    uint64_t high = count;
    bool found = false;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct pair pair;
        if (!elf_read(elf, at + middle * sizeof pair, &pair, sizeof pair))
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

bool eh_frame_find(const struct elf *elf, uint64_t address, struct eh_frame_function *ret)
{
    struct {
        uint8_t version, frame_encoding, count_encoding, table_encoding;
        uint32_t frame, count;
    } header;
    struct elf_segment segment = {.type = PT_NULL};
    struct pair pair = {0};
    uint64_t length;
    bool signal;
    for (uint32_t i = 0; segment.type != PT_GNU_EH_FRAME; i++)
        if (!elf_segment(elf, i, &segment))
            return false;
    if (segment.file_size < sizeof header || !elf_fits(elf, segment.offset, segment.file_size, 1) ||
        !elf_read(elf, segment.offset, &header, sizeof header))
        return false;
    /* This is how ld, gold, lld and mold write the header. We have seen no other form. */
    if (header.version != 1 || header.table_encoding != SDATA4_DATAREL ||
        header.count_encoding != UDATA4 ||
        (header.frame_encoding & FORMAT_BITS & ~FORMAT_SIGNED) != UDATA4)
        return false;
    uint64_t room = (segment.file_size - sizeof header) / sizeof pair;
    if (!search_pairs(elf, segment.offset + sizeof header,
                      header.count < room ? header.count : room,
                      (int64_t)(address - segment.address), &pair) ||
        !read_fde(elf, segment.address + (uint64_t)(int64_t)pair.fde, &length, &signal))
        return false;
    uint64_t start = segment.address + (uint64_t)(int64_t)pair.start;
    uint64_t end;
    if (address - start >= length || __builtin_add_overflow(start, length, &end))
        return false;
    *ret = (struct eh_frame_function){.start = start, .end = end, .signal = signal};
    return true;
}
