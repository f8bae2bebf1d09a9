/* totals.h: the counts of a whole session. */
#ifndef SSCAP_RUNNER_REPORT_TOTALS_H
#define SSCAP_RUNNER_REPORT_TOTALS_H

#include <stdint.h>

struct totals {
    uint64_t begun, now; /* now_ns */
    int32_t command;     /* the command's pid */
    uint64_t processes, without_library;
    uint64_t lines, bytes;
    /* What was dropped or refused, and why: */
    uint64_t lines_dropped;        /* --on-full=drop */
    uint64_t processes_lost;       /* no memory */
    uint64_t messages_refused;     /* not valid events of this session */
    uint64_t last_lines_cut;       /* no room */
    uint64_t functions_not_looked; /* no room or no time */
};

/* Prints the totals (-v). */
void totals_say(const struct totals *totals);

#endif
