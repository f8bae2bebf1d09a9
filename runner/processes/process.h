/* process.h: everything that is known of one process. */
#ifndef SSCAP_RUNNER_PROCESSES_PROCESS_H
#define SSCAP_RUNNER_PROCESSES_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/lines/lines.h"
#include "runner/list.h"
#include "runner/loop.h"
#include "runner/processes/exit_status.h"
#include "runner/processes/image.h"
#include "shim/wire.h"

enum { ANCESTORS_MAX = 6 };

struct ancestor {
    int32_t pid; /* 0: none */
    char name[SSCAP_NAME_SIZE];
};

struct processes;

struct process {
    int32_t pid;
    int32_t ppid;          /* 0: not known */
    int32_t process_group; /* 0: not known */
    int32_t rank;          /* see process_name_rank */
    bool rank_read;
    bool has_library; /* has sent an event (processes_set_library) */
    bool announced; /* told of its fork, or its parent of its spawn: libc did not make it by itself
                     */
    bool is_runner; /* an sscap inside ours, which reports its own tree */
    bool ended;
    bool late;        /* was gone when first heard of: older events may still be on their way */
    bool pid_reused;  /* another process has its pid by now */
    bool broken_pipe; /* a child of its died of SIGPIPE */
    char name[SSCAP_NAME_SIZE]; /* by its latest event */
    /* The name for the bytes that are read now. IMAGE frames in the stream change it. */
    char stream_name[SSCAP_STREAMS][SSCAP_NAME_SIZE];
    int frames_due[SSCAP_STREAMS];        /* IMAGE frames that were announced and not read yet */
    uint64_t name_read;                   /* now_ns when /proc was last asked for the name */
    uint64_t end_position[SSCAP_STREAMS]; /* once ended: where in the streams its bytes end */
    struct source source;                 /* its lines */
    uint64_t begun, gone;                 /* now_ns; gone: once ended */
    uint64_t start;           /* as struct proc_stat has it, if there was no pidfd; 0: not known */
    uint64_t status_deadline; /* now_ns until which somebody may still tell how it ended */
    struct ending ending;
    struct image *image;                      /* NULL: not known */
    struct ancestor ancestors[ANCESTORS_MAX]; /* its parent first, by their names when it began */
    uint32_t failed_child;  /* number of the error group of a child of its; 0: none failed */
    uint32_t memory_cgroup; /* see deaths/oom.h; 0: not known */
    uint32_t node;          /* its place in the tree of processes; see report/process_tree.h */
    struct watch exit;      /* on a pidfd; -1 where there was none to have */
    struct processes *set;
    struct process *older; /* the same pid's former holder, not read to its end yet */
    struct link link;      /* in the list of live or of ended processes */
};

#endif
