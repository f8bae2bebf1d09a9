/* oom.h: whether a process was killed because memory was short.
 *
 * Memory cgroups count such kills (cgroups(7), version 1 and 2; memory.events, Linux 4.13). Without
 * privileges the kernel tells nobody else. */
#ifndef SSCAP_RUNNER_DEATHS_OOM_H
#define SSCAP_RUNNER_DEATHS_OOM_H

#include <stdbool.h>
#include <stdint.h>

enum { OOM_CGROUPS_MAX = 256 };

struct process;

/* A memory cgroup that processes of the tree were seen in. */
struct oom_cgroup {
    char *path;       /* as /proc/PID/cgroup has it */
    uint64_t counted; /* kills there that are not to be put down to anyone who dies from now on */
};

struct oom {
    /* of the memory controller, without what of the hierarchy lies above it; NULL: there is none */
    char *mount;
    char *root; /* which part of the hierarchy is mounted there */
    bool v1;
    struct oom_cgroup cgroups[OOM_CGROUPS_MAX];
    uint32_t count;
};

void oom_init(struct oom *oom);
void oom_clear(struct oom *oom);

/* Notes which memory cgroup a live process is in, and what is counted there by now. Its children
 * inherit process->memory_cgroup. */
void oom_note(struct oom *oom, struct process *process);

/* If SIGKILL has ended the process, nobody is known to have sent it, and the process's cgroup
 * counts one more kill: notes that in the process's ending. */
void oom_judge(struct oom *oom, struct process *process);

#endif
