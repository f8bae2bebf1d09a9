/* process_name.h: what a process is called, at each byte that it writes. */
#ifndef SSCAP_RUNNER_PROCESSES_PROCESS_NAME_H
#define SSCAP_RUNNER_PROCESSES_PROCESS_NAME_H

#include "runner/processes/process.h"

/* Sets the name. The names of its streams stay. */
void process_name_set(struct process *process, const char *name);

/* Gives the process's name to the bytes that are read from now on, except in streams (bits of
 * `except`) and in streams in which an IMAGE frame is still to come. */
void process_name_reach_streams(struct process *process, uint32_t except);

/* An IMAGE frame has been read: the stream's bytes are `name`'s from here on. */
void process_name_frame(struct process *process, enum sscap_stream stream, const char *name);

/* Asks /proc for the name again, where the process does not tell it. */
void process_name_refresh(struct process *process, uint64_t now);

/* The rank in a parallel job (MPI, SLURM, torchrun), by the environment. -1: none. */
int32_t process_name_rank(struct process *process);

#endif
