/* symbols.h: from the program counters of a crash to functions, files and lines.
 *
 * All after the fact: the module's file may be stripped, deleted, replaced or hostile by now. What
 * it cannot tell is left open, never guessed. Names are as the compiler made them: C++ and Rust
 * names stay mangled.
 */
#ifndef SSCAP_RUNNER_SYMBOLS_SYMBOLS_H
#define SSCAP_RUNNER_SYMBOLS_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SYMBOLS_MODULES_MAX = 32, /* in the cache: more than one crash names (SSCAP_MODULES_MAX) */
    SYMBOLS_BYTES_MAX =
        64 << 20, /* of the cache; beside it the module in hand, at most as much again */
    SYMBOL_MODULE_SIZE = 64,
    SYMBOL_FUNCTION_SIZE = 128,
    SYMBOL_FILE_SIZE = 256,
};

struct symbols;

/* In texts from files, control characters are '?'. Addresses are the file's own, as nm shows them.
 */
struct symbol {
    char module[SYMBOL_MODULE_SIZE];     /* its file's last name */
    char function[SYMBOL_FUNCTION_SIZE]; /* without version, cut; "" where there is no name */
    uint64_t function_start;             /* of the function's first byte; 0: not known */
    uint64_t vaddr;  /* of the pc; where the file told nothing, counted from its first byte */
    uint64_t offset; /* of the pc in the function; where function_start is 0, the same as vaddr */
    uint64_t
        looked_up;   /* vaddr, or the byte before it: in the call that the pc is the return from */
    bool exact_file; /* the file has the build-id that the crash named */
    char file[SYMBOL_FILE_SIZE]; /* source file, "" where not known; of one too long the end, after
                                    "..." */
    unsigned int line;           /* 0: not known */
    uint64_t serial;             /* for addr2line_add: the module in the cache; 0: none */
};

/* NULL: no memory. */
struct symbols *symbols_new(void);
void symbols_free(struct symbols *symbols);

/* Where debug files are, instead of /usr/lib/debug. The text stays the caller's, and has to stay.
 */
void symbols_debug_directory(struct symbols *symbols, const char *directory);

/* Fills *ret for a pc in the module that was mapped from `path`, whose first byte was at `start`.
 * `exact` false: the pc is a return address, and the call before it is looked up. A build_id_length
 * of 0: not known, the file is taken as it is.
 *
 * Returns 0 when a function was found, by name or by its first byte alone. Else why not, and ret
 * has the module and the offset in it: -ENODATA (the file knows no function there), -ESTALE (the
 * file is not the one that was mapped), or -errno of opening it (-ENOEXEC: no ELF file, or no
 * regular file). */
int symbols_find(struct symbols *symbols, const char *path, const uint8_t *build_id,
                 size_t build_id_length, uint64_t start, uint64_t pc, bool exact,
                 struct symbol *ret);

/* For addr2line.c: the path of that module, where it may have line numbers and the file there is
 * still the same. Else NULL. It stays until the next symbols_find. */
const char *symbols_lined(struct symbols *symbols, uint64_t serial);

/* That module takes too long, and is not to be asked again; 0: there is nobody to ask, for any
 * module. */
void symbols_not_lined(struct symbols *symbols, uint64_t serial);

/* Symbol tables that were passed over so far: too large (ELF_SYMBOLS_MAX), or too many of them in
 * too short a time. */
uint64_t symbols_refused(const struct symbols *symbols);

#endif
