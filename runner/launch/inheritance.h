/* inheritance.h: the process attributes with which sscap was started. The command must start with
 * the same ones. */
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

/* Notes limits and closed descriptors. Then raises this process's limit of descriptors, and
 * occupies the numbers of closed standard descriptors. */
void inheritance_take(struct inheritance *inheritance);

#endif
