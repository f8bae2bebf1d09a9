/* names.h: what a process is called, at each point of what it writes. */
#ifndef SSCAP_RUNNER_PROCESSES_NAMES_H
#define SSCAP_RUNNER_PROCESSES_NAMES_H

#include "runner/processes/processes.h"

/* From here on `name`; its streams are not touched. */
void names_set(struct process *process, const char *name);

/* The bytes that are read from now on are the name's that the process has now. But not in streams
 * (bits of `except`) and not where an IMAGE frame is still to come. */
void names_reach_streams(struct process *process, uint32_t except);

/* An IMAGE frame has been read: from here on the stream's bytes are `name`'s. */
void names_frame(struct process *process, enum sscap_stream stream, const char *name);

/* Looks a name up again that only /proc can tell. */
void names_refresh(struct process *process, uint64_t now);

/* Rank in a parallel job (MPI, SLURM, torchrun), by its environment; -1: none. */
int32_t names_rank(struct process *process);

#endif
