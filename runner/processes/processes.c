/* processes.c: see processes.h. */
#define _GNU_SOURCE
#include "runner/processes/processes.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runner/kernel/proc.h"
#include "runner/util.h"

enum {
    DESCRIPTORS_KEPT = 8, /* for everything else: /proc files, connections to the named socket */
};

#define SWEEP_NS           (200 * NS_PER_MS)
#define AWAIT_NS           (20 * NS_PER_MS)
/* How long a process's first word may come after a signal to it. */
#define EARLY_NS           (1 * NS_PER_S)
/* How long after a process's end somebody may still tell its status: its parent, which is about to
 * wait for it; anyone else. */
#define PARENT_PATIENCE_NS (1 * NS_PER_S)
#define PATIENCE_NS        (100 * NS_PER_MS)
#define USAGE_PATIENCE_NS  (50 * NS_PER_MS)

static void sweep(struct timer *timer);

/* The turn that comes with it settles them. */
static void await(struct timer *timer)
{
    const struct processes *processes = timer->context;
    if (processes->ended != NULL)
        timer->at = now_ns() + AWAIT_NS;
}

/* Where this program was executed in another's place (LD_PRELOAD alone), that may have had
 * children. */
static void note_strangers(struct processes *processes)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    FILE *file = fopen(path, "re");
    while (file != NULL && processes->stranger_count < STRANGERS_MAX &&
           fscanf(file, "%d", &processes->strangers[processes->stranger_count]) == 1)
        processes->stranger_count++;
    if (file != NULL)
        fclose(file);
}

int processes_init(struct processes *processes, struct loop *loop, struct lines *lines)
{
    struct rlimit files;
    *processes = (struct processes){
        .fd_max = INT_MAX,
        .loop = loop,
        .lines = lines,
        .self = getpid(),
        .sweep = {.due = sweep, .context = processes},
        .await = {.due = await, .context = processes},
    };
    int error = pids_init(&processes->pids);
    if (error != 0)
        return error;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < INT_MAX)
        processes->fd_max = (int)files.rlim_cur - DESCRIPTORS_KEPT;
    note_strangers(processes);
    loop_add_timer(loop, &processes->sweep);
    loop_add_timer(loop, &processes->await);
    return 0;
}

static void unwatch(struct process *process)
{
    loop_unwatch(process->set->loop, &process->exit);
    if (process->exit.fd >= 0)
        close(process->exit.fd);
    process->exit.fd = -1;
}

/* --- lists --- */

static void list_remove(struct process **first, struct process **last, struct process *process)
{
    *(process->previous != NULL ? &process->previous->next : first) = process->next;
    *(process->next != NULL ? &process->next->previous : last) = process->previous;
}

static void list_add(struct process **first, struct process **last, struct process *process)
{
    process->previous = *last;
    process->next = NULL;
    *(*last != NULL ? &(*last)->next : first) = process;
    *last = process;
}

struct process *processes_newest(const struct processes *processes, int32_t pid)
{
    return *pids_place(&processes->pids, pid);
}

struct process *processes_find(const struct processes *processes, int32_t pid,
                               enum sscap_stream stream, uint64_t position)
{
    struct process *process = processes_newest(processes, pid);
    while (process != NULL && process->older != NULL &&
           position < process->older->end_position[stream])
        process = process->older;
    if (process != NULL && process->ended && position >= process->end_position[stream])
        return NULL; /* a new process, of which nothing is known yet */
    return process;
}

static void release(struct process *process)
{
    unwatch(process);
    image_release(process->image);
    exit_status_clear(&process->ending);
    for (int stream = 0; stream < SSCAP_STREAMS; stream++)
        tail_clear(&process->set->lines->tails, &process->tail[stream]);
    free(process);
}

void processes_clear(struct processes *processes)
{
    struct process **lists[] = {&processes->live, &processes->ended};
    for (size_t i = 0; i < 2; i++) {
        while (*lists[i] != NULL) {
            struct process *process = *lists[i];
            *lists[i] = process->next;
            release(process);
        }
    }
    pids_clear(&processes->pids);
}

/* --- ends --- */

void processes_set_shimmed(struct process *process, bool shimmed)
{
    if (!process->ended)
        process->set->silent_count += (uint64_t)process->shimmed - (uint64_t)shimmed;
    process->shimmed = shimmed;
}

static bool parent_may_tell(const struct process *process)
{
    const struct process *parent = processes_newest(process->set, process->ppid);
    return parent != NULL && parent->pid == process->ppid && !parent->ended && parent->shimmed;
}

/* Of a crash's signal that was sent, the kernel says by whom: maybe by a program of this tree that
 * does not say so itself (a static one). */
static void name_sender(struct process *process)
{
    const struct sscap_crash *crash = process->ending.crash;
    const struct process *sender = crash != NULL ? processes_newest(process->set, crash->sender)
                                                 : NULL;
    if (sender != NULL && sender != process && sender->pid == crash->sender)
        exit_status_note_signal(process, crash->signal, sender->pid, sender->name);
}

void processes_end(struct process *process)
{
    struct processes *set = process->set;
    if (process->ended)
        return;
    process->ended = true;
    process->gone = now_ns();
    for (int stream = 0; stream < SSCAP_STREAMS; stream++)
        process->end_position[stream] = set->position(set->context, (enum sscap_stream)stream);
    loop_unwatch(set->loop, &process->exit);
    list_remove(&set->live, &set->live_last, process);
    list_add(&set->ended, &set->ended_last, process);
    set->silent_count -= !process->shimmed;
    exit_status_look(process);
    name_sender(process);
    process->patience = process->gone +
                        (parent_may_tell(process) ? PARENT_PATIENCE_NS : PATIENCE_NS);
    if (!exit_status_known(&process->ending) && set->await.at == 0)
        set->await.at = process->gone + AWAIT_NS;
}

static void exit_ready(struct watch *watch, uint32_t events)
{
    struct process *process = watch->context;
    (void)events;
    process->set->before_end(
        process->set->context); /* what it said before it died is still its own */
    processes_end(process);
}

bool processes_is_dead(const struct process *process)
{
    struct proc_stat stat;
    if (process->ended || process->exit.fd >= 0)
        return process->ended || pidfd_ended(process->exit.fd);
    return process->pid > 0 && (!proc_stat(process->pid, &stat) || stat.start != process->start ||
                                stat.state == 'Z' || stat.state == 'X');
}

/* Whether it is a child from before the session; asked once, as its pid may then be another's. */
static bool take_stranger(struct processes *processes, int32_t pid)
{
    for (size_t i = 0; i < processes->stranger_count; i++) {
        if (processes->strangers[i] == pid) {
            processes->strangers[i] = processes->strangers[--processes->stranger_count];
            return true;
        }
    }
    return false;
}

struct process *processes_child_ended(struct processes *processes, int32_t pid)
{
    processes->before_end(processes->context);
    struct process *process = processes_newest(processes, pid);
    /* Nobody else has waited for it; one of whom that is known had the pid before. */
    if (process == NULL || process->pid != pid || process->ending.witness >= WITNESS_PIDFD) {
        if (take_stranger(processes, pid) || pids_take_gone(&processes->pids, pid))
            return NULL;
        /* An orphan that never said a word, nor did whoever started it: as a zombie it still has
         * its name. */
        process = processes_discover(processes, pid, PIDFD_NONE);
    }
    if (process != NULL)
        processes_end(process);
    return process;
}

/* Whether somebody may still tell how it ended; or, of a failure, what it used: that its parent
 * alone learns. */
static bool is_awaited(struct process *process)
{
    const struct ending *ending = &process->ending;
    uint64_t patience = process->patience;
    if (!exit_status_known(ending))
        exit_status_look(process);
    if (exit_status_known(ending)) {
        if (ending->status == 0 || ending->usage.peak_kb != 0 || !parent_may_tell(process))
            return false;
        patience = process->gone + USAGE_PATIENCE_NS;
    }
    if (now_ns() >= patience)
        return false;
    if (process->set->await.at == 0)
        process->set->await.at = now_ns() + AWAIT_NS;
    return true;
}

static void finish(struct process *process)
{
    struct processes *set = process->set;
    struct process **at = pids_place(&set->pids, process->pid);
    if (process->ending.witness != WITNESS_PARENT && process->ending.witness != WITNESS_WAIT)
        pids_note_gone(&set->pids, process->pid, process->ppid);
    while (*at != process)
        at = &(*at)->older;
    *at = process->older;
    list_remove(&set->ended, &set->ended_last, process);
    set->unshimmed_count += !process->shimmed;
    release(process);
}

void processes_settle(struct processes *processes, const uint64_t position[SSCAP_STREAMS])
{
    for (struct process *process = processes->ended, *next; process != NULL; process = next) {
        next = process->next;
        if (position[SSCAP_OUT] < process->end_position[SSCAP_OUT] ||
            position[SSCAP_ERR] < process->end_position[SSCAP_ERR])
            continue;
        if (!lines_end(processes->lines, process))
            return;
        if (is_awaited(process))
            continue;
        if (!processes->closed(processes->context, process))
            return;
        finish(process);
    }
}

void processes_close_ended(struct processes *processes)
{
    for (struct process *process = processes->ended, *next; process != NULL; process = next) {
        next = process->next;
        exit_status_look(process);
        (void)processes->closed(processes->context, process);
        finish(process);
    }
}

bool processes_exiting(const struct processes *processes)
{
    struct proc_stat stat;
    for (const struct process *process = processes->live; process != NULL; process = process->next)
        if (process->pid > 0 && proc_stat(process->pid, &stat) && stat.exiting)
            return true;
    return false;
}

uint64_t processes_unshimmed(const struct processes *processes)
{
    uint64_t count = processes->unshimmed_count;
    for (const struct process *process = processes->live; process != NULL; process = process->next)
        count += !process->shimmed;
    for (const struct process *process = processes->ended; process != NULL; process = process->next)
        count += !process->shimmed;
    return count;
}

/* --- signals --- */

void processes_signal(struct processes *processes, int32_t target, int32_t sender,
                      const char *sender_name, int number)
{
    struct process *process = processes_newest(processes, target);
    if (process != NULL && process->pid == target && !processes_is_dead(process)) {
        exit_status_note_signal(process, number, sender, sender_name);
        return;
    }
    struct early_signal *early = &processes->early[processes->next_early++ % EARLY_SIGNALS_MAX];
    *early = (struct early_signal){
        .target = target, .sender = sender, .signal = number, .when = now_ns()};
    memcpy(early->sender_name, sender_name, sizeof early->sender_name);
    if (process != NULL && process->pid == target) /* it may have come too late, or just in time */
        exit_status_note_signal(process, number, sender, sender_name);
}

static void take_early_signals(struct process *process)
{
    struct processes *set = process->set;
    for (size_t i = 0; i < EARLY_SIGNALS_MAX; i++) {
        struct early_signal *early = &set->early[i];
        if (early->target == process->pid && process->pid > 0 &&
            early->when + EARLY_NS > process->begun)
            exit_status_note_signal(process, early->signal, early->sender, early->sender_name);
    }
}

/* --- beginnings --- */

/* Wants to know of its end: by a pidfd; where there are none left (EMFILE), by looking. */
static void watch_exit(struct process *process, int pidfd)
{
    struct processes *set = process->set;
    struct proc_stat stat = {0};
    int fd = pidfd == PIDFD_NONE ? pidfd_of(process->pid) : pidfd;
    if (fd == -ESRCH || fd == PIDFD_GONE) {
        process->late = true;
        processes_end(process);
        return;
    }
    process->exit = (struct watch){.ready = exit_ready, .context = process, .fd = fd};
    if (fd >= 0 && fd < set->fd_max && loop_watch(set->loop, &process->exit, fd, EPOLLIN) == 0)
        return;
    if (fd >= 0)
        close(fd);
    process->exit.fd = -1;
    (void)proc_stat(process->pid, &stat);
    process->start = stat.start;
    if (set->sweep.at == 0)
        set->sweep.at = now_ns() + SWEEP_NS;
}

/* As its parent is called now; and by the parent's own ancestors. */
static void inherit(struct process *process, const struct process *parent)
{
    if (parent == NULL || parent->pid != process->ppid)
        return;
    process->ancestors[0].pid = parent->pid;
    memcpy(process->ancestors[0].name, parent->name, sizeof parent->name);
    memcpy(&process->ancestors[1], parent->ancestors,
           sizeof process->ancestors - sizeof process->ancestors[0]);
    process->node = parent->node;
    process->memory_group = parent->memory_group;
    process->group = parent->group;
}

void processes_adopt(struct process *process, const struct process *parent)
{
    uint32_t node = process->node;
    process->ppid = parent->pid;
    inherit(process, parent);
    process->node = node;
    if (strcmp(process->name, "?") == 0)
        memcpy(process->name, parent->name, sizeof process->name);
    process->set->adopted(process->set->context, process, parent);
}

struct process *processes_add(struct processes *processes, int32_t pid, int32_t ppid,
                              const char *name, int pidfd)
{
    struct process *process = calloc(1, sizeof *process);
    struct process **at = pids_place(&processes->pids, pid);
    if (process == NULL) {
        processes->lost++;
        return NULL;
    }
    if (*at != NULL && !(*at)->ended) {
        (*at)->replaced = true; /* another process has the pid now */
        processes_end(*at);
    }
    process->pid = pid;
    process->ppid = ppid;
    process->set = processes;
    process->exit.fd = -1;
    process->begun = now_ns();
    inherit(process, processes_newest(processes, ppid));
    process->older = *at;
    *at = process;
    snprintf(process->name, sizeof process->name, "%s", name);
    make_safe(process->name);
    for (int stream = 0; stream < SSCAP_STREAMS; stream++)
        memcpy(process->stream_name[stream], process->name, sizeof process->name);
    list_add(&processes->live, &processes->live_last, process);
    processes->count++;
    processes->silent_count++;
    processes->began(processes->context, process);
    take_early_signals(process);
    if (pid > 0)
        watch_exit(process, pidfd);
    return process;
}

struct process *processes_discover(struct processes *processes, int32_t pid, int pidfd)
{
    struct proc_stat stat;
    if (pid <= 0 || !proc_stat(pid, &stat))
        return NULL;
    struct process *process = processes_add(processes, pid, stat.ppid, stat.name, pidfd);
    if (process != NULL) {
        process->group = stat.group;
        process->image = image_read(pid, processes->arguments);
        processes->started(processes->context, process);
    }
    return process;
}

static void sweep(struct timer *timer)
{
    struct processes *processes = timer->context;
    bool more = false;
    processes->before_end(processes->context);
    for (struct process *process = processes->live, *next; process != NULL; process = next) {
        next = process->next;
        if (process->exit.fd >= 0 || process->pid == 0)
            continue;
        if (processes_is_dead(process))
            processes_end(process);
        else
            more = true;
    }
    if (more)
        timer->at = now_ns() + SWEEP_NS;
}
