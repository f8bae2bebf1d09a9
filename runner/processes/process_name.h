/* process_name.h: the name of a process at each byte that it writes. */
#ifndef SSCAP_RUNNER_PROCESSES_PROCESS_NAME_H
#define SSCAP_RUNNER_PROCESSES_PROCESS_NAME_H

#include "runner/processes/process.h"

/* Sets the name. The names for its streams stay. */
void process_name_set(struct process *process, const char *name);

/* Applies the process's name to bytes that are read from now on. Streams in `except` (bits), and
 * streams in which an IMAGE frame is still to come, keep theirs. */
void process_name_reach_streams(struct process *process, uint32_t except);

/* Applies `name` to the stream's bytes from here on, because an IMAGE frame has been read. */
void process_name_frame(struct process *process, enum sscap_stream stream, const char *name);

/* Reads the name from /proc again if the process does not tell it. */
void process_name_refresh(struct process *process, uint64_t now);

/* The rank in a parallel job (MPI, SLURM, torchrun), from the environment. -1: none. */
int32_t process_name_rank(struct process *process);

#endif
