/* hold.h: making sure of a descriptor for as long as it is written to.
 *
 * Between asking what fd 1 is and writing to it, another thread may turn it to a file of the
 * program's (dup2). So what is written to with bytes of ours is a duplicate that the program does
 * not know of: asked, used and closed. */
#ifndef SSCAP_SHIM_CORE_PRIVATE_FD_H
#define SSCAP_SHIM_CORE_PRIVATE_FD_H

#include <stdbool.h>
#include <stdint.h>

struct private_fd {
    int fd; /* the duplicate (close-on-exec); fd itself where there is but one thread; or -1 */
    unsigned int slot;
    int cancel_type; /* the thread's, while it is deferred */
    uint64_t cookie; /* what it is, by SO_COOKIE; 0: no socket */
};

/* Duplicates fd. hold.fd is -1 where that cannot be done: then nothing of ours may be written. */
struct private_fd private_fd_open(int fd);
void private_fd_close(struct private_fd *hold);

/* Whether fd, which was open a moment ago, was or is such a duplicate, of any thread's. */
bool private_fd_may_be(int fd);

/* Before a fork that private_fd_after_fork follows. */
void private_fd_before_fork(void);

/* In a new process: closes what other threads of the parent held at the moment of fork; it would
 * keep a stream open that the program has closed. */
void private_fd_after_fork(void);

#endif
