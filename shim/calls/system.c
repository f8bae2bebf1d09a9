/* system.c: system, popen and pclose.
 *
 * libc starts their shell with `environ`. If the program took our variables out of it, `environ`
 * points to a completed copy during the call. The copy is in static memory, because a signal
 * handler may leave the call by longjmp.
 *
 * In a process with several threads, `environ` stays as it is. Another thread could change the copy
 * (setenv), and its change would be lost. It could also make a new array from the copy, and the
 * program would then see our variables. The shell may run without the library there. Its output is
 * captured all the same.
 *
 * There is one exception: the shell's loader cannot load this library, because the program is for
 * another word size or machine than the shell. The loader would print that on stderr for each call.
 * So `environ` points to a copy with the right LD_PRELOAD, and a variable that another thread takes
 * out during the call (unsetenv) comes back. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "shim/calls/reaped.h"
#include "shim/core/child_environment.h"
#include "shim/core/cleanup.h"
#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

extern char **environ;

enum { SLOTS_MAX = 8192, TEXT_MAX = 4 * PATH_MAX };

/* Untouched pages cost nothing. */
static struct {
    char **own; /* the program's `environ` during the call */
    bool taken; /* by a call of one of several threads */
    char *slots[SLOTS_MAX];
    char text[TEXT_MAX];
} lent;

/* __libc_single_threaded stays false after the last other thread has ended, and glibc before 2.32
 * does not have it. The directory has a link for each thread and two of its own. */
static bool is_single_threaded(void)
{
    struct statx status = {0}; /* for the analyser: the kernel fills it in */
    return RAW_SYSCALL(SYS_statx, AT_FDCWD, "/proc/self/task", 0, STATX_NLINK, &status) == 0 &&
           status.stx_nlink == 3;
}

static void give_back(void)
{
    if (environ == lent.slots)
        environ = lent.own;
    __atomic_store_n(&lent.taken, false, __ATOMIC_RELEASE);
}

/* `mine` points to what lend has returned. */
static void take_back(void *mine)
{
    if (*(const bool *)mine)
        give_back();
}

/* Returns whether this call must take the copy back. */
static bool lend(void)
{
    enum loader loader = loader_of(AT_FDCWD, "/bin/sh");
    if (is_single_threaded())
        give_back(); /* after a longjmp out of the last call */
    else if (loader == LOADER_OURS)
        return false;
    if (__atomic_exchange_n(&lent.taken, true, __ATOMIC_ACQUIRE))
        return false; /* another thread's call has lent it */
    struct child_environment_need need = child_environment_look(environ, loader);
    if (need.slots != 0 && need.slots <= SLOTS_MAX && need.text + need.marked < TEXT_MAX) {
        lent.own = environ;
        environ = child_environment_fill(&need, environ, lent.slots, lent.text);
    }
    return true;
}

SSCAP_EXPORT int system(const char *command)
{
    int status;
    if (!session.joined)
        return REAL(system)(command);
    bool mine = lend();
    CLEANUP_AFTER(status, REAL(system)(command), take_back, &mine);
    if (command != NULL && status != -1)
        reaped_announce(0, status, 0, NULL);
    return status;
}

SSCAP_EXPORT FILE *popen(const char *command, const char *mode)
{
    if (!session.joined)
        return REAL(popen)(command, mode);
    bool mine = lend();
    FILE *stream = REAL(popen)(command, mode);
    take_back(&mine);
    return stream;
}

SSCAP_EXPORT int pclose(FILE *stream)
{
    int status = REAL(pclose)(stream);
    if (session.joined && status != -1)
        reaped_announce(0, status, 0, NULL);
    return status;
}
