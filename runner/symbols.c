/* symbols.c: see symbols.h. For each module an index of its functions' addresses is made once, and kept; names and all else are read from
 * the file when they are asked for, so the index takes 16 bytes a function and nothing else is kept. */
#define _GNU_SOURCE
#include "runner/symbols.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/elf.h"
#include "runner/util.h"
#include "shim/wire.h"

#define DELETED       " (deleted)" /* what the kernel puts behind the path of a file that is gone (d_path) */
#define LINES_RUN_NS  (2 * NS_PER_S)
#define LINES_CALL_NS (5 * NS_PER_S)
#define LINES_MEMORY  ((rlim_t)2 << 30)

/* Symbols and sections to read: some seconds' worth at once, and then a tenth of the time. */
#define WORK_AT_ONCE    (32u << 20)
#define WORK_PER_SECOND (1u << 20)

enum {
    MEMOS = 512,
    ENTRIES_FIRST = 1024,
    WALK_MAX = 256, /* symbols before the address to look at: inside a function, and other names of it */
    LINES_ADDRESSES = 64,   /* for one run */
    LINES_OUTPUT = 1 << 18, /* bytes of one run; paths are shorter */
    LINES_TIMEOUTS_MAX = 3, /* then it is not tried any more */
};

/* A symbol in the index. */
struct entry {
    uint64_t start;
    uint32_t number;
    uint32_t size : 31; /* or INT32_MAX where it is more */
    uint32_t label : 1; /* local and without a type: more likely a place inside a function than one */
};

struct module {
    char *path;
    uint8_t build_id[SSCAP_BUILD_ID_MAX]; /* as the crash had it */
    size_t build_id_length;
    uint64_t serial, used;
    struct elf_identity identity;
    int error;     /* what symbols_find returns for any pc */
    uint64_t base; /* see elf_base */
    char *debug;   /* the file with the symbols; NULL: it is the module's own */
    struct elf_identity debug_identity;
    struct elf_table table;
    struct entry *entries; /* sorted by start */
    size_t count;
    bool lines; /* there may be line numbers */
};

/* What was found before: like crashes of many processes are looked up once. */
struct memo {
    uint64_t offset; /* of the pc from the module's first byte */
    bool exact;
    int error;
    struct symbol found; /* its serial 0: nothing here */
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
    bool no_lines; /* addr2line is not there, or not worth waiting for */
    unsigned int timeouts;
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
    free(module->entries);
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

/* --- the index --- */

/* By start; those at one address stay in the order of the table. By radix, as qsort has inputs that it is slow on. */
static bool sort_entries(struct entry *entries, size_t n)
{
    struct entry *spare = n > 0 ? malloc(n * sizeof *spare) : NULL;
    struct entry *from = entries;
    struct entry *to = spare;
    if (n > 0 && spare == NULL)
        return false;
    for (unsigned int shift = 0; n > 0 && shift < 64; shift += 8) {
        size_t at[256] = {0};
        size_t sum = 0;
        for (size_t i = 0; i < n; i++)
            at[from[i].start >> shift & 255]++;
        if (at[from[0].start >> shift & 255] == n)
            continue; /* all have the same byte here */
        for (size_t i = 0; i < 256; i++) {
            size_t count = at[i];
            at[i] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++)
            to[at[from[i].start >> shift & 255]++] = from[i];
        struct entry *other = from;
        from = to;
        to = other;
    }
    if (from != entries)
        memcpy(entries, from, n * sizeof *entries);
    free(spare);
    return true;
}

static bool is_function(const struct elf_symbol *symbol)
{
    return symbol->type == STT_FUNC || symbol->type == STT_GNU_IFUNC;
}

static bool index_add(struct module *module, size_t *capacity, const struct elf_symbol *symbol,
                      uint32_t number)
{
    if (symbol->section == SHN_UNDEF || (!is_function(symbol) && symbol->type != STT_NOTYPE))
        return true;
    if (module->count == *capacity) {
        size_t more = *capacity == 0 ? ENTRIES_FIRST : *capacity * 2;
        struct entry *entries = realloc(module->entries, more * sizeof *entries);
        if (entries == NULL)
            return false;
        module->entries = entries;
        *capacity = more;
    }
    module->entries[module->count++] = (struct entry){
        .start = symbol->value,
        .number = number,
        .size = symbol->size < INT32_MAX ? (uint32_t)symbol->size : INT32_MAX,
        .label = !is_function(symbol) && symbol->binding == STB_LOCAL,
    };
    return true;
}

static void index_clear(struct module *module)
{
    free(module->entries);
    module->entries = NULL;
    module->count = 0;
}

/* Many large modules in turn, more than the cache holds, must not keep the runner from its other work. By counts and not by time spent, so
 * that a slow machine finds the same names. */
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

/* Whether the file has a table of that type with anything in it; then that is the module's index. */
static bool index_table(struct symbols *symbols, struct module *module, const struct elf *elf, uint32_t type)
{
    size_t capacity = 0;
    int error = elf_table(elf, type, &module->table);
    if (error == -EFBIG)
        symbols->refused++;
    bool good = error == 0 && may_work(symbols, module->table.count);
    for (uint32_t first = 0; good && first < module->table.count; first += ELF_SYMBOLS_AT_ONCE) {
        struct elf_symbol read[ELF_SYMBOLS_AT_ONCE];
        uint32_t left = module->table.count - first;
        uint32_t n = left < ELF_SYMBOLS_AT_ONCE ? left : ELF_SYMBOLS_AT_ONCE;
        good = elf_symbols(elf, &module->table, first, n, read);
        for (uint32_t i = 0; good && i < n; i++)
            good = index_add(module, &capacity, &read[i], first + i);
    }
    if (!good || module->count == 0 || !sort_entries(module->entries, module->count)) {
        index_clear(module);
        return false;
    }
    struct entry *fitting = realloc(module->entries, module->count * sizeof *fitting);
    if (fitting != NULL)
        module->entries = fitting;
    return true;
}

/* --- modules --- */

/* The crash's build-id is cut where the file's is longer than an event has room for. */
static bool same_build_id(const struct module *module, const uint8_t *id, size_t length)
{
    size_t n = length < SSCAP_BUILD_ID_MAX ? length : SSCAP_BUILD_ID_MAX;
    return n == module->build_id_length && (n == 0 || memcmp(id, module->build_id, n) == 0);
}

/* Opens the file with what was stripped from this one, by build-id. Returns its path, which the caller frees; or NULL. */
static char *open_debug(const struct symbols *symbols, const uint8_t *id, size_t length, struct elf *ret)
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

/* Reads what is kept of a module. Names come from .symtab, else from the debug file's, else from .dynsym. */
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
    bool found = index_table(symbols, module, elf, SHT_SYMTAB);
    module->lines = path != NULL || elf_has_section(elf, ".debug_line") ||
                    elf_has_section(elf, ".gnu_debuglink");
    if (!found && path != NULL && index_table(symbols, module, &debug, SHT_SYMTAB)) {
        module->debug = path;
        module->debug_identity = debug.identity;
        found = true;
    }
    if (path != NULL)
        elf_close(&debug);
    if (module->debug == NULL)
        free(path);
    if (!found)
        (void)index_table(symbols, module, elf, SHT_DYNSYM);
}

static void module_remove(struct symbols *symbols, struct module *module)
{
    module_clear(module);
    *module = symbols->modules[--symbols->count];
    symbols->modules[symbols->count] = (struct module){0};
}

/* The one not used for longest goes; never the last one. */
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
        bytes += symbols->modules[i].count * sizeof(struct entry);
    return bytes;
}

static struct module *module_cached(struct symbols *symbols, const char *path, const uint8_t *id,
                                    size_t length)
{
    for (size_t i = 0; i < symbols->count; i++)
        if (strcmp(symbols->modules[i].path, path) == 0 && same_build_id(&symbols->modules[i], id, length))
            return &symbols->modules[i];
    return NULL;
}

/* The module as it is now; from the cache if its file has not changed since. NULL: no memory. */
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
    struct module made = {.path = strdup(path), .serial = ++symbols->serial, .used = ++symbols->clock};
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

/* --- from an address to a name --- */

/* How well a symbol fits an address. */
enum fit { FIT_NONE, FIT_LABEL, FIT_OPEN, FIT_INSIDE };

/* Of two names for one place, the one to show is greater in the first of these that differs. */
struct rank {
    bool current;    /* not there for old programs alone */
    bool visible;    /* not local to one source file */
    int underscores; /* that it begins with, negative */
    bool strong;     /* not weak */
    int length;      /* negative */
};

struct search {
    const struct module *module;
    struct elf elf;                      /* where the symbols are */
    const struct elf_function *function; /* NULL: not known */
    uint64_t address;
    enum fit fit;
    uint64_t start;
    struct rank rank;
    char name[SYMBOL_FUNCTION_SIZE];
};

static void clean_text(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == '\x7f')
            *text = '?';
}

static struct rank rank_of(const struct search *search, const struct elf_symbol *symbol, uint32_t number,
                           char *name)
{
    char *version = strchr(name, '@'); /* in .symtab: name@VERSION is old, name@@VERSION is not */
    bool old = version != NULL && version[1] != '@';
    if (version != NULL && version != name)
        *version = '\0';
    return (struct rank){
        .current = !old && !elf_symbol_old(&search->elf, &search->module->table, number),
        .visible = symbol->binding != STB_LOCAL,
        .underscores = -(int)strspn(name, "_"),
        .strong = symbol->binding != STB_WEAK,
        .length = -(int)strlen(name),
    };
}

static bool is_better(const struct rank *a, const char *a_name, const struct rank *b, const char *b_name)
{
    if (a->current != b->current)
        return a->current;
    if (a->visible != b->visible)
        return a->visible;
    if (a->underscores != b->underscores)
        return a->underscores > b->underscores;
    if (a->strong != b->strong)
        return a->strong;
    if (a->length != b->length)
        return a->length > b->length;
    return strcmp(a_name, b_name) < 0;
}

/* Whether a symbol without a size may reach up to the address: as far as its section does, and not into another function. */
static bool reaches(const struct search *search, const struct elf_symbol *symbol)
{
    struct elf_section section;
    if (search->function != NULL && symbol->value < search->function->start)
        return false;
    return elf_section(&search->elf, symbol->section, &section) && (section.flags & SHF_EXECINSTR) != 0 &&
           symbol->value >= section.address && search->address >= section.address &&
           search->address - section.address < section.size;
}

/* Takes the symbol if it fits better than what was found before, or as well, at the same address, and has the better name. */
static void consider(struct search *search, const struct entry *entry, enum fit fit)
{
    struct elf_symbol symbol;
    char name[SYMBOL_FUNCTION_SIZE] = "";
    if (!elf_symbols(&search->elf, &search->module->table, entry->number, 1, &symbol) ||
        (fit != FIT_INSIDE && !reaches(search, &symbol)) ||
        !elf_symbol_name(&search->elf, &search->module->table, symbol.name, name, sizeof name) ||
        name[0] == '$') /* $x, $d, $t: arm's marks of where code and data begin */
        return;
    clean_text(name);
    struct rank rank = rank_of(search, &symbol, entry->number, name);
    if (fit == search->fit && !is_better(&rank, name, &search->rank, search->name))
        return;
    search->fit = fit;
    search->start = entry->start;
    search->rank = rank;
    memcpy(search->name, name, sizeof name);
}

static enum fit fit_of(const struct entry *entry, uint64_t address)
{
    bool inside = address - entry->start < entry->size;
    if (entry->label)
        return inside || entry->size == 0 ? FIT_LABEL : FIT_NONE;
    return inside ? FIT_INSIDE : entry->size == 0 ? FIT_OPEN : FIT_NONE;
}

/* Walks back from the last symbol that begins at or before the address, as one inside another may have ended already. */
static void search_run(struct search *search)
{
    const struct entry *entries = search->module->entries;
    uint64_t address = search->address;
    size_t low = 0;
    size_t high = search->module->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entries[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    bool passed =
        false; /* a function begins after the one in hand: a symbol without a size reaches no farther */
    uint64_t passed_start = 0;
    for (size_t n = 0; n < WALK_MAX && n < low; n++) {
        const struct entry *entry = &entries[low - 1 - n];
        enum fit fit = fit_of(entry, address);
        if (search->fit == FIT_INSIDE && entry->start != search->start)
            break;
        bool open = fit == FIT_OPEN || fit == FIT_LABEL;
        if (fit > search->fit || (fit == search->fit && fit != FIT_NONE && entry->start == search->start))
            if (!open || !passed || entry->start == passed_start)
                consider(search, entry, fit);
        if (!entry->label && !passed) {
            passed = true;
            passed_start = entry->start;
        }
    }
}

/* --- finding --- */

static void set_module(struct symbol *symbol, const char *path, size_t length)
{
    size_t base = length;
    while (base > 0 && path[base - 1] != '/')
        base--;
    snprintf(symbol->module, sizeof symbol->module, "%.*s", (int)(length - base), path + base);
    clean_text(symbol->module);
}

/* Looks for the name in the module's own file, or in its debug file. Returns 0 or -errno: the latter cannot be opened, or has changed. */
static int search_names(struct search *search)
{
    struct elf debug;
    if (search->module->debug == NULL) {
        search_run(search);
        return 0;
    }
    int error = elf_open(&debug, search->module->debug);
    if (error != 0)
        return error;
    if (elf_same(&debug.identity, &search->module->debug_identity)) {
        search->elf = debug;
        search_run(search);
    } else {
        error = -ESTALE;
    }
    elf_close(&debug);
    return error;
}

static int find_in(const struct module *module, const struct elf *elf, bool exact, struct symbol *symbol)
{
    struct elf_function function;
    if (!elf_executable(elf, symbol->looked_up))
        return -ENODATA;
    bool framed = elf_function(elf, symbol->looked_up, &function);
    /* A handler returns to the first byte of the function that ends it (glibc's __restore_rt, whose frame information begins one byte
     * before it for the sake of those who look one byte back). */
    if (framed && function.signal && !exact)
        symbol->looked_up = symbol->vaddr;
    struct search search = {
        .module = module,
        .elf = *elf,
        .function = framed ? &function : NULL,
        .address = symbol->looked_up,
    };
    int error = search_names(&search);
    if (search.fit != FIT_NONE) {
        memcpy(symbol->function, search.name, sizeof symbol->function);
        symbol->function_start = search.start;
    } else if (framed) {
        symbol->function_start = function.start;
    } else {
        return error != 0 ? error : -ENODATA;
    }
    symbol->offset = symbol->vaddr - symbol->function_start;
    return 0;
}

/* The same for a file that has been opened. */
static int find_in_file(struct symbols *symbols, const struct elf *elf, const char *path,
                        const uint8_t *build_id, size_t build_id_length, bool exact, struct symbol *symbol)
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

/* Whether this was asked before, of a file that is still the same. */
static bool recall(struct symbols *symbols, const struct module *module, const char *file, uint64_t offset,
                   bool exact, struct symbol *ret, int *ret_error)
{
    struct elf_identity identity;
    if (module == NULL || elf_identify(file, &identity) != 0 || !elf_same(&identity, &module->identity))
        return false;
    const struct memo *memo = memo_of(symbols, module->serial, offset, exact);
    if (memo->found.serial != module->serial || memo->offset != offset || memo->exact != exact)
        return false;
    *ret = memo->found;
    *ret_error = memo->error;
    return true;
}

/* symbols_find for the path of a file. */
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
        *memo_of(symbols, symbol->serial, offset,
                 exact) = (struct memo){.offset = offset, .exact = exact, .error = error, .found = *symbol};
    return error;
}

int symbols_find(struct symbols *symbols, const char *path, const uint8_t *build_id, size_t build_id_length,
                 uint64_t start, uint64_t pc, bool exact, struct symbol *ret)
{
    const size_t suffix = sizeof DELETED - 1;
    size_t length = strlen(path);
    bool deleted = length > suffix && memcmp(path + length - suffix, DELETED, suffix) == 0;
    if (deleted)
        length -= suffix;
    *ret = (struct symbol){.vaddr = pc - start, .offset = pc - start, .looked_up = pc - start - !exact};
    set_module(ret, path, length);
    if (length >= PATH_MAX)
        return -ENAMETOOLONG;
    if (path[0] != '/') /* "[vdso]" and such like; where a relative path started from, nobody knows */
        return -ENOENT;
    if (deleted && build_id_length == 0) /* whatever is there now is another file */
        return -ESTALE;
    char file[PATH_MAX];
    memcpy(file, path, length);
    file[length] = '\0';
    return find_file(symbols, file, build_id, build_id_length, exact, ret);
}

/* --- files and lines --- */

extern char **environ;

/* A run of addr2line: for one module, and as many frames as it takes at once. */
struct run {
    struct symbol *frames[LINES_ADDRESSES];
    size_t count;
    char output[LINES_OUTPUT];
    size_t length;
};

/* The environment without what would make the child one of the tree's processes, or go to the network. The strings are not copies. */
static char **clean_environment(void)
{
    static const char *const names[] = {"LD_PRELOAD=", SSCAP_ENV_SESSION "=", "DEBUGINFOD_URLS="};
    size_t n = 0;
    size_t to = 0;
    while (environ[n] != NULL)
        n++;
    char **entries = calloc(n + 1, sizeof *entries);
    for (size_t i = 0; entries != NULL && i < n; i++) {
        bool left_out = false;
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++)
            left_out |= strncmp(environ[i], names[j], strlen(names[j])) == 0;
        if (!left_out)
            entries[to++] = environ[i];
    }
    return entries;
}

/* Its own process group: ^C is for the tree. No signal is blocked, as the runner's are, and SIGPIPE ends it. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (int i = 1; i < SIGRTMAX; i++)
        if (i != SIGKILL && i != SIGSTOP)
            sigaddset(&defaults, i); /* fails for those that libc keeps for itself, as it should */
    int error = posix_spawnattr_setsigmask(attributes, &none);
    if (error == 0)
        error = posix_spawnattr_setsigdefault(attributes, &defaults);
    if (error == 0)
        error = posix_spawnattr_setpgroup(attributes, 0);
    if (error == 0)
        error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                         POSIX_SPAWN_SETPGROUP);
    return error;
}

static int set_files(posix_spawn_file_actions_t *actions, int output)
{
    int error = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    return error;
}

/* Returns an error number of errno's, as posix_spawn does. */
static int spawn(char *const argv[], int output, pid_t *ret)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int error = posix_spawnattr_init(&attributes);
    if (error != 0)
        return error;
    error = posix_spawn_file_actions_init(&actions);
    if (error == 0) {
        char **environment = clean_environment();
        error = environment == NULL ? ENOMEM : set_attributes(&attributes);
        if (error == 0)
            error = set_files(&actions, output);
        if (error == 0)
            error = posix_spawnp(ret, argv[0], &actions, &attributes, argv, environment);
        free(environment);
        posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attributes);
    return error;
}

/* Reads until the child has closed its end (true), or it takes too long or says too much. */
static bool read_output(struct run *run, int fd, uint64_t deadline)
{
    while (run->length < sizeof run->output) {
        uint64_t now = now_ns();
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (now >= deadline)
            return false;
        int n = poll(&ready, 1, (int)((deadline - now) / NS_PER_MS) + 1);
        if (n < 0 && errno != EINTR)
            return false;
        if (n <= 0)
            continue;
        ssize_t got = read(fd, run->output + run->length, sizeof run->output - run->length);
        if (got == 0)
            return true;
        if (got < 0 && errno != EINTR)
            return false;
        run->length += got > 0 ? (size_t)got : 0;
    }
    return false;
}

/* Whatever it says is in run->output. Returns whether it came to an end. */
static bool run_addr2line(struct symbols *symbols, struct run *run, const char *path, uint64_t deadline)
{
    char program[] = "addr2line";
    char addresses[] = "-a";
    char file[] = "-e";
    char numbers[LINES_ADDRESSES][2 + 16 + 1];
    char *argv[LINES_ADDRESSES + 5] = {program, addresses, file, (char *)path};
    int ends[2];
    pid_t pid;
    run->length = 0;
    for (size_t i = 0; i < run->count; i++) {
        snprintf(numbers[i], sizeof numbers[i], "0x%llx", (unsigned long long)run->frames[i]->looked_up);
        argv[4 + i] = numbers[i];
    }
    if (pipe2(ends, O_CLOEXEC) < 0)
        return true;
    int error = spawn(argv, ends[1], &pid);
    close(ends[1]);
    bool ended = true;
    if (error == 0) {
        /* Debug information can be larger than memory; and its bugs are not worth a core file. */
        const struct rlimit memory = {.rlim_cur = LINES_MEMORY, .rlim_max = LINES_MEMORY};
        const struct rlimit core = {0};
        (void)prlimit(pid, RLIMIT_AS, &memory, NULL);
        (void)prlimit(pid, RLIMIT_CORE, &core, NULL);
        ended = read_output(run, ends[0], deadline);
        (void)kill(-pid, SIGKILL); /* not reaped yet, so the number is still its own */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    } else {
        symbols->no_lines = error == ENOENT || error == EACCES;
    }
    close(ends[0]);
    return ended;
}

/* Takes "FILE:LINE", "FILE:LINE (discriminator N)", "FILE:?" apart; text becomes FILE. False: "??:0", or something else. */
static bool read_place(char *text, unsigned int *ret_line)
{
    char *note = strstr(text, " (discriminator ");
    if (note != NULL)
        *note = '\0';
    char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || text[0] == '?')
        return false;
    unsigned long line = strtoul(colon + 1, NULL, 10);
    *ret_line = line <= INT_MAX ? (unsigned int)line : 0;
    *colon = '\0';
    clean_text(text);
    return true;
}

static void set_place(struct symbol *symbol, const char *file, unsigned int line)
{
    const char *cut = "...";
    size_t length = strlen(file);
    size_t room = sizeof symbol->file - 1;
    if (length > room)
        snprintf(symbol->file, sizeof symbol->file, "%s%s", cut, file + length - (room - strlen(cut)));
    else
        memcpy(symbol->file, file, length + 1);
    symbol->line = line;
}

/* Each address, by itself on a line, is followed by a line with its place. */
static void read_lines(struct run *run)
{
    uint64_t address = 0;
    bool addressed = false;
    char *at = run->output;
    char *end = at + run->length;
    for (char *newline; (newline = memchr(at, '\n', (size_t)(end - at))) != NULL; at = newline + 1) {
        unsigned int line;
        *newline = '\0';
        if (!addressed) {
            char *rest;
            address = strtoull(at, &rest, 16);
            addressed = at[0] == '0' && at[1] == 'x' && *rest == '\0';
            continue;
        }
        addressed = false;
        if (!read_place(at, &line))
            continue;
        for (size_t i = 0; i < run->count; i++)
            if (run->frames[i]->looked_up == address)
                set_place(run->frames[i], at, line);
    }
}

/* The frames of one module from the first on, as many as fit, those done marked so. */
static void collect(struct run *run, struct symbol *frames, size_t n, uint64_t serial)
{
    run->count = 0;
    for (size_t i = 0; i < n && run->count < LINES_ADDRESSES; i++)
        if (frames[i].serial == serial) {
            frames[i].serial = 0;
            run->frames[run->count++] = &frames[i];
        }
}

static struct module *module_by_serial(struct symbols *symbols, uint64_t serial)
{
    for (size_t i = 0; i < symbols->count; i++)
        if (symbols->modules[i].serial == serial)
            return &symbols->modules[i];
    return NULL;
}

/* Whether the path still leads to the file that the index was made of. */
static bool is_current(const struct module *module)
{
    struct elf elf;
    if (elf_open(&elf, module->path) != 0)
        return false;
    elf_close(&elf);
    return elf_same(&elf.identity, &module->identity);
}

void symbols_lines(struct symbols *symbols, struct symbol *frames, size_t n)
{
    struct run *run = calloc(1, sizeof *run);
    const uint64_t last = now_ns() + LINES_CALL_NS;
    for (size_t i = 0; run != NULL && i < n && !symbols->no_lines; i++) {
        struct module *module = frames[i].serial != 0 ? module_by_serial(symbols, frames[i].serial) : NULL;
        uint64_t now = now_ns();
        if (module == NULL || !module->lines || !is_current(module))
            continue;
        if (now >= last)
            break;
        collect(run, frames + i, n - i, frames[i].serial);
        uint64_t deadline = now + LINES_RUN_NS < last ? now + LINES_RUN_NS : last;
        if (!run_addr2line(symbols, run, module->path, deadline)) {
            module->lines = false;
            symbols->no_lines = ++symbols->timeouts == LINES_TIMEOUTS_MAX;
        }
        read_lines(run);
    }
    free(run);
}
