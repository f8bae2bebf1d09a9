/* error_groups.h: sorts failures of processes into groups of the same kind, with the number of
 * failures, their times, and the evidence of the first. */
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
    GROUPS_MAX = PLACES_MAX, /* kinds of failure; processes of further kinds are only counted */
    GROUP_FRAMES_MAX = 24,   /* of a group's backtrace */
    GROUP_PIDS_MAX = 8,      /* of its first members */
    EVIDENCE_MAX = 4 << 20, /* bytes of all groups' evidence together; groups beyond it have none */
};

/* In the order in which they are reported. */
enum group_kind { GROUP_SIGNAL, GROUP_EXIT, GROUP_VANISHED };

struct error_group {
    enum group_kind kind;
    uint32_t number; /* from 1, in the order in which the ends of the first members became known */
    uint64_t fingerprint;
    char basis[BASIS_SIZE];
    uint64_t count;
    uint64_t first, last;       /* now_ns of the earliest and the latest end of a member */
    uint64_t shortest, longest; /* ns: how long members ran */
    int32_t pids[GROUP_PIDS_MAX];
    /* Of the first member: */
    int32_t pid;
    int status; /* as waitpid(2) gives it; not valid in GROUP_VANISHED */
    char name[SSCAP_NAME_SIZE];
    struct ancestor ancestors[ANCESTORS_MAX];
    struct ending ending;
    struct image *image; /* NULL: not known */
    struct tail tail[SSCAP_STREAMS];
    uint32_t cause; /* number of the group of a child that failed before; 0: none */
    struct symbol *frames;
    size_t frame_count;
};

struct error_groups {
    const struct options *options;
    struct symbols *symbols;
    struct buffer *buffer; /* the buffer in which groups have their places */
    struct tails *tails;   /* a group's last lines no longer count in these */
    /* The stream (enum sscap_stream) among whose lines the group has its place. */
    uint8_t stream;
    struct error_group *groups[GROUPS_MAX];
    uint32_t count;
    size_t evidence;                   /* bytes */
    uint64_t signals, exits, vanished; /* processes */
    uint64_t not_grouped;              /* processes of further kinds */
    uint64_t without_evidence;         /* groups */
    /* Bits: signals that the user has sent. A process that one of them kills has not failed. */
    uint64_t asked;
    bool ending; /* the user has ended the whole tree, so other failures are a consequence */
};

void error_groups_init(struct error_groups *errors, const struct options *options,
                       struct symbols *symbols, struct buffer *buffer, struct tails *tails);
void error_groups_clear(struct error_groups *errors);

/* Records how a process ended. The caller calls it once everything about the process is known.
 * False: the buffer has no room for the group's place, so the caller calls it again later. */
bool error_groups_take(struct error_groups *errors, struct process *process);

/* The group whose place a record of the buffer is. NULL: the record is a line. */
const struct error_group *error_groups_of_record(const struct error_groups *errors,
                                                 const struct record *record);

/* Writes, for example, "worker: killed by SIGSEGV in crash_here". The text is one line at most. */
void error_groups_title(const struct error_group *group, char *text, size_t size);

/* Sorts the groups for the report, by kind and then by the earliest end of a member. */
size_t error_groups_sorted(const struct error_groups *errors,
                           const struct error_group *ret[GROUPS_MAX]);

#endif
