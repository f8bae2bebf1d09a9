/* flow.h: the bytes on their way, and the command they come from: what the runner has in hand, in
 * memory that the guardian sees (shared.h), as it carries on with it when the runner is killed. */
#ifndef SSCAP_RUNNER_FAILOVER_SHARED_STATE_H
#define SSCAP_RUNNER_FAILOVER_SHARED_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "runner/capture/intake.h"
#include "runner/lines/lines.h"
#include "runner/output/outputs.h"

enum { COMMAND_UNWAITED = -1 }; /* no status that wait4 gives */

struct shared_state {
    struct intake intake;
    struct lines lines;
    struct outputs outputs;
    pid_t command; /* 0: not started yet; the child itself says so, before it becomes the command */
    int command_status; /* written by the kernel, in wait4 */
    /* The runner is dead, and for now all of the stream's bytes have been passed on (passage.h). */
    bool relay_idle[SSCAP_STREAMS];
};

#endif
