/* inheritance.h: how sscap was started, which the command is to find as if sscap were not there. */
#ifndef SSCAP_RUNNER_LAUNCH_INHERITANCE_H
#define SSCAP_RUNNER_LAUNCH_INHERITANCE_H

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>

struct inheritance {
    sigset_t signal_mask;          /* signals_block fills these in */
    struct sigaction child_action; /* of SIGCHLD */
    struct rlimit files;
    bool closed[3]; /* standard descriptors that were closed */
};

/* Notes limits and closed descriptors. Then raises the limit of descriptors, and takes the numbers
 * of closed standard descriptors, for this process. */
void inheritance_take(struct inheritance *inheritance);

#endif
