/* processes.h: the processes of the tree: who they are, and when they begin and end.
 *
 * Known from what they say of themselves (announcements.h), else from /proc when their first bytes
 * come. A pid is no identity: a process that has ended stays here, beside a new one of its pid,
 * until every byte that it wrote has been read and it is known how it ended. */
#ifndef SSCAP_RUNNER_PROCESSES_PROCESSES_H
#define SSCAP_RUNNER_PROCESSES_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/kernel/pidfd.h"
#include "runner/lines/lines.h"
#include "runner/lines/tail.h"
#include "runner/loop.h"
#include "runner/processes/exit_status.h"
#include "runner/processes/image.h"
#include "runner/processes/pids.h"
#include "shim/wire.h"

enum { ANCESTORS_MAX = 6, EARLY_SIGNALS_MAX = 32, STRANGERS_MAX = 64 };

struct ancestor {
    int32_t pid; /* 0: none */
    char name[SSCAP_NAME_SIZE];
};

struct process {
    int32_t pid;
    int32_t ppid;  /* 0: not known */
    int32_t group; /* of processes; 0: not known */
    int32_t rank;  /* see names_rank */
    bool rank_read;
    bool shimmed; /* has sent an event: it runs with the library (processes_set_shimmed) */
    bool forked;  /* has told of its fork, or its parent of its spawn: not one that libc made inside
                     itself */
    bool ended;
    bool late; /* was gone when it was first heard of: more that it has said may still be on its way
                */
    bool replaced;              /* another process has its pid by now */
    bool broken_pipe;           /* a child of its died of SIGPIPE */
    char name[SSCAP_NAME_SIZE]; /* by its latest event */
    /* For the bytes that are read now: changed by IMAGE frames in the stream. */
    char stream_name[SSCAP_STREAMS][SSCAP_NAME_SIZE];
    int frames_due[SSCAP_STREAMS]; /* IMAGE frames announced by an EXEC or NAME event and not read
                                      yet */
    uint64_t name_read;            /* now_ns when /proc was last asked; only where not shimmed */
    uint64_t end_position[SSCAP_STREAMS];  /* once ended: where in the streams its bytes end */
    struct assembler *open[SSCAP_STREAMS]; /* its unfinished lines, by thread */
    struct tail tail[SSCAP_STREAMS];       /* its last lines */
    uint64_t lines;
    uint64_t begun, gone; /* now_ns; gone: once ended */
    uint64_t start;       /* as struct proc_stat has it; only where there was no pidfd */
    uint64_t patience;    /* now_ns until which somebody may still tell how it ended */
    struct ending ending;
    struct image *image; /* NULL: not known */
    struct ancestor
        ancestors[ANCESTORS_MAX]; /* its parent first, as they were called when it began */
    uint32_t failed_child; /* number of the error group that a child of its is in; 0: none failed */
    uint32_t memory_group; /* see oom.h; 0: not known */
    uint32_t node;         /* its place in the session's tree; see history.h */
    struct watch exit;     /* on a pidfd; -1 where there was none to have */
    struct processes *set;
    struct process *older;           /* the same pid's former holder, not yet read to its end */
    struct process *previous, *next; /* in the list of live or of ended ones */
};

/* A signal that was sent to a process before that was heard of: its first word is on its way, or it
 * died before it could say one. */
struct early_signal {
    int32_t target; /* 0: none */
    int32_t sender;
    int signal;
    char sender_name[SSCAP_NAME_SIZE];
    uint64_t when; /* now_ns */
};

struct processes {
    struct loop *loop;
    struct lines *lines;
    struct pids pids;
    int fd_max;                       /* pidfds are below it */
    int32_t strangers[STRANGERS_MAX]; /* children from before the session */
    size_t stranger_count;
    struct pidfd_features features;
    bool arguments;                                        /* are to be kept */
    struct process *live, *live_last, *ended, *ended_last; /* each in the order of coming there */
    struct early_signal early[EARLY_SIGNALS_MAX];
    unsigned int next_early;  /* the one to be overwritten */
    uint64_t count;           /* in all */
    uint64_t unshimmed_count; /* in all, of those that are gone: ran without the library */
    uint64_t silent_count;    /* that live and run without the library */
    uint64_t lost;            /* could not be recorded: no memory */
    struct timer sweep;       /* looks after those that have no pidfd */
    struct timer await;       /* for those whose ending is not known yet */
    int32_t self;             /* our own pid */
    uint64_t (*position)(void *context,
                         enum sscap_stream stream); /* bytes of the stream written so far */
    void (*before_end)(void *context);              /* takes in the events that have arrived */
    void (*began)(void *context, struct process *process);
    void (*adopted)(void *context, struct process *process, const struct process *parent);
    void (*started)(void *context, struct process *process); /* a new program */
    bool (*closed)(void *context,
                   struct process *process); /* all is known; false: to be called again */
    void *context;
};

/* Returns 0 or -errno. The callbacks are the caller's to fill in. */
int processes_init(struct processes *processes, struct loop *loop, struct lines *lines);
void processes_clear(struct processes *processes);

/* The process that has, or had last, this pid and is not done with; NULL: none. */
struct process *processes_newest(const struct processes *processes, int32_t pid);

/* The process that wrote what stands at `position` of the stream; NULL: not known. */
struct process *processes_find(const struct processes *processes, int32_t pid,
                               enum sscap_stream stream, uint64_t position);

/* Instead of a pidfd: there is none at hand, and one is to be opened; the process is gone, and its
 * pid may be another's by now. */
enum { PIDFD_NONE = -1, PIDFD_GONE = -2 };

/* A new process. Its pidfd is taken over. NULL: no memory; the pidfd is still the caller's then. */
struct process *processes_add(struct processes *processes, int32_t pid, int32_t ppid,
                              const char *name, int pidfd);

/* Asks /proc for a process that said nothing of itself. NULL: gone, too (or no memory); the pidfd
 * is still the caller's then. */
struct process *processes_discover(struct processes *processes, int32_t pid, int pidfd);

/* Its parent has become known. */
void processes_adopt(struct process *process, const struct process *parent);

/* From now on it runs with, or without, the library. */
void processes_set_shimmed(struct process *process, bool shimmed);

/* The process is seen to have ended: what it wrote is in the sockets by now. */
void processes_end(struct process *process);

/* Whether it has ended, though that may not have been noticed here yet. */
bool processes_is_dead(const struct process *process);

/* Somebody is about to send a signal to `target`, which need not be known yet. */
void processes_signal(struct processes *processes, int32_t target, int32_t sender,
                      const char *sender_name, int number);

/* Our own child, which is still a zombie, and so keeps its pid. NULL: it is done with, or not of
 * this tree. */
struct process *processes_child_ended(struct processes *processes, int32_t pid);

/* Finishes those of the ended whose bytes have all been read (`position` bytes of each stream) and
 * whose ending is known, or never will be. */
void processes_settle(struct processes *processes, const uint64_t position[SSCAP_STREAMS]);

/* Finishes all that have ended, with what is known by now. */
void processes_close_ended(struct processes *processes);

/* Whether a process is on its way out, its descriptors closed already: to be waited for a moment.
 */
bool processes_exiting(const struct processes *processes);

/* How many there were, and are, that run without the library. */
uint64_t processes_unshimmed(const struct processes *processes);

#endif
