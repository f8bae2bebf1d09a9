/* symbol_index.h: an index of one symbol table's functions by address. It keeps 16 bytes for each
 * function. Names are read from the file on demand. */
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

/* Makes the index from a table. The index must be all zeros before; the caller calls
 * symbol_index_clear. False: the table has no functions or cannot be read, or there is no memory.
 * Then the index is all zeros again. */
bool symbol_index_read(struct symbol_index *index, const struct elf *elf,
                       const struct elf_table *table);
void symbol_index_clear(struct symbol_index *index);
size_t symbol_index_bytes(const struct symbol_index *index);

/* Finds the name that fits the address best. `elf` is the file that the index was made from.
 * `function` is the function at the address by the call frame information; NULL: not known. */
bool symbol_index_find(const struct symbol_index *index, const struct elf *elf,
                       const struct eh_frame_function *function, uint64_t address,
                       struct symbol_index_found *ret);

#endif
