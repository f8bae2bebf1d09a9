/* symbols.c: tests runner/symbols/symbols.c, which maps program counters to functions: of this
 * program, of libc, of programs that the test builds, and of files that are damaged or not ELF
 * files. */
#define _GNU_SOURCE
#include "runner/symbols/symbols.h"

#include <errno.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/symbols/addr2line.h"
#include "tests/unit/built.h"

/* --- helpers --- */

struct wanted {
    uint64_t address;
    struct mapped *ret;
};

static void read_note(const uint8_t *at, size_t size, struct mapped *ret)
{
    while (size >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        memcpy(&note, at, sizeof note);
        size_t content = sizeof note + ((note.n_namesz + 3u) & ~3u);
        size_t next = content + ((note.n_descsz + 3u) & ~3u);
        if (note.n_type == NT_GNU_BUILD_ID && memcmp(at + sizeof note, "GNU", 4) == 0) {
            ret->build_id_length = note.n_descsz;
            memcpy(ret->build_id, at + content, note.n_descsz);
        }
        if (next >= size)
            return;
        at += next;
        size -= next;
    }
}

static int look_at(struct dl_phdr_info *info, size_t size, void *context)
{
    struct wanted *wanted = context;
    bool inside = false;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uint64_t at = info->dlpi_addr + segment->p_vaddr;
        inside |= segment->p_type == PT_LOAD && wanted->address - at < segment->p_memsz;
    }
    if (!inside)
        return 0;
    *wanted->ret = (struct mapped){0};
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD && segment->p_offset == 0)
            wanted->ret->start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_NOTE && segment->p_align == 4)
            read_note((const uint8_t *)(info->dlpi_addr + segment->p_vaddr), segment->p_memsz,
                      wanted->ret);
    }
    snprintf(wanted->ret->path, sizeof wanted->ret->path, "%s", info->dlpi_name);
    if (info->dlpi_name[0] == '\0')
        CHECK(readlink("/proc/self/exe", wanted->ret->path, sizeof wanted->ret->path - 1) > 0);
    return 1;
}

static struct mapped module_of(uint64_t address)
{
    struct mapped module;
    struct wanted wanted = {.address = address, .ret = &module};
    CHECK(dl_iterate_phdr(look_at, &wanted) == 1);
    return module;
}

static bool have(const char *program)
{
    char command[128];
    snprintf(command, sizeof command, "command -v %s >/dev/null", program);
    return system(command) == 0; /* NOLINT(bugprone-command-processor) */
}

/* --- this program and libc --- */

static volatile int counter;

__attribute__((noinline)) static uint64_t where_called(void)
{
    counter++;
    return (uint64_t)__builtin_return_address(0);
}

enum { CALL_LINE = __LINE__ + 4 };
uint64_t own_visible(void);
__attribute__((noinline)) uint64_t own_visible(void)
{
    uint64_t pc = where_called();
    counter++;
    return pc;
}

enum { STATIC_LINE = __LINE__ + 1 };
__attribute__((noinline)) static int own_static(int x)
{
    counter++;
    return counter + x;
}

static void test_own(void)
{
    struct symbols *symbols = symbols_new();
    struct symbol found[3];
    uint64_t pc = own_visible();
    struct mapped module = module_of(pc);
    const char *name = strrchr(module.path, '/') + 1;
    CHECK(own_static(1) > 0);
    CHECK(find(symbols, &module, pc, false, &found[0]) == 0);
    CHECK(find(symbols, &module, (uint64_t)own_static, true, &found[1]) == 0);
    CHECK(find(symbols, &module, (uint64_t)own_visible, true, &found[2]) == 0);
    CHECK(strcmp(found[0].function, "own_visible") == 0 && strcmp(found[0].module, name) == 0);
    CHECK(found[0].offset == pc - (uint64_t)own_visible && found[0].vaddr == pc - module.start);
    CHECK(found[0].function_start == (uint64_t)own_visible - module.start);
    CHECK(found[0].exact_file == (module.build_id_length > 0));
    CHECK(strcmp(found[1].function, "own_static") == 0 && found[1].offset == 0);
    CHECK(strcmp(found[2].function, "own_visible") == 0 && found[2].offset == 0);
    addr2line_add(symbols, found, 3);
    if (have("addr2line")) {
        CHECK(strstr(found[0].file, "tests/unit/symbols.c") != NULL && found[0].line == CALL_LINE);
        CHECK(strstr(found[1].file, "tests/unit/symbols.c") != NULL &&
              found[1].line >= STATIC_LINE && found[1].line < STATIC_LINE + 4);
    }
    symbols_free(symbols);
}

static void test_libc(void)
{
    struct symbols *symbols = symbols_new();
    struct symbol found;
    struct mapped module = module_of((uint64_t)qsort);
    CHECK(find(symbols, &module, (uint64_t)qsort, true, &found) == 0);
    CHECK(strcmp(found.function, "qsort") == 0 && found.offset == 0);
    module = module_of((uint64_t)raise); /* a sanitized program has its own qsort */
    /* gsignal, raise and __GI_raise are names of one function; so were free and
     * cfree@GLIBC_2.2.5. */
    CHECK(find(symbols, &module, (uint64_t)raise + 1, true, &found) == 0);
    CHECK(strcmp(found.function, "raise") == 0 && found.offset == 1);
    /* A return address just after a function's last byte belongs to this function and not to the
     * next one. */
    CHECK(find(symbols, &module, (uint64_t)raise, false, &found) != 0 ||
          strcmp(found.function, "raise") != 0);
    symbols_free(symbols);
}

/* --- programs that the test builds --- */

/* Reads the build-id with another tool than ours. */
static void read_build_id(struct mapped *module)
{
    char hex[2 * SSCAP_BUILD_ID_MAX + 1];
    shell("readelf -n '%s' 2>/dev/null | sed -n 's/.*Build ID: //p' >out", module->path);
    FILE *out = fopen(in_directory("out"), "r");
    CHECK(out != NULL && fscanf(out, "%40s", hex) == 1);
    fclose(out);
    CHECK(strlen(hex) == sizeof hex - 1);
    for (size_t i = 0; i < SSCAP_BUILD_ID_MAX; i++) {
        const char pair[] = {hex[2 * i], hex[2 * i + 1], '\0'};
        module->build_id[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    module->build_id_length = SSCAP_BUILD_ID_MAX;
}

/* Finds the functions by name, and after stripping by their first bytes. */
static void test_built(const char *name, const char *flags)
{
    struct addresses made = build(name, flags);
    struct symbols *symbols = symbols_new();
    struct symbol inner, outer, found;
    char stripped[NAME_MAX];
    read_build_id(&made.module);
    expect(symbols, &made.module, made.inner, "inner", &inner);
    expect(symbols, &made.module, made.outer, "outer",
           &outer); /* the other names are __outer, a (weak) and b (local) */
    CHECK(inner.offset == 0 && outer.offset == 0 && outer.exact_file);
    expect(symbols, &made.module, (char *)made.outer + 2, "outer", &found);
    CHECK(found.offset == 2 && found.function_start == outer.function_start);
    expect(symbols, &made.module, (char *)made.label + 3, "label", &found);
    expect(symbols, &made.module, (char *)made.typed + 9, "typed", &found);
    CHECK(found.offset == 9);
    snprintf(stripped, sizeof stripped, "%s-stripped", name);
    shell("strip -o %s %s", stripped, name);
    snprintf(made.module.path, sizeof made.module.path, "%s", in_directory(stripped));
    expect(symbols, &made.module, made.inner, "", &found);
    CHECK(found.function_start == inner.function_start);
    expect(symbols, &made.module, (char *)made.outer + 2, "", &found);
    CHECK(found.function_start == outer.function_start && found.offset == 2 && found.exact_file);
    symbols_free(symbols);
}

/* A stripped program whose debug file is found by build-id. */
static void test_debug_file(void)
{
    struct addresses made = build("debugged", "");
    struct symbols *symbols = symbols_new();
    struct symbol found;
    read_build_id(&made.module);
    symbols_debug_directory(symbols, directory);
    shell("id=$(readelf -n debugged 2>/dev/null | sed -n 's/.*Build ID: //p'); rest=${id#??}; "
          "mkdir -p .build-id/${id%%$rest} && objcopy --only-keep-debug debugged "
          ".build-id/${id%%$rest}/$rest.debug && "
          "strip debugged");
    expect(symbols, &made.module, made.inner, "inner", &found);
    expect(symbols, &made.module, made.inner, "inner", &found); /* from the cache */
    shell("rm -r .build-id");
    expect(symbols, &made.module, made.outer, "", &found);
    CHECK(found.function_start != 0);
    symbols_free(symbols);
}

/* Nothing is found in a file that is not the one that was mapped. */
static void test_replaced(void)
{
    struct addresses made = build("replaced", "");
    struct symbols *symbols = symbols_new();
    struct symbol found;
    struct mapped other = made.module;
    /* Without a build-id, any file is accepted. */
    expect(symbols, &other, made.outer, "outer", &found);
    CHECK(!found.exact_file);
    read_build_id(&other);
    other.build_id[7] ^= 1;
    CHECK(find(symbols, &other, (uint64_t)made.outer, true, &found) == -ESTALE);
    CHECK(found.function[0] == '\0' && found.function_start == 0 && !found.exact_file);
    CHECK(found.offset == (uint64_t)made.outer - made.module.start &&
          strcmp(found.module, "replaced") == 0);
    other.build_id[7] ^= 1;
    size_t length = strlen(other.path);
    CHECK(length + sizeof " (deleted)" < sizeof other.path);
    memcpy(other.path + length, " (deleted)", sizeof " (deleted)");
    /* The first file is back, as its build-id shows. */
    expect(symbols, &other, made.outer, "outer", &found);
    CHECK(strcmp(found.module, "replaced") == 0);
    other.build_id_length = 0;
    CHECK(find(symbols, &other, (uint64_t)made.outer, true, &found) == -ESTALE);
    /* The file changes under the same path while it is in the cache. */
    shell("strip -o new replaced && mv new replaced");
    expect(symbols, &made.module, made.outer, "", &found);
    shell("rm replaced");
    CHECK(find(symbols, &made.module, (uint64_t)made.outer, true, &found) == -ENOENT);
    symbols_free(symbols);
}

/* --- files that are not modules --- */

static void refused(struct symbols *symbols, const char *path, int error)
{
    struct symbol found;
    int got = symbols_find(symbols, path, NULL, 0, 0x1000, 0x1234, true, &found);
    if (got != error)
        fprintf(stderr, "%s: %s\n", path, strerror(-got));
    CHECK(got == error && found.offset == 0x234 && found.function[0] == '\0' &&
          found.function_start == 0);
    addr2line_add(symbols, &found, 1);
    CHECK(found.file[0] == '\0');
}

static void test_refused(void)
{
    struct symbols *symbols = symbols_new();
    char longest[2 * PATH_MAX];
    CHECK(mkfifo(in_directory("fifo"), 0600) == 0);
    shell(
        "echo garbage >garbage; : >empty; cp fifo none 2>/dev/null & kill $!; "
        "printf '\\177ELF\\002\\001\\001%%0200d' 0 >header; echo >unreadable; chmod 0 unreadable");
    refused(symbols, in_directory("fifo"), -ENOEXEC);
    refused(symbols, in_directory("garbage"), -ENOEXEC);
    refused(symbols, in_directory("empty"), -ENOEXEC);
    refused(symbols, in_directory("header"), -ENOEXEC);
    refused(symbols, in_directory("missing"), -ENOENT);
    refused(symbols, in_directory("unreadable"), geteuid() == 0 ? -ENOEXEC : -EACCES);
    refused(symbols, directory, -ENOEXEC);
    refused(symbols, "/dev/zero", -ENOEXEC);
    refused(symbols, "/dev/tty", -ENOEXEC);
    refused(symbols, "/proc/self/mem", -ENOEXEC);
    refused(symbols, "[vdso]", -ENOENT);
    refused(symbols, "", -ENOENT);
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    refused(symbols, longest, -ENAMETOOLONG);
    symbols_free(symbols);
}

/* A file may be cut anywhere. We must not crash, and what we still find must be right. */
static void test_truncated(void)
{
    struct addresses made = build("whole", "");
    struct symbols *symbols = symbols_new();
    struct symbol whole, found;
    struct stat status;
    expect(symbols, &made.module, made.outer, "outer", &whole);
    shell("cp whole cut");
    CHECK(stat(in_directory("cut"), &status) == 0);
    snprintf(made.module.path, sizeof made.module.path, "%s", in_directory("cut"));
    for (off_t size = status.st_size - status.st_size % 997; size >= 0; size -= 997) {
        CHECK(truncate(made.module.path, size) == 0);
        int error = find(symbols, &made.module, (uint64_t)made.outer, true, &found);
        CHECK(found.function[0] == '\0' || strcmp(found.function, "outer") == 0);
        CHECK(found.function_start == (error == 0 ? whole.function_start : 0));
        /* If the file ends before the code, nothing is found. */
        CHECK(size > 4096 || error != 0);
    }
    symbols_free(symbols);
}

/* Looks up more modules than the cache holds, twice. All are found, and none is in the cache
 * twice. */
static void test_many(void)
{
    struct addresses made = build("many", "");
    struct symbols *symbols = symbols_new();
    struct symbol found;
    const struct mapped first = made.module;
    for (int i = 0; i < 4 * SYMBOLS_MODULES_MAX; i++) {
        char name[32];
        snprintf(name, sizeof name, "many-%d", i % (2 * SYMBOLS_MODULES_MAX));
        snprintf(made.module.path, sizeof made.module.path, "%s", in_directory(name));
        if (i < 2 * SYMBOLS_MODULES_MAX)
            CHECK(link(first.path, made.module.path) == 0);
        expect(symbols, &made.module, made.outer, "outer", &found);
    }
    symbols_free(symbols);
}

int main(void)
{
    CHECK(mkdtemp(directory) != NULL && atexit(clean) == 0);
    unsigned int files = open_files();
    symbols_free(NULL);
    test_own();
    test_libc();
    test_built("pie", "-pie -fPIE");
    test_built("no-pie", "-no-pie -fno-pie");
    test_built("merged", "-no-pie -fno-pie -Wl,-z,noseparate-code");
    test_debug_file();
    test_replaced();
    test_refused();
    test_truncated();
    test_many();
    CHECK(open_files() == files);
    return 0;
}
