/* terminal.h: captured streams that claim to be sscap's own terminal (--tty). */
#ifndef SSCAP_SHIM_CALLS_TERMINAL_H
#define SSCAP_SHIM_CALLS_TERMINAL_H

#include <stdbool.h>

/* Whether fd is such a stream. */
bool terminal_claims(int fd);

/* Opens the terminal that fd claims to be, for questions: the caller closes it by a system call.
 * Negative: it claims none, or there is none. */
int terminal_open(int fd);

/* Answers an ioctl on a stream that claims to be a terminal: *ret_result and errno as the call's.
 * False: it is none, or it is no terminal's request: for the kernel to answer. */
bool terminal_ioctl(int fd, unsigned long request, void *argument, int *ret_result);

#endif
