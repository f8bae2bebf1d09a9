/* pids.h: a table by pid: the process that has the pid or had it last, and the processes that are
 * gone but that another process may still wait for. */
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

/* The table's entry for the pid, which holds the newest process with that pid or NULL. Numbers that
 * are not pids share one entry. One is 0: a writer in a pid namespace that is not below ours. */
struct process **pids_place(const struct pids *pids, int32_t pid);

/* Notes that a child of `parent` (0: not known) is gone, and that no process has reported waiting
 * for it. The note lasts for some seconds. A parent that reports the wait in that time must not
 * seem to have had an unknown child. */
void pids_note_gone(struct pids *pids, int32_t pid, int32_t parent);

/* Whether there is such a note for this pid. Removes the note. */
bool pids_take_gone(struct pids *pids, int32_t pid);

/* Whether there is such a note for this pid as a child of `parent`. */
bool pids_was_child(const struct pids *pids, int32_t pid, int32_t parent);

#endif
