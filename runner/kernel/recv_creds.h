/* stamped.h: receiving from a socket on which the kernel says who sent it (SO_PASSCRED; unix(7)).
 */
#ifndef SSCAP_RUNNER_KERNEL_RECV_CREDS_H
#define SSCAP_RUNNER_KERNEL_RECV_CREDS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* One recvmsg(2) that does not block, with `flags` besides. Descriptors that somebody sends along
 * are dropped. *ret_sender: the pid, 0 where it is not known. With the sender's pidfd, where the
 * socket hands it over (pidfd_pass), if `pidfd` is not NULL; negative: none came, the kernel having
 * had no descriptor to spare. Returns what recvmsg does, but never fails with EINTR. */
ssize_t recv_creds(int fd, void *to, size_t size, int flags, int32_t *ret_sender, int *pidfd);

/* The same, called with *message, which the caller sets to 0 before: the kernel itself writes
 * msg_len, how much came, before anybody can be killed that has called. So those with whom *message
 * is shared know of it. */
ssize_t recv_creds_shared(int fd, void *to, size_t size, int flags, int32_t *ret_sender, int *pidfd,
                          struct mmsghdr *message);

#endif
