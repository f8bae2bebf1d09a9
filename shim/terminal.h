/* terminal.h: captured streams that claim to be sscap's own terminal (--tty). */
#ifndef SSCAP_SHIM_TERMINAL_H
#define SSCAP_SHIM_TERMINAL_H

#include <stdbool.h>

/* Answers an ioctl on a stream that claims to be a terminal: *ret_result and errno as the call's. False: it is none, or it is no terminal's
 * request: for the kernel to answer. */
bool terminal_ioctl(int fd, unsigned long request, void *argument, int *ret_result);

#endif
