/* processes.c: see processes.h. */
#define _GNU_SOURCE
#include "runner/processes/processes.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
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
/* How long after a process's end somebody may still tell its status: its parent, which is about to
 * wait for it; anyone else. */
#define PARENT_MAY_TELL_NS (1 * NS_PER_S)
#define MAY_TELL_NS        (100 * NS_PER_MS)
/* How long its parent may still tell what it used, where its status is known. */
#define USAGE_NS           (50 * NS_PER_MS)

/* --- the set --- */

static void sweep(struct timer *timer);

/* The loop's turn that follows settles the processes that are waited for. */
static void await(struct timer *timer)
{
    const struct processes *processes = timer->context;
    if (processes->ended.first != NULL)
        timer->at = now_ns() + AWAIT_NS;
}

int processes_init(struct processes *processes, struct loop *loop,
                   const struct process_observer *observer)
{
    struct rlimit files;
    *processes = (struct processes){
        .observer = observer,
        .fd_max = INT_MAX,
        .loop = loop,
        .self = getpid(),
        .sweep = {.due = sweep, .context = processes},
        .await = {.due = await, .context = processes},
    };
    int error = pids_init(&processes->pids);
    if (error != 0)
        return error;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < INT_MAX)
        processes->fd_max = (int)files.rlim_cur - DESCRIPTORS_KEPT;
    foreign_children_note(&processes->foreign_children);
    loop_add_timer(loop, &processes->sweep);
    loop_add_timer(loop, &processes->await);
    return 0;
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
    loop_unwatch(process->set->loop, &process->exit);
    if (process->exit.fd >= 0)
        close(process->exit.fd);
    process->set->observer->released(process->set->observer->context, process);
    image_release(process->image);
    exit_status_clear(&process->ending);
    free(process);
}

static void release_all(const struct list *list)
{
    for (struct process *process = processes_first(list), *next; process != NULL; process = next) {
        next = processes_next(process);
        release(process);
    }
}

void processes_clear(struct processes *processes)
{
    release_all(&processes->live);
    release_all(&processes->ended);
    pids_clear(&processes->pids);
}

void processes_set_library(struct process *process, bool has_library)
{
    if (!process->ended)
        process->set->no_library_live += (uint64_t)process->has_library - (uint64_t)has_library;
    process->has_library = has_library;
}

uint64_t processes_without_library(const struct processes *processes)
{
    uint64_t count = processes->no_library_gone + processes->no_library_live;
    for (const struct process *process = processes_first(&processes->ended); process != NULL;
         process = processes_next(process))
        count += !process->has_library;
    return count;
}

/* --- beginnings --- */

static void take_last_events(const struct processes *processes)
{
    processes->observer->dead(processes->observer->context);
}

static void exit_ready(struct watch *watch, uint32_t events)
{
    struct process *process = watch->context;
    (void)events;
    take_last_events(process->set);
    processes_end(process);
}

/* Watches for the process's end by a pidfd; where there are none left (EMFILE), by looking at
 * times. */
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

/* Takes over from the parent what a child inherits; names are as of now. */
static void inherit(struct process *process, const struct process *parent)
{
    if (parent == NULL || parent->pid != process->ppid)
        return;
    process->ancestors[0].pid = parent->pid;
    memcpy(process->ancestors[0].name, parent->name, sizeof parent->name);
    memcpy(&process->ancestors[1], parent->ancestors,
           sizeof process->ancestors - sizeof process->ancestors[0]);
    process->node = parent->node;
    process->memory_cgroup = parent->memory_cgroup;
    process->process_group = parent->process_group;
    process->ending.limits = parent->ending.limits;
    process->is_runner = parent->is_runner;
}

void processes_adopt(struct process *process, const struct process *parent)
{
    const struct process_observer *observer = process->set->observer;
    uint32_t node = process->node;
    process->ppid = parent->pid;
    inherit(process, parent);
    process->node = node;
    if (strcmp(process->name, "?") == 0)
        memcpy(process->name, parent->name, sizeof process->name);
    observer->adopted(observer->context, process, parent);
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
        (*at)->pid_reused = true;
        processes_end(*at);
    }
    process->pid = pid;
    process->ppid = ppid;
    process->set = processes;
    process->exit.fd = -1;
    exit_status_init(&process->ending);
    process->begun = now_ns();
    inherit(process, processes_newest(processes, ppid));
    process->older = *at;
    *at = process;
    snprintf(process->name, sizeof process->name, "%s", name);
    make_safe(process->name);
    for (int stream = 0; stream < SSCAP_STREAMS; stream++)
        memcpy(process->stream_name[stream], process->name, sizeof process->name);
    list_append(&processes->live, &process->link);
    processes->count++;
    processes->no_library_live++;
    processes->observer->began(processes->observer->context, process);
    early_signals_take(&processes->early_signals, pid, process->begun, &process->ending.senders);
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
        process->process_group = stat.group;
        process->image = image_read(pid, processes->arguments);
        process->ending.limits = proc_limits(pid);
        processes->observer->started(processes->observer->context, process);
    }
    return process;
}

/* --- ends --- */

static void look(struct process *process)
{
    const struct exit_query query = {
        .pid = process->pid,
        .pid_reused = process->late || process->pid_reused,
        .pidfd = process->exit.fd,
        .pidfd_info = process->set->features.info,
        .start = process->start,
    };
    exit_status_look(&process->ending, &query);
}

static bool parent_may_tell(const struct process *process)
{
    const struct process *parent = processes_newest(process->set, process->ppid);
    return parent != NULL && parent->pid == process->ppid && !parent->ended && parent->has_library;
}

/* The kernel names the sender of a crash's signal, if one was sent (si_pid). That may be a process
 * of this tree that sends no events, such as a static program. */
static void name_sender(struct process *process)
{
    const struct sscap_crash *crash = process->ending.crash;
    const struct process *sender = crash != NULL ? processes_newest(process->set, crash->sender)
                                                 : NULL;
    if (sender == NULL || sender == process || sender->pid != crash->sender)
        return;
    struct signal_sender named = {.number = crash->signal, .pid = sender->pid};
    memcpy(named.name, sender->name, sizeof named.name);
    signal_senders_note(&process->ending.senders, &named, true);
}

void processes_end(struct process *process)
{
    struct processes *set = process->set;
    if (process->ended)
        return;
    process->ended = true;
    process->gone = now_ns();
    set->observer->ended(set->observer->context, process);
    loop_unwatch(set->loop, &process->exit);
    list_remove(&set->live, &process->link);
    list_append(&set->ended, &process->link);
    set->no_library_live -= !process->has_library;
    look(process);
    name_sender(process);
    process->status_deadline = process->gone +
                               (parent_may_tell(process) ? PARENT_MAY_TELL_NS : MAY_TELL_NS);
    if (!exit_status_known(&process->ending) && set->await.at == 0)
        set->await.at = process->gone + AWAIT_NS;
}

/* For a process without a pidfd. /proc cannot be read where no descriptor is left (EMFILE), and a
 * process must not be taken for dead because of that. */
static bool is_dead_by_proc(const struct process *process)
{
    struct proc_stat stat;
    if (!proc_stat(process->pid, &stat))
        return kill(process->pid, 0) < 0 && errno == ESRCH;
    return (process->start != 0 && stat.start != process->start) || stat.state == 'Z' ||
           stat.state == 'X';
}

bool processes_is_dead(const struct process *process)
{
    if (process->ended || process->exit.fd >= 0)
        return process->ended || pidfd_ended(process->exit.fd);
    return process->pid > 0 && is_dead_by_proc(process);
}

struct process *processes_child_ended(struct processes *processes, int32_t pid)
{
    take_last_events(processes);
    struct process *process = processes_newest(processes, pid);
    /* Nobody else has waited for our zombie. One that is known to have been reaped had the pid
     * before. */
    if (process == NULL || process->pid != pid || process->ending.source >= EXIT_FROM_PIDFD) {
        if (foreign_children_take(&processes->foreign_children, pid) ||
            pids_take_gone(&processes->pids, pid))
            return NULL;
        /* An orphan of which nothing has been heard. As a zombie it still has its name. */
        process = processes_discover(processes, pid, PIDFD_NONE);
    }
    if (process != NULL)
        processes_end(process);
    return process;
}

static void sweep(struct timer *timer)
{
    struct processes *processes = timer->context;
    bool more = false;
    take_last_events(processes);
    for (struct process *process = processes_first(&processes->live), *next; process != NULL;
         process = next) {
        next = processes_next(process);
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

bool processes_exiting(const struct processes *processes)
{
    struct proc_stat stat;
    for (const struct process *process = processes_first(&processes->live); process != NULL;
         process = processes_next(process))
        if (process->pid > 0 && proc_stat(process->pid, &stat) && stat.exiting)
            return true;
    return false;
}

/* --- after the end --- */

/* Whether somebody may still tell how the process ended; or, of a failure, what it used, which only
 * its parent learns. */
static bool is_awaited(struct process *process)
{
    const struct ending *ending = &process->ending;
    uint64_t deadline = process->status_deadline;
    if (!exit_status_known(ending))
        look(process);
    if (exit_status_known(ending)) {
        if (ending->status == 0 || ending->usage.peak_kb != 0 || !parent_may_tell(process))
            return false;
        deadline = process->gone + USAGE_NS;
    }
    if (now_ns() >= deadline)
        return false;
    if (process->set->await.at == 0)
        process->set->await.at = now_ns() + AWAIT_NS;
    return true;
}

static void finish(struct process *process)
{
    struct processes *set = process->set;
    struct process **at = pids_place(&set->pids, process->pid);
    enum exit_source source = process->ending.source;
    if (source != EXIT_FROM_PARENT && source != EXIT_FROM_WAIT)
        pids_note_gone(&set->pids, process->pid, process->ppid);
    while (*at != process)
        at = &(*at)->older;
    *at = process->older;
    list_remove(&set->ended, &process->link);
    set->no_library_gone += !process->has_library;
    release(process);
}

static bool is_drained(const struct process *process, const uint64_t position[SSCAP_STREAMS])
{
    return position[SSCAP_OUT] >= process->end_position[SSCAP_OUT] &&
           position[SSCAP_ERR] >= process->end_position[SSCAP_ERR];
}

void processes_settle(struct processes *processes, const uint64_t position[SSCAP_STREAMS])
{
    const struct process_observer *observer = processes->observer;
    for (struct process *process = processes_first(&processes->ended), *next; process != NULL;
         process = next) {
        next = processes_next(process);
        if (!is_drained(process, position))
            continue;
        if (!observer->drained(observer->context, process))
            return;
        if (is_awaited(process))
            continue;
        if (!observer->closed(observer->context, process))
            return;
        finish(process);
    }
}

void processes_close_ended(struct processes *processes)
{
    for (struct process *process = processes_first(&processes->ended), *next; process != NULL;
         process = next) {
        next = processes_next(process);
        look(process);
        (void)processes->observer->closed(processes->observer->context, process);
        finish(process);
    }
}

/* --- signals --- */

void processes_signal(struct processes *processes, int32_t target,
                      const struct signal_sender *sender)
{
    struct process *process = processes_newest(processes, target);
    bool known = process != NULL && process->pid == target;
    bool dead = known && processes_is_dead(process);
    if (known)
        signal_senders_note(&process->ending.senders, sender, dead);
    if (!known || dead) /* it may be for a new process of that pid */
        early_signals_add(&processes->early_signals, target, sender);
}
