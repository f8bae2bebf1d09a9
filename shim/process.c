/* process.c: fork and its kin. A child announces itself before it returns to the program. */
#define _GNU_SOURCE
#include "shim/process.h"

#include <pty.h>
#include <unistd.h>

#include "shim/real.h"
#include "shim/session.h"

#include "shim/guest.h"

void process_name(char *name, const char *path)
{
    const char *base = guest_basename(path);
    size_t length = guest_length(base);
    if (length >= SSCAP_NAME_SIZE)
        length = SSCAP_NAME_SIZE - 1;
    guest_zero(name, SSCAP_NAME_SIZE);
    guest_copy(name, base, length);
}

/* In the child: touches as little memory as it can, for each page that it is first to touch after fork costs about 1 us. */
static void announce_fork(int parent)
{
    struct sscap_event event = {.type = SSCAP_EVENT_FORK, .other = parent};
    session_send(&event);
}

static pid_t forked(pid_t (*real_fork)(void))
{
    if (!session.joined)
        return real_fork();
    int parent = guest_getpid();
    pid_t child = real_fork();
    if (child == 0)
        announce_fork(parent);
    return child;
}

SSCAP_EXPORT pid_t fork(void)
{
    return forked(real()->fork);
}

SSCAP_ALIAS(__fork, fork);
SSCAP_ALIAS(__libc_fork, fork);

/* Async-signal-safe in glibc: so is what we add. */
SSCAP_EXPORT pid_t _Fork(void)
{
    return forked(real()->_Fork);
}

/* These fork inside libc, past the wrapper above; the caller goes on as the child. */
SSCAP_EXPORT int daemon(int nochdir, int noclose)
{
    int parent = guest_getpid();
    int result = real()->daemon(nochdir, noclose);
    if (result == 0 && session.joined)
        announce_fork(parent);
    return result;
}

SSCAP_EXPORT int forkpty(int *master, char *name, const struct termios *termios, const struct winsize *size)
{
    int parent = guest_getpid();
    int child = real()->forkpty(master, name, termios, size);
    if (child == 0 && session.joined)
        announce_fork(parent);
    return child;
}
