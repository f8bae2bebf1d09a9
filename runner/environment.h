/* environment.h: what the command's environment has that ours has not: the session, and the library for its loader. */
#ifndef SSCAP_RUNNER_ENVIRONMENT_H
#define SSCAP_RUNNER_ENVIRONMENT_H

#include <stdbool.h>

#include "runner/launch.h"
#include "runner/options.h"

/* Our own environment with the session's variables in it. */
struct environment {
    char **entries; /* the strings are ours only in: */
    char *session, *preload;
};

/* The library: as told, beside the runner, or where `make install` puts it. NULL: not there. The caller frees it. */
char *environment_library(void);

/* False, and nothing to free: no memory. */
bool environment_make(struct environment *ret, const struct channels *channels, const struct options *options,
                      const char *library, int ctl_fd);

void environment_free(struct environment *environment);

#endif
