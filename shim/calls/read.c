/* read.c: read and its kin on captured streams. For `vim` and `more`.
 *
 * A read from the write end of a pipe fails with EBADF. On a captured stream, which is a socket, it
 * would wait forever. `vim -es </dev/null` does that: at the end of its input it duplicates stderr
 * to fd 0 and reads from it. With --tty, the read goes to sscap's terminal, from which `more` reads
 * its keys by fd 2.
 *
 * We look at fd 0, 1 and 2 only, because a question to the kernel before each read would cost too
 * much. Shells read fd 0 byte by byte, so we look at fd 0 only if it was a captured stream at the
 * start or has become one by dup. shutdown(SHUT_RD) is no alternative: the socket would always be
 * readable, and asyncio would take its reader for gone. */
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

/* If a vfork child sets it, its parent only loses some time. */
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

/* readv on a captured stream. The terminal is also closed if the thread is cancelled. */
static ssize_t read_captured(int fd, const struct iovec *parts, int n)
{
    bool is_terminal = terminal_claims(fd);
    int terminal = is_terminal ? terminal_open(fd) : -1;
    ssize_t result;
    if (terminal < 0) {
        errno = is_terminal ? EIO : EBADF; /* EIO: as for a background process (tty_ioctl(4)) */
        return -1;
    }
    RAW_SYSCALL(SYS_fcntl, terminal, F_SETFL, 0); /* terminal_open has set O_NONBLOCK */
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

/* With _FORTIFY_SOURCE, libc's header turns read into this, and declares it only there. If `n` is
 * above `room`, libc ends the program. */
ssize_t __read_chk(int fd, void *bytes, size_t n, size_t room);

SSCAP_EXPORT ssize_t __read_chk(int fd, void *bytes, size_t n, size_t room)
{
    return n <= room && is_captured(fd) ? read(fd, bytes, n) : REAL(__read_chk)(fd, bytes, n, room);
}
