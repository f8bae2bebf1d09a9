/* events.h: what the library says over ctl and over the named socket; validated, and handed to
 * announcements. */
#ifndef SSCAP_RUNNER_PROCESSES_CTL_H
#define SSCAP_RUNNER_PROCESSES_CTL_H

#include <stdint.h>

#include "runner/loop.h"
#include "runner/processes/processes.h"
#include "shim/wire.h"

enum { CONNECTIONS_MAX = 128 };

struct ctl;

/* One process that lost ctl, for one event; who it is, the kernel said when it connected
 * (SO_PEERCRED). */
struct connection {
    struct ctl *events;
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
    unsigned int next_connection; /* taken in turn: where all are in use, the oldest goes */
    struct timer accept_again;    /* after a failure for want of descriptors */
    uint64_t refused;             /* messages that were not ours to believe */
};

/* Takes over the runner's end of ctl and the listening named socket; the first to hand pidfds over
 * where the kernel can. Returns 0 or -errno. */
int ctl_init(struct ctl *events, struct loop *loop, struct processes *processes, int ctl,
             int listener, const uint8_t nonce[SSCAP_NONCE_SIZE]);

/* Takes one in that came by another way: `bytes` as a process has sent them. */
void ctl_take(struct ctl *events, int32_t sender, const char *bytes, size_t n);

/* Takes in what has arrived: over ctl alone (the common case, and cheap), or by all ways. */
void ctl_drain_inherited(struct ctl *events);
void ctl_drain(struct ctl *events);

#endif
