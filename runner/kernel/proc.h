/* proc.h: reads /proc/PID (proc(5)). A pid may be reused at any time, so the caller must know what
 * keeps the pid from being reused. */
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
    bool exiting;                /* the process is exiting (PF_EXITING) */
    uint64_t start;              /* in ticks since boot; with the pid it identifies the process */
    uint64_t user_us, system_us; /* without its children's */
    int status; /* as waitpid(2) gives it; only of a zombie, and 0 if we may not see it */
};

/* False: there is no such process any more, and ret is untouched. */
bool proc_stat(int32_t pid, struct proc_stat *ret);

/* The wait status of a zombie. False: the process is not a zombie, or we may not see its status. */
bool proc_zombie_status(int32_t pid, struct proc_stat *ret);

/* Copies the arguments, each with its NUL, as many bytes as fit; or the working directory. 0: not
 * known. */
size_t proc_arguments(int32_t pid, char *ret, size_t size);
size_t proc_directory(int32_t pid, char *ret, size_t size);

/* The limits at which the kernel kills the process. */
struct sscap_limits proc_limits(int32_t pid);

/* The rank in a parallel job, by the environment with which the process was started. -1: none. */
int32_t proc_rank(int32_t pid);

#endif
