/* guardian.h: the process in front, which the shell knows and waits for. It is to outlive the
 * runner: nothing happens in it but that it hands signals on, stops when the runner stops, and ends
 * as the runner ends. When the runner is killed (SIGKILL, out of memory, a fault of its own), the
 * bytes that it had in hand and those still to come are passed on without tags (passage.h), and the
 * command's status arrives all the same. */
#ifndef SSCAP_RUNNER_FAILOVER_GUARDIAN_H
#define SSCAP_RUNNER_FAILOVER_GUARDIAN_H

#include "runner/failover/shared_state.h"
#include "runner/launch/channels.h"
#include "runner/options.h"

/* A signal that somebody has sent to the guardian, as the runner is told of it. Signal 0: the
 * runner asks whether there are more, and the guardian answers the same once it has handed on all
 * that it got. */
struct guardian_order {
    int signal;
    int32_t sender; /* pid, 0 when it is not known */
};

/* Forks the runner, where it returns the socket on which guardian_orders come in; or -errno. The
 * guardian itself does not return from it. Signals are blocked (signals_block), the streams'
 * sockets are open. */
int guardian_start(const struct options *options, const struct channels *channels,
                   struct shared_state *flow);

#endif
