/* objects.c: the objects that the process was started with, and their symbols.
 *
 * dlsym would find symbols, too, but it takes the loader's lock, and it discards the message that
 * dlerror() has for the program. A call of isatty must do neither, because the program may call it
 * between dlopen and dlerror, or in a signal handler that interrupted malloc. Therefore we look
 * into the tables of the objects that the process was started with. They are never unloaded, and
 * objects that are loaded later come after them, so that needs no lock. */
#define _GNU_SOURCE
#include "shim/core/objects.h"

#include <sys/auxv.h>

#include "shim/nolibc.h"

/* Written by the constructor, or before it by another library's constructor that calls a wrapper.
 * Two threads would write the same. */
static const struct link_map *program, *own, *last;

/* Of our own object; the linker defines it. */
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

/* The loader defines it. Weak, so that we need libc alone. */
#pragma weak _r_debug

void objects_init(void)
{
    const struct link_map *map = &_r_debug != NULL ? _r_debug.r_map : NULL;
    const struct link_map *first = map;
    while (map != NULL && map->l_ld != _DYNAMIC)
        map = map->l_next;
    if (map == NULL)
        return;
    const struct link_map *ours = map;
    for (; map != NULL; map = map->l_next)
        last = map;
    program = first;
    own = ours; /* last, because it says that the others are set */
}

const struct link_map *objects_first(void)
{
    return program;
}

const struct link_map *objects_next(const struct link_map *map)
{
    return map == last ? NULL : map->l_next;
}

const struct link_map *objects_own(void)
{
    return own;
}

bool objects_read_tables(const struct link_map *map, struct objects_tables *ret_tables)
{
    struct objects_tables tables = {.symbols = NULL};
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        ElfW(Addr) address = entry->d_un.d_ptr;
        if (address < map->l_addr) /* on some machines the loader does not relocate .dynamic */
            address += map->l_addr;
        if (entry->d_tag == DT_SYMTAB)
            tables.symbols = (const ElfW(Sym) *)address;
        else if (entry->d_tag == DT_STRTAB)
            tables.strings = (const char *)address;
        else if (entry->d_tag == DT_VERSYM)
            tables.versions = (const ElfW(Versym) *)address;
        else if (entry->d_tag == DT_GNU_HASH)
            tables.hash = (const uint32_t *)address;
    }
    *ret_tables = tables;
    return tables.symbols != NULL && tables.strings != NULL && tables.hash != NULL;
}

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 5381;
    for (; *name != '\0'; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

/* Whether a symbol defines a name, in the version that new programs get (do_lookup_x in glibc's
 * elf/dl-lookup.c). */
static bool defines(const struct objects_tables *tables, uint32_t index, const char *name)
{
    enum { HIDDEN = 0x8000, UNVERSIONED_MAX = 1 };
    const ElfW(Sym) *symbol = &tables->symbols[index];
    ElfW(Versym) version = tables->versions != NULL ? tables->versions[index] : UNVERSIONED_MAX;
    if (symbol->st_shndx == SHN_UNDEF || symbol->st_value == 0)
        return false;
    if ((version & HIDDEN) != 0 && (version & ~HIDDEN) > UNVERSIONED_MAX)
        return false;
    const char *rest = nolibc_after_prefix(tables->strings + symbol->st_name, name);
    return rest != NULL && *rest == '\0';
}

/* The table begins with the numbers of buckets, of the first symbol, of words of the Bloom filter
 * and its shift. The filter, the buckets and the chains follow
 * (https://sourceware.org/pipermail/binutils/2006-October/049450.html). */
static const ElfW(Sym) *
    look_up(const struct objects_tables *tables, const char *name, uint32_t hash)
{
    enum { WORD = sizeof(ElfW(Addr)) * 8 };
    const uint32_t *head = tables->hash;
    uint32_t buckets = head[0], first_symbol = head[1], words = head[2], shift = head[3];
    const ElfW(Addr) *filter = (const ElfW(Addr) *)(const void *)(head + 4);
    const uint32_t *bucket = (const uint32_t *)(const void *)(filter + words);
    const uint32_t *chain = bucket + buckets;
    if (buckets == 0)
        return NULL;
    ElfW(Addr) bits = filter[hash / WORD % words];
    if ((bits >> hash % WORD & bits >> (hash >> shift) % WORD & 1) == 0)
        return NULL;
    uint32_t index = bucket[hash % buckets];
    for (bool more = index >= first_symbol; more; index++) {
        uint32_t other = chain[index - first_symbol]; /* its lowest bit ends the chain */
        if ((other | 1) == (hash | 1) && defines(tables, index, name))
            return &tables->symbols[index];
        more = (other & 1) == 0;
    }
    return NULL;
}

/* From `map` on. */
static enum objects_answer find_from(const struct link_map *map, const char *name,
                                     void **ret_address)
{
    uint32_t hash = hash_of(name);
    ElfW(Addr) vdso = getauxval(AT_SYSINFO_EHDR); /* in the list, but not for lookups */
    if (map == NULL)
        return OBJECTS_UNKNOWN;
    for (; map != NULL; map = objects_next(map)) {
        struct objects_tables tables;
        if (map->l_addr == vdso)
            continue;
        if (!objects_read_tables(map, &tables))
            return OBJECTS_UNKNOWN;
        const ElfW(Sym) *symbol = look_up(&tables, name, hash);
        if (symbol == NULL)
            continue;
        if (ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC)
            return OBJECTS_UNKNOWN;
        *ret_address = (void *)(map->l_addr + symbol->st_value);
        return OBJECTS_FOUND;
    }
    return OBJECTS_ABSENT;
}

/* Our constructor need not be the first. The loader honours -z initfirst for one object only, and
 * libpthread has it before glibc 2.34. */
enum objects_answer objects_find(const char *name, void **ret_address)
{
    if (own == NULL)
        objects_init();
    return find_from(own != NULL ? objects_next(own) : NULL, name, ret_address);
}

/* The program itself may have a copy, which libc then uses (R_X86_64_COPY). */
void *objects_find_variable(const char *name)
{
    void *found = NULL;
    return find_from(program, name, &found) == OBJECTS_FOUND ? found : NULL;
}
