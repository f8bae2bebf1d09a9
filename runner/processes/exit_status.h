/* exits.h: how a process ended: one verdict from many witnesses. */
#ifndef SSCAP_RUNNER_PROCESSES_EXIT_STATUS_H
#define SSCAP_RUNNER_PROCESSES_EXIT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/wire.h"

struct process;

/* Who says so, from the least to be believed up. From WITNESS_ZOMBIE on it is the kernel's own
 * word, by whatever way. */
enum witness {
    WITNESS_NONE,
    WITNESS_EXIT,  /* the process, about to exit: it may still be killed before it is gone */
    WITNESS_CRASH, /* the process, hit by a signal */
    WITNESS_ZOMBIE,
    WITNESS_TRACER, /* who maybe only traced it */
    WITNESS_PIDFD,  /* from here on: it has been reaped. Of several threads' core dump it does not
                       always tell */
    WITNESS_PARENT, /* who waited for it */
    WITNESS_WAIT,   /* we ourselves */
};

struct ending {
    enum witness witness;
    int status; /* as waitpid has it */
    bool usage_known;
    struct sscap_usage usage;
    int signal;                        /* that was sent last, by: */
    int32_t sender;                    /* 0: nobody who is known */
    char sender_name[SSCAP_NAME_SIZE]; /* at that time */
    struct sscap_crash *crash;         /* NULL, or as it arrived, with all that follows it: */
    uint32_t crash_length;
    /* of the memory cgroup `oom_group`, by its own count, this one among them; 0: none known */
    uint64_t oom_kills;
    char *oom_group;
};

/* Takes a witness in; a better one, or another word of the same, replaces what was known. */
void exit_status_note(struct process *process, enum witness witness, int status,
                      const struct sscap_usage *usage);

/* Keeps (a copy of) the evidence of a crash. */
void exit_status_note_crash(struct process *process, const struct sscap_crash *crash,
                            uint32_t length);

/* A signal is about to be sent to it. */
void exit_status_note_signal(struct process *process, int number, int32_t sender,
                             const char *sender_name);

/* Asks the kernel about a process that has ended: by its pidfd once it has been reaped, by /proc
 * before. */
void exit_status_look(struct process *process);

/* Whether the kernel's own word is in. */
bool exit_status_known(const struct ending *ending);

/* Who sent the signal that ended it: in the tree by its own word, or by the kernel's (si_pid). 0:
 * not known. */
int32_t exit_status_sender(const struct ending *ending);

void exit_status_clear(struct ending *ending);

#endif
