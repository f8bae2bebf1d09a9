/* built.h: for the unit tests of symbols and lines: builds a small program, and checks what
 * symbols_find returns for it. */
#ifndef SSCAP_TESTS_UNIT_BUILT_H
#define SSCAP_TESTS_UNIT_BUILT_H

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "runner/symbols/symbols.h"
#include "shim/wire.h"
#include "tests/unit/check.h"

/* Each test program has its own directory, from mkdtemp; clean removes it. */
static char directory[] = "/tmp/sscap-unit-XXXXXX";

__attribute__((format(printf, 1, 2))) static inline void shell(const char *format, ...)
{
    char command[4 * PATH_MAX];
    va_list list;
    int n = snprintf(command, sizeof command, "cd %s && ", directory);
    va_start(list, format);
    vsnprintf(command + n, sizeof command - (size_t)n, format, list);
    va_end(list);
    CHECK(system(command) == 0); /* NOLINT(bugprone-command-processor) */
}

static inline const char *in_directory(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

/* A module as a crash event names it. */
struct mapped {
    char path[PATH_MAX];
    uint64_t start;
    uint8_t build_id[SSCAP_BUILD_ID_MAX];
    size_t build_id_length;
};

static inline int find(struct symbols *symbols, const struct mapped *module, uint64_t pc,
                       bool exact, struct symbol *ret)
{
    return symbols_find(symbols, module->path, module->build_id, module->build_id_length,
                        module->start, pc, exact, ret);
}

/* --- building a program --- */

static const char fixture[] =
    "#include <stdio.h>\n"
    "extern char __executable_start, label[], typed[];\n"
    "__attribute__((noinline)) static int inner(int x) { __asm__ volatile(\"\" ::: \"memory\"); "
    "return x * "
    "3; }\n"
    "__attribute__((noinline)) int outer(int x) { __asm__ volatile(\"\" ::: \"memory\"); return "
    "inner(x) + "
    "1; }\n"
    "int __outer(int x) __attribute__((alias(\"outer\")));\n"
    "int a(int x) __attribute__((alias(\"outer\"), weak));\n"
    "static int b(int x) __attribute__((alias(\"outer\"), used));\n"
    "__asm__(\".text\\nnop\\n.globl label\\nlabel: .zero 16\\n\"\n"
    "        \".type typed, %function\\ntyped: .zero 8\\nplace: .zero 8\\n\");\n"
    "int main(void) {\n"
    "    printf(\"%p %p %p %p %p\\n\", (void *)&__executable_start, (void *)inner, (void *)outer, "
    "label, "
    "typed);\n"
    "    return outer(0) != 1;\n"
    "}\n";

/* The addresses that the program prints when it runs. */
struct addresses {
    struct mapped module;
    void *start, *inner, *outer, *label, *typed;
};

static inline struct addresses build(const char *name, const char *flags)
{
    struct addresses made = {0};
    FILE *source = fopen(in_directory("fixture.c"), "w");
    CHECK(source != NULL && fputs(fixture, source) >= 0 && fclose(source) == 0);
    shell("cc -g -O1 -Wl,--build-id=sha1 %s -o %s fixture.c && ./%s >out", flags, name, name);
    FILE *out = fopen(in_directory("out"), "r");
    CHECK(out != NULL && fscanf(out, "%p %p %p %p %p", &made.start, &made.inner, &made.outer,
                                &made.label, &made.typed) == 5);
    fclose(out);
    snprintf(made.module.path, sizeof made.module.path, "%s", in_directory(name));
    made.module.start = (uint64_t)made.start;
    return made;
}

static inline void expect(struct symbols *symbols, const struct mapped *module, const void *pc,
                          const char *function, struct symbol *ret)
{
    int error = find(symbols, module, (uint64_t)pc, true, ret);
    if (strcmp(ret->function, function) != 0)
        fprintf(stderr, "%s: '%s' in place of '%s', %s\n", module->path, ret->function, function,
                strerror(-error));
    CHECK(strcmp(ret->function, function) == 0);
    CHECK(error == (ret->function_start == 0 ? -ENODATA : 0));
}

static inline unsigned int open_files(void)
{
    unsigned int n = 0;
    DIR *files = opendir("/proc/self/fd");
    CHECK(files != NULL);
    while (readdir(files) != NULL)
        n++;
    closedir(files);
    return n;
}

static inline void clean(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    (void)!system(command); /* NOLINT(bugprone-command-processor) */
}

#endif
