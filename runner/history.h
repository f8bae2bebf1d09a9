/* history.h: the tree of all processes of a session, for --tree. Bounded; processes beyond it are counted. */
#ifndef SSCAP_RUNNER_HISTORY_H
#define SSCAP_RUNNER_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "runner/processes.h"

enum { HISTORY_MAX = 50000 };

/* A process; what is known at its end is filled in then. */
struct node {
    int32_t pid;
    uint32_t parent; /* index of its parent's node, always before its own; 0: none */
    char name[SSCAP_NAME_SIZE];
    bool ended;
    bool known;  /* the status is */
    bool failed; /* and is a failure */
    int status;  /* as waitpid has it */
    uint64_t begun, gone;
    uint64_t lines;
};

struct history {
    bool kept;          /* else nothing is recorded */
    struct node *nodes; /* the first is nobody's */
    uint32_t count, capacity;
    uint64_t left_out;
};

void history_init(struct history *history, bool kept);
void history_clear(struct history *history);

/* Gives a new process its place, below its parent's (process->node, as inherited). */
void history_begin(struct history *history, struct process *process);

/* Its parent has become known. */
void history_adopt(struct history *history, const struct process *process, const struct process *parent);

/* Notes what a process has become by now. */
void history_note(struct history *history, const struct process *process, bool failed);

/* Prints the tree. */
void history_print(const struct history *history, FILE *file, bool utf8, uint64_t now);

#endif
