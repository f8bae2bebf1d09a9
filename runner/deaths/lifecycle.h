/* lifecycle.h: what is done when a process of the tree begins, changes and ends.
 *
 * The way of a death: the kernel says that a process is dead (dead), the set notes where its bytes
 * end (ended), its bytes have been read and its last line is finished (drained), everything is
 * known of it (closed): out of memory?, error group, tree of processes. */
#ifndef SSCAP_RUNNER_DEATHS_LIFECYCLE_H
#define SSCAP_RUNNER_DEATHS_LIFECYCLE_H

#include <stddef.h>
#include <stdint.h>

#include "runner/deaths/oom.h"
#include "runner/deaths/waiting.h"
#include "runner/processes/ctl.h"
#include "runner/report/error_groups.h"
#include "runner/report/process_tree.h"
#include "runner/signals.h"

/* Everything that hears of processes' lives. The pointers are the caller's to fill in. */
struct lifecycle {
    struct ctl *ctl;
    struct shared_state *state;
    struct processes *processes;
    struct signals *signals;
    struct waiting *waiting;
    struct error_groups *errors;
    struct process_tree *tree;
    struct oom oom;
    bool places_shown; /* a sink has the stream that error groups have their places in */
    struct process_observer process_observer; /* for processes_init */
    struct signals_observer signals_observer; /* for signals_init */
};

/* Fills in the observers. */
void lifecycle_init(struct lifecycle *lifecycle);
void lifecycle_clear(struct lifecycle *lifecycle);

/* What stands at an error group's place in the output (struct sink_observer's describe). */
size_t lifecycle_describe(void *context, const struct record *record, char *text, size_t size);

#endif
