/* report.h: the report on stderr at the session's end: what failed and how, and the process
 * tree. */
#ifndef SSCAP_RUNNER_REPORT_REPORT_H
#define SSCAP_RUNNER_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/report/error_groups.h"
#include "runner/report/process_tree.h"
#include "runner/report/totals.h"

/* Formats the report; the caller frees it. NULL: there is nothing to report, or no memory. With
 * `color` it has escape sequences. */
char *report_format(struct error_groups *errors, const struct process_tree *tree,
                    const struct totals *totals, bool color, size_t *ret_size);

/* Prints the report on stderr. */
void report_print(struct error_groups *errors, const struct process_tree *tree,
                  const struct totals *totals, bool color);

#endif
