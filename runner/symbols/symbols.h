/* symbols.h: maps the program counters of a crash to functions.
 *
 * This happens after the crash, so the module's file may have been stripped, deleted, replaced or
 * made to attack its reader. We never guess what the file does not tell. C++ and Rust names
 * stay mangled. */
#ifndef SSCAP_RUNNER_SYMBOLS_SYMBOLS_H
#define SSCAP_RUNNER_SYMBOLS_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SYMBOLS_MODULES_MAX = 32, /* in the cache; one crash has fewer (SSCAP_MODULES_MAX) */
    /* Bytes of the cache. The module in use may take as many again. */
    SYMBOLS_BYTES_MAX = 64 << 20,
    SYMBOL_MODULE_SIZE = 64,
    SYMBOL_FUNCTION_SIZE = 128,
    SYMBOL_FILE_SIZE = 256,
};

struct symbols;

/* In text from files, control characters are '?'. Addresses are the file's own, as nm prints
 * them. */
struct symbol {
    char module[SYMBOL_MODULE_SIZE];     /* the file name without directories */
    char function[SYMBOL_FUNCTION_SIZE]; /* without version, cut; "": no name is known */
    uint64_t function_start;             /* address of its first byte; 0: not known */
    /* Of the pc; if the file is not known, the offset from its first mapped byte. */
    uint64_t vaddr;
    uint64_t offset; /* of the pc in the function; equal to vaddr if function_start is 0 */
    /* vaddr; if the pc is a return address, the byte before it, because that byte is in the
     * call. */
    uint64_t looked_up;
    bool exact_file; /* the file has the crash's build-id */
    /* Source file; "": not known. A long path is cut at its beginning, with "...". */
    char file[SYMBOL_FILE_SIZE];
    unsigned int line; /* 0: not known */
    uint64_t serial;   /* the module in the cache, for addr2line_add; 0: none */
};

/* NULL: no memory. */
struct symbols *symbols_new(void);
void symbols_free(struct symbols *symbols);

/* Sets the directory of debug files in place of /usr/lib/debug. The text must outlive `symbols`. */
void symbols_debug_directory(struct symbols *symbols, const char *directory);

/* Fills *ret for a pc in the module that was mapped from `path` with its first byte at `start`.
 * With `exact` false, the pc is a return address and the call before it is looked up. A
 * build_id_length of 0 means that the build-id is not known and any file is accepted.
 *
 * Returns 0 if a function was found, by name or at least by its first byte. Else ret has the module
 * and the offset in it, and the result is -ENODATA (the file has no function there), -ESTALE (the
 * file is not the one that was mapped), or -errno of opening the file (-ENOEXEC: not an ELF file or
 * not a regular file). */
int symbols_find(struct symbols *symbols, const char *path, const uint8_t *build_id,
                 size_t build_id_length, uint64_t start, uint64_t pc, bool exact,
                 struct symbol *ret);

/* For addr2line.c: returns the path of a module that may have line numbers. NULL: it has
 * none, its file has changed, or it is no longer in the cache. The path is valid until the next
 * symbols_find. */
const char *symbols_lined(struct symbols *symbols, uint64_t serial);

/* For addr2line.c: notes that a module takes too long, so that it is not tried again. 0: addr2line
 * cannot be run, so no module is tried again. */
void symbols_not_lined(struct symbols *symbols, uint64_t serial);

/* How many symbol tables were skipped, because a table was too large (ELF_SYMBOLS_MAX) or there
 * were too many in too short a time. */
uint64_t symbols_refused(const struct symbols *symbols);

#endif
