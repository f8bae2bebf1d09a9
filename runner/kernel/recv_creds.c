/* stamped.c: see stamped.h. */
#define _GNU_SOURCE
#include "runner/kernel/recv_creds.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#ifndef SCM_PIDFD /* Debian 12: include/linux/socket.h of Linux 6.5 */
#define SCM_PIDFD 4
#endif

ssize_t recv_creds(int fd, void *to, size_t size, int flags, int32_t *ret_sender, int *pidfd)
{
    struct mmsghdr message = {0};
    return recv_creds_shared(fd, to, size, flags, ret_sender, pidfd, &message);
}

ssize_t recv_creds_shared(int fd, void *to, size_t size, int flags, int32_t *ret_sender, int *pidfd,
                          struct mmsghdr *message)
{
    /* Room for the stamp and, where it is wanted, the pidfd: the kernel drops what else there is.
     */
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
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
    ssize_t n = messages == 1 ? (ssize_t)message->msg_len : messages;
    *ret_sender = 0;
    if (pidfd != NULL)
        *pidfd = -1;
    if (n <= 0)
        return n;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message->msg_hdr); part != NULL;
         part = CMSG_NXTHDR(&message->msg_hdr, part)) {
        struct ucred sender;
        if (part->cmsg_level != SOL_SOCKET)
            continue;
        if (part->cmsg_type == SCM_CREDENTIALS) {
            memcpy(&sender, CMSG_DATA(part), sizeof sender);
            *ret_sender = sender.pid;
        } else if (part->cmsg_type == SCM_PIDFD && pidfd != NULL) {
            memcpy(pidfd, CMSG_DATA(part), sizeof *pidfd);
            if (*pidfd < 0) /* an error */
                *pidfd = -1;
        }
    }
    return n;
}
