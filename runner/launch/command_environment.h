/* environment.h: what the command's environment has that ours has not: the session, and the library
 * for its loader. */
#ifndef SSCAP_RUNNER_LAUNCH_COMMAND_ENVIRONMENT_H
#define SSCAP_RUNNER_LAUNCH_COMMAND_ENVIRONMENT_H

#include <stdbool.h>

#include "runner/launch/channels.h"
#include "runner/options.h"

/* Our own environment with the session's variables in it. */
struct command_environment {
    char **entries; /* the strings are ours only in: */
    char *session, *preload;
};

/* The library: as told, beside the runner, or where `make install` puts it. NULL: not there. The
 * caller frees it. */
char *command_environment_library(void);

/* False, and nothing to free: no memory. */
bool command_environment_make(struct command_environment *ret, const struct channels *channels,
                              const struct options *options, const char *library, int ctl_fd);

void command_environment_free(struct command_environment *environment);

#endif
