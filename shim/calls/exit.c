/* exit.c: tells the runner a process's exit status, if neither the kernel nor the parent does. */
#define _GNU_SOURCE
#include "shim/calls/exit.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shim/core/real.h"
#include "shim/core/send.h"
#include "shim/core/session.h"
#include "shim/usage.h"

#include "shim/nolibc.h"

static void announce(int code)
{
    if (!session.joined || !(session.flags & SSCAP_FLAG_EXITS))
        return;
    struct sscap_event event = {.type = SSCAP_EVENT_EXIT,
                                .other = (int32_t)RAW_SYSCALL(SYS_getppid)};
    struct sscap_exit leaving = {.code = code & 0xff};
    struct rusage usage = {0};
    if (RAW_SYSCALL(SYS_getrusage, RUSAGE_SELF, &usage) == 0)
        leaving.usage = usage_from_rusage(&usage);
    send_event(&event, &leaving, sizeof leaving);
}

/* For exit(3), which libc also calls when main returns. The handler that is registered first is
 * called last, so the program's own handlers have run. */
static void at_exit(int code, void *unused)
{
    (void)unused;
    announce(code);
}

void exit_init(void)
{
    if (session.flags & SSCAP_FLAG_EXITS)
        (void)REAL(on_exit)(at_exit, NULL);
}

SSCAP_EXPORT void _exit(int code)
{
    announce(code);
    REAL(_exit)(code);
    for (;;) /* where libc's function is not found */
        raw_syscall6(SYS_exit_group, code, 0, 0, 0, 0, 0);
}

SSCAP_ALIAS(_Exit, _exit);

SSCAP_EXPORT void quick_exit(int code)
{
    announce(code);
    REAL(quick_exit)(code);
    for (;;) /* where libc's function is not found */
        raw_syscall6(SYS_exit_group, code, 0, 0, 0, 0, 0);
}
