/* session.c: joining a session and speaking to its runner (see session.h and wire.h). */
#define _GNU_SOURCE
#include "shim/core/session.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "shim/core/private_fd.h"

#include "shim/nolibc.h"

enum {
    BEHIND_WAITS = 4,
    BEHIND_WAIT_NS = 50 * 1000 * 1000,
    CAUGHT_UP_WAITS = 50,
    CAUGHT_UP_WAIT_NS = 1000 * 1000,
};

struct session session;

/* Reads a field of `digits` lower-case hexadecimal digits and the ':' behind it. */
static bool read_field(const char **text, int digits, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (int i = 0; i < digits; i++) {
        char c = *(*text)++;
        if (c >= '0' && c <= '9')
            value = value * 16 + (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    if (*(*text)++ != ':')
        return false;
    *ret_value = value;
    return true;
}

static bool read_check(const char *value)
{
    const char *text = value + SSCAP_SESSION_LENGTH + 1;
    char terminated[SSCAP_CHECK_LENGTH] = ""; /* read_field wants its ':' */
    nolibc_copy(terminated, text, SSCAP_CHECK_LENGTH - 1);
    terminated[SSCAP_CHECK_LENGTH - 1] = ':';
    const char *at = terminated;
    uint64_t check;
    return read_field(&at, 8, &check) && check == sscap_check(value, SSCAP_SESSION_LENGTH);
}

char session_mark(const char *value)
{
    size_t length = nolibc_length(value);
    char last = length > 0 ? value[length - 1] : '\0';
    return last == SSCAP_SESSION_HIDDEN || last == SSCAP_BOTH_HIDDEN ? last : '\0';
}

bool session_read(const char *value)
{
    struct session s = {.joined = true};
    uint64_t version, ctl, runner, nonce[2], flags, name;
    const char *text = value;
    if (nolibc_length(value) - (session_mark(value) != '\0') !=
            SSCAP_SESSION_LENGTH + SSCAP_CHECK_LENGTH ||
        value[SSCAP_SESSION_LENGTH] != ':')
        return false;
    if (!read_field(&text, 4, &version) || version != SSCAP_WIRE_VERSION || !read_check(value))
        return false;
    if (!read_field(&text, 8, &ctl) || !read_field(&text, 8, &runner) ||
        !read_field(&text, 16, &s.cookie[SSCAP_OUT]) ||
        !read_field(&text, 16, &s.cookie[SSCAP_ERR]) || !read_field(&text, 16, &s.ctl_cookie))
        return false;
    /* The nonce's two halves have no ':' between them. */
    char halves[2][17] = {"", ""};
    for (int i = 0; i < 2; i++) {
        nolibc_copy(halves[i], text + i * 16, 16);
        halves[i][16] = ':';
        const char *half = halves[i];
        if (!read_field(&half, 16, &nonce[i]))
            return false;
    }
    text += 33;
    if (!read_field(&text, 8, &flags) || !read_field(&text, 16, &name))
        return false;
    s.ctl = (int)ctl;
    s.runner = (int32_t)runner;
    s.flags = (uint32_t)flags;
    nolibc_copy(s.nonce, nonce, sizeof s.nonce);
    char *end = nolibc_copy(s.socket_name, SSCAP_SOCKET_PREFIX, sizeof SSCAP_SOCKET_PREFIX - 1);
    nolibc_copy(end, value + SSCAP_SESSION_LENGTH - 16, 16);
    end = nolibc_copy(s.variable, SSCAP_ENV_SESSION "=", sizeof SSCAP_ENV_SESSION);
    nolibc_copy(end, value, SSCAP_SESSION_LENGTH + SSCAP_CHECK_LENGTH);
    nolibc_copy(&session, &s, sizeof s);
    syscalls_forbidden = s.flags >> SSCAP_FLAG_FORBIDDEN_SHIFT;
    return true;
}

/* --- what a filter forbids, in the variable --- */

_Static_assert(SYSCALL_ALL <= UINT32_MAX >> SSCAP_FLAG_FORBIDDEN_SHIFT,
               "the kinds have room in the flags");

enum {
    FLAGS_AT = SSCAP_SESSION_LENGTH - 16 - 1 - 8, /* before the name */
    CHECK_AT = SSCAP_SESSION_LENGTH + 1,
};

static void write_field(char *to, uint32_t value)
{
    for (int digit = 7; digit >= 0; digit--, value >>= 4)
        to[digit] = (char)((value & 15) < 10 ? '0' + (value & 15) : 'a' + (value & 15) - 10);
}

/* Another thread's exec in the midst of this takes a variable along that its check does not fit:
 * that program is on its own. */
void session_forbid(uint32_t kinds)
{
    char *value = session.variable + sizeof SSCAP_ENV_SESSION;
    uint32_t all = __atomic_or_fetch(&syscalls_forbidden, kinds, __ATOMIC_SEQ_CST);
    session.flags |= all << SSCAP_FLAG_FORBIDDEN_SHIFT;
    write_field(value + FLAGS_AT, session.flags);
    write_field(value + CHECK_AT, sscap_check(value, SSCAP_SESSION_LENGTH));
}

bool session_is_outdated(const char *value)
{
    const char *own = session.variable + sizeof SSCAP_ENV_SESSION;
    size_t same = 0;
    while (own[same] != '\0' && own[same] == value[same])
        same++;
    return own[same] != '\0' && same >= FLAGS_AT && same < FLAGS_AT + 8;
}

uint64_t session_cookie(int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    if (RAW_SYSCALL(SYS_getsockopt, fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0)
        return 0;
    return cookie;
}

int session_stream_of(uint64_t cookie)
{
    if (cookie == 0)
        return -1;
    if (cookie == session.cookie[SSCAP_OUT])
        return SSCAP_OUT;
    return cookie == session.cookie[SSCAP_ERR] ? SSCAP_ERR : -1;
}

int session_stream(int fd)
{
    return session_stream_of(session_cookie(fd));
}

bool session_is_ours(uint64_t cookie)
{
    return cookie != 0 && (cookie == session.ctl_cookie || session_stream_of(cookie) >= 0);
}

bool session_is_ctl(int fd)
{
    return session.joined && fd == session.ctl && session_cookie(fd) == session.ctl_cookie;
}

/* A message to a socket, whole or not at all, waiting for room at most BEHIND_WAITS times. */
static bool send_whole(int fd, struct iovec *parts, size_t n)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = n};
    for (int waits = 0;; waits++) {
        long sent = RAW_SYSCALL(SYS_sendmsg, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent != -EAGAIN && sent != -EINTR)
            return sent >= 0;
        if (waits == BEHIND_WAITS)
            return false;
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        struct timespec limit = {.tv_nsec = BEHIND_WAIT_NS};
        RAW_SYSCALL(SYS_ppoll, &room, 1, &limit, NULL, 0);
    }
}

/* Whether the listener at the other end was made by the runner: another program may have taken the
 * name once the runner is gone. From inside a pid namespace the runner's pid reads 0. */
static bool peer_is_runner(int fd)
{
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    return RAW_SYSCALL(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.pid == session.runner || peer.pid == 0);
}

/* One event over a connection of its own: nothing is kept, so nothing can be closed or taken over
 * by the program, and a vfork child changes nothing of its parent's. */
static bool send_by_name(struct iovec *parts, size_t n)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = nolibc_length(session.socket_name);
    nolibc_copy(address.sun_path + 1, session.socket_name, length);
    int fd = (int)RAW_SYSCALL(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
                              0);
    if (fd < 0)
        return false;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    long connected;
    for (int waits = 0;; waits++) {
        connected = RAW_SYSCALL(SYS_connect, fd, &address, size);
        if (connected != -EAGAIN || waits == BEHIND_WAITS)
            break; /* EAGAIN: the runner has not accepted earlier ones yet (unix(7)) */
        struct timespec limit = {.tv_nsec = BEHIND_WAIT_NS};
        RAW_SYSCALL(SYS_ppoll, NULL, 0, &limit, NULL, 0);
    }
    bool sent = connected == 0 && peer_is_runner(fd) && send_whole(fd, parts, n);
    RAW_SYSCALL(SYS_close, fd);
    return sent;
}

struct sscap_frame session_frame(enum sscap_frame_type type, uint32_t length, uint32_t tid)
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

/* Through a captured stream, between the program's bytes: where no descriptor is left for a
 * connection (a crash for want of descriptors is a common one), or none can be made (another
 * network namespace). */
static void send_in_stream(const struct sscap_event *event, const void *payload, uint32_t length)
{
    struct sscap_frame frame = session_frame(SSCAP_FRAME_EVENT, event->length, 0);
    struct iovec parts[3] = {
        {.iov_base = &frame, .iov_len = sizeof frame},
        {.iov_base = (void *)(uintptr_t)event, .iov_len = sizeof *event},
        {.iov_base = (void *)(uintptr_t)payload, .iov_len = length},
    };
    bool sent = false;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO && !sent; fd++) {
        struct private_fd hold = private_fd_open(fd);
        sent = hold.fd >= 0 && session_stream_of(hold.cookie) >= 0 && send_whole(hold.fd, parts, 3);
        private_fd_close(&hold);
    }
}

void session_send(struct sscap_event *event, const void *payload, uint32_t length)
{
    event->version = SSCAP_WIRE_VERSION;
    event->length = (uint32_t)sizeof *event + length;
    event->pid = nolibc_getpid();
    if (event->pid <= 0 || !syscall_allowed(SYS_sendmsg) ||
        !syscall_allowed(SYS_getsockopt)) /* a filter: not even a connection */
        return;
    nolibc_copy(event->nonce, session.nonce, SSCAP_NONCE_SIZE);
    struct iovec parts[2] = {
        {.iov_base = event, .iov_len = sizeof *event},
        {.iov_base = (void *)(uintptr_t)payload, .iov_len = length},
    };
    struct private_fd hold = session.ctl >= 0 ? private_fd_open(session.ctl)
                                              : (struct private_fd){.fd = -1};
    bool is_ctl = hold.fd >= 0 && hold.cookie == session.ctl_cookie;
    if (is_ctl)
        send_whole(hold.fd, parts, 2);
    private_fd_close(&hold);
    if (!is_ctl && !send_by_name(parts, 2))
        send_in_stream(event, payload, length);
}

void session_wait_for_runner(void)
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

int session_send_frame(int fd, const struct sscap_frame *frame, const void *payload)
{
    struct iovec parts[2] = {
        {.iov_base = (void *)(uintptr_t)frame, .iov_len = sizeof *frame},
        {.iov_base = (void *)(uintptr_t)payload, .iov_len = frame->length},
    };
    struct private_fd hold = private_fd_open(fd);
    int stream = hold.fd >= 0 ? session_stream_of(hold.cookie) : -1;
    if (stream >= 0 && !send_whole(hold.fd, parts, 2))
        stream = -1;
    private_fd_close(&hold);
    return stream;
}

/* A number of at most nine digits; -1: it is none. */
static int32_t read_rank(const char *text)
{
    int32_t rank = 0;
    size_t n = 0;
    for (; text[n] >= '0' && text[n] <= '9' && n < 9; n++)
        rank = rank * 10 + (text[n] - '0');
    return n > 0 && text[n] == '\0' ? rank : -1;
}

static int32_t own_rank(char *const envp[])
{
    static const char *const names[SSCAP_RANK_VARIABLES_COUNT] = SSCAP_RANK_VARIABLES;
    for (size_t i = 0; i < SSCAP_RANK_VARIABLES_COUNT; i++) {
        const char *value = nolibc_getenv(envp, names[i]);
        if (value != NULL)
            return read_rank(value);
    }
    return -1;
}

/* The arguments and the working directory, as much as there is room for. Returns their bytes. */
static uint32_t describe_image(struct sscap_image *image, char *text, int argc, char *const argv[])
{
    char *to = text;
    image->argc = (uint32_t)argc;
    for (int i = 0; session.flags & SSCAP_FLAG_ARGS && i < argc && argv[i] != NULL; i++) {
        size_t length = nolibc_length(argv[i]) + 1;
        size_t room = SSCAP_ARGV_MAX - (size_t)(to - text);
        if (length > room) {
            length = room;
            argc = i; /* it is the last one, and cut */
        }
        to = nolibc_copy(to, argv[i], length);
    }
    image->argv_length = (uint32_t)(to - text);
    if (image->argv_length > 0)
        to[-1] = '\0';
    long length = RAW_SYSCALL(SYS_getcwd, to, SSCAP_CWD_MAX); /* with its NUL */
    image->cwd_length = length > 1 && to[0] == '/' ? (uint32_t)length - 1 : 0;
    return image->argv_length + image->cwd_length;
}

void session_announce_image(int argc, char *const argv[], char *const envp[])
{
    struct {
        struct sscap_image head;
        char text[SSCAP_ARGV_MAX + SSCAP_CWD_MAX];
    } image;
    struct sscap_event event = {.type = SSCAP_EVENT_IMAGE,
                                .other = (int32_t)RAW_SYSCALL(SYS_getppid),
                                .rank = own_rank(envp)};
    RAW_SYSCALL(SYS_prctl, PR_GET_NAME, event.name, 0, 0, 0);
    image.head = (struct sscap_image){0};
    session_send(&event, &image,
                 (uint32_t)sizeof image.head + describe_image(&image.head, image.text, argc, argv));
}
