/* guardian.h: the process in front, which the shell knows and waits for.
 *
 * The guardian must outlive the runner, so it does very little: it passes signals on, stops when
 * the runner stops, and ends as the runner ends. When the runner is killed (SIGKILL, out of memory,
 * a fault of its own), the guardian shows the bytes that the runner had in hand, passes on those
 * that still come, without tags (relay.h), and ends with the command's status. */
#ifndef SSCAP_RUNNER_FAILOVER_GUARDIAN_H
#define SSCAP_RUNNER_FAILOVER_GUARDIAN_H

#include "runner/failover/shared_state.h"
#include "runner/launch/channels.h"
#include "runner/options.h"

/* Forks the runner and returns in it, with the socket on which orders come (orders.h), or -errno.
 * The guardian does not return. Signals must be blocked (signals_block), and the streams' sockets
 * open. */
int guardian_start(const struct options *options, const struct channels *channels,
                   struct shared_state *state);

#endif
