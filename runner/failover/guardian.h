/* guardian.h: the process that the shell has started and waits for.
 *
 * The guardian must outlive the runner, so it does very little: it passes signals on, stops when
 * the runner stops, and ends as the runner ends. The runner may be killed (SIGKILL, out of memory,
 * a bug). Then the guardian shows the bytes that the runner had received, passes on the bytes that
 * still come, without tags (relay.h), and ends with the command's status. */
#ifndef SSCAP_RUNNER_FAILOVER_GUARDIAN_H
#define SSCAP_RUNNER_FAILOVER_GUARDIAN_H

#include "runner/failover/shared_state.h"
#include "runner/launch/channels.h"
#include "runner/options.h"

/* Forks the runner and returns in the runner, with the socket on which orders come (orders.h), or
 * -errno. It does not return in the guardian. Signals must be blocked (signals_block), and the
 * streams' sockets must be open. */
int guardian_start(const struct options *options, const struct channels *channels,
                   struct shared_state *state);

#endif
