/* process_group.c: setpgid and setsid, because a signal may be sent to a process group. */
#define _GNU_SOURCE
#include "shim/calls/process_group.h"

#include <unistd.h>

#include "shim/core/real.h"
#include "shim/core/send.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

void process_group_announce(pid_t process, pid_t group)
{
    struct sscap_event event = {.type = SSCAP_EVENT_GROUP,
                                .other = process != 0 ? process : nolibc_getpid()};
    const struct sscap_group joined = {.group = group != 0 ? group : event.other};
    if (session.joined)
        send_event(&event, &joined, sizeof joined);
}

SSCAP_EXPORT int setpgid(pid_t process, pid_t group)
{
    int result = REAL(setpgid)(process, group);
    if (result == 0)
        process_group_announce(process, group);
    return result;
}

SSCAP_ALIAS(__setpgid, setpgid);

SSCAP_EXPORT int setpgrp(void)
{
    return setpgid(0, 0);
}

/* setsid's session has a new process group. */
SSCAP_EXPORT pid_t setsid(void)
{
    pid_t id = REAL(setsid)();
    if (id > 0)
        process_group_announce(0, 0);
    return id;
}
