/* stamped.h: receiving from a socket on which the kernel says who sent it (SO_PASSCRED; unix(7)). */
#ifndef SSCAP_RUNNER_STAMPED_H
#define SSCAP_RUNNER_STAMPED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One recvmsg(2) that does not block, with `flags` besides. Descriptors that somebody sends along are dropped. *ret_sender: the pid, 0 where it is
 * not known. With the sender's pidfd (see pidfd_received), if `pidfd` is not NULL. Returns what recvmsg does, but never fails with EINTR. */
ssize_t stamped_receive(int fd, void *to, size_t size, int flags, int32_t *ret_sender, int *pidfd);

#endif
