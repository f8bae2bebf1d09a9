/* error_groups.h: failures of processes, like ones in one group: how often, when, and the evidence
 * of the first. */
#ifndef SSCAP_RUNNER_REPORT_ERROR_GROUPS_H
#define SSCAP_RUNNER_REPORT_ERROR_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/lines/buffer.h"
#include "runner/options.h"
#include "runner/processes/processes.h"
#include "runner/report/fingerprint.h"
#include "runner/symbols/symbols.h"

enum {
    GROUPS_MAX = PLACES_MAX, /* kinds of failure; those of more kinds are counted */
    GROUP_FRAMES_MAX = 24,   /* of a group's backtrace */
    GROUP_PIDS_MAX = 8,      /* of its first members */
    EVIDENCE_MAX = 4 << 20, /* bytes of all groups' evidence together; groups beyond it have none */
};

/* In the order in which they are reported. */
enum group_kind { GROUP_SIGNAL, GROUP_EXIT, GROUP_VANISHED };

struct error_group {
    enum group_kind kind;
    uint32_t number; /* from 1, in the order of their first members' ends as they became known */
    uint64_t fingerprint;
    char basis[BASIS_SIZE];
    uint64_t count;
    uint64_t first, last;       /* now_ns of the members' ends */
    uint64_t shortest, longest; /* ns: how long members ran */
    int32_t pids[GROUP_PIDS_MAX];
    /* Of the first member: */
    int32_t pid;
    int status; /* as waitpid has it; not of vanished ones */
    char name[SSCAP_NAME_SIZE];
    struct ancestor ancestors[ANCESTORS_MAX];
    struct ending ending;
    struct image *image; /* NULL: not known */
    struct tail tail[SSCAP_STREAMS];
    uint32_t cause; /* number of the group of a child of its that failed before; 0: none */
    struct symbol *frames;
    size_t frame_count;
};

struct error_groups {
    const struct options *options;
    struct symbols *symbols;
    struct buffer *buffer; /* where groups have their places */
    struct tails *tails;   /* whose room a group's last lines leave */
    uint8_t stream;        /* enum sscap_stream, whose lines it has its place among */
    struct error_group *groups[GROUPS_MAX];
    uint32_t count;
    size_t evidence;                   /* bytes */
    uint64_t signals, exits, vanished; /* processes */
    uint64_t not_grouped;              /* processes of further kinds */
    uint64_t without_evidence;         /* groups */
    uint64_t asked; /* bits: signals that the user has sent: what dies of them is no failure, */
    bool ending;    /* nor what comes of it when the whole was to end */
};

void error_groups_init(struct error_groups *errors, const struct options *options,
                       struct symbols *symbols, struct buffer *buffer, struct tails *tails);
void error_groups_clear(struct error_groups *errors);

/* Takes in how a process ended, all about it being known. False: its group's place in the buffer is
 * to be had later; to be called again. */
bool error_groups_take(struct error_groups *errors, struct process *process);

/* What a record of the buffer says, if it is a group's place; NULL: it is a line. */
const struct error_group *error_groups_of_record(const struct error_groups *errors,
                                                 const struct record *record);

/* "worker: killed by SIGSEGV in crash_here", at most one line. */
void error_groups_title(const struct error_group *group, char *text, size_t size);

/* The groups in the order in which they are to be reported: by their first member's end, crashes
 * before the rest. */
size_t error_groups_sorted(const struct error_groups *errors,
                           const struct error_group *ret[GROUPS_MAX]);

#endif
