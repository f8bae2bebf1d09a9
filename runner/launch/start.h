/* start.h: starts the command, connected to the channels. */
#ifndef SSCAP_RUNNER_LAUNCH_START_H
#define SSCAP_RUNNER_LAUNCH_START_H

#include <sys/types.h>

#include "runner/launch/channels.h"
#include "runner/launch/inheritance.h"
#include "runner/options.h"

/* Starts the command and closes the tree's ends of the channels in this process. The child writes
 * its pid to *shared_pid before exec, so that the guardian knows the pid even if the runner is
 * killed at once. Returns the pid. On failure it logs the reason and returns minus the exit
 * status. */
int start_command(struct channels *channels, const struct options *options,
                  const struct inheritance *inheritance, pid_t *shared_pid);

#endif
