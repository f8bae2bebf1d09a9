/* fork.c: fork and its kin. The child announces itself before it returns to the program. */
#define _GNU_SOURCE
#include <pty.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "shim/calls/process_group.h"
#include "shim/core/private_fd.h"
#include "shim/core/real.h"
#include "shim/core/send.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

/* In the child. Touches as little memory as possible, because each page that is touched first after
 * fork costs about 1 us. The name is the child's, because the parent's may be another by the time
 * that the runner reads the event. */
static void announce_fork(int parent)
{
    struct sscap_event event = {.type = SSCAP_EVENT_FORK, .other = parent};
    RAW_SYSCALL(SYS_prctl, PR_GET_NAME, event.name, 0, 0, 0);
    send_event(&event, NULL, 0);
}

static pid_t forked(pid_t (*real_fork)(void))
{
    if (!session.joined)
        return real_fork();
    int parent = nolibc_getpid();
    private_fd_before_fork();
    pid_t child = real_fork();
    private_fd_after_fork(child == 0);
    if (child == 0)
        announce_fork(parent);
    return child;
}

SSCAP_EXPORT pid_t fork(void)
{
    return forked(REAL(fork));
}

SSCAP_ALIAS(__fork, fork);
SSCAP_ALIAS(__libc_fork, fork);

/* glibc 2.34; older ones have no header for it. */
pid_t _Fork(void);

/* Async-signal-safe in glibc, and so is what we add. */
SSCAP_EXPORT pid_t _Fork(void)
{
    return forked(REAL(_Fork));
}

/* These two fork inside libc, and their caller goes on as the child. */

static void announce_detached(int parent)
{
    announce_fork(parent);
    process_group_announce(0, 0);
}

SSCAP_EXPORT int daemon(int nochdir, int noclose)
{
    if (!session.joined)
        return REAL(daemon)(nochdir, noclose);
    int parent = nolibc_getpid();
    private_fd_before_fork();
    int result = REAL(daemon)(nochdir, noclose); /* the parent exits within */
    private_fd_after_fork(result == 0);
    if (result == 0)
        announce_detached(parent);
    return result;
}

SSCAP_EXPORT int forkpty(int *master, char *name, const struct termios *termios,
                         const struct winsize *size)
{
    if (!session.joined)
        return REAL(forkpty)(master, name, termios, size);
    int parent = nolibc_getpid();
    private_fd_before_fork();
    int child = REAL(forkpty)(master, name, termios, size);
    private_fd_after_fork(child == 0);
    if (child == 0)
        announce_detached(parent);
    return child;
}
