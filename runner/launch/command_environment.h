/* command_environment.h: makes the command's environment: ours with the session's variables, and
 * with the library for the command's loader. */
#ifndef SSCAP_RUNNER_LAUNCH_COMMAND_ENVIRONMENT_H
#define SSCAP_RUNNER_LAUNCH_COMMAND_ENVIRONMENT_H

#include <stdbool.h>

#include "runner/launch/channels.h"
#include "runner/options.h"

/* Our own environment with the session's variables in it. */
struct command_environment {
    char **entries; /* of its strings, only these are ours: */
    char *session, *preload;
};

/* Finds the library: the path that the user has given, or beside the runner, or where `make
 * install` puts it. NULL: it is not there. The caller frees the path. */
char *command_environment_library(void);

/* False: no memory; then there is nothing to free. */
bool command_environment_make(struct command_environment *ret, const struct channels *channels,
                              const struct options *options, const char *library, int ctl_fd);

void command_environment_free(struct command_environment *environment);

#endif
