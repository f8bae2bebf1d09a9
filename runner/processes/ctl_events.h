/* announcements.h: what processes say of themselves and of each other, taken into what is known of
 * them. */
#ifndef SSCAP_RUNNER_PROCESSES_CTL_EVENTS_H
#define SSCAP_RUNNER_PROCESSES_CTL_EVENTS_H

#include <stdbool.h>

#include "runner/processes/processes.h"

/* Whether a message of this size says what its type is to say. */
bool ctl_events_valid(const struct sscap_event *event, size_t length);

/* Takes in a valid event with what follows it. `sender` is whom the kernel named; `pidfd` is its,
 * or -1, and is taken over. */
void ctl_events_take(struct processes *processes, int32_t sender, const struct sscap_event *event,
                     int pidfd);

#endif
