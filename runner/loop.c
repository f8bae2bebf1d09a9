/* loop.c: see loop.h. */
#define _GNU_SOURCE
#include "runner/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "runner/util.h"

enum { BATCH = 64 };

struct loop {
    int epoll;
    bool stopped;
    int n; /* events of the current batch */
    struct epoll_event batch[BATCH];
    struct list watches; /* active ones */
    struct timer *timers;
    void (*turn)(void *context, bool idle);
    void *turn_context;
    uint64_t pace;  /* ns */
    uint64_t woken; /* now_ns when the last wait ended */
    const struct watch *urgent;
};

int loop_init(struct loop **ret_loop)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return -ENOMEM;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0) {
        int error = errno;
        free(loop);
        return -error;
    }
    *ret_loop = loop;
    return 0;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    close(loop->epoll);
    free(loop);
}

static int add(int epoll, struct watch *watch)
{
    struct epoll_event event = {.events = watch->events, .data.ptr = watch};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, watch->fd, &event) < 0 ? -errno : 0;
}

int loop_watch(struct loop *loop, struct watch *watch, int fd, uint32_t events)
{
    watch->fd = fd;
    watch->events = events;
    int error = add(loop->epoll, watch);
    if (error != 0)
        return error;
    watch->active = true;
    list_append(&loop->watches, &watch->link);
    return 0;
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
    if (!watch->active)
        return;
    watch->active = false;
    list_remove(&loop->watches, &watch->link);
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = 0; i < loop->n; i++)
        if (loop->batch[i].data.ptr == watch)
            loop->batch[i].data.ptr = NULL;
}

void loop_add_timer(struct loop *loop, struct timer *timer)
{
    timer->next = loop->timers;
    loop->timers = timer;
}

void loop_on_turn(struct loop *loop, void (*turn)(void *context, bool idle), void *context)
{
    loop->turn = turn;
    loop->turn_context = context;
}

/* Milliseconds until the next timer, rounded up; -1: none. (epoll_pwait2 would take nanoseconds,
 * but needs Linux 5.11.) */
static int next_timeout(const struct loop *loop)
{
    uint64_t at = UINT64_MAX;
    for (const struct timer *timer = loop->timers; timer != NULL; timer = timer->next)
        if (timer->at != 0 && timer->at < at)
            at = timer->at;
    if (at == UINT64_MAX)
        return -1;
    uint64_t now = now_ns();
    if (at <= now)
        return 0;
    uint64_t ms = (at - now + NS_PER_MS - 1) / NS_PER_MS;
    return ms > 60000 ? 60000 : (int)ms;
}

static void run_timers(struct loop *loop)
{
    uint64_t now = 0;
    for (struct timer *timer = loop->timers; timer != NULL; timer = timer->next) {
        if (timer->at == 0)
            continue;
        if (now == 0)
            now = now_ns();
        if (timer->at > now)
            continue;
        timer->at = 0;
        timer->due(timer);
    }
}

void loop_pace(struct loop *loop, uint64_t ns, const struct watch *urgent)
{
    loop->pace = ns;
    loop->urgent = urgent;
}

static void rest(const struct loop *loop)
{
    uint64_t passed = now_ns() - loop->woken;
    if (passed >= loop->pace)
        return;
    struct pollfd urgent = {.fd = loop->urgent->fd, .events = POLLIN};
    struct timespec limit = {.tv_nsec = (long)(loop->pace - passed)};
    ppoll(&urgent, 1, &limit, NULL);
}

int loop_run(struct loop *loop)
{
    while (!loop->stopped) {
        int n = epoll_wait(loop->epoll, loop->batch, BATCH, 0);
        if (loop->turn != NULL)
            loop->turn(loop->turn_context, n == 0);
        if (loop->stopped)
            break;
        if (n == 0) {
            if (loop->pace > 0)
                rest(loop);
            n = epoll_wait(loop->epoll, loop->batch, BATCH, next_timeout(loop));
            loop->woken = now_ns();
        }
        if (n < 0 && errno != EINTR)
            return -errno;
        loop->n = n < 0 ? 0 : n;
        for (int i = 0; i < loop->n; i++) {
            struct watch *watch = loop->batch[i].data.ptr;
            if (watch != NULL) /* an earlier callback of this batch may have ended its watch */
                watch->ready(watch, loop->batch[i].events);
        }
        loop->n = 0;
        run_timers(loop);
    }
    return 0;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

int loop_after_fork(struct loop *loop)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return -errno;
    close(loop->epoll);
    loop->epoll = epoll;
    loop->n = 0;
    int result = 0;
    for (const struct link *link = loop->watches.first; link != NULL; link = link->next) {
        int error = add(epoll, LIST_OWNER(link, struct watch, link));
        result = error != 0 ? error : result;
    }
    return result;
}
