/* holders.h: which processes still hold a captured stream. */
#ifndef SSCAP_RUNNER_PROCESSES_STREAM_HOLDERS_H
#define SSCAP_RUNNER_PROCESSES_STREAM_HOLDERS_H

#include <stddef.h>
#include <stdint.h>

#include "shim/wire.h"

/* Writes "name[pid], name[pid] and 3 more" into text and returns how many processes hold one of
 * these sockets (by inode, as /proc/PID/fd shows them; 0: none). What we may not look into is not
 * found. */
size_t stream_holders_list(const uint64_t inode[SSCAP_STREAMS], char *text, size_t size);

/* The same for the children of this process: orphans of the tree among them. */
size_t stream_holders_children(char *text, size_t size);

#endif
