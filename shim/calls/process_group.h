/* process_group.h: tells the runner about process groups, because a signal may be sent to one. */
#ifndef SSCAP_SHIM_CALLS_PROCESS_GROUP_H
#define SSCAP_SHIM_CALLS_PROCESS_GROUP_H

#include <sys/types.h>

/* `process` 0: this process. `group` 0: the group has the process's number. */
void process_group_announce(pid_t process, pid_t group);

#endif
