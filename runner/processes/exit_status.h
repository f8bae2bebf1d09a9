/* exit_status.h: how a process ended. Several sources can tell; the best of those that did counts.
 */
#ifndef SSCAP_RUNNER_PROCESSES_EXIT_STATUS_H
#define SSCAP_RUNNER_PROCESSES_EXIT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/processes/signal_senders.h"
#include "shim/wire.h"

/* Who told the status, the least reliable first. From EXIT_FROM_PROC on it is what the kernel says,
 * by whatever way. From EXIT_FROM_PIDFD on the process has been reaped. */
enum exit_source {
    EXIT_UNKNOWN,
    EXIT_FROM_EXIT_CALL, /* the process, about to exit: it may still be killed before it is gone */
    EXIT_FROM_CRASH,     /* the process, hit by a signal */
    EXIT_FROM_PROC,      /* /proc/PID/stat of the zombie (proc(5)) */
    EXIT_FROM_TRACER,    /* a wait that may have been a tracer's */
    EXIT_FROM_PIDFD,  /* PIDFD_GET_INFO (Linux 6.15); it may lack a core dump of several threads */
    EXIT_FROM_PARENT, /* the parent's wait, through the library */
    EXIT_FROM_WAIT,   /* our own wait4 */
};

struct ending {
    enum exit_source source;
    int status; /* as waitpid has it */
    bool usage_known;
    struct sscap_usage usage;
    struct signal_senders senders;
    struct sscap_limits limits; /* of the process */
    struct sscap_crash *crash;  /* NULL, or as it arrived, with all that follows it: */
    uint32_t crash_length;
    /* Kills that the memory cgroup `oom_cgroup` counts, of which this end is one; 0: none known. */
    uint64_t oom_kills;
    char *oom_cgroup;
};

/* How the kernel is to be asked about a process. */
struct exit_query {
    int32_t pid;
    bool pid_reused; /* the pid may be another process's by now */
    int pidfd;       /* -1: none */
    bool pidfd_info; /* this kernel has PIDFD_GET_INFO with exit statuses */
    uint64_t start;  /* as struct proc_stat has it; used where there is no pidfd */
};

/* Takes in a status. It replaces what a less reliable source has said. `usage` may be NULL. */
void exit_status_note(struct ending *ending, enum exit_source source, int status,
                      const struct sscap_usage *usage);

/* Keeps a copy of the evidence of a crash. */
void exit_status_note_crash(struct ending *ending, const struct sscap_crash *crash,
                            uint32_t length);

/* Asks the kernel about a process that has ended: its pidfd once it has been reaped, /proc before.
 */
void exit_status_look(struct ending *ending, const struct exit_query *query);

/* Whether the kernel has told the status. */
bool exit_status_known(const struct ending *ending);

/* The signal that ended the process; 0: none did, or that is not known. */
int exit_status_signal(const struct ending *ending);

/* Which of its limits the process has reached, for which the kernel has ended it. */
enum exit_limit {
    EXIT_LIMIT_NONE,      /* none, or not known */
    EXIT_LIMIT_CPU_SOFT,  /* SIGXCPU */
    EXIT_LIMIT_CPU_HARD,  /* SIGKILL */
    EXIT_LIMIT_FILE_SIZE, /* SIGXFSZ */
};

enum exit_limit exit_status_limit(const struct ending *ending);

/* Who sent the signal that ended the process: by the sender's word, else by the kernel's (si_pid).
 * Returns its pid; 0: not known. `*ret_sender` is NULL where only the pid is known. */
int32_t exit_status_sender(const struct ending *ending, const struct signal_sender **ret_sender);

/* Nothing is known. exit_status_clear frees what is, and begins anew. */
void exit_status_init(struct ending *ending);
void exit_status_clear(struct ending *ending);

#endif
