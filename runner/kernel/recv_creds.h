/* recv_creds.h: receives from a socket on which the kernel names the sender of each message
 * (SO_PASSCRED, unix(7)). */
#ifndef SSCAP_RUNNER_KERNEL_RECV_CREDS_H
#define SSCAP_RUNNER_KERNEL_RECV_CREDS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* In place of a sender's pid: the kernel gave no credentials. A message of no bytes has them; the
 * end of the stream, where recvmsg(2) returns 0 as well, has none. */
enum { RECV_CREDS_NONE = -1 };

/* Calls recvmsg(2) once, without blocking, with `flags` besides. Sets *ret_sender to the sender's
 * pid, which is 0 for a process of a pid namespace that is not below ours, or to RECV_CREDS_NONE.
 * Sets *pidfd, unless `pidfd` is NULL, to the sender's pidfd where the socket passes it
 * (pidfd_pass), else to -1. Closes descriptors that the sender has sent along. Returns what recvmsg
 * returns, but never fails with EINTR. */
ssize_t recv_creds(int fd, void *to, size_t size, int flags, int32_t *ret_sender, int *pidfd);

/* The same with a caller's *message, whose msg_len the caller has set to 0. The kernel itself
 * writes msg_len, so that a process with which *message is shared learns of the bytes even if the
 * caller is killed before the call returns. */
ssize_t recv_creds_shared(int fd, void *to, size_t size, int flags, int32_t *ret_sender, int *pidfd,
                          struct mmsghdr *message);

#endif
