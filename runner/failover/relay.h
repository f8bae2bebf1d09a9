/* relay.h: passes the captured streams on, without tags, when the runner is dead. */
#ifndef SSCAP_RUNNER_FAILOVER_RELAY_H
#define SSCAP_RUNNER_FAILOVER_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/failover/shared_state.h"
#include "runner/launch/channels.h"

/* Must be called before anything is written to stderr, because stderr may be the file to which the
 * runner has been writing. */
void relay_prepare(struct shared_state *state);

/* Passes the bytes of these streams (bits) on until no process has the streams open. With `salvage`
 * it first shows the streams' bytes that the runner had received. That data may be damaged in any
 * way, so this must run in a process of its own. */
void relay_run(const struct channels *channels, struct shared_state *state, uint32_t streams,
               bool salvage, uint64_t tail_lines);

#endif
