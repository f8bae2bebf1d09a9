/* runner.h: everything that a session consists of. main.c wires it. */
#ifndef SSCAP_RUNNER_RUNNER_H
#define SSCAP_RUNNER_RUNNER_H

#include "runner/deaths/lifecycle.h"
#include "runner/deaths/waiting.h"
#include "runner/failover/shared_state.h"
#include "runner/launch/channels.h"
#include "runner/launch/inheritance.h"
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
    struct shared_state *state;
    struct ctl ctl;
    struct processes processes;
    struct signals signals;
    struct lifecycle lifecycle;
    struct waiting waiting;
    struct symbols *symbols;
    struct error_groups errors;
    struct process_tree tree;
    struct sink_observer sink_observer;
    struct timer prompt;     /* unfinished lines to show */
    uint64_t begun;          /* now_ns */
    uint64_t flushed;        /* now_ns of the last time that all lines went out */
    uint32_t unread_streams; /* bits: streams whose output has failed */
    int output_error;        /* errno of an output that failed, unless its reader has gone away */
};

#endif
