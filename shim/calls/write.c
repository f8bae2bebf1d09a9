/* write.c: write and its kin on fd 1 and 2.
 *
 * The kernel tells the runner which process wrote a chunk of bytes, so the writes of the main
 * thread need no help. What another thread writes to fd 1 or 2 goes out in stream frames with the
 * thread's id.
 *
 * We look at fd 1 and 2 only, because a question to the kernel before each write to any descriptor
 * would cost too much. Output that libc writes by itself (stdio) does not come through here, and
 * carries the id of the process only. For a process that asked for O_NONBLOCK, writes do not block
 * (fcntl.c). */
#define _GNU_SOURCE
#include "shim/calls/write.h"

#include <limits.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "shim/calls/fcntl.h"
#include "shim/core/cleanup.h"
#include "shim/core/private_fd.h"
#include "shim/core/real.h"
#include "shim/core/send.h"
#include "shim/core/session.h"
#include "shim/core/thread_mark.h"

#include "shim/nolibc.h"

enum {
    PARTS_MAX = 16 /* of a writev that is framed; a longer one carries the process's id only */
};

static const char *main_thread_mark;

void write_init(void)
{
    main_thread_mark = &thread_mark;
}

/* Output that must be framed. */
struct framed {
    struct private_fd copy; /* still the captured stream if another thread changes fd */
    uint32_t tid;
    bool nonblocking;
};

static void release(void *framed)
{
    private_fd_close(&((struct framed *)framed)->copy);
}

/* Whether this thread's output to fd must be framed. The caller then releases `framed`. The pid is
 * compared because after a fork in another thread, that thread is the child's main thread. */
static bool needs_frames(int fd, struct framed *framed)
{
    if (!session.joined || (fd != STDOUT_FILENO && fd != STDERR_FILENO) ||
        &thread_mark == main_thread_mark || !syscall_allowed(SYS_sendmsg))
        return false;
    long tid = RAW_SYSCALL(SYS_gettid);
    if (tid == nolibc_getpid())
        return false;
    framed->copy = private_fd_open(fd);
    framed->tid = (uint32_t)tid;
    int stream = framed->copy.fd >= 0 ? session_stream_of(framed->copy.cookie) : -1;
    if (stream >= 0) {
        framed->nonblocking = fcntl_stream_nonblocking(stream);
        return true;
    }
    private_fd_close(&framed->copy);
    return false;
}

/* Sends one frame. It is a cancellation point, blocks, raises SIGPIPE and fails with EINTR as the
 * program's own write would, but only before the kernel has taken any byte of the frame. Returns
 * the payload's length, or -1 with errno. */
static ssize_t write_frame(const struct framed *framed, const struct iovec *parts, int n,
                           size_t length)
{
    struct sscap_frame frame = send_frame_header(SSCAP_FRAME_BYTES, (uint32_t)length, framed->tid);
    struct iovec all[PARTS_MAX + 1] = {{.iov_base = &frame, .iov_len = sizeof frame}};
    for (int i = 0; i < n; i++) /* by field: a compiler could make a call of memcpy from a copy */
        all[i + 1] = (struct iovec){.iov_base = parts[i].iov_base, .iov_len = parts[i].iov_len};
    struct msghdr message = {.msg_iov = all, .msg_iovlen = (size_t)n + 1};
    ssize_t sent = REAL(sendmsg)(framed->copy.fd, &message, framed->nonblocking ? MSG_DONTWAIT : 0);
    if (sent < 0)
        return -1;
    if ((size_t)sent < sizeof frame + length) {
        int error = send_rest_of_frame(framed->copy.fd, &message, (size_t)sent);
        if (error < 0) {
            errno = -error;
            return -1;
        }
    }
    return (ssize_t)length;
}

/* write(2) in frames. A failure after the first frame makes it a partial write, as with write. */
static ssize_t write_frames(const struct framed *framed, const char *bytes, size_t n)
{
    size_t done = 0;
    while (done < n) {
        struct iovec part = {
            .iov_base = (void *)(uintptr_t)(bytes + done),
            .iov_len = send_frame_capacity(framed->copy.fd, n - done),
        };
        ssize_t sent = write_frame(framed, &part, 1, part.iov_len);
        if (sent < 0)
            return done > 0 ? (ssize_t)done : -1;
        done += (size_t)sent;
    }
    return (ssize_t)done;
}

/* writev(2) as one frame if it fits, so that it stays one write. Else part by part. */
static ssize_t writev_frames(const struct framed *framed, const struct iovec *parts, int n)
{
    size_t length = 0;
    for (int i = 0; i < n; i++)
        length += parts[i].iov_len;
    if (length <= send_frame_capacity(framed->copy.fd, length))
        return write_frame(framed, parts, n, length);
    size_t done = 0;
    for (int i = 0; i < n; i++) {
        ssize_t sent = write_frames(framed, parts[i].iov_base, parts[i].iov_len);
        if (sent < 0)
            return done > 0 ? (ssize_t)done : -1;
        done += (size_t)sent;
        if ((size_t)sent < parts[i].iov_len)
            break;
    }
    return (ssize_t)done;
}

static ssize_t framed_write(struct framed *framed, const char *bytes, size_t n)
{
    ssize_t result;
    CLEANUP_AFTER(result, write_frames(framed, bytes, n), release, framed);
    return result;
}

static ssize_t framed_writev(struct framed *framed, const struct iovec *parts, int n)
{
    ssize_t result;
    CLEANUP_AFTER(result, writev_frames(framed, parts, n), release, framed);
    return result;
}

/* writev on a captured stream for a process that asked for O_NONBLOCK. Returns false if fd is no
 * such stream, or is no socket any more because another thread changed it. */
static bool nonblocking_writev(int fd, const struct iovec *parts, int n, ssize_t *ret_result)
{
    if (n <= 0 || n > IOV_MAX || !syscall_allowed(SYS_sendmsg) || !fcntl_nonblocking(fd))
        return false;
    int saved = errno;
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)n};
    *ret_result = REAL(sendmsg)(fd, &message, MSG_DONTWAIT);
    if (*ret_result >= 0 || errno != ENOTSOCK)
        return true;
    errno = saved;
    return false;
}

/* write without frames. */
static ssize_t write_plain(int fd, const void *bytes, size_t n)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = n};
    ssize_t result;
    return nonblocking_writev(fd, &part, 1, &result) ? result : REAL(write)(fd, bytes, n);
}

SSCAP_EXPORT ssize_t write(int fd, const void *bytes, size_t n)
{
    struct framed framed;
    if (n == 0 || n > SSIZE_MAX || !needs_frames(fd, &framed))
        return write_plain(fd, bytes, n);
    return framed_write(&framed, bytes, n);
}

/* Copies the caller's array. Returns false if the array is not readable or not valid, because the
 * real writev then sets errno (EFAULT, EINVAL). */
static bool copy_parts(struct iovec copy[PARTS_MAX], const struct iovec *parts, int n)
{
    size_t length = 0;
    if (n <= 0 || n > PARTS_MAX)
        return false;
    if (!nolibc_read_memory(copy, parts, (size_t)n * sizeof *copy))
        return false;
    for (int i = 0; i < n; i++) {
        if (copy[i].iov_len > SSIZE_MAX - length)
            return false;
        length += copy[i].iov_len;
    }
    return length > 0;
}

/* writev in frames. Returns false if none are needed. */
static bool thread_writev(int fd, const struct iovec *parts, int n, ssize_t *ret_result)
{
    struct framed framed;
    struct iovec copy[PARTS_MAX] = {{0}}; /* for the analyser: the kernel fills it in */
    if (&thread_mark == main_thread_mark || !copy_parts(copy, parts, n) ||
        !needs_frames(fd, &framed))
        return false;
    *ret_result = framed_writev(&framed, copy, n);
    return true;
}

/* writev where the kernel's own is not enough. Returns false if it is. */
static bool own_writev(int fd, const struct iovec *parts, int n, ssize_t *ret_result)
{
    return thread_writev(fd, parts, n, ret_result) || nonblocking_writev(fd, parts, n, ret_result);
}

SSCAP_EXPORT ssize_t writev(int fd, const struct iovec *parts, int n)
{
    ssize_t result;
    return own_writev(fd, parts, n, &result) ? result : REAL(writev)(fd, parts, n);
}

/* On a socket, these fail with ESPIPE. The exception is offset -1, which makes pwritev2 a writev
 * with flags (readv(2)). With flags such as RWF_NOWAIT, we leave the call to the kernel. */
SSCAP_EXPORT ssize_t pwritev2(int fd, const struct iovec *parts, int n, off_t offset, int flags)
{
    ssize_t result;
    if (offset == -1 && flags == 0 && own_writev(fd, parts, n, &result))
        return result;
    return REAL(pwritev2)(fd, parts, n, offset, flags);
}

SSCAP_EXPORT ssize_t pwritev64v2(int fd, const struct iovec *parts, int n, off64_t offset,
                                 int flags)
{
    ssize_t result;
    if (offset == -1 && flags == 0 && own_writev(fd, parts, n, &result))
        return result;
    return REAL(pwritev64v2)(fd, parts, n, offset, flags);
}

/* Always ESPIPE on a captured stream. Wrapped for completeness. */
SSCAP_EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t offset)
{
    return REAL(pwritev)(fd, parts, n, offset);
}

SSCAP_EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int n, off64_t offset)
{
    return REAL(pwritev64)(fd, parts, n, offset);
}

SSCAP_ALIAS(__write, write);
