/* pids.h: a table by pid: which process has it, or had it last; and which of those that are gone
 * may still be waited for. */
#ifndef SSCAP_RUNNER_PROCESSES_PIDS_H
#define SSCAP_RUNNER_PROCESSES_PIDS_H

#include <stdbool.h>
#include <stdint.h>

struct process;
struct pid;

struct pids {
    struct pid *table;
};

/* Returns 0 or -ENOMEM. */
int pids_init(struct pids *pids);
void pids_clear(struct pids *pids);

/* Where the pid's newest process stands; NULL stands there where it has none. Numbers that are no
 * pid (0: a writer of a pid namespace that is not below ours) share one place. */
struct process **pids_place(const struct pids *pids, int32_t pid);

/* A child of `parent` (0: not known) is done with, and nobody has been heard to wait for it. That
 * is remembered for some seconds: whoever is heard to then must not seem to have had a child of
 * which nothing is known. */
void pids_note_gone(struct pids *pids, int32_t pid, int32_t parent);

/* Whether that is remembered of this pid; it is forgotten with that. */
bool pids_take_gone(struct pids *pids, int32_t pid);

/* Whether it is remembered of this pid as a child of `parent`. */
bool pids_was_child(const struct pids *pids, int32_t pid, int32_t parent);

#endif
