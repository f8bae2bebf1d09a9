/* loop.h: the event loop: descriptors, timers, and what to do before going to sleep. One thread;
 * errors are the callers'. */
#ifndef SSCAP_RUNNER_LOOP_H
#define SSCAP_RUNNER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/list.h"

struct watch;
typedef void watch_ready(struct watch *watch, uint32_t events);

/* A descriptor to watch, embedded in its owner, which fills in ready and context. Level-triggered.
 */
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

/* A moment (now_ns) at which due is called once; 0: none. */
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

/* Watches fd for events (EPOLLIN, ...). Returns 0 or -errno; -EPERM for what is always ready
 * (files). */
int loop_watch(struct loop *loop, struct watch *watch, int fd, uint32_t events);

/* Stops watching; leaves the descriptor open. No callback comes from now on, not even one that is
 * ready already. */
void loop_unwatch(struct loop *loop, struct watch *watch);

/* Registers a timer, which stays registered. */
void loop_add_timer(struct loop *loop, struct timer *timer);

/* Calls turn before each wait: with idle when nothing is ready and the loop is about to sleep, else
 * between two batches. */
void loop_on_turn(struct loop *loop, void (*turn)(void *context, bool idle), void *context);

/* Each wakeup costs the processes that write to the loop, so a busy loop wakes once in `ns` at
 * most: it rests before it waits again, unless `urgent` is ready. 0: it never rests. */
void loop_pace(struct loop *loop, uint64_t ns, const struct watch *urgent);

/* Runs until loop_stop. Returns 0 or -errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* In a child that goes on with its parent's loop: makes the watches the child's own. An epoll
 * instance belongs to both after fork(2), and a signalfd in it wakes the process that added it
 * (signalfd(2)). Returns 0 or -errno. */
int loop_after_fork(struct loop *loop);

#endif
