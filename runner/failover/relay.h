/* passage.h: what becomes of the streams when the runner is dead: their bytes go on to where they
 * would go without sscap, without tags. */
#ifndef SSCAP_RUNNER_FAILOVER_RELAY_H
#define SSCAP_RUNNER_FAILOVER_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/failover/shared_state.h"
#include "runner/launch/channels.h"

/* Before anything is said: stderr may be the very file that the runner had just been writing to. */
void relay_prepare(struct shared_state *flow);

/* Passes the bytes of these streams (bits) on until no process holds them any more. First, with
 * salvage, what the runner had in hand of them: that is read from what it left in shared memory,
 * and in a process of its own, as it may be in any state. */
void relay_run(const struct channels *channels, struct shared_state *flow, uint32_t streams,
               bool salvage, uint64_t tail_lines);

#endif
