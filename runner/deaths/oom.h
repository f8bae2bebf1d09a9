/* oom.h: whether a process that was killed was killed for want of memory: by the counts that its
 * memory cgroup keeps (cgroups(7), version 1 and 2; memory.events, Linux 4.13). The kernel tells
 * nobody else without privileges. */
#ifndef SSCAP_RUNNER_DEATHS_OOM_H
#define SSCAP_RUNNER_DEATHS_OOM_H

#include <stdbool.h>
#include <stdint.h>

enum { OOM_GROUPS_MAX = 256 };

struct process;

/* A memory cgroup that processes of the tree were seen in. */
struct oom_group {
    char *path;       /* as /proc/PID/cgroup has it */
    uint64_t counted; /* kills there that are not to be put down to anyone who dies from now on */
};

struct oom {
    /* of the memory controller, without what of the hierarchy lies above it; NULL: there is none */
    char *mount;
    char *root; /* which part of the hierarchy is mounted there */
    bool v1;
    struct oom_group groups[OOM_GROUPS_MAX];
    uint32_t count;
};

void oom_init(struct oom *oom);
void oom_clear(struct oom *oom);

/* Notes which memory cgroup a process that lives is in, and what is counted there by now
 * (process->memory_group, which children inherit). */
void oom_note(struct oom *oom, struct process *process);

/* Of a process that SIGKILL has ended, nobody being known to have sent it: fills in its ending
 * where its cgroup counts one more kill. */
void oom_judge(struct oom *oom, struct process *process);

#endif
