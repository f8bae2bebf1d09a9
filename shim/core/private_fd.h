/* private_fd.h: private duplicates of descriptors.
 *
 * We write frames to a private duplicate of the descriptor, because another thread may dup2 over
 * the descriptor between our check and our write. The program does not know of the duplicates, so
 * they have numbers that programs do not use, and directory listings do not show them. */
#ifndef SSCAP_SHIM_CORE_PRIVATE_FD_H
#define SSCAP_SHIM_CORE_PRIVATE_FD_H

#include <stdbool.h>
#include <stdint.h>

struct private_fd {
    int fd; /* the duplicate, close-on-exec; -1: there is none */
    unsigned int slot;
    int cancel_type; /* the thread's own, because it is deferred meanwhile */
    uint64_t cookie; /* SO_COOKIE; 0: no socket */
};

/* Duplicates fd for a write. In a process with one thread, no duplicate is needed, and the result
 * has the number fd. If the result's fd is -1, nothing of ours may be written. */
struct private_fd private_fd_open(int fd);

/* The same, but always with a duplicate. */
struct private_fd private_fd_duplicate(int fd);

/* Keeps errno. May be called twice. */
void private_fd_close(struct private_fd *copy);

/* The same where libc has closed the duplicate. */
void private_fd_forget(struct private_fd *copy);

/* Whether fd, which was open a moment ago, was a private duplicate of any thread. */
bool private_fd_may_be(int fd);

/* Whether fd is a private duplicate at this moment. Unlike private_fd_may_be, never true for a
 * descriptor of the program. */
bool private_fd_is(int fd);

/* Brackets for a fork. The second one closes in the child what other threads of the parent had
 * duplicated at that moment. Such a duplicate would keep a stream open that the program closes. */
void private_fd_before_fork(void);
void private_fd_after_fork(bool is_child);

#endif
