/* close.c: close, dup and their kin. Programs that close all descriptors do not close ctl.
 *
 * The program does not know of ctl and of private duplicates (core/private_fd.h). These calls treat
 * them as descriptors that are not open (EBADF). If a raw system call or posix_spawn's closefrom
 * closes ctl, each event costs a connection of its own (core/send.c). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shim/calls/new_descriptor.h"
#include "shim/calls/read.h"
#include "shim/core/private_fd.h"
#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

/* glibc 2.34; older ones have no header for them. */
int close_range(unsigned int first, unsigned int last, int flags);
void closefrom(int first);

static int refuse(void)
{
    errno = EBADF;
    return -1;
}

SSCAP_EXPORT int close(int fd)
{
    if (session_is_ctl(fd) || private_fd_is(fd))
        return refuse();
    return REAL(close)(fd);
}

SSCAP_ALIAS(__close, close);

/* Leaves ctl open. A part that is empty is left out, because close_range fails with EINVAL if first
 * is above last. */
static int close_around(unsigned int first, unsigned int last, unsigned int ctl, int flags)
{
    int result = 0;
    if (first < ctl)
        result = REAL(close_range)(first, ctl - 1, flags);
    if (result == 0 && ctl < last)
        result = REAL(close_range)(ctl + 1, last, flags);
    return result;
}

SSCAP_EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
    unsigned int ctl = (unsigned int)session.ctl;
    if (session.joined && first <= ctl && ctl <= last && session_is_ctl(session.ctl))
        return close_around(first, last, ctl, flags);
    return REAL(close_range)(first, last, flags);
}

/* For a libc without closefrom. */
static void close_each(int first)
{
    struct rlimit64 limit = {0};
    RAW_SYSCALL(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
    int saved = errno;
    for (int fd = first < 0 ? 0 : first; fd >= 0 && (rlim64_t)fd < limit.rlim_cur; fd++)
        (void)close(fd);
    errno = saved;
}

SSCAP_EXPORT void closefrom(int first)
{
    unsigned int from = first < 0 ? 0 : (unsigned int)first;
    if (!real_exists(REAL_closefrom))
        close_each(first);
    else if (!session.joined || from > (unsigned int)session.ctl || !session_is_ctl(session.ctl) ||
             close_around(from, UINT_MAX, (unsigned int)session.ctl, 0) != 0)
        REAL(closefrom)(first);
}

/* If the program duplicates to ctl's number, it gets the number, and this process loses ctl. The
 * program cannot duplicate ctl itself, because it does not know of it. */
SSCAP_EXPORT int dup2(int from, int to)
{
    if (session_is_ctl(from))
        return refuse();
    return read_note_stream(REAL(dup2)(from, to));
}

SSCAP_ALIAS(__dup2, dup2);

SSCAP_EXPORT int dup(int fd)
{
    return session_is_ctl(fd) ? refuse() : new_descriptor(read_note_stream(REAL(dup)(fd)));
}

SSCAP_EXPORT int dup3(int from, int to, int flags)
{
    if (session_is_ctl(from))
        return refuse();
    return read_note_stream(REAL(dup3)(from, to, flags));
}
