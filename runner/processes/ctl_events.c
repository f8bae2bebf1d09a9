/* ctl_events.c: see ctl_events.h. */
#define _GNU_SOURCE
#include "runner/processes/ctl_events.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/kernel/proc.h"
#include "runner/processes/process_name.h"
#include "runner/util.h"

enum { PROCESS_GROUP_SCAN_MAX = 1000 };

/* --- beginnings and names --- */

/* The sender, if it is known. NULL also where only a former holder of its pid is known. */
static struct process *known(const struct processes *processes, int32_t sender)
{
    struct process *process = processes_newest(processes, sender);
    return process != NULL && process->ended && !process->late ? NULL : process;
}

/* The sender. A process that has told nothing before, such as a vfork child, is added. `parent_pid`
 * is 0 where the sender has not told it. Takes the pidfd over. NULL: no memory. */
static struct process *known_or_new(struct processes *processes, int32_t sender, int32_t parent_pid,
                                    int *pidfd)
{
    struct process *process = known(processes, sender);
    if (process == NULL) {
        const struct process *parent = parent_pid > 0 ? processes_newest(processes, parent_pid)
                                                      : NULL;
        process = processes_discover(processes, sender, *pidfd);
        /* It is gone. It never ran another program than its parent, or it would have told. */
        if (process == NULL)
            process = processes_add(processes, sender, parent_pid,
                                    parent != NULL ? parent->name : "?", *pidfd);
        if (process != NULL)
            *pidfd = PIDFD_NONE;
    }
    return process;
}

static void take_fork(struct processes *processes, int32_t sender, int32_t parent_pid,
                      const char *name, int *pidfd)
{
    struct process *process = processes_newest(processes, sender);
    const struct process *parent = parent_pid > 0 ? processes_newest(processes, parent_pid) : NULL;
    if (process != NULL && !process->ended && !process->has_library) {
        processes_set_library(process, true); /* an atfork handler wrote before it */
        process->announced = true;
        return;
    }
    if (parent != NULL) {
        process = processes_add(processes, sender, parent_pid,
                                name[0] != '\0' ? name : parent->name, *pidfd);
        if (process != NULL)
            *pidfd = PIDFD_NONE;
    } else {
        process = known_or_new(processes, sender, parent_pid, pidfd);
    }
    if (process == NULL)
        return;
    processes_set_library(process, true);
    process->announced = true;
    if (parent_pid > 0)
        process->ppid = parent_pid;
    if (parent == NULL)
        return;
    process->rank = parent->rank;
    process->rank_read = parent->rank_read;
    image_release(process->image);
    process->image = image_share(parent->image);
}

/* From here on the sender is like a static program, and so are its children. */
static void take_silent(struct processes *processes, int32_t sender, int32_t parent_pid, int *pidfd)
{
    struct process *process = known_or_new(processes, sender, parent_pid, pidfd);
    if (process != NULL)
        processes_set_library(process, false);
}

static void take_image(struct processes *processes, int32_t sender, int32_t parent_pid,
                       const struct sscap_event *event, const char *name, int *pidfd)
{
    struct process *process = known(processes, sender);
    struct sscap_image image;
    if (process == NULL) {
        process = processes_add(processes, sender, parent_pid, name, *pidfd);
        if (process == NULL)
            return;
        *pidfd = PIDFD_NONE;
    }
    if (process->ppid == 0 && parent_pid > 0 && processes_newest(processes, parent_pid) != NULL)
        processes_adopt(process, processes_newest(processes, parent_pid));
    memcpy(&image, event + 1, sizeof image);
    process->ending.limits = image.limits;
    process->is_runner = (image.flags & SSCAP_IMAGE_RUNNER) != 0;
    processes_set_library(process, true);
    process_name_set(process, name);
    process->rank = event->rank;
    process->rank_read = true;
    process_name_reach_streams(process, 0);
    image_release(process->image);
    process->image = image_new(&image, (const char *)(event + 1) + sizeof image);
    processes->observer->started(processes->observer->context, process);
}

/* EXEC and NAME: the sender is called `name`; in these streams from an IMAGE frame on. */
static void take_name(struct processes *processes, int32_t sender, int32_t parent, uint32_t streams,
                      const char *name, bool new_image, int *pidfd)
{
    bool is_new = known(processes, sender) == NULL;
    struct process *process = known_or_new(processes, sender, parent, pidfd);
    if (process == NULL)
        return;
    process->announced |= is_new; /* a vfork child */
    processes_set_library(
        process, !new_image); /* until the new image speaks, which a static program never does */
    process_name_set(process, name);
    process->name_read = now_ns();
    process_name_reach_streams(process, streams);
    for (int stream = 0; stream < SSCAP_STREAMS; stream++)
        process->frames_due[stream] += (streams >> stream) & 1;
}

/* A parent sends this before anyone can wait for the child, so the pid is still the child's. The
 * child may be known already, dead or alive, or may have been known. */
static void take_spawn(struct processes *processes, int32_t sender, int32_t child, const char *name)
{
    struct process *process = child > 0 ? processes_newest(processes, child) : NULL;
    if (child <= 0)
        return;
    if (process == NULL && pids_was_child(&processes->pids, child, sender))
        return;
    if (process == NULL || (process->ended && (process->announced || process->ppid != sender)))
        process = processes_add(processes, child, sender, name, PIDFD_NONE);
    if (process != NULL) {
        process->ppid = sender;
        process->announced = true;
    }
}

/* --- ends --- */

static void take_exit(struct processes *processes, int32_t sender, int32_t parent,
                      const struct sscap_event *event, int *pidfd)
{
    struct process *process = known_or_new(processes, sender, parent, pidfd);
    struct sscap_exit leaving;
    memcpy(&leaving, event + 1, sizeof leaving);
    if (process != NULL)
        exit_status_note(&process->ending, EXIT_FROM_EXIT_CALL, (leaving.code & 0xff) << 8,
                         &leaving.usage);
}

/* A process of another pid namespace has sent its numbers as that namespace has them. Its own can
 * be translated. Those of other processes mean nothing here. */
static void translate(struct sscap_crash *crash, int32_t inside, int32_t outside)
{
    crash->sender = crash->sender == inside ? outside : 0;
    if (crash->tid == (uint32_t)inside)
        crash->tid = (uint32_t)outside;
}

static void take_crash(struct processes *processes, int32_t sender, int32_t parent,
                       const struct sscap_event *event, int *pidfd)
{
    struct process *process = known_or_new(processes, sender, parent, pidfd);
    if (process == NULL)
        return;
    exit_status_note_crash(&process->ending, (const struct sscap_crash *)(const void *)(event + 1),
                           event->length - (uint32_t)sizeof *event);
    if (event->pid != sender && process->ending.crash != NULL)
        translate(process->ending.crash, event->pid, sender);
}

/* Whether `waiter` may have waited for the process: as its parent, as the one who adopted it when
 * the parent had gone, or as a tracer, who sees the end before the parent does. */
static bool may_be_waited_for(const struct process *process, int32_t waiter, bool traced)
{
    if (traced || process->ppid == waiter || process->ppid == 0)
        return true;
    const struct process *parent = processes_newest(process->set, process->ppid);
    return parent == NULL || parent->pid != process->ppid || parent->ended;
}

/* The dead process that had this pid and that nobody is known to have waited for. Of several, the
 * oldest. */
static struct process *dead_with_pid(const struct processes *processes, int32_t pid, int32_t waiter,
                                     bool traced)
{
    struct process *found = NULL;
    for (struct process *process = processes_newest(processes, pid); process != NULL;
         process = process->older)
        if (process->pid == pid && process->ending.source != EXIT_FROM_PARENT &&
            may_be_waited_for(process, waiter, traced) && processes_is_dead(process))
            found = process;
    return found;
}

/* Whether the process may be a shell of system(3) or popen(3) that has ended. libc makes that shell
 * inside itself, so its first event is IMAGE. */
static bool may_be_dead_of_libc(const struct process *process, int32_t parent)
{
    return process->ppid == parent && !process->announced && !exit_status_known(&process->ending) &&
           processes_is_dead(process);
}

/* libc does not tell the pid of its shell. The shell is found where only one process can be it. */
static struct process *dead_of_libc(const struct processes *processes, int32_t parent)
{
    const struct list *lists[] = {&processes->live, &processes->ended};
    struct process *found = NULL;
    for (size_t i = 0; i < 2; i++) {
        for (struct process *process = processes_first(lists[i]); process != NULL;
             process = processes_next(process)) {
            if (!may_be_dead_of_libc(process, parent))
                continue;
            if (found != NULL)
                return NULL;
            found = process;
        }
    }
    return found;
}

/* The child that a parent has waited for. A child that was never heard of is added. NULL: it is
 * done with, or is no process of this tree. */
static struct process *reaped_child(struct processes *processes, int32_t sender, int32_t child,
                                    bool traced)
{
    struct process *process = dead_with_pid(processes, child, sender, traced);
    const struct process *parent = processes_newest(processes, sender);
    if (process != NULL || traced || pids_take_gone(&processes->pids, child))
        return process;
    process = processes_newest(processes, child);
    if (process != NULL && process->pid == child && process->ppid == sender && !process->ended) {
        /* It looks alive, because it was heard of so late that the pid, and so the pidfd that was
         * opened, were another process's by then. */
        process->pid_reused = true;
        return process;
    }
    /* It never told or wrote anything. Most likely it ran its parent's program, after clone(2). */
    return processes_add(processes, child, sender, parent != NULL ? parent->name : "?", PIDFD_GONE);
}

static void take_reaped(struct processes *processes, int32_t sender, int32_t child,
                        const struct sscap_event *event)
{
    struct sscap_reaped reaped;
    const struct process *parent = processes_newest(processes, sender);
    memcpy(&reaped, event + 1, sizeof reaped);
    bool traced = (reaped.flags & SSCAP_REAPED_TRACER) != 0;
    if (child < 0 || (!WIFEXITED(reaped.status) && !WIFSIGNALED(reaped.status)))
        return;
    struct process *process = child > 0 ? reaped_child(processes, sender, child, traced)
                                        : dead_of_libc(processes, sender);
    if (process == NULL)
        return;
    if (process->ppid == 0 && parent != NULL && !traced)
        processes_adopt(process, parent);
    processes_end(process);
    exit_status_note(&process->ending, traced ? EXIT_FROM_TRACER : EXIT_FROM_PARENT, reaped.status,
                     reaped.flags & SSCAP_REAPED_USAGE ? &reaped.usage : NULL);
}

/* --- signals --- */

/* By its own events, or by /proc where it sends none. */
static bool is_in_process_group(const struct process *process, int32_t group)
{
    struct proc_stat stat;
    return process->process_group == group ||
           (!process->has_library && proc_stat(process->pid, &stat) && stat.group == group);
}

/* As kill(2): 0 is the sender's own process group, below -1 another one, -1 everyone. Only known
 * processes are looked at, and not more than PROCESS_GROUP_SCAN_MAX. */
static void sent_to_many(const struct processes *processes, const struct process *from,
                         int32_t target, const struct signal_sender *sender)
{
    /* A process may have died of the signal a moment ago. */
    const struct list *lists[] = {&processes->live, &processes->ended};
    int32_t group = target == 0 ? from->process_group : -target;
    int left = PROCESS_GROUP_SCAN_MAX;
    for (size_t i = 0; i < 2; i++)
        for (struct process *process = processes_first(lists[i]); process != NULL && left-- > 0;
             process = processes_next(process))
            if (process->pid > 0 &&
                (target == -1 || (group > 0 && is_in_process_group(process, group))))
                signal_senders_note(&process->ending.senders, sender, process->ended);
}

static void take_group(struct processes *processes, int32_t target, const struct sscap_event *event)
{
    struct sscap_group joined;
    struct process *process = target > 0 ? processes_newest(processes, target) : NULL;
    memcpy(&joined, event + 1, sizeof joined);
    if (process != NULL && process->pid == target)
        process->process_group = joined.group;
}

static void take_limits(const struct processes *processes, int32_t sender,
                        const struct sscap_event *event)
{
    struct process *process = known(processes, sender);
    if (process != NULL)
        memcpy(&process->ending.limits, event + 1, sizeof process->ending.limits);
}

static void take_signal(struct processes *processes, int32_t pid, int32_t target, bool pid_valid,
                        const struct sscap_event *event, int *pidfd)
{
    const struct process *from = known_or_new(processes, pid, 0, pidfd);
    struct sscap_signal signal;
    memcpy(&signal, event + 1, sizeof signal);
    if (from == NULL || !pid_valid)
        return;
    struct signal_sender sender = {.number = signal.signal, .pid = pid};
    memcpy(sender.name, from->name, sizeof sender.name);
    if (target <= 0)
        sent_to_many(processes, from, target, &sender);
    else
        processes_signal(processes, target, &sender);
}

/* --- the whole --- */

void ctl_events_take(struct processes *processes, int32_t sender, const struct sscap_event *event,
                     int pidfd)
{
    char name[SSCAP_NAME_SIZE];
    /* Pids of another pid namespace mean nothing here. */
    bool pid_valid = event->pid == sender;
    int32_t other = pid_valid ? event->other : 0;
    snprintf(name, sizeof name, "%.*s", SSCAP_NAME_SIZE - 1, event->name);
    if (sender > 0 && sender != processes->self) {
        switch (event->type) {
        case SSCAP_EVENT_FORK:
            take_fork(processes, sender, other, name, &pidfd);
            break;
        case SSCAP_EVENT_IMAGE:
            take_image(processes, sender, other, event, name, &pidfd);
            break;
        case SSCAP_EVENT_EXEC:
        case SSCAP_EVENT_NAME:
            take_name(processes, sender, other, event->streams, name,
                      event->type == SSCAP_EVENT_EXEC, &pidfd);
            break;
        case SSCAP_EVENT_SPAWN:
            take_spawn(processes, sender, other, name);
            break;
        case SSCAP_EVENT_EXIT:
            take_exit(processes, sender, other, event, &pidfd);
            break;
        case SSCAP_EVENT_CRASH:
            take_crash(processes, sender, other, event, &pidfd);
            break;
        case SSCAP_EVENT_REAPED:
            if (pid_valid)
                take_reaped(processes, sender, other, event);
            break;
        case SSCAP_EVENT_SILENT:
            take_silent(processes, sender, other, &pidfd);
            break;
        case SSCAP_EVENT_GROUP:
            take_group(processes, other, event);
            break;
        case SSCAP_EVENT_LIMITS:
            take_limits(processes, sender, event);
            break;
        case SSCAP_EVENT_SIGNAL:
            take_signal(processes, sender, other, pid_valid, event, &pidfd);
            break;
        default:
            break; /* ctl_event_is_valid has checked the type */
        }
    }
    if (pidfd >= 0)
        close(pidfd);
}
