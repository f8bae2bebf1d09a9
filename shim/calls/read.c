/* input.c: see input.h. read and its kin on fd 0, 1 and 2.
 *
 * A pipe's end for writing cannot be read from: EBADF. A captured stream is a socket, where read
 * would wait for ever for what nobody sends: vim reads stderr, as fd 0, when stdin has ended. One
 * that claims to be sscap's terminal (--tty) is read from that, as more does, for its keys. Only
 * these three numbers are looked at, and fd 0, of which shells read byte by byte, only where it was
 * a stream when the program began, or became one by dup: to ask what each descriptor is before each
 * read is too dear. The kernel could not be asked to refuse instead: a socket that is shut down for
 * reading polls as readable, and who watches it for its reader's end (asyncio's pipe transports)
 * takes it for gone. */
#define _GNU_SOURCE
#include "shim/calls/read.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim/calls/terminal.h"
#include "shim/core/cleanup.h"
#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

/* A vfork child that sets it costs its parent some time, and nothing else. */
static bool stdin_was_stream;

int read_note_stream(int fd)
{
    if (fd == STDIN_FILENO && session.joined && !stdin_was_stream && session_stream(fd) >= 0)
        stdin_was_stream = true;
    return fd;
}

static bool is_captured(int fd)
{
    return (unsigned int)fd <= STDERR_FILENO && session.joined &&
           (fd != STDIN_FILENO || stdin_was_stream) && session_stream(fd) >= 0;
}

static void shut(void *fd)
{
    RAW_SYSCALL(SYS_close, *(int *)fd);
}

/* readv on what is_captured. The terminal is closed also where the thread is cancelled within. */
static ssize_t read_captured(int fd, const struct iovec *parts, int n)
{
    bool is_terminal = terminal_claims(fd);
    int terminal = is_terminal ? terminal_open(fd) : -1;
    ssize_t result;
    if (terminal < 0) {
        errno = is_terminal
                    ? EIO
                    : EBADF; /* EIO: as in the background of a terminal that is not one's own */
        return -1;
    }
    RAW_SYSCALL(SYS_fcntl, terminal, F_SETFL, 0); /* it was opened without waiting */
    CLEANUP_AFTER(result, REAL(readv)(terminal, parts, n), shut, &terminal);
    return result;
}

SSCAP_EXPORT ssize_t read(int fd, void *bytes, size_t n)
{
    if (!is_captured(fd))
        return REAL(read)(fd, bytes, n);
    return read_captured(fd, &(struct iovec){.iov_base = bytes, .iov_len = n}, 1);
}

SSCAP_ALIAS(__read, read);

SSCAP_EXPORT ssize_t readv(int fd, const struct iovec *parts, int n)
{
    return is_captured(fd) ? read_captured(fd, parts, n) : REAL(readv)(fd, parts, n);
}

/* What the header makes of read, for programs compiled with _FORTIFY_SOURCE; it has it for no
 * others. Too many bytes end the program. */
ssize_t __read_chk(int fd, void *bytes, size_t n, size_t room);

SSCAP_EXPORT ssize_t __read_chk(int fd, void *bytes, size_t n, size_t room)
{
    return n <= room && is_captured(fd) ? read(fd, bytes, n) : REAL(__read_chk)(fd, bytes, n, room);
}
