/* report_group.h: one error group in the report. */
#ifndef SSCAP_RUNNER_REPORT_REPORT_GROUP_H
#define SSCAP_RUNNER_REPORT_REPORT_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "runner/report/error_groups.h"
#include "runner/report/totals.h"

/* The state of a report that is being written. */
struct report {
    FILE *file;
    struct error_groups *errors;
    const struct totals *totals;
    const struct error_group *sorted[GROUPS_MAX];
    size_t count;
    bool color, utf8;
};

/* Prints the group at this place (from 1) of report->sorted, after an empty line. */
void report_group(const struct report *report, size_t position);

/* Prints text that a program chose, with control characters as ^X, because the text must not
 * control the terminal. */
void report_put_safe(FILE *file, const char *text, size_t length);

/* Seconds from the session's beginning to this moment (now_ns). */
double report_after(const struct report *report, uint64_t moment);

#endif
