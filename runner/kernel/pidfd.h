/* pidfd.h: processes by descriptor, and what newer kernels tell through them. Older ones (from 5.3,
 * pidfd_open(2)) tell of the end alone. */
#ifndef SSCAP_RUNNER_KERNEL_PIDFD_H
#define SSCAP_RUNNER_KERNEL_PIDFD_H

#include <stdbool.h>
#include <stdint.h>

struct pidfd_features {
    bool
        info; /* PIDFD_GET_INFO tells the status of processes that anyone has reaped (Linux 6.15) */
    /* sockets hand a pidfd over with each message, of writers that are dead and reaped, too
     * (SO_PASSPIDFD, Linux 6.16) */
    bool pass;
};

/* What this kernel has, less what SSCAP_DEBUG (no-pidfd-info, no-pass-pidfd) switches off. */
struct pidfd_features pidfd_features(void);

/* Close-on-exec. Returns the descriptor or -errno. */
int pidfd_of(int32_t pid);

/* Whether the process has ended. */
bool pidfd_ended(int pidfd);

/* Whether it still has its pid: it lives, or nobody has waited for it yet. */
bool pidfd_unreaped(int pidfd);

/* The wait status of a process that has been reaped. False: it has not, or this kernel does not
 * tell. */
bool pidfd_status(int pidfd, int *ret_status);

/* Asks for a pidfd with each message that arrives at this socket. Returns 0 or -errno. */
int pidfd_pass(int socket);

/* Of the process at the other end of a connection, as it was when it connected. Returns the
 * descriptor or -errno. */
int pidfd_peer(int socket);

#endif
