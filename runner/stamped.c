/* stamped.c: see stamped.h. */
#define _GNU_SOURCE
#include "runner/stamped.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "runner/pidfd.h"

ssize_t stamped_receive(int fd, void *to, size_t size, int flags, int32_t *ret_sender, int *pidfd)
{
    /* Room for the stamp and, where it is wanted, the pidfd: the kernel drops what else there is. */
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = to, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = pidfd != NULL ? sizeof control : CMSG_SPACE(sizeof(struct ucred)),
    };
    ssize_t n;
    do
        n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | flags);
    while (n < 0 && errno == EINTR);
    *ret_sender = 0;
    if (n <= 0)
        return n;
    if (pidfd != NULL)
        *pidfd = pidfd_received(&message);
    const struct cmsghdr *stamp = CMSG_FIRSTHDR(&message);
    if (stamp == NULL || stamp->cmsg_level != SOL_SOCKET || stamp->cmsg_type != SCM_CREDENTIALS)
        return n;
    struct ucred sender;
    memcpy(&sender, CMSG_DATA(stamp), sizeof sender);
    *ret_sender = sender.pid;
    return n;
}
