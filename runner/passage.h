/* passage.h: what becomes of the streams when the runner is dead: their bytes go on to where they would go without sscap, without tags. */
#ifndef SSCAP_RUNNER_PASSAGE_H
#define SSCAP_RUNNER_PASSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/flow.h"
#include "runner/launch.h"

/* Before anything is said: stderr may be the very file that the runner had just been writing to. */
void passage_prepare(struct flow *flow);

/* Passes the bytes of these streams (bits) on until no process holds them any more. First, with salvage, what the runner had in hand of them:
 * that is read from what it left in shared memory, and in a process of its own, as it may be in any state. */
void passage_run(const struct channels *channels, struct flow *flow, uint32_t streams, bool salvage,
                 uint64_t tail_lines);

#endif
