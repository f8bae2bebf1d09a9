/* wait.c: wait and its kin.
 *
 * Only one process can wait for a child. Therefore the library tells the runner what the wait
 * returned. Signal handlers call these functions (in shells), and vfork children may. */
#define _GNU_SOURCE
#include <sys/resource.h>
#include <sys/wait.h>

#include "shim/calls/reaped.h"
#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

/* With these options a wait also returns for traced processes and for threads (wait(2)). */
static uint32_t flags_of(int options)
{
    return options & (__WALL | __WCLONE) ? SSCAP_REAPED_TRACER : 0;
}

/* libc's wait, waitpid and wait3 are its wait4 (sysdeps/unix/sysv/linux), which also returns the
 * resource usage. We do not check the address of the status: the kernel reaps the child before it
 * fails with EFAULT. */
static pid_t waited(pid_t pid, int *status, int options, struct rusage *usage)
{
    int own_status = 0;
    struct rusage own_usage = {0};
    if (!session.joined)
        return REAL(wait4)(pid, status, options, usage);
    if (status == NULL)
        status = &own_status;
    if (usage == NULL)
        usage = &own_usage;
    pid_t child = REAL(wait4)(pid, status, options, usage);
    if (child > 0)
        reaped_announce(child, *status, flags_of(options), usage);
    /* cppcheck-suppress returnDanglingLifetime ; cppcheck takes the function's result for its
     * arguments */
    return child;
}

SSCAP_EXPORT pid_t wait(int *status)
{
    return waited(-1, status, 0, NULL);
}

SSCAP_ALIAS(__wait, wait);

SSCAP_EXPORT pid_t waitpid(pid_t pid, int *status, int options)
{
    return waited(pid, status, options, NULL);
}

SSCAP_ALIAS(__waitpid, waitpid);

SSCAP_EXPORT pid_t wait3(int *status, int options, struct rusage *usage)
{
    return waited(-1, status, options, usage);
}

SSCAP_EXPORT pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
    return waited(pid, status, options, usage);
}

/* The status as waitpid returns it. */
static int status_of(const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED)
        return (info->si_status & 0xff) << 8;
    return (info->si_status & 0x7f) | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

static bool has_ended(const siginfo_t *info)
{
    return info->si_pid > 0 && (info->si_code == CLD_EXITED || info->si_code == CLD_KILLED ||
                                info->si_code == CLD_DUMPED);
}

SSCAP_EXPORT int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    siginfo_t own_info = {0};
    if (!session.joined)
        return REAL(waitid)(type, id, info, options);
    if (info == NULL)
        info = &own_info;
    int result = REAL(waitid)(type, id, info, options);
    if (result == 0 && !(options & WNOWAIT) && has_ended(info))
        reaped_announce(info->si_pid, status_of(info), flags_of(options), NULL);
    return result;
}
