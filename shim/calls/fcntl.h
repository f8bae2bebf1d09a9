/* fcntl.h: status flags that affect only the process that sets them. */
#ifndef SSCAP_SHIM_CALLS_FCNTL_H
#define SSCAP_SHIM_CALLS_FCNTL_H

#include <stdbool.h>

#include "shim/wire.h"

/* Whether this process has set O_NONBLOCK on the captured stream (enum sscap_stream). */
bool fcntl_stream_nonblocking(int stream);

/* The same for any descriptor. Costs no system call if the process has never set O_NONBLOCK. */
bool fcntl_nonblocking(int fd);

#endif
