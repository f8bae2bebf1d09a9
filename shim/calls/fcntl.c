/* fcntl.c: O_NONBLOCK and other status flags, and shutdown, affect only the process that sets them.
 *
 * All processes of a session share one open file description for each captured stream. If one of
 * them set O_NONBLOCK on it (node does so), the others would get EAGAIN, and shutdown(2) would end
 * the stream for all. Therefore fcntl(F_SETFL), ioctl(FIONBIO) and shutdown do not reach the
 * kernel. They succeed, F_GETFL returns what was set, and the functions in write.c do not block.
 *
 * This differs from a description of the process's own. Writes by stdio (inside libc), send and its
 * kin, sendfile and splice still block. O_ASYNC raises no SIGIO. After exec, the flags are gone.
 * Raw system calls and static programs still change the description.
 *
 * The state is one word for each stream. A vfork child changes its parent's, too, as it would with
 * a shared description.
 *
 * After shutdown(SHUT_WR), the process can still write. The program expects a pipe, a file or a
 * terminal on fd 1, where shutdown fails and changes nothing. Programs that call shutdown all the
 * same (socat, libuv) do not write afterwards. */
#define _GNU_SOURCE
#include "shim/calls/fcntl.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "shim/calls/new_descriptor.h"
#include "shim/calls/read.h"
#include "shim/calls/terminal.h"
#include "shim/core/private_fd.h"
#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

/* What F_SETFL can change (fs/fcntl.c, SETFL_MASK, and FASYNC). */
#define SETTABLE ((unsigned int)(O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME))

/* This process has set flags. open(2) does not use the bit. */
#define ASKED (1u << 30)

static unsigned int flags_of[SSCAP_STREAMS];

static unsigned int asked(int stream)
{
    return __atomic_load_n(&flags_of[stream], __ATOMIC_RELAXED);
}

bool fcntl_stream_nonblocking(int stream)
{
    return asked(stream) & O_NONBLOCK;
}

bool fcntl_nonblocking(int fd)
{
    if (((asked(SSCAP_OUT) | asked(SSCAP_ERR)) & O_NONBLOCK) == 0)
        return false;
    int stream = session_stream(fd);
    return stream >= 0 && fcntl_stream_nonblocking(stream);
}

/* A process that wants to block must not get EAGAIN. A static program may have set O_NONBLOCK. */
static void make_blocking(int fd)
{
    long flags = RAW_SYSCALL(SYS_fcntl, fd, F_GETFL);
    if (flags >= 0 && flags & O_NONBLOCK)
        RAW_SYSCALL(SYS_fcntl, fd, F_SETFL, flags & ~O_NONBLOCK);
}

static void set_all(int fd, int stream, unsigned int flags)
{
    __atomic_store_n(&flags_of[stream], (flags & SETTABLE) | ASKED, __ATOMIC_RELAXED);
    if (!(flags & O_NONBLOCK))
        make_blocking(fd);
}

static void set_one(int fd, int stream, unsigned int flag, bool on)
{
    __atomic_fetch_or(&flags_of[stream], ASKED | (on ? flag : 0), __ATOMIC_RELAXED);
    if (on)
        return;
    __atomic_fetch_and(&flags_of[stream], ~flag, __ATOMIC_RELAXED);
    if (flag == O_NONBLOCK)
        make_blocking(fd);
}

/* What F_GETFL returns if the kernel returns `real`. The write end of a pipe is not for reading,
 * although a socket is (read.c). */
static int shown(int fd, int real)
{
    if (!session.joined || (real & O_ACCMODE) != O_RDWR)
        return real;
    int stream = session_stream(fd);
    if (stream < 0)
        return real;
    unsigned int flags = (unsigned int)real;
    if (!terminal_claims(fd))
        flags = (flags & ~(unsigned int)O_ACCMODE) | O_WRONLY;
    if (asked(stream) & ASKED)
        flags = (flags & ~SETTABLE) | (asked(stream) & SETTABLE);
    return (int)flags;
}

/* For fcntl and fcntl64, which differ on 32-bit machines only. */
static int control(__typeof__(&(fcntl)) real, int fd, int command, long argument)
{
    if (session_is_ctl(fd) || private_fd_is(fd)) { /* not open, as for close (close.c) */
        errno = EBADF;
        return -1;
    }
    if (session.joined && command == F_SETFL && syscall_allowed(SYS_fcntl)) {
        int stream = session_stream(fd);
        if (stream >= 0) {
            set_all(fd, stream, (unsigned int)argument);
            return 0;
        }
    }
    int result = real(fd, command, argument);
    if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) && argument <= session.ctl)
        return new_descriptor(read_note_stream(result));
    return command == F_GETFL && result >= 0 ? shown(fd, result) : result;
}

/* The argument is an int, a pointer or absent. libc also reads a word in any case. */
SSCAP_EXPORT int fcntl(int fd, int command, ...)
{
    va_list list;
    va_start(list, command);
    long argument = va_arg(list, long);
    va_end(list);
    return control(REAL(fcntl), fd, command, argument);
}

SSCAP_EXPORT int fcntl64(int fd, int command, ...)
{
    va_list list;
    va_start(list, command);
    long argument = va_arg(list, long);
    va_end(list);
    return control(REAL(fcntl64), fd, command, argument);
}

SSCAP_ALIAS(__fcntl, fcntl);

SSCAP_EXPORT int ioctl(int fd, unsigned long request, ...)
{
    va_list list;
    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    if ((request == FIONBIO || request == FIOASYNC) && session.joined) {
        int stream = session_stream(fd);
        int on = 0; /* for the analyser: the kernel fills it in */
        if (stream >= 0 && nolibc_read_memory(&on, argument, sizeof on)) {
            set_one(fd, stream, request == FIONBIO ? O_NONBLOCK : O_ASYNC, on != 0);
            return 0;
        }
    }
    int answer;
    return terminal_ioctl(fd, request, argument, &answer) ? answer
                                                          : REAL(ioctl)(fd, request, argument);
}

SSCAP_EXPORT int shutdown(int fd, int how)
{
    bool known = how == SHUT_RD || how == SHUT_WR || how == SHUT_RDWR; /* else EINVAL */
    if (session.joined && known && session_stream(fd) >= 0)
        return 0;
    return REAL(shutdown)(fd, how);
}
