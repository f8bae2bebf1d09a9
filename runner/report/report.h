/* report.h: the account at the end, on stderr: what failed and how, the first failure first; and
 * the tree of processes. */
#ifndef SSCAP_RUNNER_REPORT_REPORT_H
#define SSCAP_RUNNER_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/report/error_groups.h"
#include "runner/report/process_tree.h"
#include "runner/report/totals.h"

/* All of it, if there is anything to say; the caller frees it. NULL: there is not, or no memory.
 * `color`: with escape sequences. */
char *report_format(struct error_groups *errors, const struct process_tree *tree,
                    const struct totals *totals, bool color, size_t *ret_size);

/* Prints it on standard error. */
void report_print(struct error_groups *errors, const struct process_tree *tree,
                  const struct totals *totals, bool color);

#endif
