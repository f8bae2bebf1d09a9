/* processes.h: the processes of the tree: who they are, and when they begin and end.
 *
 * A process is known by its own events (ctl_events.h), else by /proc when its first bytes come. A
 * pid alone is no identity: a process that has ended stays in the set, beside a new one of its pid,
 * until all its bytes have been read and it is known how it ended. */
#ifndef SSCAP_RUNNER_PROCESSES_PROCESSES_H
#define SSCAP_RUNNER_PROCESSES_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/kernel/pidfd.h"
#include "runner/processes/early_signals.h"
#include "runner/processes/foreign_children.h"
#include "runner/processes/pids.h"
#include "runner/processes/process.h"

/* Is told of each process's life, in this order. */
struct process_observer {
    void *context;
    /* It is in the set now. */
    void (*began)(void *context, struct process *process);
    /* Its parent has become known. */
    void (*adopted)(void *context, struct process *process, const struct process *parent);
    /* It runs a program that was not known before. */
    void (*started)(void *context, struct process *process);
    /* The kernel says that one is dead: the events that it sent before are to be taken in. */
    void (*dead)(void *context);
    /* It is known to have ended: its end_position is to be set. */
    void (*ended)(void *context, struct process *process);
    /* All its bytes have been read. False: its last lines have no room now; to be called again. */
    bool (*drained)(void *context, struct process *process);
    /* Everything is known of it. False: there is no room for a report now; to be called again. */
    bool (*closed)(void *context, struct process *process);
    /* It is about to be freed. */
    void (*released)(void *context, struct process *process);
};

struct processes {
    const struct process_observer *observer;
    struct loop *loop;
    struct pids pids;
    struct early_signals early_signals;
    int fd_max; /* pidfds are below it */
    struct foreign_children foreign_children;
    struct pidfd_features features;
    bool arguments;           /* are to be kept */
    struct list live, ended;  /* each in the order in which processes came there */
    uint64_t count;           /* in all */
    uint64_t no_library_gone; /* in all, of those that are gone: ran without the library */
    uint64_t no_library_live; /* that live and run without the library */
    uint64_t lost;            /* could not be recorded, because there was no memory */
    struct timer sweep;       /* looks after those that have no pidfd */
    struct timer await;       /* for those whose end is not known yet */
    int32_t self;             /* our own pid */
};

/* Returns 0 or -errno. */
int processes_init(struct processes *processes, struct loop *loop,
                   const struct process_observer *observer);
void processes_clear(struct processes *processes);

/* The first process of a list, or NULL; and the one after it. */
static inline struct process *processes_owner(struct link *link)
{
    return link != NULL ? LIST_OWNER(link, struct process, link) : NULL;
}

static inline struct process *processes_first(const struct list *list)
{
    return processes_owner(list->first);
}

static inline struct process *processes_next(const struct process *process)
{
    return processes_owner(process->link.next);
}

/* The process that has this pid, or had it last and is not done with. NULL: none. */
struct process *processes_newest(const struct processes *processes, int32_t pid);

/* The process that wrote what stands at `position` of the stream. NULL: not known. */
struct process *processes_find(const struct processes *processes, int32_t pid,
                               enum sscap_stream stream, uint64_t position);

/* In place of a pidfd. NONE: there is none at hand, and one is to be opened. GONE: the process is
 * gone, and its pid may be another's by now. */
enum { PIDFD_NONE = -1, PIDFD_GONE = -2 };

/* Adds a process, and takes its pidfd over. NULL: no memory; the pidfd is still the caller's. */
struct process *processes_add(struct processes *processes, int32_t pid, int32_t ppid,
                              const char *name, int pidfd);

/* Adds a process that has told nothing, as /proc shows it. NULL: it is gone (or no memory); the
 * pidfd is still the caller's. */
struct process *processes_discover(struct processes *processes, int32_t pid, int pidfd);

/* The process's parent has become known. */
void processes_adopt(struct process *process, const struct process *parent);

/* From now on the process runs with, or without, the library. */
void processes_set_library(struct process *process, bool has_library);

/* The process has ended: what it wrote is in the sockets by now. */
void processes_end(struct process *process);

/* Whether the process has ended, though that may not have been noticed here yet. */
bool processes_is_dead(const struct process *process);

/* Somebody has sent a signal to `target`, which need not be known yet. */
void processes_signal(struct processes *processes, int32_t target,
                      const struct signal_sender *sender);

/* Our own child `pid` is a zombie, and so keeps its pid. Returns its process; NULL: it is done
 * with, or not of this tree. */
struct process *processes_child_ended(struct processes *processes, int32_t pid);

/* Finishes those ended processes whose bytes have all been read (up to `position` of each stream)
 * and whose end is known, or never will be. */
void processes_settle(struct processes *processes, const uint64_t position[SSCAP_STREAMS]);

/* Finishes all ended processes with what is known by now. */
void processes_close_ended(struct processes *processes);

/* Whether a process is exiting, with its descriptors closed already: worth waiting for. */
bool processes_exiting(const struct processes *processes);

/* How many processes there were, and are, that run without the library. */
uint64_t processes_without_library(const struct processes *processes);

#endif
