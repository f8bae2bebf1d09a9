/* process_tree.h: the tree of all processes of a session, for --tree. Bounded; processes beyond it
 * are counted. */
#ifndef SSCAP_RUNNER_REPORT_PROCESS_TREE_H
#define SSCAP_RUNNER_REPORT_PROCESS_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "runner/processes/process.h"

enum { PROCESS_TREE_MAX = 50000 };

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

struct process_tree {
    bool kept;          /* else nothing is recorded */
    struct node *nodes; /* the first is nobody's */
    uint32_t count, capacity;
    uint64_t left_out;
};

void process_tree_init(struct process_tree *tree, bool kept);
void process_tree_clear(struct process_tree *tree);

/* Gives a new process its place, below its parent's (process->node, as inherited). */
void process_tree_begin(struct process_tree *tree, struct process *process);

/* Its parent has become known. */
void process_tree_adopt(struct process_tree *tree, const struct process *process,
                        const struct process *parent);

/* Notes what a process has become by now. */
void process_tree_note(struct process_tree *tree, const struct process *process, bool failed);

/* Prints the tree. */
void process_tree_print(const struct process_tree *tree, FILE *file, bool utf8, uint64_t now);

#endif
