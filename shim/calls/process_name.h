/* process.h: telling the runner of new processes and program images. */
#ifndef SSCAP_SHIM_CALLS_PROCESS_NAME_H
#define SSCAP_SHIM_CALLS_PROCESS_NAME_H

#include "shim/wire.h"

/* The name that the kernel will give to a program run from this path, into name[SSCAP_NAME_SIZE].
 */
void process_name_of_path(char *name, const char *path);

/* From here on this process's lines are name's: by an IMAGE frame in each captured stream, exactly
 * between the bytes written before and those written after, and by an event (SSCAP_EVENT_EXEC or
 * _NAME). name has SSCAP_NAME_SIZE bytes. */
void process_name_announce(enum sscap_event_type type, const char *name);

/* The same with the name that the kernel has for this process now. */
void process_name_announce_own(void);

#endif
