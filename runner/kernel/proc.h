/* proc.h: what /proc/PID tells of a process (proc(5)). Every answer may be of another process by
 * the time it is read: callers know what keeps the pid. */
#ifndef SSCAP_RUNNER_KERNEL_PROC_H
#define SSCAP_RUNNER_KERNEL_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/wire.h"

struct proc_stat {
    char name[SSCAP_NAME_SIZE];
    char state; /* 'R', 'S', 'Z', ... */
    int32_t ppid, group;
    bool exiting;                /* on its way out: PF_EXITING */
    uint64_t start;              /* ticks since boot: with the pid, who it is */
    uint64_t user_us, system_us; /* its own, without its children's */
    int status; /* as waitpid has it; only of a zombie, and 0 where we may not see it */
};

/* False, and ret untouched: there is no such process (any more). */
bool proc_stat(int32_t pid, struct proc_stat *ret);

/* The wait status of a zombie. False: it is none, or we may not know. */
bool proc_zombie_status(int32_t pid, struct proc_stat *ret);

/* Arguments, each with its NUL, as many bytes as fit; and the working directory. 0: not known. */
size_t proc_arguments(int32_t pid, char *ret, size_t size);
size_t proc_directory(int32_t pid, char *ret, size_t size);

/* The limits at which the kernel kills the process. */
struct sscap_limits proc_limits(int32_t pid);

/* Rank in a parallel job by the environment that the process was started with; -1: none. */
int32_t proc_rank(int32_t pid);

#endif
