/* passage.h: what becomes of the streams when the runner is dead: their bytes go on to where they would go without sscap, without tags. */
#ifndef SSCAP_RUNNER_PASSAGE_H
#define SSCAP_RUNNER_PASSAGE_H

#include <stdbool.h>

#include "runner/flow.h"
#include "runner/launch.h"

/* Passes the bytes on until no process holds a stream any more. First, with salvage, what the runner had in hand: that is read from what
 * it left in shared memory, and in a process of its own, as it may be in any state. */
void passage_run(const struct channels *channels, struct flow *flow, bool salvage, uint64_t tail_lines);

#endif
