/* events.c: see events.h. */
#define _GNU_SOURCE
#include "runner/processes/ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/kernel/pidfd.h"
#include "runner/kernel/recv_creds.h"
#include "runner/processes/ctl_events.h"
#include "runner/util.h"

#define ACCEPT_AGAIN_NS (50 * NS_PER_MS)

static bool is_ours(const struct ctl *events, const struct sscap_event *event, size_t n)
{
    return n >= sizeof *event && event->version == SSCAP_WIRE_VERSION && event->length == n &&
           memcmp(event->nonce, events->nonce, sizeof event->nonce) == 0 &&
           ctl_events_valid(event, n);
}

/* A message as it arrives. */
union message {
    struct sscap_event event;
    char bytes[SSCAP_EVENT_SIZE_MAX];
};

static void take(struct ctl *events, int32_t sender, const union message *message, size_t n,
                 int pidfd)
{
    if (is_ours(events, &message->event, n)) {
        ctl_events_take(events->processes, sender, &message->event, pidfd);
        return;
    }
    events->refused++;
    if (pidfd >= 0)
        close(pidfd);
}

void ctl_take(struct ctl *events, int32_t sender, const char *bytes, size_t n)
{
    union message message;
    memcpy(&message, bytes, n);
    take(events, sender, &message, n, PIDFD_NONE);
}

/* --- ctl --- */

/* Whether the sender of the next message is new: it may be dead and reaped by now, and then its
 * pidfd is the way to its exit status. Looking first costs 0.5 us, a pidfd with each message would
 * cost 4. */
static bool next_is_new(const struct ctl *events)
{
    int32_t sender;
    char byte;
    if (!events->pidfds || recv_creds(events->ctl.fd, &byte, 1, MSG_PEEK, &sender, NULL) <= 0)
        return false;
    const struct process *process = processes_newest(events->processes, sender);
    return process == NULL || process->ended;
}

void ctl_drain_inherited(struct ctl *events)
{
    for (;;) {
        union message message;
        int32_t sender;
        int pidfd = PIDFD_NONE;
        ssize_t n = recv_creds(events->ctl.fd, &message, sizeof message, 0, &sender,
                               next_is_new(events) ? &pidfd : NULL);
        if (n == 0) /* every process has closed its end: nobody can open it again */
            loop_unwatch(events->loop, &events->ctl);
        if (n <= 0)
            return;
        if (sender != 0)
            take(events, sender, &message, (size_t)n, pidfd);
    }
}

static void ctl_ready(struct watch *watch, uint32_t ready)
{
    (void)ready;
    ctl_drain_inherited(watch->context);
}

/* --- the named socket --- */

static void drop(struct connection *connection)
{
    loop_unwatch(connection->events->loop, &connection->watch);
    close(connection->watch.fd);
}

/* Reads the one event. True when the connection is done with. */
static bool read_event(struct ctl *events, int fd, int32_t peer)
{
    union message message;
    ssize_t n = recv(fd, &message, sizeof message, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0)
        return true;
    int pidfd = PIDFD_NONE;
    const struct process *process = processes_newest(events->processes, peer);
    if (events->pidfds && (process == NULL || process->ended))
        pidfd = pidfd_peer(fd);
    take(events, peer, &message, (size_t)n, pidfd < 0 ? PIDFD_NONE : pidfd);
    return true;
}

static void connection_ready(struct watch *watch, uint32_t ready)
{
    struct connection *connection = watch->context;
    (void)ready;
    if (read_event(connection->events, watch->fd, connection->peer))
        drop(connection);
}

/* Waits for the event of a connection that was made a moment ago. */
static void keep(struct ctl *events, int fd, int32_t peer)
{
    struct connection *connection = &events->connections[events->next_connection];
    events->next_connection = (events->next_connection + 1) % CONNECTIONS_MAX;
    if (connection->watch.active) { /* somebody connects and says nothing: no process of ours */
        events->refused++;
        drop(connection);
    }
    *connection = (struct connection){.events = events, .peer = peer};
    connection->watch = (struct watch){.ready = connection_ready, .context = connection};
    if (loop_watch(events->loop, &connection->watch, fd, EPOLLIN) < 0)
        close(fd);
}

static void accept_all(struct ctl *events)
{
    for (;;) {
        struct ucred peer;
        socklen_t size = sizeof peer;
        int fd = accept4(events->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0) {
            if (errno == EAGAIN)
                return;
            /* No descriptors (EMFILE): level-triggered, this would be called without end. */
            loop_unwatch(events->loop, &events->listener);
            events->accept_again.at = now_ns() + ACCEPT_AGAIN_NS;
            return;
        }
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
            read_event(events, fd, peer.pid))
            close(fd);
        else
            keep(events, fd, peer.pid);
    }
}

static void listener_ready(struct watch *watch, uint32_t ready)
{
    (void)ready;
    accept_all(watch->context);
}

static void accept_again(struct timer *timer)
{
    struct ctl *events = timer->context;
    loop_watch(events->loop, &events->listener, events->listener.fd, EPOLLIN);
    accept_all(events);
}

void ctl_drain(struct ctl *events)
{
    ctl_drain_inherited(events);
    accept_all(events);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (events->connections[i].watch.active)
            connection_ready(&events->connections[i].watch, 0);
}

int ctl_init(struct ctl *events, struct loop *loop, struct processes *processes, int ctl,
             int listener, const uint8_t nonce[SSCAP_NONCE_SIZE])
{
    *events = (struct ctl){.loop = loop, .processes = processes};
    memcpy(events->nonce, nonce, sizeof events->nonce);
    events->ctl = (struct watch){.ready = ctl_ready, .context = events};
    events->listener = (struct watch){.ready = listener_ready, .context = events};
    events->accept_again = (struct timer){.due = accept_again, .context = events};
    loop_add_timer(loop, &events->accept_again);
    events->pidfds = processes->features.pass && pidfd_pass(ctl) == 0;
    int error = loop_watch(loop, &events->ctl, ctl, EPOLLIN);
    return error < 0 ? error : loop_watch(loop, &events->listener, listener, EPOLLIN);
}
