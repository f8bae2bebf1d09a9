/* stack.c: see stack.h. */
#define _GNU_SOURCE
#include "runner/report/stack.h"

#include <string.h>

/* --- reading the event, whose lengths ctl_event_check.c has checked --- */

static const char *first_module(const struct sscap_crash *crash)
{
    return (const char *)(crash + 1) + crash->frames * sizeof(uint64_t);
}

static const char *next_module(const char *at)
{
    struct sscap_module module;
    memcpy(&module, at, sizeof module);
    return at + sizeof module + module.path_length;
}

const char *stack_left(const struct sscap_crash *crash, size_t *ret_length)
{
    const char *at = first_module(crash);
    for (uint32_t i = 0; i < crash->modules; i++)
        at = next_module(at);
    *ret_length = crash->left_length;
    return at;
}

static void find_symbol(struct symbols *symbols, const struct sscap_crash *crash, uint64_t pc,
                        bool exact, struct symbol *ret)
{
    const char *at = first_module(crash);
    *ret = (struct symbol){.offset = pc, .vaddr = pc};
    for (uint32_t i = 0; i < crash->modules; i++, at = next_module(at)) {
        struct sscap_module module;
        char path[SSCAP_PATH_MAX + 1];
        memcpy(&module, at, sizeof module);
        if (pc < module.start || pc >= module.end)
            continue;
        memcpy(path, at + sizeof module, module.path_length);
        path[module.path_length] = '\0';
        (void)symbols_find(symbols, path, module.build_id, module.build_id_length, module.start, pc,
                           exact, ret);
        return;
    }
}

size_t stack_frames(struct symbols *symbols, const struct sscap_crash *crash, struct symbol *ret,
                    size_t max)
{
    size_t n = 0;
    for (uint32_t i = 0; i < crash->frames && n < max; i++) {
        uint64_t pc;
        memcpy(&pc, (const char *)(crash + 1) + i * sizeof pc, sizeof pc);
        find_symbol(symbols, crash, pc, (crash->exact >> i & 1) != 0, &ret[n]);
        /* Functions of our library, such as the wrapper of raise, are not the program's. */
        if (strcmp(ret[n].module, SSCAP_LIBRARY_NAME) != 0)
            n++;
    }
    return n;
}

/* --- the frame at fault --- */

/* Whether the module is a run-time library. If such a library crashes, the cause is most likely in
 * the program that called it, or in memory that the program damaged. */
static bool is_runtime(const char *module)
{
    static const char *const names[] = {
        "libc.so", "libc-", "ld-linux", "ld-2",       "libpthread",  "libstdc++.so", "libgcc_s.so",
        "libm.so", "libm-", "libc++",   "libasan.so", "libubsan.so", "libtsan.so"};
    if (module[0] == '\0')
        return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(module, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static bool is_known_function(const struct symbol *frame)
{
    return frame->function[0] != '\0' || frame->function_start != 0;
}

/* We skip an address that is in no function (a jump to data), because its caller is at fault. */
size_t stack_culprit(const struct symbol *frames, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_runtime(frames[i].module) && is_known_function(&frames[i]))
            return i;
    for (size_t i = 0; i < n; i++)
        if (!is_runtime(frames[i].module) || is_known_function(&frames[i]))
            return i;
    return n;
}

void stack_plain_name(const struct symbol *frame, char ret[SYMBOL_FUNCTION_SIZE])
{
    memcpy(ret, frame->function, SYMBOL_FUNCTION_SIZE);
    char *dot = strchr(ret + (ret[0] == '.'), '.');
    if (dot != NULL)
        *dot = '\0';
}
