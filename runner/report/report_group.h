/* report_group.h: one error group in the report. */
#ifndef SSCAP_RUNNER_REPORT_REPORT_GROUP_H
#define SSCAP_RUNNER_REPORT_REPORT_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "runner/report/error_groups.h"
#include "runner/report/totals.h"

/* A report that is being made. */
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

/* Text that a program chose must not drive the terminal: control characters as ^X. */
void report_put_safe(FILE *file, const char *text, size_t length);

/* Seconds from the session's beginning to a moment (now_ns). */
double report_after(const struct report *report, uint64_t moment);

#endif
