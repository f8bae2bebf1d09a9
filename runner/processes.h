/* processes.h: the processes of the tree: who they are, what they are called, when they end.
 *
 * Known from what they say of themselves (events), else from /proc when their first bytes come. A pid is no identity: a process that has
 * ended stays here, beside a new one of its pid, until every byte that it wrote has been read. */
#ifndef SSCAP_RUNNER_PROCESSES_H
#define SSCAP_RUNNER_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/lines.h"
#include "runner/loop.h"
#include "shim/wire.h"

struct process {
    int32_t pid;
    int32_t ppid; /* 0: not known */
    int32_t rank; /* see processes_rank */
    bool rank_read;
    bool shimmed; /* has sent an event: it runs with the library */
    bool ended;
    bool late; /* was gone when it was first heard of: more that it has said may still be on its way */
    char name[SSCAP_NAME_SIZE]; /* by its latest event */
    char stream_name
        [SSCAP_STREAMS]
        [SSCAP_NAME_SIZE]; /* for the bytes that are read now: changed by IMAGE frames in the stream */
    int frames_due[SSCAP_STREAMS]; /* IMAGE frames announced by an EXEC or NAME event and not read yet */
    uint64_t name_read;            /* now_ns when /proc was last asked; only where not shimmed */
    uint64_t
        end_position[SSCAP_STREAMS]; /* once ended: stream positions up to which bytes are this process's */
    struct assembler *open[SSCAP_STREAMS]; /* its unfinished lines, by thread */
    struct watch exit;                     /* on a pidfd; -1 where there was none to have */
    struct processes *set;
    struct process *older;           /* the same pid's former holder, not yet read to its end */
    struct process *previous, *next; /* in the list of live or of ended ones */
};

struct processes {
    struct loop *loop;
    struct lines *lines;
    struct process **by_pid;
    int32_t pid_max;
    int fd_max; /* pidfds are below it */
    struct process *live, *ended;
    uint64_t count, live_count,
        unshimmed_count; /* in all; now; in all, ended without a word from the library */
    uint64_t lost;       /* could not be recorded: no memory */
    struct timer sweep;  /* looks after those that have no pidfd */
    int32_t self;        /* our own pid */
    uint64_t (*position)(void *context, enum sscap_stream stream); /* bytes of the stream written so far */
    void (*before_end)(void *context);                             /* takes in the events that have arrived */
    void *context;
};

int processes_init(struct processes *processes, struct loop *loop, struct lines *lines);
void processes_clear(struct processes *processes);

/* The process that wrote what stands at `position` of the stream; NULL: not known. */
struct process *processes_find(const struct processes *processes, int32_t pid, enum sscap_stream stream,
                               uint64_t position);

/* Asks /proc for a process that said nothing of itself. NULL: gone, too. */
struct process *processes_discover(struct processes *processes, int32_t pid);

/* A process of which nothing is known but its pid. NULL: no memory. */
struct process *processes_unknown(struct processes *processes, int32_t pid);

/* Takes an event in. `sender` is whom the kernel named. */
void processes_event(struct processes *processes, int32_t sender, const struct sscap_event *event);

/* An IMAGE frame has been read: from here on the stream's bytes are `name`'s. */
void processes_frame(struct process *process, enum sscap_stream stream, const char *name);

/* Looks a name up again that only /proc can tell. */
void processes_refresh(struct process *process, uint64_t now);

/* The process with this pid has ended (reaped by us). */
void processes_ended(struct processes *processes, int32_t pid);

/* Finishes those of the ended whose bytes have all been read: `position` bytes of each stream. */
void processes_settle(struct processes *processes, const uint64_t position[SSCAP_STREAMS]);

/* How many there were, and are, that run without the library. */
uint64_t processes_unshimmed(const struct processes *processes);

/* Rank in a parallel job (MPI, SLURM, torchrun), by its environment; -1: none. */
int32_t processes_rank(struct process *process);

#endif
