/* process_tree.h: the tree of all processes of a session, for --tree. The tree is bounded, and
 * further processes are only counted. */
#ifndef SSCAP_RUNNER_REPORT_PROCESS_TREE_H
#define SSCAP_RUNNER_REPORT_PROCESS_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "runner/processes/process.h"

enum { PROCESS_TREE_MAX = 50000 };

/* A process. Its status is filled in when the process ends. */
struct node {
    int32_t pid;
    uint32_t parent; /* index of the parent's node, which is always lower; 0: none */
    char name[SSCAP_NAME_SIZE];
    bool ended;
    bool known;  /* the status is known */
    bool failed; /* the status is a failure */
    int status;  /* as waitpid(2) gives it */
    uint64_t begun, gone;
    uint64_t lines;
};

struct process_tree {
    bool kept;          /* false: nothing is recorded */
    struct node *nodes; /* the first one is unused */
    uint32_t count, capacity;
    uint64_t left_out;
};

void process_tree_init(struct process_tree *tree, bool kept);
void process_tree_clear(struct process_tree *tree);

/* Adds a new process below its parent (process->node, which it has inherited). */
void process_tree_begin(struct process_tree *tree, struct process *process);

/* Moves the process below its parent, which has become known. */
void process_tree_adopt(struct process_tree *tree, const struct process *process,
                        const struct process *parent);

/* Updates the node: name, status and times. */
void process_tree_note(struct process_tree *tree, const struct process *process, bool failed);

/* Prints the tree. `now` (now_ns) tells how long a process has run that has not ended. */
void process_tree_print(const struct process_tree *tree, FILE *file, bool utf8, uint64_t now);

#endif
