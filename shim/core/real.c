/* real.c: finding libc's own functions (see real.h).
 *
 * dlsym would do, but for what else it does: it takes the loader's lock, and it frees what
 * dlerror() was to tell the program of its own last failure. Both must not be where the program
 * merely calls isatty: between its dlopen and its dlerror, or in a signal handler in the midst of
 * its malloc. So the names are looked up in the tables of the objects that the process was started
 * with, in the order in which they stand in the loader's list, which is that of dlsym(RTLD_NEXT).
 * These objects are never unloaded, and what is loaded later comes behind them: so that takes no
 * lock.
 */
#define _GNU_SOURCE
#include "shim/core/real.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/auxv.h>

#include "shim/nolibc.h"

void *real_functions[REAL_COUNT];

static const char *const names[REAL_COUNT] = {
#define REAL_NAME(name) [REAL_##name] = #name,
    REAL_EARLY(REAL_NAME) REAL_LATE(REAL_NAME)
#undef REAL_NAME
};

/* The objects behind ours that the process was started with. Written by the constructor alone. */
static const struct link_map *first, *last;

/* Of our own object: the linker's. */
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

/* The loader's; weak, so that we need libc alone. */
#pragma weak _r_debug

static void note_objects(void)
{
    const struct link_map *map = &_r_debug != NULL ? _r_debug.r_map : NULL;
    while (map != NULL && map->l_ld != _DYNAMIC)
        map = map->l_next;
    if (map == NULL)
        return;
    first = map->l_next;
    for (; map != NULL; map = map->l_next)
        last = map;
}

struct tables {
    const ElfW(Sym) * symbols;
    const char *strings;
    const ElfW(Versym) * versions; /* NULL: it has none */
    const uint32_t *hash;
};

/* Whether the object has all of them; old ones have no DT_GNU_HASH. */
static bool read_tables(const struct link_map *map, struct tables *ret_tables)
{
    struct tables tables = {.symbols = NULL};
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        ElfW(Addr) address = entry->d_un.d_ptr;
        if (address < map->l_addr) /* the loader has not made it one in place, as it cannot on some
                                      machines */
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

/* Whether a symbol defines a name, in the version that is for new programs (do_lookup_x in glibc's
 * elf/dl-lookup.c). */
static bool defines(const struct tables *tables, uint32_t index, const char *name)
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

/* The table's head: buckets, first symbol in it, words of the bloom filter and its shift; then that
 * filter, the buckets and the chains
 * (https://sourceware.org/pipermail/binutils/2006-October/049450.html). */
static const ElfW(Sym) * look_up(const struct tables *tables, const char *name, uint32_t hash)
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

/* NULL also where the tables do not tell. */
static void *find_among_objects(const char *name)
{
    uint32_t hash = hash_of(name);
    ElfW(Addr) vdso = getauxval(AT_SYSINFO_EHDR); /* in the list, but not searched */
    for (const struct link_map *map = first; map != NULL; map = map == last ? NULL : map->l_next) {
        struct tables tables;
        if (map->l_addr == vdso)
            continue;
        if (!read_tables(map, &tables))
            return NULL;
        const ElfW(Sym) *symbol = look_up(&tables, name, hash);
        if (symbol != NULL)
            return ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC
                       ? NULL
                       : (void *)(map->l_addr + symbol->st_value);
    }
    return NULL;
}

void *real_find(enum real_function function)
{
    void *found = find_among_objects(names[function]);
    if (found == NULL)
        found = dlsym(RTLD_NEXT, names[function]);
    __atomic_store_n(&real_functions[function], found, __ATOMIC_RELAXED);
    return found;
}

void real_init(void)
{
    note_objects();
    for (int i = 0; i < REAL_EARLY_COUNT; i++)
        (void)real_find((enum real_function)i);
}
