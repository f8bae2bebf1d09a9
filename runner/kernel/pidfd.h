/* pidfd.h: processes by file descriptor, and what newer kernels tell about them. Older kernels
 * (from 5.3, pidfd_open(2)) tell only whether a process has ended. */
#ifndef SSCAP_RUNNER_KERNEL_PIDFD_H
#define SSCAP_RUNNER_KERNEL_PIDFD_H

#include <stdbool.h>
#include <stdint.h>

struct pidfd_features {
    /* PIDFD_GET_INFO tells the status of a process that any process has reaped (Linux 6.15). */
    bool info;
    /* A socket passes a pidfd with each message, even if the writer is dead and reaped
     * (SO_PASSPIDFD, Linux 6.16) */
    bool pass;
};

/* The features of this kernel, without those that SSCAP_DEBUG (no-pidfd-info, no-pass-pidfd)
 * switches off. */
struct pidfd_features pidfd_features(void);

/* Opens a pidfd, close-on-exec. Returns the descriptor or -errno. */
int pidfd_of(int32_t pid);

/* Whether the process has ended. */
bool pidfd_ended(int pidfd);

/* Whether the process still has its pid: it lives, or is a zombie. */
bool pidfd_unreaped(int pidfd);

/* The wait status of a reaped process. False: the process is not reaped, or this kernel does not
 * tell. */
bool pidfd_status(int pidfd, int *ret_status);

/* Makes the socket pass a pidfd with each message. Returns 0 or -errno. */
int pidfd_pass(int socket);

/* A pidfd of the process that made the connection. Returns the descriptor or -errno. */
int pidfd_peer(int socket);

#endif
