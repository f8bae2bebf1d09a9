/* ends.h: what is done about each process that begins or ends: the tree, the error groups, what is
 * said of them. */
#ifndef SSCAP_RUNNER_DEATHS_LIFECYCLE_H
#define SSCAP_RUNNER_DEATHS_LIFECYCLE_H

#include <stddef.h>

struct runner;
struct record;

/* Has the processes and signals of the runner call here. */
void lifecycle_init(struct runner *r);

/* What stands at an error group's place in the output (struct sink's describe). */
size_t lifecycle_describe(void *context, const struct record *record, char *text, size_t size);

#endif
