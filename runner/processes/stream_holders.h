/* stream_holders.h: finds the processes that still have a captured stream open. */
#ifndef SSCAP_RUNNER_PROCESSES_STREAM_HOLDERS_H
#define SSCAP_RUNNER_PROCESSES_STREAM_HOLDERS_H

#include <stddef.h>
#include <stdint.h>

#include "shim/wire.h"

/* Writes "name[pid], name[pid] and 3 more" into text. Returns how many processes have one of these
 * sockets open (by inode, as /proc/PID/fd shows it; 0: none). Processes that we may not inspect are
 * not found. */
size_t stream_holders_list(const uint64_t inode[SSCAP_STREAMS], char *text, size_t size);

/* Does the same for the children of this process, which include orphans of the tree. */
size_t stream_holders_children(char *text, size_t size);

#endif
