/* process_name.h: tells the runner what a process is called. */
#ifndef SSCAP_SHIM_CALLS_PROCESS_NAME_H
#define SSCAP_SHIM_CALLS_PROCESS_NAME_H

#include "shim/wire.h"

/* The name that the kernel gives to a program with this path, into name[SSCAP_NAME_SIZE]. */
void process_name_of_path(char *name, const char *path);

/* Gives this process's later output another name: an IMAGE frame in each captured stream, exactly
 * between the bytes before and after, and an event (SSCAP_EVENT_EXEC or SSCAP_EVENT_NAME). `name`
 * has SSCAP_NAME_SIZE bytes. */
void process_name_announce(enum sscap_event_type type, const char *name);

/* The same with the name that the kernel has for this process. */
void process_name_announce_own(void);

#endif
