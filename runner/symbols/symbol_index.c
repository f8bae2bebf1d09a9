/* symbol_index.c: see symbol_index.h. */
#include "runner/symbols/symbol_index.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "runner/util.h"

enum {
    ENTRIES_FIRST = 1024,
    /* Symbols before the address that are examined. There may be several, because a function may
     * have other functions in it and several names. */
    WALK_MAX = 256,
};

/* A symbol in the index. */
struct entry {
    uint64_t start;
    uint32_t number;
    uint32_t size : 31; /* at most INT32_MAX */
    /* The symbol is local and has no type, so it is probably a label inside a function. */
    uint32_t label : 1;
};

/* --- making an index --- */

/* Sorts by start; symbols at one address keep the order of the table. This is a radix sort, because
 * qsort is slow for some inputs, and the input is not trusted. */
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

static bool add(struct symbol_index *index, size_t *capacity, const struct elf_symbol *symbol,
                uint32_t number)
{
    if (symbol->section == SHN_UNDEF || (!is_function(symbol) && symbol->type != STT_NOTYPE))
        return true;
    if (index->count == *capacity) {
        size_t more = *capacity == 0 ? ENTRIES_FIRST : *capacity * 2;
        struct entry *entries = realloc(index->entries, more * sizeof *entries);
        if (entries == NULL)
            return false;
        index->entries = entries;
        *capacity = more;
    }
    index->entries[index->count++] = (struct entry){
        .start = symbol->value,
        .number = number,
        .size = symbol->size < INT32_MAX ? (uint32_t)symbol->size : INT32_MAX,
        .label = !is_function(symbol) && symbol->binding == STB_LOCAL,
    };
    return true;
}

void symbol_index_clear(struct symbol_index *index)
{
    free(index->entries);
    *index = (struct symbol_index){0};
}

size_t symbol_index_bytes(const struct symbol_index *index)
{
    return index->count * sizeof *index->entries;
}

bool symbol_index_read(struct symbol_index *index, const struct elf *elf,
                       const struct elf_table *table)
{
    size_t capacity = 0;
    bool good = true;
    index->table = *table;
    for (uint32_t first = 0; good && first < table->count; first += ELF_SYMBOLS_AT_ONCE) {
        struct elf_symbol read[ELF_SYMBOLS_AT_ONCE];
        uint32_t left = table->count - first;
        uint32_t n = left < ELF_SYMBOLS_AT_ONCE ? left : ELF_SYMBOLS_AT_ONCE;
        good = elf_symbols(elf, table, first, n, read);
        for (uint32_t i = 0; good && i < n; i++)
            good = add(index, &capacity, &read[i], first + i);
    }
    if (!good || index->count == 0 || !sort_entries(index->entries, index->count)) {
        symbol_index_clear(index);
        return false;
    }
    struct entry *fitting = realloc(index->entries, index->count * sizeof *fitting);
    if (fitting != NULL)
        index->entries = fitting;
    return true;
}

/* --- finding an address --- */

/* How well a symbol fits an address, in ascending order. FIT_OPEN: the symbol has no size. */
enum fit { FIT_NONE, FIT_LABEL, FIT_OPEN, FIT_INSIDE };

/* Decides which of two names for one address is shown. The name whose rank is greater in the
 * first member that differs is shown. */
struct rank {
    bool current;    /* of the default version */
    bool visible;    /* not local to one source file */
    int underscores; /* at the name's beginning, negative */
    bool strong;     /* not weak */
    int length;      /* negative */
};

struct search {
    const struct symbol_index *index;
    const struct elf *elf;                    /* the file with the symbols */
    const struct eh_frame_function *function; /* NULL: not known */
    uint64_t address;
    enum fit fit;
    struct rank rank;
    struct symbol_index_found found;
};

static struct rank rank_of(const struct search *search, const struct elf_symbol *symbol,
                           uint32_t number, char *name)
{
    /* In .symtab, name@VERSION is an old version and name@@VERSION the default. */
    char *version = strchr(name, '@');
    bool old = version != NULL && version[1] != '@';
    if (version != NULL && version != name)
        *version = '\0';
    return (struct rank){
        .current = !old && !elf_symbol_old(search->elf, &search->index->table, number),
        .visible = symbol->binding != STB_LOCAL,
        .underscores = -(int)strspn(name, "_"),
        .strong = symbol->binding != STB_WEAK,
        .length = -(int)strlen(name),
    };
}

static bool is_better(const struct rank *a, const char *a_name, const struct rank *b,
                      const char *b_name)
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

/* Whether a symbol without a size may cover the address. Such a symbol ends with its section, or
 * before the next function. */
static bool reaches(const struct search *search, const struct elf_symbol *symbol)
{
    struct elf_section section;
    if (search->function != NULL && symbol->value < search->function->start)
        return false;
    return elf_section(search->elf, symbol->section, &section) &&
           (section.flags & SHF_EXECINSTR) != 0 && symbol->value >= section.address &&
           search->address >= section.address && search->address - section.address < section.size;
}

/* Takes the symbol if it fits better than the one found before, or if it fits as well, begins at
 * the same address and has the better name. */
static void consider(struct search *search, const struct entry *entry, enum fit fit)
{
    struct elf_symbol symbol;
    char name[SYMBOL_INDEX_NAME_SIZE] = "";
    /* $x, $d and $t are ARM's mapping symbols. They mark code and data and are no functions. */
    if (!elf_symbols(search->elf, &search->index->table, entry->number, 1, &symbol) ||
        (fit != FIT_INSIDE && !reaches(search, &symbol)) ||
        !elf_symbol_name(search->elf, &search->index->table, symbol.name, name, sizeof name) ||
        name[0] == '$')
        return;
    make_safe(name);
    struct rank rank = rank_of(search, &symbol, entry->number, name);
    if (fit == search->fit && !is_better(&rank, name, &search->rank, search->found.name))
        return;
    search->fit = fit;
    search->found.start = entry->start;
    search->rank = rank;
    memcpy(search->found.name, name, sizeof name);
}

static enum fit fit_of(const struct entry *entry, uint64_t address)
{
    bool inside = address - entry->start < entry->size;
    if (entry->label)
        return inside || entry->size == 0 ? FIT_LABEL : FIT_NONE;
    return inside ? FIT_INSIDE : entry->size == 0 ? FIT_OPEN : FIT_NONE;
}

/* Walks back from the last symbol that begins at or before the address, because that symbol may be
 * nested in another one and may have ended. */
static void walk(struct search *search)
{
    const struct entry *entries = search->index->entries;
    uint64_t address = search->address;
    size_t low = 0;
    size_t high = search->index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entries[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    /* Whether a function begins between the symbol at hand and the address. A symbol without a size
     * ends where that function begins. */
    bool passed = false;
    uint64_t passed_start = 0;
    for (size_t n = 0; n < WALK_MAX && n < low; n++) {
        const struct entry *entry = &entries[low - 1 - n];
        enum fit fit = fit_of(entry, address);
        if (search->fit == FIT_INSIDE && entry->start != search->found.start)
            break;
        bool open = fit == FIT_OPEN || fit == FIT_LABEL;
        if (fit > search->fit ||
            (fit == search->fit && fit != FIT_NONE && entry->start == search->found.start))
            if (!open || !passed || entry->start == passed_start)
                consider(search, entry, fit);
        if (!entry->label && !passed) {
            passed = true;
            passed_start = entry->start;
        }
    }
}

bool symbol_index_find(const struct symbol_index *index, const struct elf *elf,
                       const struct eh_frame_function *function, uint64_t address,
                       struct symbol_index_found *ret)
{
    struct search search = {.index = index, .elf = elf, .function = function, .address = address};
    walk(&search);
    if (search.fit == FIT_NONE)
        return false;
    *ret = search.found;
    return true;
}
