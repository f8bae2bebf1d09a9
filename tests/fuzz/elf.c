/* elf.c: fuzzes the ELF reader, which must read or refuse any bytes. A fuzzer does not invent a
 * complete ELF file in 60 seconds. So an input with an odd first byte is a list of changes to a
 * small complete file, and any other input is the file itself. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner/symbols/symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX = 1 << 16, BASE = 0x400000, ID = 20, SECTIONS = 7 };
enum { TEXT = 1, SYMTAB, STRTAB, DYNSYM, VERSIONS, NOTE };

/* A program of two functions. Both have frame information, and one also has a name in .symtab. */
struct image {
    Elf64_Ehdr header;
    Elf64_Phdr segments[3];
    Elf64_Nhdr note;
    char note_name[4];
    uint8_t id[ID];
    struct {
        uint8_t version, frame_encoding, count_encoding, table_encoding;
        int32_t frame;
        uint32_t count;
        int32_t pairs[2][2];
    } index;
    struct {
        uint32_t length, id;
        uint8_t version;
        char letters[3];
        uint8_t code, data, address, augmentation, encoding, instructions[7];
    } cie;
    struct {
        uint32_t length, back, start, bytes;
        uint8_t augmentation, instructions[7];
    } fde[2];
    Elf64_Sym symbols[5];
    uint16_t versions[6];
    char strings[32];
    uint8_t text[64];
    Elf64_Shdr sections[SECTIONS];
};

#define AT(member) offsetof(struct image, member)

static void make_sections(struct image *image)
{
    const uint64_t strings = sizeof image->strings;
    const uint64_t symbols = sizeof image->symbols;
    image->sections[TEXT] = (Elf64_Shdr){0,
                                         SHT_PROGBITS,
                                         SHF_ALLOC | SHF_EXECINSTR,
                                         BASE + AT(text),
                                         AT(text),
                                         sizeof image->text,
                                         0,
                                         0,
                                         16,
                                         0};
    image->sections[SYMTAB] = (Elf64_Shdr){0,       SHT_SYMTAB, 0, 0, AT(symbols),
                                           symbols, STRTAB,     0, 8, 24};
    image->sections[STRTAB] = (Elf64_Shdr){10, SHT_STRTAB, 0, 0, AT(strings), strings, 0, 0, 1, 0};
    image->sections[DYNSYM] = (Elf64_Shdr){0,       SHT_DYNSYM, 2, 0, AT(symbols),
                                           symbols, STRTAB,     0, 8, 24};
    image->sections[VERSIONS] = (Elf64_Shdr){
        0, SHT_GNU_versym, 2, 0, AT(versions), sizeof image->versions, DYNSYM, 0, 2, 2};
    image->sections[NOTE] = (Elf64_Shdr){
        0, SHT_NOTE, SHF_ALLOC, 0, AT(note), sizeof(Elf64_Nhdr) + 4 + ID, 0, 0, 4, 0};
}

static void make_frames(struct image *image)
{
    const int32_t text = (int32_t)(AT(text) - AT(index));
    image->index.version = 1;
    image->index.frame_encoding = 0x1b; /* DW_EH_PE_pcrel | DW_EH_PE_sdata4 */
    image->index.count_encoding = 0x03;
    image->index.table_encoding = 0x3b;
    image->index.count = 2;
    image->cie.length = sizeof image->cie - 4;
    image->cie.version = 1;
    memcpy(image->cie.letters, "zR", 3);
    image->cie.augmentation = 1;
    image->cie.encoding = 0x1b;
    for (int i = 0; i < 2; i++) {
        uint32_t at = (uint32_t)(AT(fde) + (size_t)i * sizeof image->fde[0]);
        image->index.pairs[i][0] = text + 32 * i;
        image->index.pairs[i][1] = (int32_t)(at - AT(index));
        image->fde[i].length = sizeof image->fde[0] - 4;
        image->fde[i].back = at + 4 - (uint32_t)AT(cie);
        image->fde[i].bytes = 32;
    }
}

static void make_image(struct image *image)
{
    const uint64_t all = sizeof *image;
    *image = (struct image){
        .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                               EV_CURRENT},
                   .e_type = ET_EXEC,
                   .e_phoff = AT(segments),
                   .e_shoff = AT(sections),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = 3,
                   .e_shentsize = sizeof(Elf64_Shdr),
                   .e_shnum = SECTIONS,
                   .e_shstrndx = STRTAB},
        .segments = {{PT_LOAD, PF_R | PF_X, 0, BASE, BASE, all, all, 4096},
                     {PT_NOTE, PF_R, AT(note), 0, 0, sizeof(Elf64_Nhdr) + 4 + ID, 0, 4},
                     {PT_GNU_EH_FRAME, PF_R, AT(index), BASE + AT(index), 0, sizeof image->index, 0,
                      4}},
        .note = {4, ID, NT_GNU_BUILD_ID},
        .note_name = "GNU",
        .strings = "\0first\0fir@V\0.debug_line\0$x",
        .symbols = {{0},
                    {1, STB_GLOBAL << 4 | STT_FUNC, 0, TEXT, BASE + AT(text), 32},
                    {7, STB_WEAK << 4 | STT_FUNC, 0, TEXT, BASE + AT(text), 32},
                    {1, STT_FUNC, 0, TEXT, BASE + AT(text) + 4, 0},
                    {25, STT_NOTYPE, 0, TEXT, BASE + AT(text) + 8, 0}},
    };
    make_frames(image);
    make_sections(image);
}

/* Looks up one address. The result must agree with the comments in symbols.h. */
static int find(struct symbols *symbols, const char *path, const uint8_t *id, size_t length,
                uint64_t address, struct symbol *ret)
{
    int error = symbols_find(symbols, path, id, length, BASE, address, (address & 1) == 0, ret);
    if (strnlen(ret->function, sizeof ret->function) == sizeof ret->function ||
        strnlen(ret->module, sizeof ret->module) == sizeof ret->module || error > 0 ||
        (error == 0 ? ret->offset != ret->vaddr - ret->function_start : ret->function_start != 0))
        __builtin_trap();
    return error;
}

static void look_up(const uint8_t *file, size_t size, uint64_t address, struct symbol *ret)
{
    static int fd = -1;
    static char path[32];
    const uint8_t id[ID] = {0};
    struct symbol other;
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) < 0 || pwrite(fd, file, size, 0) != (ssize_t)size)
        __builtin_trap();
    /* A new cache, because the file's times are too coarse to distinguish inputs. */
    struct symbols *symbols = symbols_new();
    find(symbols, path, NULL, 0, address, &other);
    for (uint64_t i = 0; i < 64; i += 7)
        find(symbols, path, id, sizeof id, BASE + AT(text) + i, &other);
    find(symbols, path, id, sizeof id, BASE + AT(text) + 34, &other);
    find(symbols, path, id, sizeof id, BASE + AT(text), ret);
    symbols_free(symbols);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct image whole;
    struct symbol found;
    uint64_t address = 0;
    if (size < 1 + sizeof address || size > FILE_MAX)
        return 0;
    memcpy(&address, data + size - sizeof address, sizeof address);
    if ((data[0] & 1) == 0) {
        look_up(data + 1, size - 1, address, &found);
        return 0;
    }
    if (whole.header.e_type == 0) {
        make_image(&whole);
        look_up((const uint8_t *)&whole, sizeof whole, 0, &found);
        /* If the unchanged file were not found, the fuzzer would test nothing. */
        if (strcmp(found.function, "first") != 0 || !found.exact_file)
            __builtin_trap();
    }
    struct image changed = whole;
    for (size_t i = 1; i + 3 <= size; i += 3)
        ((uint8_t *)&changed)[(data[i] | data[i + 1] << 8) % sizeof changed] = data[i + 2];
    look_up((const uint8_t *)&changed, sizeof changed, address, &found);
    return 0;
}
