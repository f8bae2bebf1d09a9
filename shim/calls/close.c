/* descriptors.c: keeps ctl, whose number the program does not know of, from calls that sweep over
 * descriptors. To the program it reads as not open (EBADF). Whatever gets past (raw system calls,
 * posix_spawn's closefrom) costs a connection per event: session.c.
 *
 * A program that comes up to ctl's number with its own gets it, so that it has as many descriptors
 * as without us, and in the same order. Only by the calls that programs do this with, here and in
 * flags.c and devstdout.c. */
#define _GNU_SOURCE
#include "shim/calls/new_descriptors.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/calls/read.h"
#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

static int refuse(void)
{
    errno = EBADF;
    return -1;
}

SSCAP_EXPORT int close(int fd)
{
    if (session_is_ctl(fd))
        return refuse();
    return REAL(close)(fd);
}

SSCAP_ALIAS(__close, close);

/* Around ctl; a part that is empty is left out (close_range refuses first > last with EINVAL). */
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

SSCAP_EXPORT void closefrom(int first)
{
    unsigned int from = first < 0 ? 0 : (unsigned int)first;
    if (session.joined && from <= (unsigned int)session.ctl && session_is_ctl(session.ctl) &&
        close_around(from, UINT_MAX, (unsigned int)session.ctl, 0) == 0)
        return;
    REAL(closefrom)(first);
}

/* The program may want ctl's number for itself: that is granted, and ctl is lost to this process.
 * But what it does not know of it cannot duplicate. */
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

/* --- new ones --- */

/* POSIX locks are for a process and a file: closing any descriptor of it lets go of them
 * (fcntl_locking(2)). */
static bool may_have_locks(int fd)
{
    struct statx what = {0}; /* for the analyser: the kernel fills it in */
    return RAW_SYSCALL(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &what) != 0 ||
           S_ISREG(what.stx_mode);
}

/* Once: another thread may come here at the same time, and from then on the number is the
 * program's. A vfork child that does it costs its parent no more than its next move.
 *
 * The one before ctl's is the time to make room. Who got past it unseen, as the second end of a
 * pipe, is moved. */
int new_descriptor(int fd)
{
    static bool given;
    if (!session.joined || session.ctl < 0 || fd < session.ctl - 1 ||
        __atomic_load_n(&given, __ATOMIC_RELAXED) ||
        __atomic_exchange_n(&given, true, __ATOMIC_RELAXED) || !session_is_ctl(session.ctl))
        return fd;
    if (fd < session.ctl || may_have_locks(fd)) {
        RAW_SYSCALL(SYS_close, session.ctl);
        return fd;
    }
    long flags = RAW_SYSCALL(SYS_fcntl, fd, F_GETFD);
    int cloexec = flags > 0 && flags & FD_CLOEXEC ? O_CLOEXEC : 0;
    if (RAW_SYSCALL(SYS_dup3, fd, session.ctl, cloexec) < 0)
        return fd;
    RAW_SYSCALL(SYS_close, fd);
    return session.ctl;
}

static int both_in_order(int result, int ends[2])
{
    if (result == 0) {
        ends[0] = new_descriptor(ends[0]);
        ends[1] = new_descriptor(ends[1]);
    }
    return result;
}

SSCAP_EXPORT int pipe(int ends[2])
{
    return both_in_order(REAL(pipe)(ends), ends);
}

SSCAP_ALIAS(__pipe, pipe);

SSCAP_EXPORT int pipe2(int ends[2], int flags)
{
    return both_in_order(REAL(pipe2)(ends, flags), ends);
}

SSCAP_EXPORT int socket(int domain, int type, int protocol)
{
    return new_descriptor(REAL(socket)(domain, type, protocol));
}

SSCAP_EXPORT int socketpair(int domain, int type, int protocol, int ends[2])
{
    return both_in_order(REAL(socketpair)(domain, type, protocol, ends), ends);
}

/* A socket without a name says EINVAL, a pipe ENOTSOCK, by which programs tell what they were given
 * (node). */
static int no_listener(int fd, int result)
{
    if (result < 0 && errno == EINVAL && session.joined && session_stream(fd) >= 0)
        errno = ENOTSOCK;
    return result;
}

SSCAP_EXPORT int listen(int fd, int backlog)
{
    return no_listener(fd, REAL(listen)(fd, backlog));
}

SSCAP_EXPORT int accept(int fd, __SOCKADDR_ARG address, socklen_t *length)
{
    return no_listener(fd, new_descriptor(REAL(accept)(fd, address, length)));
}

SSCAP_EXPORT int accept4(int fd, __SOCKADDR_ARG address, socklen_t *length, int flags)
{
    return no_listener(fd, new_descriptor(REAL(accept4)(fd, address, length, flags)));
}
