/* ctl.h: receives the library's events, over the inherited ctl socket and over the named socket. */
#ifndef SSCAP_RUNNER_PROCESSES_CTL_H
#define SSCAP_RUNNER_PROCESSES_CTL_H

#include <stdint.h>

#include "runner/loop.h"
#include "runner/processes/processes.h"
#include "shim/wire.h"

enum { CONNECTIONS_MAX = 128 };

struct ctl;

/* A connection for one event of a process that has lost ctl. The kernel said who the process is
 * when it connected (SO_PEERCRED). */
struct connection {
    struct ctl *ctl;
    struct watch watch; /* active while the event has not come yet */
    int32_t peer;
};

struct ctl {
    struct loop *loop;
    struct processes *processes;
    uint8_t nonce[SSCAP_NONCE_SIZE];
    bool pidfds; /* come with the messages */
    struct watch ctl, listener;
    struct connection connections[CONNECTIONS_MAX];
    /* Connections are used in turn. Where all are in use, the oldest one goes. */
    unsigned int next_connection;
    struct timer accept_again; /* after a failure for want of descriptors */
    uint64_t refused;          /* messages that were not valid events of this session */
};

/* Takes over the runner's end of ctl and the listening named socket. Returns 0 or -errno. */
int ctl_init(struct ctl *ctl, struct loop *loop, struct processes *processes, int fd, int listener,
             const uint8_t nonce[SSCAP_NONCE_SIZE]);

/* Takes in one event that came in a stream: `bytes` as process `sender` has sent them. */
void ctl_take(struct ctl *ctl, int32_t sender, const char *bytes, size_t n);

/* Takes in everything that has arrived: over the inherited socket alone, which is the common case
 * and costs little; or over all. */
void ctl_drain_inherited(struct ctl *ctl);
void ctl_drain(struct ctl *ctl);

#endif
