/* symbols.c: see symbols.h. For each module we make one index of its functions' addresses and keep
 * it. All else is read from the file on demand, so that a cached function takes only 16 bytes. */
#define _GNU_SOURCE
#include "runner/symbols/symbols.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner/symbols/eh_frame.h"
#include "runner/symbols/elf.h"
#include "runner/symbols/symbol_index.h"
#include "runner/util.h"
#include "shim/wire.h"

/* The kernel appends this to the path of a deleted file (d_path in fs/d_path.c). */
#define DELETED " (deleted)"

/* How many symbols and sections we may read. Reading WORK_AT_ONCE of them takes some seconds.
 * WORK_PER_SECOND more may be read each second, which takes about a tenth of the time. */
#define WORK_AT_ONCE    (32u << 20)
#define WORK_PER_SECOND (1u << 20)

enum {
    MEMOS = 512,
    SLOW_MAX = 3, /* after so many modules whose lines took too long, we look up no more lines */
};

_Static_assert((int)SYMBOL_FUNCTION_SIZE == (int)SYMBOL_INDEX_NAME_SIZE,
               "a name found is copied whole");

struct module {
    char *path;
    uint8_t build_id[SSCAP_BUILD_ID_MAX]; /* as the crash event gave it */
    size_t build_id_length;
    uint64_t serial, used;
    struct elf_identity identity;
    int error;     /* returned by symbols_find for any pc */
    uint64_t base; /* see elf_base */
    char *debug;   /* the file with the symbols; NULL: the module's own file */
    struct elf_identity debug_identity;
    struct symbol_index index;
    bool lines; /* there may be line numbers */
};

/* An earlier result. We keep it, because many processes may crash at the same place. */
struct memo {
    uint64_t offset; /* of the pc from the module's first mapped byte */
    bool exact;
    int error;
    struct symbol found; /* serial 0: the entry is empty */
};

struct symbols {
    struct module modules[SYMBOLS_MODULES_MAX];
    size_t count;
    struct memo memos[MEMOS];
    uint64_t clock; /* one tick for each use of a module */
    uint64_t serial;
    uint64_t refused;
    uint64_t born, work; /* see may_work */
    const char *debug_directory;
    bool no_lines; /* addr2line is not installed, or too slow */
    unsigned int slow;
};

struct symbols *symbols_new(void)
{
    struct symbols *symbols = calloc(1, sizeof *symbols);
    if (symbols != NULL) {
        symbols->debug_directory = "/usr/lib/debug";
        symbols->born = now_ns();
    }
    return symbols;
}

static void module_clear(struct module *module)
{
    free(module->path);
    free(module->debug);
    symbol_index_clear(&module->index);
    *module = (struct module){0};
}

void symbols_free(struct symbols *symbols)
{
    if (symbols == NULL)
        return;
    for (size_t i = 0; i < symbols->count; i++)
        module_clear(&symbols->modules[i]);
    free(symbols);
}

void symbols_debug_directory(struct symbols *symbols, const char *directory)
{
    symbols->debug_directory = directory;
}

uint64_t symbols_refused(const struct symbols *symbols)
{
    return symbols->refused;
}

/* --- modules --- */

/* Whether `items` more may be read. A series of large modules that overflows the cache must not
 * keep the runner from its other work. The budget counts items instead of time, so that a slow
 * machine finds the same names. */
static bool may_work(struct symbols *symbols, uint64_t items)
{
    uint64_t most = WORK_AT_ONCE + (now_ns() - symbols->born) / NS_PER_S * WORK_PER_SECOND;
    if (symbols->work + items > most) {
        symbols->refused++;
        return false;
    }
    symbols->work += items;
    return true;
}

/* Makes the module's index from the file's table of this type. False: there is no such table, it
 * cannot be used, or it is too much work. */
static bool read_index(struct symbols *symbols, struct module *module, const struct elf *elf,
                       uint32_t type)
{
    struct elf_table table;
    int error = elf_table(elf, type, &table);
    if (error == -EFBIG)
        symbols->refused++;
    return error == 0 && may_work(symbols, table.count) &&
           symbol_index_read(&module->index, elf, &table);
}

/* An event has room for SSCAP_BUILD_ID_MAX bytes, so the build-id of the crash may be cut. */
static bool same_build_id(const struct module *module, const uint8_t *id, size_t length)
{
    size_t n = length < SSCAP_BUILD_ID_MAX ? length : SSCAP_BUILD_ID_MAX;
    return n == module->build_id_length && (n == 0 || memcmp(id, module->build_id, n) == 0);
}

/* Opens the separate debug file by build-id. Returns its path, which the caller frees, or NULL. */
static char *open_debug(const struct symbols *symbols, const uint8_t *id, size_t length,
                        struct elf *ret)
{
    char hex[2 * ELF_BUILD_ID_MAX + 1] = "";
    char *path = NULL;
    uint8_t its[ELF_BUILD_ID_MAX];
    struct elf debug;
    if (length < 2)
        return NULL;
    for (size_t i = 0; i < length; i++)
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
    if (asprintf(&path, "%s/.build-id/%.2s/%s.debug", symbols->debug_directory, hex, hex + 2) < 0)
        return NULL;
    if (elf_open(&debug, path) == 0) {
        if (elf_build_id(&debug, its) == length && memcmp(its, id, length) == 0) {
            *ret = debug;
            return path;
        }
        elf_close(&debug);
    }
    free(path);
    return NULL;
}

/* Reads what we keep of a module. Names come from .symtab, else from the debug file's .symtab, else
 * from .dynsym. */
static void module_read(struct symbols *symbols, struct module *module, const struct elf *elf)
{
    uint8_t id[ELF_BUILD_ID_MAX];
    struct elf debug;
    size_t length = elf_build_id(elf, id);
    module->identity = elf->identity;
    if (module->build_id_length > 0 && !same_build_id(module, id, length))
        module->error = -ESTALE;
    else
        module->error = elf_base(elf, &module->base);
    if (module->error != 0 || !may_work(symbols, elf->sections))
        return;
    char *path = open_debug(symbols, id, length, &debug);
    bool found = read_index(symbols, module, elf, SHT_SYMTAB);
    module->lines = path != NULL || elf_has_section(elf, ".debug_line") ||
                    elf_has_section(elf, ".gnu_debuglink");
    if (!found && path != NULL && read_index(symbols, module, &debug, SHT_SYMTAB)) {
        module->debug = path;
        module->debug_identity = debug.identity;
        found = true;
    }
    if (path != NULL)
        elf_close(&debug);
    if (module->debug == NULL)
        free(path);
    if (!found)
        (void)read_index(symbols, module, elf, SHT_DYNSYM);
}

static void module_remove(struct symbols *symbols, struct module *module)
{
    module_clear(module);
    *module = symbols->modules[--symbols->count];
    symbols->modules[symbols->count] = (struct module){0};
}

/* Removes the least recently used module. There must be at least one. */
static void module_remove_oldest(struct symbols *symbols)
{
    struct module *oldest = &symbols->modules[0];
    for (size_t i = 1; i < symbols->count; i++)
        if (symbols->modules[i].used < oldest->used)
            oldest = &symbols->modules[i];
    module_remove(symbols, oldest);
}

static size_t cached_bytes(const struct symbols *symbols)
{
    size_t bytes = 0;
    for (size_t i = 0; i < symbols->count; i++)
        bytes += symbol_index_bytes(&symbols->modules[i].index);
    return bytes;
}

static struct module *module_cached(struct symbols *symbols, const char *path, const uint8_t *id,
                                    size_t length)
{
    for (size_t i = 0; i < symbols->count; i++)
        if (strcmp(symbols->modules[i].path, path) == 0 &&
            same_build_id(&symbols->modules[i], id, length))
            return &symbols->modules[i];
    return NULL;
}

/* Returns the module, from the cache if its file has not changed. NULL: no memory. */
static struct module *module_get(struct symbols *symbols, const struct elf *elf, const char *path,
                                 const uint8_t *id, size_t length)
{
    struct module *cached = module_cached(symbols, path, id, length);
    if (cached != NULL && elf_same(&cached->identity, &elf->identity)) {
        cached->used = ++symbols->clock;
        return cached;
    }
    if (cached != NULL)
        module_remove(symbols, cached);
    if (symbols->count == SYMBOLS_MODULES_MAX)
        module_remove_oldest(symbols);
    struct module made = {
        .path = strdup(path), .serial = ++symbols->serial, .used = ++symbols->clock};
    if (made.path == NULL)
        return NULL;
    made.build_id_length = length < SSCAP_BUILD_ID_MAX ? length : SSCAP_BUILD_ID_MAX;
    if (length > 0)
        memcpy(made.build_id, id, made.build_id_length);
    module_read(symbols, &made, elf);
    symbols->modules[symbols->count++] = made;
    while (symbols->count > 1 && cached_bytes(symbols) > SYMBOLS_BYTES_MAX)
        module_remove_oldest(symbols);
    return module_cached(symbols, path, id, length);
}

/* --- finding --- */

static void set_module(struct symbol *symbol, const char *path, size_t length)
{
    size_t base = length;
    while (base > 0 && path[base - 1] != '/')
        base--;
    snprintf(symbol->module, sizeof symbol->module, "%.*s", (int)(length - base), path + base);
    make_safe(symbol->module);
}

/* Finds the name in the module's own file or in its debug file. Returns 0, -ENODATA, or -errno if
 * the debug file cannot be opened or has changed. */
static int find_name(const struct module *module, const struct elf *elf,
                     const struct eh_frame_function *function, uint64_t address,
                     struct symbol_index_found *ret)
{
    struct elf debug;
    if (module->debug == NULL)
        return symbol_index_find(&module->index, elf, function, address, ret) ? 0 : -ENODATA;
    int error = elf_open(&debug, module->debug);
    if (error != 0)
        return error;
    if (!elf_same(&debug.identity, &module->debug_identity))
        error = -ESTALE;
    else if (!symbol_index_find(&module->index, &debug, function, address, ret))
        error = -ENODATA;
    elf_close(&debug);
    return error;
}

static int find_in(const struct module *module, const struct elf *elf, bool exact,
                   struct symbol *symbol)
{
    struct eh_frame_function function;
    struct symbol_index_found found;
    if (!elf_executable(elf, symbol->looked_up))
        return -ENODATA;
    bool framed = eh_frame_find(elf, symbol->looked_up, &function);
    /* A signal handler returns to the first byte of __restore_rt, so the pc must not be moved back
     * by one. In glibc, the frame information of __restore_rt begins one byte early, because some
     * unwinders always move the pc back (sigaction on x86-64). */
    if (framed && function.signal && !exact)
        symbol->looked_up = symbol->vaddr;
    int error = find_name(module, elf, framed ? &function : NULL, symbol->looked_up, &found);
    if (error == 0) {
        memcpy(symbol->function, found.name, sizeof symbol->function);
        symbol->function_start = found.start;
    } else if (framed) {
        symbol->function_start = function.start;
    } else {
        return error;
    }
    symbol->offset = symbol->vaddr - symbol->function_start;
    return 0;
}

/* Fills *symbol from an open file. */
static int find_in_file(struct symbols *symbols, const struct elf *elf, const char *path,
                        const uint8_t *build_id, size_t build_id_length, bool exact,
                        struct symbol *symbol)
{
    const struct module *module = module_get(symbols, elf, path, build_id, build_id_length);
    if (module == NULL)
        return -ENOMEM;
    if (module->error != 0)
        return module->error;
    symbol->exact_file = build_id_length > 0;
    symbol->serial = module->serial;
    symbol->vaddr += module->base;
    symbol->offset = symbol->vaddr;
    symbol->looked_up = symbol->vaddr - !exact;
    return find_in(module, elf, exact, symbol);
}

static struct memo *memo_of(struct symbols *symbols, uint64_t serial, uint64_t offset, bool exact)
{
    uint64_t hash = (offset * 2 + exact + serial * 0x100000001b3) *
                    0x9e3779b97f4a7c15; /* Fibonacci hashing */
    return &symbols->memos[(hash >> 32) % MEMOS];
}

/* Copies an earlier result. False: there is none, or the file has changed since. */
static bool recall(struct symbols *symbols, const struct module *module, const char *file,
                   uint64_t offset, bool exact, struct symbol *ret, int *ret_error)
{
    struct elf_identity identity;
    if (module == NULL || elf_identify(file, &identity) != 0 ||
        !elf_same(&identity, &module->identity))
        return false;
    const struct memo *memo = memo_of(symbols, module->serial, offset, exact);
    if (memo->found.serial != module->serial || memo->offset != offset || memo->exact != exact)
        return false;
    *ret = memo->found;
    *ret_error = memo->error;
    return true;
}

/* Does the work of symbols_find for the path of a file. */
static int find_file(struct symbols *symbols, const char *file, const uint8_t *build_id,
                     size_t build_id_length, bool exact, struct symbol *symbol)
{
    struct elf elf;
    uint64_t offset = symbol->offset;
    struct module *cached = module_cached(symbols, file, build_id, build_id_length);
    int error;
    if (recall(symbols, cached, file, offset, exact, symbol, &error)) {
        cached->used = ++symbols->clock;
        return error;
    }
    error = elf_open(&elf, file);
    if (error != 0)
        return error;
    error = find_in_file(symbols, &elf, file, build_id, build_id_length, exact, symbol);
    elf_close(&elf);
    if (symbol->serial != 0)
        *memo_of(symbols, symbol->serial, offset, exact) = (struct memo){
            .offset = offset, .exact = exact, .error = error, .found = *symbol};
    return error;
}

int symbols_find(struct symbols *symbols, const char *path, const uint8_t *build_id,
                 size_t build_id_length, uint64_t start, uint64_t pc, bool exact,
                 struct symbol *ret)
{
    const size_t suffix = sizeof DELETED - 1;
    size_t length = strlen(path);
    bool deleted = length > suffix && memcmp(path + length - suffix, DELETED, suffix) == 0;
    if (deleted)
        length -= suffix;
    *ret = (struct symbol){
        .vaddr = pc - start, .offset = pc - start, .looked_up = pc - start - !exact};
    set_module(ret, path, length);
    if (length >= PATH_MAX)
        return -ENAMETOOLONG;
    /* This is "[vdso]" or the like, or a relative path, whose directory we do not know. */
    if (path[0] != '/')
        return -ENOENT;
    if (deleted && build_id_length == 0) /* the path now leads to another file, if to any */
        return -ESTALE;
    char file[PATH_MAX];
    memcpy(file, path, length);
    file[length] = '\0';
    return find_file(symbols, file, build_id, build_id_length, exact, ret);
}

/* --- for addr2line.c --- */

static struct module *module_by_serial(struct symbols *symbols, uint64_t serial)
{
    for (size_t i = 0; i < symbols->count; i++)
        if (symbols->modules[i].serial == serial)
            return &symbols->modules[i];
    return NULL;
}

/* Whether the path still leads to the file that the index was made from. */
static bool is_current(const struct module *module)
{
    struct elf elf;
    if (elf_open(&elf, module->path) != 0)
        return false;
    elf_close(&elf);
    return elf_same(&elf.identity, &module->identity);
}

const char *symbols_lined(struct symbols *symbols, uint64_t serial)
{
    const struct module *module = symbols->no_lines ? NULL : module_by_serial(symbols, serial);
    return module != NULL && module->lines && is_current(module) ? module->path : NULL;
}

void symbols_not_lined(struct symbols *symbols, uint64_t serial)
{
    struct module *module = module_by_serial(symbols, serial);
    if (module != NULL)
        module->lines = false;
    symbols->no_lines = module == NULL || ++symbols->slow == SLOW_MAX;
}
