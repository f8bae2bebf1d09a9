/* loop.h: the event loop: descriptors, timers, and a function that is called before each wait. The
 * loop has one thread. Callbacks handle their own errors. */
#ifndef SSCAP_RUNNER_LOOP_H
#define SSCAP_RUNNER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/list.h"

struct watch;
typedef void watch_ready(struct watch *watch, uint32_t events);

/* A descriptor to watch. Embed it in its owner, and fill in ready and context. It is
 * level-triggered. */
struct watch {
    watch_ready *ready;
    void *context;
    int fd;
    bool active;
    uint32_t events;
    struct link link; /* in the loop's list, while active */
};

struct timer;
typedef void timer_due(struct timer *timer);

/* A moment (now_ns) at which `due` is called once. 0: none. */
struct timer {
    timer_due *due;
    void *context;
    uint64_t at;
    struct timer *next;
};

struct loop;

/* Makes the loop. Returns 0 or -errno. */
int loop_init(struct loop **ret_loop);
void loop_free(struct loop *loop);

/* Watches fd for events (EPOLLIN, ...). Returns 0 or -errno; -EPERM: fd is always ready, as a
 * regular file is (epoll_ctl(2)). */
int loop_watch(struct loop *loop, struct watch *watch, int fd, uint32_t events);

/* Stops watching and leaves the descriptor open. The callback is not called any more, even if fd is
 * ready already. */
void loop_unwatch(struct loop *loop, struct watch *watch);

/* Registers a timer, which stays registered when it has expired. */
void loop_add_timer(struct loop *loop, struct timer *timer);

/* Calls `turn` before each wait. `idle` says that nothing is ready and the loop will sleep; else
 * the call is between two batches. */
void loop_on_turn(struct loop *loop, void (*turn)(void *context, bool idle), void *context);

/* Each wakeup costs time in the processes that write to the loop. So a busy loop wakes at most once
 * in `ns`: it rests before it waits again, unless `urgent` is ready. 0: it never rests. */
void loop_pace(struct loop *loop, uint64_t ns, const struct watch *urgent);

/* Runs until loop_stop. Returns 0 or -errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* For a child that continues with its parent's loop: makes the watches the child's own. After
 * fork(2) both processes share the epoll instance, and a signalfd in it wakes the process that
 * added it (signalfd(2)). Returns 0 or -errno. */
int loop_after_fork(struct loop *loop);

#endif
