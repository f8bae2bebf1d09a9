/* absent_names.c: hides those of our names that this process's libc does not have.
 *
 * Programs look for newer functions by dlsym or by weak references, and go on without them. With
 * our export they would find a function that libc cannot carry out. Other ways to hide it are
 * worse: an IFUNC that resolves to NULL makes the loader print warnings about other libraries
 * ("Relink"), symbol versions change what dlsym finds on every glibc, and a second library for each
 * version of glibc would have to be chosen by the parent.
 *
 * So the constructor makes a copy of our symbol table without those names, and lets DT_SYMTAB in
 * our .dynamic point to it. glibc's loader reads that entry at each lookup (do_lookup_x in
 * elf/dl-lookup.c). Weak references of the program and its libraries were bound before our
 * constructor ran. Those that are bound to us are set to NULL. Both are in read-only memory, which
 * /proc/self/mem can write. If anything fails, the names stay, and the functions fail with ENOSYS.
 *
 * A glibc of version 2.36 or later has all names, and nothing is done. */
#define _GNU_SOURCE
#include "shim/core/absent_names.h"

#include <elf.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <link.h>

#include "shim/core/objects.h"

#include "shim/nolibc.h"

enum {
    SYMBOLS_MAX = 512,
    ABSENT_MAX = 64,
    COMPLETE_MINOR = 36, /* glibc 2.36 */
};

typedef ElfW(Sym) elf_symbol;
typedef ElfW(Addr) elf_address;

/* Untouched pages cost nothing. */
static elf_symbol symbols[SYMBOLS_MAX];

static struct {
    const char *name[ABSENT_MAX];
    elf_address address[ABSENT_MAX];
    size_t count;
} absent;

#pragma weak gnu_get_libc_version

/* "2.31" */
static bool is_complete(void)
{
    const char *version = gnu_get_libc_version();
    unsigned int minor = 0;
    const char *digits = nolibc_after_prefix(version, "2.");
    for (; digits != NULL && *digits >= '0' && *digits <= '9'; digits++)
        minor = minor * 10 + (unsigned int)(*digits - '0');
    return digits == NULL || minor >= COMPLETE_MINOR;
}

/* --- our own symbols --- */

/* One more than the last index in DT_GNU_HASH (objects.c). */
static size_t count_symbols(const uint32_t *hash)
{
    uint32_t buckets = hash[0], first = hash[1], words = hash[2];
    const uint32_t *bucket = hash + 4 + words * (sizeof(ElfW(Addr)) / sizeof *hash);
    const uint32_t *chain = bucket + buckets;
    uint32_t index = 0;
    for (uint32_t i = 0; i < buckets; i++)
        if (bucket[i] > index)
            index = bucket[i];
    if (index < first)
        return 0;
    while ((chain[index - first] & 1) == 0)
        index++;
    return index + 1;
}

/* Sanitizers ask for theirs (calls/asan_options.c). No libc has it. */
static bool is_of_libc(const char *name)
{
    return nolibc_after_prefix(name, "__asan_") == NULL;
}

static bool is_absent(const char *name)
{
    void *unused;
    return is_of_libc(name) && objects_find(name, &unused) == OBJECTS_ABSENT;
}

/* Copies our symbol table without the absent names. */
static void copy_symbols(const struct link_map *own)
{
    struct objects_tables tables;
    if (!objects_read_tables(own, &tables))
        return;
    size_t n = count_symbols(tables.hash);
    if (n > SYMBOLS_MAX)
        return;
    nolibc_copy(symbols, tables.symbols, n * sizeof *symbols);
    for (size_t i = 1; i < n && absent.count < ABSENT_MAX; i++) {
        const char *name = tables.strings + symbols[i].st_name;
        if (symbols[i].st_shndx == SHN_UNDEF || !is_absent(name))
            continue;
        absent.name[absent.count] = name;
        absent.address[absent.count++] = own->l_addr + symbols[i].st_value;
        symbols[i].st_shndx = SHN_UNDEF;
        symbols[i].st_value = 0;
    }
}

/* --- read-only memory --- */

static void poke(int memory, const void *at, uintptr_t value)
{
    RAW_SYSCALL(SYS_pwrite64, memory, &value, sizeof value, (uintptr_t)at, 0);
}

static void replace_symbols(int memory, const struct link_map *own)
{
    for (const ElfW(Dyn) *entry = own->l_ld; entry->d_tag != DT_NULL; entry++) {
        ElfW(Addr) is = entry->d_un.d_ptr;
        if (entry->d_tag == DT_SYMTAB) /* relocated by the loader or not */
            poke(memory, &entry->d_un.d_ptr,
                 (uintptr_t)symbols - (is < own->l_addr ? own->l_addr : 0));
    }
}

/* --- weak references that are bound to us --- */

struct references {
    uintptr_t start; /* of ElfW(Rel) or ElfW(Rela) */
    size_t size, entry_size;
};

static bool is_absent_reference(const elf_symbol *symbol, const char *strings, elf_address bound_to)
{
    if (symbol->st_shndx != SHN_UNDEF || ELF64_ST_BIND(symbol->st_info) != STB_WEAK)
        return false;
    for (size_t i = 0; i < absent.count; i++) {
        const char *rest = nolibc_after_prefix(strings + symbol->st_name, absent.name[i]);
        if (bound_to == absent.address[i] && rest != NULL && *rest == '\0')
            return true;
    }
    return false;
}

static bool is_ours(elf_address address)
{
    for (size_t i = 0; i < absent.count; i++)
        if (absent.address[i] == address)
            return true;
    return false;
}

/* Only the loader's own relocation types that store an address can have stored ours. */
static void unbind(int memory, const struct link_map *map, const struct objects_tables *tables,
                   const struct references *references)
{
    enum { SYMBOL_SHIFT = sizeof(void *) == 8 ? 32 : 8 };
    for (size_t at = 0; at + references->entry_size <= references->size;
         at += references->entry_size) {
        ElfW(Rel) reference; /* the beginning of ElfW(Rela), too */
        nolibc_copy(&reference, (const void *)(references->start + at), sizeof reference);
        size_t index = reference.r_info >> SYMBOL_SHIFT;
        const elf_address *slot = (const elf_address *)(map->l_addr + reference.r_offset);
        if (index != 0 && is_ours(*slot) &&
            is_absent_reference(&tables->symbols[index], tables->strings, *slot))
            poke(memory, slot, 0);
    }
}

static void unbind_object(int memory, const struct link_map *map)
{
    enum { TABLE, PLT, TABLES };
    struct references references[TABLES] = {{0}};
    struct objects_tables tables;
    (void)objects_read_tables(map, &tables);
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        ElfW(Addr) value = entry->d_un.d_ptr;
        bool is_address = entry->d_tag == DT_REL || entry->d_tag == DT_RELA ||
                          entry->d_tag == DT_JMPREL;
        if (is_address && value < map->l_addr)
            value += map->l_addr;
        if (entry->d_tag == DT_REL || entry->d_tag == DT_RELA)
            references[TABLE].start = value;
        else if (entry->d_tag == DT_RELSZ || entry->d_tag == DT_RELASZ)
            references[TABLE].size = value;
        else if (entry->d_tag == DT_JMPREL)
            references[PLT].start = value;
        else if (entry->d_tag == DT_PLTRELSZ)
            references[PLT].size = value;
        else if (entry->d_tag == DT_RELENT || entry->d_tag == DT_RELAENT)
            references[TABLE].entry_size = value;
        else if (entry->d_tag == DT_PLTREL)
            references[PLT].entry_size = value == DT_RELA ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
    }
    for (int i = 0; i < TABLES && tables.symbols != NULL && tables.strings != NULL; i++)
        if (references[i].start != 0 && references[i].entry_size >= sizeof(ElfW(Rel)))
            unbind(memory, map, &tables, &references[i]);
}

void absent_names_hide(void)
{
    const struct link_map *own = objects_own();
    if (own == NULL || is_complete())
        return;
    copy_symbols(own);
    if (absent.count == 0)
        return;
    int memory = (int)RAW_SYSCALL(SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDWR | O_CLOEXEC, 0);
    if (memory < 0)
        return;
    replace_symbols(memory, own);
    for (const struct link_map *map = objects_first(); map != NULL; map = objects_next(map))
        if (map != own)
            unbind_object(memory, map);
    RAW_SYSCALL(SYS_close, memory);
}
