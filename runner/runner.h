/* runner.h: all that a session consists of. main.c wires it; waiting.c decides when it is over;
 * ends.c takes in how processes end. */
#ifndef SSCAP_RUNNER_RUNNER_H
#define SSCAP_RUNNER_RUNNER_H

#include "runner/deaths/oom.h"
#include "runner/failover/shared_state.h"
#include "runner/launch/channels.h"
#include "runner/loop.h"
#include "runner/options.h"
#include "runner/processes/ctl.h"
#include "runner/processes/processes.h"
#include "runner/report/error_groups.h"
#include "runner/report/process_tree.h"
#include "runner/signals.h"
#include "runner/symbols/symbols.h"

struct runner {
    struct options options;
    struct inheritance inheritance;
    struct channels channels;
    struct loop *loop;
    struct shared_state *flow;
    struct processes processes;
    struct ctl events;
    struct signals signals;
    struct oom oom;
    struct symbols *symbols;
    struct error_groups errors;
    struct process_tree history;
    uint64_t begun;             /* now_ns */
    unsigned int notices_empty; /* times that nobody was found to wait for */
    struct timer notice;        /* who is still being waited for */
    struct timer prompt;        /* unfinished lines to show */
    pid_t command;
    bool command_ended;
    int command_status;                     /* as waitpid has it */
    bool leaving;                           /* no longer waiting for anyone but the sinks */
    uint64_t leave_position[SSCAP_STREAMS]; /* what was written until then is still shown */
    /* a child goes on with the session: what it shares with us (the epoll instance) is its own */
    bool detached;
    /* now_ns until which the last ones are waited for, who are on their way out; 0: nobody was yet
     */
    uint64_t exiting_until;
    uint64_t flushed;        /* now_ns of the last time that all lines went out */
    uint32_t unread_streams; /* bits: nobody reads their lines any more; to be abandoned */
    int output_error;        /* errno of an output that failed other than by its reader leaving */
};

#endif
