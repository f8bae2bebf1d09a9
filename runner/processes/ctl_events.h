/* ctl_events.h: takes the events that processes send into what is known of the processes. */
#ifndef SSCAP_RUNNER_PROCESSES_CTL_EVENTS_H
#define SSCAP_RUNNER_PROCESSES_CTL_EVENTS_H

#include "runner/processes/processes.h"

/* Takes in a valid event (ctl_event_check.h). `sender` is the pid that the kernel has stamped on
 * it. `pidfd` is the sender's, or PIDFD_NONE, and is taken over. */
void ctl_events_take(struct processes *processes, int32_t sender, const struct sscap_event *event,
                     int pidfd);

#endif
