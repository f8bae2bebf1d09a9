/* reaped.c: tells the runner how a child ended. */
#define _GNU_SOURCE
#include "shim/calls/reaped.h"

#include <sys/wait.h>

#include "shim/core/send.h"
#include "shim/usage.h"

#include "shim/nolibc.h"

void reaped_announce(pid_t child, int status, uint32_t flags, const struct rusage *usage)
{
    struct sscap_event event = {.type = SSCAP_EVENT_REAPED, .other = child};
    struct sscap_reaped reaped = {.status = status, .flags = flags};
    if (!WIFEXITED(status) && !WIFSIGNALED(status))
        return;
    if (usage != NULL) {
        reaped.flags |= SSCAP_REAPED_USAGE;
        reaped.usage = usage_from_rusage(usage);
    }
    send_event(&event, &reaped, sizeof reaped);
}
