/* waiting.h: whom a session waits for, and when it is over. */
#ifndef SSCAP_RUNNER_DEATHS_WAITING_H
#define SSCAP_RUNNER_DEATHS_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/failover/shared_state.h"
#include "runner/launch/channels.h"
#include "runner/loop.h"
#include "runner/options.h"
#include "runner/processes/processes.h"

struct waiting {
    const struct options *options;
    const struct channels *channels;
    struct loop *loop;
    struct shared_state *state;
    struct processes *processes;
    enum wait_mode mode; /* as the user has asked, until the session is detached */
    bool quiet;
    bool relaying; /* this is the child that goes on with a detached session */
    bool command_ended;
    int command_status;                     /* as waitpid has it */
    bool leaving;                           /* waits for nobody but the sinks any more */
    uint64_t leave_position[SSCAP_STREAMS]; /* what was written until then is still shown */
    bool detached;                          /* a child goes on with the session */
    struct timer leave;                     /* after the terminal's ^C */
    struct timer notice;                    /* says who is still waited for */
    unsigned int notices_empty;             /* times that no process was found to wait for */
    /* now_ns until which exiting processes are waited for; 0: there was none yet */
    uint64_t exiting_until;
};

/* The pointers stay the caller's, and must stay valid. */
void waiting_init(struct waiting *waiting, const struct options *options,
                  const struct channels *channels, struct loop *loop, struct shared_state *state,
                  struct processes *processes);

/* The command has ended. If others hold the session up for long, that is said. */
void waiting_command_ended(struct waiting *waiting, int status);

/* The terminal's ^C has ended the command, so the session ends as well, whoever has the streams
 * open. Processes that got the same ^C have a moment to end before. */
void waiting_interrupted(struct waiting *waiting);

/* Waits for nobody any more, but still shows what was written until now. */
void waiting_leave(struct waiting *waiting);

/* Whether every process that --wait means has ended, or has closed the streams. */
bool waiting_is_over(struct waiting *waiting);

/* Makes lines of what processes have left unfinished, and writes the last lines. Returns whether
 * nothing is left to be done. */
bool waiting_finish(struct waiting *waiting);

/* Processes have the streams open, and nobody waits for them any more. A child of ours goes on to
 * show their lines, so that they meet what they would meet without sscap. Returns true in the
 * process that is to end now. */
bool waiting_detach(struct waiting *waiting);

#endif
