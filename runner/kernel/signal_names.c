/* signal_names.c: see signal_names.h. */
#define _GNU_SOURCE
#include "runner/kernel/signal_names.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

bool signal_is_fault(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE ||
           number == SIGABRT || number == SIGTRAP || number == SIGSYS;
}

/* We have our own table, because sigabbrev_np needs glibc 2.32 and calls SIGIO by its other name,
 * POLL. */
static const char *const names[] = {
    [SIGHUP] = "SIGHUP",       [SIGINT] = "SIGINT",       [SIGQUIT] = "SIGQUIT",
    [SIGILL] = "SIGILL",       [SIGTRAP] = "SIGTRAP",     [SIGABRT] = "SIGABRT",
    [SIGBUS] = "SIGBUS",       [SIGFPE] = "SIGFPE",       [SIGKILL] = "SIGKILL",
    [SIGUSR1] = "SIGUSR1",     [SIGSEGV] = "SIGSEGV",     [SIGUSR2] = "SIGUSR2",
    [SIGPIPE] = "SIGPIPE",     [SIGALRM] = "SIGALRM",     [SIGTERM] = "SIGTERM",
    [SIGSTKFLT] = "SIGSTKFLT", [SIGCHLD] = "SIGCHLD",     [SIGCONT] = "SIGCONT",
    [SIGSTOP] = "SIGSTOP",     [SIGTSTP] = "SIGTSTP",     [SIGTTIN] = "SIGTTIN",
    [SIGTTOU] = "SIGTTOU",     [SIGURG] = "SIGURG",       [SIGXCPU] = "SIGXCPU",
    [SIGXFSZ] = "SIGXFSZ",     [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF",
    [SIGWINCH] = "SIGWINCH",   [SIGIO] = "SIGIO",         [SIGPWR] = "SIGPWR",
    [SIGSYS] = "SIGSYS",
};

const char *signal_name(int number)
{
    static char text[32];
    if (number > 0 && (size_t)number < sizeof names / sizeof names[0] && names[number] != NULL)
        return names[number];
    if (number > SIGRTMIN && number <= SIGRTMAX)
        snprintf(text, sizeof text, "SIGRTMIN+%d", number - SIGRTMIN);
    else if (number == SIGRTMIN)
        return "SIGRTMIN";
    else
        snprintf(text, sizeof text, "signal %d", number);
    return text;
}

struct reason {
    int signal, code;
    bool address; /* si_addr is meaningful */
    const char *words;
};

/* The codes are from sigaction(2). Codes that older glibc headers lack are written as numbers. */
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
