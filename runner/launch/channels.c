/* channels.c: see channels.h. */
#define _GNU_SOURCE
#include "runner/launch/channels.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runner/util.h"

#ifndef SO_PASSRIGHTS /* include/uapi/asm-generic/socket.h of Linux 6.16 */
#define SO_PASSRIGHTS 83
#endif

enum { STREAM_BUFFER = 4 << 20 /* in bytes; the kernel charges about 800 for a short line */ };

/* Sets the send buffer as large as the kernel allows. More than wmem_max needs CAP_NET_ADMIN
 * (socket(7)). */
static void set_send_buffer(int fd, int bytes)
{
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

/* Makes the kernel refuse descriptors that a process sends to this socket (EPERM). Otherwise the
 * kernel would close them in the runner, and closing a socket with SO_LINGER can block for as long
 * as its owner has chosen. */
static void refuse_descriptors(int fd)
{
    int off = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off);
}

static int open_pair(int type, int buffer, int *ret_ours, int *ret_theirs)
{
    int pair[2];
    int on = 1;
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    if (setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) {
        int error = errno;
        close(pair[0]);
        close(pair[1]);
        return -error;
    }
    set_send_buffer(pair[1], buffer);
    refuse_descriptors(pair[0]);
    *ret_ours = pair[0];
    *ret_theirs = pair[1];
    return 0;
}

static int open_listener(struct channels *channels)
{
    uint64_t random;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || getrandom(&random, sizeof random, 0) != sizeof random)
        goto failed;
    snprintf(channels->name, sizeof channels->name, "%016llx", (unsigned long long)random);
    int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
                          SSCAP_SOCKET_PREFIX "%s", channels->name);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    refuse_descriptors(fd); /* connections inherit it */
    if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, CHANNELS_BACKLOG) < 0)
        goto failed;
    channels->listener = fd;
    return 0;
failed:;
    int error = errno;
    if (fd >= 0)
        close(fd);
    return -error;
}

static int granted_buffer(int fd)
{
    int bytes = 0;
    socklen_t size = sizeof bytes;
    return getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &size) < 0 ? 0 : bytes;
}

int channels_open_streams(struct channels *channels, const struct options *options,
                          const struct inheritance *inheritance)
{
    *channels = (struct channels){.stream = {-1, -1}, .stream_peer = {-1, -1}};
    int error = getrandom(channels->nonce, sizeof channels->nonce, 0) == sizeof channels->nonce
                    ? 0
                    : -errno;
    for (int i = 0; error == 0 && i < SSCAP_STREAMS; i++) {
        struct stat status;
        /* If sscap was started with a closed stream, the command's stream stays closed. */
        if (inheritance->closed[STDOUT_FILENO + i] ||
            (i == SSCAP_ERR && options->stderr_mode != STDERR_SPLIT))
            continue;
        error = open_pair(SOCK_STREAM, STREAM_BUFFER, &channels->stream[i],
                          &channels->stream_peer[i]);
        if (error == 0 && fstat(channels->stream_peer[i], &status) == 0)
            channels->inode[i] = status.st_ino;
        channels->send_buffer = granted_buffer(channels->stream_peer[i]);
    }
    if (error != 0)
        say("cannot make sockets: %s", strerror(-error));
    return error;
}

int channels_open_events(struct channels *channels)
{
    int error = open_pair(SOCK_SEQPACKET, CHANNELS_CTL_BUFFER, &channels->ctl, &channels->ctl_peer);
    if (error == 0)
        error = open_listener(channels);
    if (error != 0)
        say("cannot make sockets: %s", strerror(-error));
    return error;
}
