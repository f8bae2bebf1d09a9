/* terminal.h: makes captured streams look like sscap's own terminal (--tty). */
#ifndef SSCAP_SHIM_CALLS_TERMINAL_H
#define SSCAP_SHIM_CALLS_TERMINAL_H

#include <stdbool.h>

/* Whether fd is a captured stream that claims to be a terminal. */
bool terminal_claims(int fd);

/* Opens the terminal that fd claims to be. The caller closes it by RAW_SYSCALL. Negative: fd claims
 * none, or sscap has none. */
int terminal_open(int fd);

/* Carries out an ioctl on a stream that claims to be a terminal. Sets *ret_result and errno as
 * ioctl does. Returns false if fd claims no terminal or the request is not for terminals. */
bool terminal_ioctl(int fd, unsigned long request, void *argument, int *ret_result);

#endif
