/* descriptors.c: keeps ctl, whose number the program does not know of, from calls that sweep over descriptors. To the program it
 * reads as not open (EBADF). Whatever gets past (raw system calls, posix_spawn's closefrom) costs a connection per event: session.c. */
#define _GNU_SOURCE
#include <limits.h>
#include <unistd.h>

#include "shim/real.h"
#include "shim/session.h"

#include "shim/guest.h"

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

/* The program may want ctl's number for itself: that is granted, and ctl is lost to this process. But what it does not know of it
 * cannot duplicate. */
SSCAP_EXPORT int dup2(int from, int to)
{
    if (session_is_ctl(from))
        return refuse();
    return REAL(dup2)(from, to);
}

SSCAP_ALIAS(__dup2, dup2);

SSCAP_EXPORT int dup3(int from, int to, int flags)
{
    if (session_is_ctl(from))
        return refuse();
    return REAL(dup3)(from, to, flags);
}
