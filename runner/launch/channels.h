/* launch.h: the sockets of a session, and the command in their midst. */
#ifndef SSCAP_RUNNER_LAUNCH_CHANNELS_H
#define SSCAP_RUNNER_LAUNCH_CHANNELS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "runner/options.h"
#include "shim/wire.h"

struct channels {
    int stream[SSCAP_STREAMS];      /* the runner's ends; -1: not captured */
    int stream_peer[SSCAP_STREAMS]; /* the tree's ends, closed here once the command has them */
    uint64_t inode[SSCAP_STREAMS];  /* of the tree's ends, as /proc/PID/fd shows them */
    int send_buffer; /* bytes that a stream holds before its writers wait, as granted */
    int ctl, ctl_peer;
    int listener;
    uint8_t nonce[SSCAP_NONCE_SIZE];
    uint32_t flags; /* SSCAP_FLAG_*, for the session variable; the caller's to fill in */
    char name[17];  /* of the named socket, after its prefix */
};

/* How this process was started, which the command is to get back. */
struct inheritance {
    sigset_t signal_mask;
    struct sigaction child_action;
    struct rlimit files;
    bool closed[3]; /* standard descriptors that were closed */
};

/* Notes what this process was started with (signals_block does its part), and makes itself room: as
 * many descriptors as may be, and none of them among the standard ones. */
void inheritance_take(struct inheritance *inheritance);

/* Makes the sockets: of the streams; and those on which the runner hears of events, for which it
 * must be the one who calls (the library asks who listens). Both say what fails, and return 0 or
 * -errno. */
int channels_open_streams(struct channels *channels, const struct options *options,
                          const struct inheritance *inheritance);
int channels_open_events(struct channels *channels);

/* Starts the command, and closes the tree's ends here. Returns its pid; or, having said why, minus
 * the exit status. The child writes its pid to *shared_pid first: so the guardian knows it, however
 * early we are killed. */
int launch(struct channels *channels, const struct options *options,
           const struct inheritance *inheritance, pid_t *shared_pid);

#endif
