/* shared_state.h: the data that the runner shares with the guardian: the bytes that the runner has
 * received but not written, and the command. It lies in shared memory (handover/). */
#ifndef SSCAP_RUNNER_FAILOVER_SHARED_STATE_H
#define SSCAP_RUNNER_FAILOVER_SHARED_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "runner/capture/intake.h"
#include "runner/lines/lines.h"
#include "runner/output/outputs.h"

enum { COMMAND_UNWAITED = -1 }; /* wait4(2) never gives this status */

struct shared_state {
    struct intake intake;
    struct lines lines;
    struct outputs outputs;
    pid_t command;      /* 0: not started; the child sets it before exec */
    int command_status; /* as waitpid(2) gives it; the kernel writes it, in wait4 */
    /* The runner is dead, and the relay has passed on all bytes of the stream for now. */
    bool relay_idle[SSCAP_STREAMS];
};

#endif
