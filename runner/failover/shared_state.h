/* shared_state.h: what the runner and the guardian share: the bytes that the runner has in hand,
 * and the command. It lies in shared memory (handover/). */
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
    pid_t command;      /* 0: not started; the child sets it before it becomes the command */
    int command_status; /* as waitpid has it; the kernel writes it, in wait4 */
    /* The runner is dead, and the relay has passed on all bytes of the stream for now. */
    bool relay_idle[SSCAP_STREAMS];
};

#endif
