/* recv_creds.c: see recv_creds.h. */
#define _GNU_SOURCE
#include "runner/kernel/recv_creds.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#ifndef SCM_PIDFD /* include/linux/socket.h of Linux 6.5; Debian 12's headers lack it */
#define SCM_PIDFD 4
#endif

/* Room for the credentials and the pidfd. */
union control {
    char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

ssize_t recv_creds(int fd, void *to, size_t size, int flags, int32_t *ret_sender, int *pidfd)
{
    struct mmsghdr message = {0};
    return recv_creds_shared(fd, to, size, flags, ret_sender, pidfd, &message);
}

/* A process may send descriptors. The kernel puts them before the pidfd, and they may take its room
 * (scm_recv in net/core/scm.c). */
static void close_all(const struct cmsghdr *part)
{
    size_t n = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < n; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
        close(fd);
    }
}

static void take_part(const struct cmsghdr *part, int32_t *ret_sender, int *pidfd)
{
    struct ucred sender;
    if (part->cmsg_level != SOL_SOCKET)
        return;
    if (part->cmsg_type == SCM_CREDENTIALS) {
        memcpy(&sender, CMSG_DATA(part), sizeof sender);
        *ret_sender = sender.pid;
    } else if (part->cmsg_type == SCM_RIGHTS) {
        close_all(part);
    } else if (part->cmsg_type == SCM_PIDFD && pidfd != NULL) {
        memcpy(pidfd, CMSG_DATA(part), sizeof *pidfd);
        if (*pidfd < 0) /* negative: an error number in its place */
            *pidfd = -1;
    }
}

ssize_t recv_creds_shared(int fd, void *to, size_t size, int flags, int32_t *ret_sender, int *pidfd,
                          struct mmsghdr *message)
{
    union control control;
    struct iovec bytes = {.iov_base = to, .iov_len = size};
    message->msg_hdr = (struct msghdr){
        .msg_iov = &bytes,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = pidfd != NULL ? sizeof control : CMSG_SPACE(sizeof(struct ucred)),
    };
    int messages;
    do
        messages = recvmmsg(fd, message, 1, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | flags, NULL);
    while (messages < 0 && errno == EINTR);
    *ret_sender = RECV_CREDS_NONE;
    if (pidfd != NULL)
        *pidfd = -1;
    if (messages < 0)
        return -1;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message->msg_hdr); part != NULL;
         part = CMSG_NXTHDR(&message->msg_hdr, part))
        take_part(part, ret_sender, pidfd);
    return messages == 1 ? (ssize_t)message->msg_len : 0;
}
