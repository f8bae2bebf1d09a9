/* flags.h: see flags.c. */
#ifndef SSCAP_SHIM_CALLS_FCNTL_H
#define SSCAP_SHIM_CALLS_FCNTL_H

#include <stdbool.h>

#include "shim/wire.h"

/* Whether this process wants its output to that captured stream (enum sscap_stream) never to block.
 */
bool fcntl_stream_nonblocking(int stream);

/* The same for a descriptor, whatever it is. One look at memory where the process never asked for
 * such a thing. */
bool fcntl_nonblocking(int fd);

#endif
