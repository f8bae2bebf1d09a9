/* wait.c: wait and its kin. Whoever waits for a child takes its status away from everyone else: so
 * it passes it on.
 *
 * Signal handlers call these (shells do); a vfork child may. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "shim/core/child_environment.h"
#include "shim/core/real.h"
#include "shim/core/send.h"
#include "shim/core/session.h"
#include "shim/usage.h"

#include "shim/nolibc.h"

extern char **environ;

/* `child`: 0 where libc does not say which it was. */
static void announce(pid_t child, int status, uint32_t flags, const struct rusage *usage)
{
    struct sscap_event event = {.type = SSCAP_EVENT_REAPED, .other = child};
    struct sscap_reaped reaped = {.status = status, .flags = flags};
    if (!WIFEXITED(status) && !WIFSIGNALED(status))
        return;
    if (usage != NULL) {
        reaped.flags |= SSCAP_REAPED_USAGE;
        reaped.usage = usage_from_rusage(usage);
    }
    send_event(&event, &reaped, sizeof reaped);
}

/* libc's wait, waitpid and wait3 are its wait4 (sysdeps/unix/sysv/linux), which tells what the
 * child used besides. Where to put the status is the kernel's to judge: it refuses a bad address
 * after it has reaped the child. */
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
        announce(child, *status, options & (__WALL | __WCLONE) ? SSCAP_REAPED_TRACER : 0, usage);
    /* cppcheck-suppress returnDanglingLifetime ; it takes the looked-up function's result for its
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

/* As waitpid would have it. */
static int status_of(const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED)
        return (info->si_status & 0xff) << 8;
    return (info->si_status & 0x7f) | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

SSCAP_EXPORT int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    siginfo_t own_info = {0};
    if (!session.joined)
        return REAL(waitid)(type, id, info, options);
    if (info == NULL)
        info = &own_info;
    int result = REAL(waitid)(type, id, info, options);
    if (result == 0 && !(options & WNOWAIT) && info->si_pid > 0 &&
        (info->si_code == CLD_EXITED || info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED))
        announce(info->si_pid, status_of(info),
                 options & (__WALL | __WCLONE) ? SSCAP_REAPED_TRACER : 0, NULL);
    return result;
}

/* system and popen start their shell with `environ`. Where the program took our variables out of
 * that, it is completed for the length of the call, unless another thread's setenv replaced it in
 * the meantime. */
struct lent {
    char **own, **complete;
};

static void take_back(void *environment)
{
    const struct lent *lent = environment;
    if (environ == lent->complete)
        environ = lent->own;
}

/* libc starts the shell and waits for it inside itself, and the thread may be cancelled there. */
static int run_shell(const char *command, struct lent *lent)
{
    int status;
    environ = lent->complete;
    pthread_cleanup_push(take_back, lent);
    status = REAL(system)(command);
    pthread_cleanup_pop(1);
    return status;
}

SSCAP_EXPORT int system(const char *command)
{
    if (!session.joined)
        return REAL(system)(command);
    struct lent lent = {.own = environ, .complete = ENVIRONMENT_COMPLETE(environ)};
    int status = run_shell(command, &lent);
    if (command != NULL && status != -1)
        announce(0, status, 0, NULL);
    return status;
}

SSCAP_EXPORT FILE *popen(const char *command, const char *mode)
{
    if (!session.joined)
        return REAL(popen)(command, mode);
    struct lent lent = {.own = environ, .complete = ENVIRONMENT_COMPLETE(environ)};
    environ = lent.complete;
    FILE *stream = REAL(popen)(command, mode);
    take_back(&lent);
    return stream;
}

SSCAP_EXPORT int pclose(FILE *stream)
{
    int status = REAL(pclose)(stream);
    if (session.joined && status != -1)
        announce(0, status, 0, NULL);
    return status;
}
