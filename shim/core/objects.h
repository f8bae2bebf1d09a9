/* objects.h: the objects that the process was started with, and their symbols. */
#ifndef SSCAP_SHIM_CORE_OBJECTS_H
#define SSCAP_SHIM_CORE_OBJECTS_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

struct objects_tables {
    const ElfW(Sym) * symbols;
    const char *strings;
    const ElfW(Versym) * versions; /* NULL: it has none */
    const uint32_t *hash;
};

/* Reads the loader's list. The constructor calls it once. */
void objects_init(void);

/* The objects from the program on, in the loader's order. NULL: not known. */
const struct link_map *objects_first(void);

/* The object after one of these. NULL: it was the last. */
const struct link_map *objects_next(const struct link_map *map);

/* Our own object, or NULL. */
const struct link_map *objects_own(void);

/* False: the object lacks one of the tables. Old ones have no DT_GNU_HASH. */
bool objects_read_tables(const struct link_map *map, struct objects_tables *ret_tables);

enum objects_answer { OBJECTS_FOUND, OBJECTS_ABSENT, OBJECTS_UNKNOWN };

/* Looks for a function in the objects after ours. */
enum objects_answer objects_find(const char *name, void **ret_address);

/* A variable of libc, or NULL. */
void *objects_find_variable(const char *name);

#endif
