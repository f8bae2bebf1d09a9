/* symbol_index.h: the functions of one symbol table, by address. Only the addresses are kept, 16
 * bytes a function; names are read from the file when they are asked for. */
#ifndef SSCAP_RUNNER_SYMBOLS_SYMBOL_INDEX_H
#define SSCAP_RUNNER_SYMBOLS_SYMBOL_INDEX_H

#include "runner/symbols/eh_frame.h"
#include "runner/symbols/elf.h"

enum { SYMBOL_INDEX_NAME_SIZE = 128 };

struct entry;

struct symbol_index {
    struct elf_table table;
    struct entry *entries; /* sorted by start */
    size_t count;
};

struct symbol_index_found {
    uint64_t start;
    char name[SYMBOL_INDEX_NAME_SIZE]; /* without version, cut; control characters are '?' */
};

/* Makes the index, which is all zeros before; to be cleared. False: there is nothing in that table,
 * it cannot be read, or there is no memory; the index is all zeros then. */
bool symbol_index_read(struct symbol_index *index, const struct elf *elf,
                       const struct elf_table *table);
void symbol_index_clear(struct symbol_index *index);
size_t symbol_index_bytes(const struct symbol_index *index);

/* The name for an address that fits best. `elf`: the file that the index was made of. `function`:
 * what the call frame information says of that address; NULL: nothing. */
bool symbol_index_find(const struct symbol_index *index, const struct elf *elf,
                       const struct eh_frame_function *function, uint64_t address,
                       struct symbol_index_found *ret);

#endif
