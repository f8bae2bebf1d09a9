/* new_descriptor.c: gives ctl's number to a program that needs it.
 *
 * A program may open so many descriptors that it comes up to ctl's number. Without us it would get
 * that number, so ctl gives way. The program then has as many descriptors as without us, in the
 * same order. These calls, fcntl.c and open.c do that; other calls that return descriptors do not,
 * because programs do not open many with them. */
#define _GNU_SOURCE
#include "shim/calls/new_descriptor.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

/* POSIX locks belong to a process and a file. To close any descriptor of the file releases them
 * (fcntl_locking(2)). */
static bool may_have_locks(int fd)
{
    struct statx what = {0}; /* for the analyser: the kernel fills it in */
    return RAW_SYSCALL(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &what) != 0 ||
           S_ISREG(what.stx_mode);
}

/* The number is given away once, because it is the program's from then on, and another thread may
 * come here at the same time. If a vfork child gives it away, its parent does so only when it comes
 * here itself.
 *
 * ctl is closed when the program gets the number before it. If the program has got the number after
 * it (a pipe has two ends), that descriptor is moved. */
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

/* On a socket without a name these fail with EINVAL, on a pipe with ENOTSOCK. node tells by that
 * what fd 0, 1 and 2 are. */
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
