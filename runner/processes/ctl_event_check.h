/* ctl_event_check.h: whether an event's parts have the lengths that its type demands. */
#ifndef SSCAP_RUNNER_PROCESSES_CTL_EVENT_CHECK_H
#define SSCAP_RUNNER_PROCESSES_CTL_EVENT_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/wire.h"

/* `length` is the whole message's, and at least the size of the header. */
bool ctl_event_is_valid(const struct sscap_event *event, size_t length);

#endif
