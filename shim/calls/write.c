/* output.c: write and its kin on fd 1 and 2.
 *
 * The kernel stamps what arrives at the runner with the process that wrote it, so the main thread's
 * writes need nothing. What another thread writes to 1 and 2 goes out in frames that carry its id.
 * (Other numbers may be the same stream, too, but asking that before each write of any thread to
 * anything is too dear.) Output that libc writes by itself (stdio) does not come by here: it has
 * the process's name only. The writes of a process that asked for O_NONBLOCK do not block: see
 * flags.c.
 */
#define _GNU_SOURCE
#include "shim/calls/write.h"

#include <limits.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "shim/calls/fcntl.h"
#include "shim/core/private_fd.h"
#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

enum {
    PARTS_MAX = 16
}; /* of a writev that is framed; longer ones carry the name of the process alone */

/* Its address tells threads apart without a system call. */
static __thread char thread_mark;
static const char *main_thread_mark;

void write_init(void)
{
    main_thread_mark = &thread_mark;
}

/* Output that must be framed. */
struct framed {
    struct private_fd hold; /* the captured stream, however fd is turned in the meantime */
    uint32_t tid;
    bool nonblocking;
};

static void release(void *framed)
{
    private_fd_close(&((struct framed *)framed)->hold);
}

/* Whether this thread's output to fd must be framed; then framed->hold is to be released. After
 * fork in another thread, that thread is the child's main one, hence the comparison with the pid.
 */
static bool needs_frames(int fd, struct framed *framed)
{
    if (!session.joined || (fd != STDOUT_FILENO && fd != STDERR_FILENO) ||
        &thread_mark == main_thread_mark || !syscall_allowed(SYS_sendmsg))
        return false;
    long tid = RAW_SYSCALL(SYS_gettid);
    if (tid == nolibc_getpid())
        return false;
    framed->hold = private_fd_open(fd);
    framed->tid = (uint32_t)tid;
    int stream = framed->hold.fd >= 0 ? session_stream_of(framed->hold.cookie) : -1;
    if (stream >= 0) {
        framed->nonblocking = fcntl_stream_nonblocking(stream);
        return true;
    }
    private_fd_close(&framed->hold);
    return false;
}

/* Sends one frame of at most SSCAP_FRAME_PAYLOAD_MAX bytes by the program's own blocking rules, as
 * the cancellation point and with the SIGPIPE and EINTR of the call it stands in for. Returns
 * payload bytes sent, or -1 with errno.
 *
 * The kernel takes a frame whole, as one skb; if not, its rest must follow whatever that takes, or
 * the next bytes would be taken for it. */
static ssize_t send_frame(const struct framed *framed, const struct iovec *parts, int n,
                          size_t length)
{
    struct sscap_frame frame = session_frame(SSCAP_FRAME_BYTES, (uint32_t)length, framed->tid);
    struct iovec all[PARTS_MAX + 1] = {{.iov_base = &frame, .iov_len = sizeof frame}};
    for (int i = 0; i < n; i++) /* field by field: no compiler makes that a call of memcpy */
        all[i + 1] = (struct iovec){.iov_base = parts[i].iov_base, .iov_len = parts[i].iov_len};
    struct msghdr message = {.msg_iov = all, .msg_iovlen = (size_t)n + 1};
    ssize_t sent = REAL(sendmsg)(framed->hold.fd, &message, framed->nonblocking ? MSG_DONTWAIT : 0);
    while (sent >= 0 && (size_t)sent < sizeof frame + length) {
        size_t skip = (size_t)sent;
        while (skip >= message.msg_iov->iov_len) {
            skip -= message.msg_iov->iov_len;
            message.msg_iov++;
            message.msg_iovlen--;
        }
        message.msg_iov->iov_base = (char *)message.msg_iov->iov_base + skip;
        message.msg_iov->iov_len -= skip;
        sent = REAL(sendmsg)(framed->hold.fd, &message, 0);
        if (sent < 0)
            break;
        sent += (ssize_t)(sizeof frame + length);
        for (size_t i = 0; i < message.msg_iovlen; i++)
            sent -= (ssize_t)message.msg_iov[i].iov_len;
    }
    return sent < 0 ? -1 : (ssize_t)length;
}

/* write(2) in frames; a failure after the first frame is a partial write, as write's own is. */
static ssize_t write_frames(const struct framed *framed, const char *bytes, size_t n)
{
    size_t done = 0;
    while (done < n) {
        struct iovec part = {
            .iov_base = (void *)(uintptr_t)(bytes + done),
            .iov_len = n - done < SSCAP_FRAME_PAYLOAD_MAX ? n - done : SSCAP_FRAME_PAYLOAD_MAX,
        };
        ssize_t sent = send_frame(framed, &part, 1, part.iov_len);
        if (sent < 0)
            return done > 0 ? (ssize_t)done : -1;
        done += (size_t)sent;
    }
    return (ssize_t)done;
}

/* writev(2): one frame where it fits, so that it stays one write; else part by part, as the kernel
 * cuts long ones too. */
static ssize_t writev_frames(const struct framed *framed, const struct iovec *parts, int n)
{
    size_t length = 0;
    for (int i = 0; i < n; i++)
        length += parts[i].iov_len;
    if (length <= SSCAP_FRAME_PAYLOAD_MAX)
        return send_frame(framed, parts, n, length);
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

/* The frames of one call, the hold released also where the thread is cancelled within. */
static ssize_t framed_write(struct framed *framed, const char *bytes, size_t n)
{
    ssize_t result;
    pthread_cleanup_push(release, framed);
    result = write_frames(framed, bytes, n);
    pthread_cleanup_pop(1);
    return result;
}

static ssize_t framed_writev(struct framed *framed, const struct iovec *parts, int n)
{
    ssize_t result;
    pthread_cleanup_push(release, framed);
    result = writev_frames(framed, parts, n);
    pthread_cleanup_pop(1);
    return result;
}

/* writev on a captured stream that this process wants not to block. *ret_result is set when it was
 * done: between asking and writing the program may have turned fd to something else. */
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

/* write of what needs no frames. */
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

/* A copy of the caller's array: where it is not readable, writev is to say so (EFAULT), and what it
 * would refuse (EINVAL) is left to it, too. False: no framing. */
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

/* writev by another thread; *ret_result is set when it was done, as for all of these. */
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

/* Whatever is not to be left to the kernel. */
static bool own_writev(int fd, const struct iovec *parts, int n, ssize_t *ret_result)
{
    return thread_writev(fd, parts, n, ret_result) || nonblocking_writev(fd, parts, n, ret_result);
}

SSCAP_EXPORT ssize_t writev(int fd, const struct iovec *parts, int n)
{
    ssize_t result;
    return own_writev(fd, parts, n, &result) ? result : REAL(writev)(fd, parts, n);
}

/* On a socket these fail with ESPIPE, but for offset -1, which makes pwritev2 a writev with flags
 * (readv(2)); the flags that could change what a stream does (RWF_NOWAIT) are left to the kernel.
 */
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

/* Always ESPIPE on a captured stream; named here so that the family is whole. */
SSCAP_EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t offset)
{
    return REAL(pwritev)(fd, parts, n, offset);
}

SSCAP_EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int n, off64_t offset)
{
    return REAL(pwritev64)(fd, parts, n, offset);
}

SSCAP_ALIAS(__write, write);
