/* ctl.c: see ctl.h.
 *
 * Every drain is bounded, because one process of the tree could otherwise keep the runner busy with
 * events for ever. The bounds are no fewer than what the kernel queues, so a drain takes in
 * everything that was sent before it began. */
#define _GNU_SOURCE
#include "runner/processes/ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/kernel/pidfd.h"
#include "runner/kernel/recv_creds.h"
#include "runner/launch/channels.h"
#include "runner/processes/ctl_event_check.h"
#include "runner/processes/ctl_events.h"
#include "runner/util.h"

#define ACCEPT_AGAIN_NS (50 * NS_PER_MS)

enum {
    /* All senders share one send buffer of CHANNELS_CTL_BUFFER bytes, which the kernel doubles, and
     * it charges at least 512 bytes for a message (sk_buff and its data). */
    MESSAGES_MAX = 2 * CHANNELS_CTL_BUFFER / 512,
};

static bool is_ours(const struct ctl *ctl, const struct sscap_event *event, size_t n)
{
    return n >= sizeof *event && event->version == SSCAP_WIRE_VERSION && event->length == n &&
           memcmp(event->nonce, ctl->nonce, sizeof event->nonce) == 0 &&
           ctl_event_is_valid(event, n);
}

/* A message as it arrives. */
union message {
    struct sscap_event event;
    char bytes[SSCAP_EVENT_SIZE_MAX];
};

static void take(struct ctl *ctl, int32_t sender, const union message *message, size_t n, int pidfd)
{
    if (is_ours(ctl, &message->event, n)) {
        ctl_events_take(ctl->processes, sender, &message->event, pidfd);
        return;
    }
    ctl->refused++;
    if (pidfd >= 0)
        close(pidfd);
}

void ctl_take(struct ctl *ctl, int32_t sender, const char *bytes, size_t n)
{
    union message message;
    memcpy(&message, bytes, n);
    take(ctl, sender, &message, n, PIDFD_NONE);
}

/* --- ctl --- */

/* Whether the sender of the next message is new. It may be dead and reaped by now, and then its
 * pidfd is the way to its exit status. Looking first costs 0.5 us; a pidfd with each message costs
 * 4 us. */
static bool next_is_new(const struct ctl *ctl)
{
    int32_t sender;
    char byte;
    if (!ctl->pidfds || recv_creds(ctl->ctl.fd, &byte, 1, MSG_PEEK, &sender, NULL) <= 0)
        return false;
    const struct process *process = processes_newest(ctl->processes, sender);
    return process == NULL || process->ended;
}

/* Takes one message in. False: there is none. */
static bool drain_one(struct ctl *ctl)
{
    union message message;
    int32_t sender;
    int pidfd = PIDFD_NONE;
    ssize_t n = recv_creds(ctl->ctl.fd, &message, sizeof message, 0, &sender,
                           next_is_new(ctl) ? &pidfd : NULL);
    if (n == 0 && sender == RECV_CREDS_NONE) /* no process has the other end, and none can get it */
        loop_unwatch(ctl->loop, &ctl->ctl);
    if (n < 0 || sender == RECV_CREDS_NONE)
        return false;
    if (sender > 0) {
        take(ctl, sender, &message, (size_t)n, pidfd);
        return true;
    }
    ctl->refused++;
    if (pidfd >= 0)
        close(pidfd);
    return true;
}

void ctl_drain_inherited(struct ctl *ctl)
{
    for (int left = MESSAGES_MAX; left > 0 && drain_one(ctl); left--)
        ;
}

static void ctl_ready(struct watch *watch, uint32_t ready)
{
    (void)ready;
    ctl_drain_inherited(watch->context);
}

/* --- the named socket --- */

static void drop(struct connection *connection)
{
    loop_unwatch(connection->ctl->loop, &connection->watch);
    close(connection->watch.fd);
}

/* Reads the one event. True when the connection is done with. */
static bool read_event(struct ctl *ctl, int fd, int32_t peer)
{
    union message message;
    ssize_t n = recv(fd, &message, sizeof message, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0)
        return true;
    int pidfd = PIDFD_NONE;
    const struct process *process = processes_newest(ctl->processes, peer);
    if (ctl->pidfds && (process == NULL || process->ended))
        pidfd = pidfd_peer(fd);
    take(ctl, peer, &message, (size_t)n, pidfd < 0 ? PIDFD_NONE : pidfd);
    return true;
}

static void connection_ready(struct watch *watch, uint32_t ready)
{
    struct connection *connection = watch->context;
    (void)ready;
    if (read_event(connection->ctl, watch->fd, connection->peer))
        drop(connection);
}

/* Waits for the event of a connection that was made a moment ago. */
static void keep(struct ctl *ctl, int fd, int32_t peer)
{
    struct connection *connection = &ctl->connections[ctl->next_connection];
    ctl->next_connection = (ctl->next_connection + 1) % CONNECTIONS_MAX;
    if (connection->watch.active) { /* its process has connected and sent nothing */
        ctl->refused++;
        drop(connection);
    }
    *connection = (struct connection){.ctl = ctl, .peer = peer};
    connection->watch = (struct watch){.ready = connection_ready, .context = connection};
    if (loop_watch(ctl->loop, &connection->watch, fd, EPOLLIN) < 0)
        close(fd);
}

/* Takes one connection in. False: there is none, or there are no descriptors for it. */
static bool accept_one(struct ctl *ctl)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    int fd = accept4(ctl->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
        return true;
    if (fd < 0) {
        if (errno == EAGAIN)
            return false;
        /* No descriptors (EMFILE). The watch is level-triggered, and would be ready at once again.
         */
        loop_unwatch(ctl->loop, &ctl->listener);
        ctl->accept_again.at = now_ns() + ACCEPT_AGAIN_NS;
        return false;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || read_event(ctl, fd, peer.pid))
        close(fd);
    else
        keep(ctl, fd, peer.pid);
    return true;
}

static void accept_all(struct ctl *ctl)
{
    for (int left = CHANNELS_BACKLOG; left > 0 && accept_one(ctl); left--)
        ;
}

static void listener_ready(struct watch *watch, uint32_t ready)
{
    (void)ready;
    accept_all(watch->context);
}

static void accept_again(struct timer *timer)
{
    struct ctl *ctl = timer->context;
    loop_watch(ctl->loop, &ctl->listener, ctl->listener.fd, EPOLLIN);
    accept_all(ctl);
}

void ctl_drain(struct ctl *ctl)
{
    ctl_drain_inherited(ctl);
    accept_all(ctl);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (ctl->connections[i].watch.active)
            connection_ready(&ctl->connections[i].watch, 0);
}

int ctl_init(struct ctl *ctl, struct loop *loop, struct processes *processes, int fd, int listener,
             const uint8_t nonce[SSCAP_NONCE_SIZE])
{
    *ctl = (struct ctl){.loop = loop, .processes = processes};
    memcpy(ctl->nonce, nonce, sizeof ctl->nonce);
    ctl->ctl = (struct watch){.ready = ctl_ready, .context = ctl};
    ctl->listener = (struct watch){.ready = listener_ready, .context = ctl};
    ctl->accept_again = (struct timer){.due = accept_again, .context = ctl};
    loop_add_timer(loop, &ctl->accept_again);
    ctl->pidfds = processes->features.pass && pidfd_pass(fd) == 0;
    int error = loop_watch(loop, &ctl->ctl, fd, EPOLLIN);
    return error < 0 ? error : loop_watch(loop, &ctl->listener, listener, EPOLLIN);
}
