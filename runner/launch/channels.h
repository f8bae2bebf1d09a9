/* channels.h: the sockets between the tree's processes and the runner. */
#ifndef SSCAP_RUNNER_LAUNCH_CHANNELS_H
#define SSCAP_RUNNER_LAUNCH_CHANNELS_H

#include <stdint.h>

#include "runner/launch/inheritance.h"
#include "runner/options.h"
#include "shim/wire.h"

enum {
    CHANNELS_CTL_BUFFER = 1 << 20, /* bytes of events that wait to be read */
    CHANNELS_BACKLOG = 4096,       /* processes that reach the named socket at the same time */
};

struct channels {
    int stream[SSCAP_STREAMS];      /* the runner's ends; -1: not captured */
    int stream_peer[SSCAP_STREAMS]; /* the tree's ends, closed here once the command has them */
    uint64_t inode[SSCAP_STREAMS];  /* of the tree's ends, as /proc/PID/fd shows them */
    int send_buffer; /* bytes that a stream holds before its writers block, as granted */
    int ctl, ctl_peer;
    int listener;
    uint8_t nonce[SSCAP_NONCE_SIZE];
    uint32_t flags; /* SSCAP_FLAG_*, for the session variable; the caller's to fill in */
    char name[17];  /* of the named socket, after its prefix */
};

/* channels_open_streams makes the sockets of the streams. channels_open_events makes the sockets
 * for events; the runner must call it, because the library checks that the listener's pid is the
 * runner's. Both log what fails, and return 0 or -errno. */
int channels_open_streams(struct channels *channels, const struct options *options,
                          const struct inheritance *inheritance);
int channels_open_events(struct channels *channels);

#endif
