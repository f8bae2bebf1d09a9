/* send.c: sends events and stream frames to the runner.
 *
 * A stream frame must not be interrupted, because the runner would take the bytes of another writer
 * for a part of it. The kernel takes a message as one unit only if the message fits into half of
 * the send buffer (unix_stream_sendmsg in net/unix/af_unix.c). Frames are therefore made to fit. A
 * program may shrink the send buffer (SO_SNDBUF) at any time, so a frame can still be split. The
 * rest of it then follows with all signals blocked. */
#define _GNU_SOURCE
#include "shim/core/send.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "shim/core/private_fd.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

enum {
    BEHIND_WAITS = 4,                  /* an event or a frame waits no longer than */
    BEHIND_WAIT_NS = 50 * 1000 * 1000, /* that often and that long: 0.2 s in all */
    CAUGHT_UP_WAITS = 50,
    CAUGHT_UP_WAIT_NS = 1000 * 1000,
    /* The smallest send buffer, SOCK_MIN_SNDBUF in include/net/sock.h, has room for 2176 bytes in
     * one unit on 32-bit kernels, and for more on 64-bit kernels. */
    NEVER_SPLIT = 2048,
    SPLIT_OVERHEAD = 64, /* the kernel's units are half the send buffer less this */
};

/* --- stream frames that the kernel does not split --- */

static long send_buffer_size(int fd)
{
    int size = 0;
    socklen_t length = sizeof size;
    long error = RAW_SYSCALL(SYS_getsockopt, fd, SOL_SOCKET, SO_SNDBUF, &size, &length);
    return error < 0 ? error : size;
}

/* Bytes of one message that the kernel takes as one unit. */
static size_t unit_size(int fd)
{
    long unit = send_buffer_size(fd) / 2 - SPLIT_OVERHEAD;
    return unit > NEVER_SPLIT ? (size_t)unit : NEVER_SPLIT;
}

uint32_t send_frame_capacity(int fd, size_t wanted)
{
    enum { HEADER = sizeof(struct sscap_frame) };
    size_t capacity = NEVER_SPLIT - HEADER;
    if (wanted <= capacity)
        return (uint32_t)wanted;
    if (wanted > SSCAP_FRAME_PAYLOAD_MAX)
        wanted = SSCAP_FRAME_PAYLOAD_MAX;
    capacity = unit_size(fd) - HEADER;
    return (uint32_t)(wanted < capacity ? wanted : capacity);
}

static void drop_sent_bytes(struct msghdr *message, size_t sent)
{
    while (message->msg_iovlen > 0) {
        struct iovec *part = message->msg_iov;
        if (sent < part->iov_len) {
            part->iov_base = (char *)part->iov_base + sent;
            part->iov_len -= sent;
            return;
        }
        sent -= part->iov_len;
        message->msg_iov++;
        message->msg_iovlen--;
    }
}

/* Errors after which the same sendmsg can work. EAGAIN: a static program has set O_NONBLOCK on the
 * description. The other two: memory is short. */
static bool is_temporary(long error)
{
    return error == -EINTR || error == -EAGAIN || error == -ENOMEM || error == -ENOBUFS;
}

static void wait_for_room(int fd)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    struct timespec limit = {.tv_nsec = BEHIND_WAIT_NS};
    RAW_SYSCALL(SYS_ppoll, &room, 1, &limit, NULL, 0);
}

/* Signals are blocked because a handler may write to the same stream, or leave by longjmp. */
int send_rest_of_frame(int fd, struct msghdr *message, size_t sent)
{
    enum { MASK_SIZE = 8 };
    uint64_t all = ~(uint64_t)0, mask = 0;
    long blocked = RAW_SYSCALL(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, MASK_SIZE);
    long result = (long)sent;
    for (;;) {
        if (result > 0)
            drop_sent_bytes(message, (size_t)result);
        else if (result != -EINTR)
            wait_for_room(fd);
        if (message->msg_iovlen == 0)
            break;
        result = RAW_SYSCALL(SYS_sendmsg, fd, message, MSG_NOSIGNAL);
        if (result < 0 && !is_temporary(result))
            break;
    }
    if (blocked == 0)
        RAW_SYSCALL(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, MASK_SIZE);
    return result < 0 ? (int)result : 0;
}

/* --- messages that do not wait long --- */

static size_t message_length(const struct iovec *parts, size_t n)
{
    size_t length = 0;
    for (size_t i = 0; i < n; i++)
        length += parts[i].iov_len;
    return length;
}

/* A message has waited for room in vain, because the runner is stopped or does not keep up. Then
 * the next messages do not wait, until one finds room: the program must not wait for us time and
 * again. A vfork child may set it for its parent, which does no harm. */
static bool runner_is_behind;

static int waits_left(void)
{
    return __atomic_load_n(&runner_is_behind, __ATOMIC_RELAXED) ? 0 : BEHIND_WAITS;
}

static bool note_sent(bool sent)
{
    if (__atomic_load_n(&runner_is_behind, __ATOMIC_RELAXED) == sent)
        __atomic_store_n(&runner_is_behind, !sent, __ATOMIC_RELAXED);
    return sent;
}

/* Sends a message whole or not at all. Waits for room at most waits_left() times. */
static bool send_whole(int fd, struct iovec *parts, size_t n)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = n};
    size_t length = message_length(parts, n);
    for (int left = waits_left();; left--) {
        long sent = RAW_SYSCALL(SYS_sendmsg, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0)
            return note_sent((size_t)sent == length ||
                             send_rest_of_frame(fd, &message, (size_t)sent) == 0);
        if (sent != -EAGAIN && sent != -EINTR)
            return false;
        if (left <= 0)
            return note_sent(false);
        wait_for_room(fd);
    }
}

/* Sends a stream frame that may be larger than what the send buffer takes as one unit. The buffer
 * is enlarged for that long. */
static bool send_large_frame(int fd, struct iovec *parts, size_t n)
{
    size_t length = message_length(parts, n);
    int old = 0;
    if (length > NEVER_SPLIT && length > unit_size(fd)) {
        int enough = (int)length + SPLIT_OVERHEAD; /* the kernel doubles it (socket(7)) */
        old = (int)send_buffer_size(fd) / 2;
        RAW_SYSCALL(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDBUF, &enough, sizeof enough);
    }
    bool sent = send_whole(fd, parts, n);
    if (old > 0)
        RAW_SYSCALL(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDBUF, &old, sizeof old);
    return sent;
}

struct sscap_frame send_frame_header(enum sscap_frame_type type, uint32_t length, uint32_t tid)
{
    struct sscap_frame frame = {
        .lead = SSCAP_FRAME_LEAD,
        .type = (uint8_t)type,
        .version = SSCAP_WIRE_VERSION,
        .length = length,
        .tid = tid,
    };
    nolibc_copy(frame.nonce, session.nonce, SSCAP_NONCE_SIZE);
    return frame;
}

int send_frame(int fd, const struct sscap_frame *frame, const void *payload)
{
    struct iovec parts[2] = {
        {.iov_base = (void *)(uintptr_t)frame, .iov_len = sizeof *frame},
        {.iov_base = (void *)(uintptr_t)payload, .iov_len = frame->length},
    };
    struct private_fd copy = private_fd_open(fd);
    int stream = copy.fd >= 0 ? session_stream_of(copy.cookie) : -1;
    if (stream >= 0 && !send_large_frame(copy.fd, parts, 2))
        stream = -1;
    private_fd_close(&copy);
    return stream;
}

/* --- events --- */

/* Whether the runner made the listening socket at the other end. After the runner's end another
 * program can take the name. In a pid namespace the runner's pid reads 0. */
static bool peer_is_runner(int fd)
{
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    return RAW_SYSCALL(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.pid == session.runner || peer.pid == 0);
}

/* EAGAIN: the runner has not accepted earlier connections yet (unix(7)). */
static bool connect_to_runner(int fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = nolibc_length(session.socket_name);
    nolibc_copy(address.sun_path + 1, session.socket_name, length);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    for (int left = waits_left();; left--) {
        long error = RAW_SYSCALL(SYS_connect, fd, &address, size);
        if (error != -EAGAIN)
            return error == 0 && peer_is_runner(fd);
        if (left <= 0)
            return note_sent(false);
        struct timespec limit = {.tv_nsec = BEHIND_WAIT_NS};
        RAW_SYSCALL(SYS_ppoll, NULL, 0, &limit, NULL, 0);
    }
}

/* Each event has a connection of its own. A connection that we kept could be closed or replaced by
 * the program, and a vfork child would change its parent's. */
static bool send_by_name(struct iovec *parts, size_t n)
{
    int type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
    int fd = (int)RAW_SYSCALL(SYS_socket, AF_UNIX, type, 0);
    if (fd < 0)
        return false;
    bool sent = connect_to_runner(fd) && send_whole(fd, parts, n);
    RAW_SYSCALL(SYS_close, fd);
    return sent;
}

/* Sends an event in a captured stream, for a process without a free descriptor (a common reason to
 * crash) or in another network namespace. */
static void send_in_stream(const struct sscap_event *event, const void *payload, uint32_t length)
{
    struct sscap_frame frame = send_frame_header(SSCAP_FRAME_EVENT, event->length, 0);
    bool sent = false;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO && !sent; fd++) {
        struct iovec parts[3] = {
            {.iov_base = &frame, .iov_len = sizeof frame},
            {.iov_base = (void *)(uintptr_t)event, .iov_len = sizeof *event},
            {.iov_base = (void *)(uintptr_t)payload, .iov_len = length},
        };
        struct private_fd copy = private_fd_open(fd);
        sent = copy.fd >= 0 && session_stream_of(copy.cookie) >= 0 &&
               send_large_frame(copy.fd, parts, 3);
        private_fd_close(&copy);
    }
}

static bool send_to_ctl(struct iovec *parts, size_t n)
{
    if (session.ctl < 0)
        return false;
    struct private_fd copy = private_fd_open(session.ctl);
    bool is_ctl = copy.fd >= 0 && copy.cookie == session.ctl_cookie;
    if (is_ctl)
        send_whole(copy.fd, parts, n);
    private_fd_close(&copy);
    return is_ctl;
}

void send_event(struct sscap_event *event, const void *payload, uint32_t length)
{
    event->version = SSCAP_WIRE_VERSION;
    event->length = (uint32_t)sizeof *event + length;
    event->pid = nolibc_getpid();
    /* A seccomp filter may forbid them. Then a connection would be of no use either. */
    if (event->pid <= 0 || !syscall_allowed(SYS_sendmsg) || !syscall_allowed(SYS_getsockopt))
        return;
    nolibc_copy(event->nonce, session.nonce, SSCAP_NONCE_SIZE);
    struct iovec parts[2] = {
        {.iov_base = event, .iov_len = sizeof *event},
        {.iov_base = (void *)(uintptr_t)payload, .iov_len = length},
    };
    if (!send_to_ctl(parts, 2) && !send_by_name(parts, 2))
        send_in_stream(event, payload, length);
}

void send_wait_for_runner(void)
{
    for (int waits = 0; waits < CAUGHT_UP_WAITS; waits++) {
        int unread = 0;
        if (!session_is_ctl(session.ctl) ||
            RAW_SYSCALL(SYS_ioctl, session.ctl, TIOCOUTQ, &unread) < 0 || unread == 0)
            return;
        struct timespec limit = {.tv_nsec = CAUGHT_UP_WAIT_NS};
        RAW_SYSCALL(SYS_ppoll, NULL, 0, &limit, NULL, 0);
    }
}
