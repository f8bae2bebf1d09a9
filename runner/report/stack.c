/* crash.c: see crash.h. */
#define _GNU_SOURCE
#include "runner/report/stack.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* --- what arrived; announcements.c has seen to it that all lengths are right --- */

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
        if (strcmp(ret[n].module, SSCAP_LIBRARY_NAME) !=
            0) /* our wrapper of raise, say, is no part of the program */
            n++;
    }
    return n;
}

/* --- whose fault --- */

/* Libraries that crash for others: what they were called with, or found broken. */
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

/* What is no function (data that was jumped to) is called by the one at fault. */
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

/* --- in words --- */

bool signal_is_fault(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE ||
           number == SIGABRT || number == SIGTRAP || number == SIGSYS;
}

const char *signal_name(int number)
{
    static char text[32];
    /* sigabbrev_np calls SIGIO by its other name, POLL; kill -l does not. */
    const char *name = number == SIGIO ? "IO" : sigabbrev_np(number);
    if (name != NULL)
        snprintf(text, sizeof text, "SIG%s", name);
    else if (number > SIGRTMIN && number <= SIGRTMAX)
        snprintf(text, sizeof text, "SIGRTMIN+%d", number - SIGRTMIN);
    else if (number == SIGRTMIN)
        return "SIGRTMIN";
    else
        snprintf(text, sizeof text, "signal %d", number);
    return text;
}

struct reason {
    int signal, code;
    bool address; /* it says something */
    const char *words;
};

/* sigaction(2). Codes that this glibc's headers do not have are numbers. */
static const struct reason reasons[] = {
    {SIGSEGV, SEGV_MAPERR, true, "address not mapped"},
    {SIGSEGV, SEGV_ACCERR, true, "no permission for this address"},
    {SIGSEGV, SEGV_BNDERR, true, "bounds check failed"},
    {SIGSEGV, SEGV_PKUERR, true, "denied by a protection key"},
    {SIGSEGV, SI_KERNEL, false, "not a possible address, or a privileged instruction"},
    {SIGBUS, BUS_ADRALN, true, "address not aligned"},
    {SIGBUS, BUS_ADRERR, true, "beyond the end of a mapped file"},
    {SIGBUS, BUS_OBJERR, true, "hardware error"},
    {SIGBUS, BUS_MCEERR_AR, true, "memory error"},
    {SIGBUS, BUS_MCEERR_AO, true, "memory error"},
    {SIGBUS, SI_KERNEL, false, "not a possible address"},
    {SIGFPE, FPE_INTDIV, false, "integer division by zero"},
    {SIGFPE, FPE_INTOVF, false, "integer overflow"},
    {SIGFPE, FPE_FLTDIV, false, "floating-point division by zero"},
    {SIGFPE, FPE_FLTOVF, false, "floating-point overflow"},
    {SIGFPE, FPE_FLTUND, false, "floating-point underflow"},
    {SIGFPE, FPE_FLTRES, false, "floating-point result not exact"},
    {SIGFPE, FPE_FLTINV, false, "invalid floating-point operation"},
    {SIGFPE, FPE_FLTSUB, false, "subscript out of range"},
    {SIGILL, ILL_ILLOPC, false, "illegal opcode"},
    {SIGILL, ILL_ILLOPN, false, "illegal operand"},
    {SIGILL, ILL_ILLADR, false, "illegal addressing mode"},
    {SIGILL, ILL_ILLTRP, false, "illegal trap"},
    {SIGILL, ILL_PRVOPC, false, "privileged opcode"},
    {SIGILL, ILL_PRVREG, false, "privileged register"},
    {SIGILL, ILL_COPROC, false, "coprocessor error"},
    {SIGILL, ILL_BADSTK, false, "internal stack error"},
    {SIGTRAP, TRAP_BRKPT, false, "breakpoint"},
    {SIGTRAP, TRAP_TRACE, false, "trace trap"},
    {SIGTRAP, SI_KERNEL, false, "breakpoint"},
    {SIGSYS, 1, false, "system call forbidden by seccomp"}, /* SYS_SECCOMP */
};

void signal_reason(const struct sscap_crash *crash, char *text, size_t size)
{
    text[0] = '\0';
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        const struct reason *reason = &reasons[i];
        if (reason->signal != crash->signal || reason->code != crash->code)
            continue;
        if (crash->signal == SIGSYS)
            snprintf(text, size, "%s: number %llu", reason->words,
                     (unsigned long long)crash->address);
        else if (reason->address)
            snprintf(text, size, "%s: 0x%llx", reason->words, (unsigned long long)crash->address);
        else
            snprintf(text, size, "%s", reason->words);
        return;
    }
}
