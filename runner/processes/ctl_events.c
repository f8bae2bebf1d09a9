/* announcements.c: see announcements.h. */
#define _GNU_SOURCE
#include "runner/processes/ctl_events.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/kernel/proc.h"
#include "runner/processes/names.h"
#include "runner/util.h"

enum { GROUP_SCAN_MAX = 1000 };

/* --- validity --- */

static size_t crash_size(const struct sscap_event *event, size_t length)
{
    struct sscap_crash crash;
    const char *bytes = (const char *)event;
    size_t at = sizeof *event + sizeof crash;
    if (length < at)
        return 0;
    memcpy(&crash, bytes + sizeof *event, sizeof crash);
    if (crash.frames > SSCAP_FRAMES_MAX || crash.modules > SSCAP_MODULES_MAX ||
        crash.left_length > SSCAP_LEFT_MAX)
        return 0;
    at += crash.frames * sizeof(uint64_t);
    for (uint32_t i = 0; i < crash.modules; i++) {
        struct sscap_module module;
        if (length < at + sizeof module)
            return 0;
        memcpy(&module, bytes + at, sizeof module);
        if (module.path_length > SSCAP_PATH_MAX || module.build_id_length > SSCAP_BUILD_ID_MAX)
            return 0;
        at += sizeof module + module.path_length;
    }
    return at + crash.left_length;
}

static size_t image_size(const struct sscap_event *event, size_t length)
{
    struct sscap_image image;
    if (length < sizeof *event + sizeof image)
        return 0;
    memcpy(&image, event + 1, sizeof image);
    if (image.argv_length > SSCAP_ARGV_MAX || image.cwd_length > SSCAP_CWD_MAX)
        return 0;
    return sizeof *event + sizeof image + image.argv_length + image.cwd_length;
}

bool ctl_events_valid(const struct sscap_event *event, size_t length)
{
    switch (event->type) {
    case SSCAP_EVENT_FORK:
    case SSCAP_EVENT_EXEC:
    case SSCAP_EVENT_SPAWN:
    case SSCAP_EVENT_NAME:
    case SSCAP_EVENT_SILENT:
        return length == sizeof *event;
    case SSCAP_EVENT_IMAGE:
        return length == image_size(event, length);
    case SSCAP_EVENT_EXIT:
        return length == sizeof *event + sizeof(struct sscap_exit);
    case SSCAP_EVENT_CRASH:
        return length == crash_size(event, length);
    case SSCAP_EVENT_REAPED:
        return length == sizeof *event + sizeof(struct sscap_reaped);
    case SSCAP_EVENT_GROUP:
        return length == sizeof *event + sizeof(struct sscap_group);
    case SSCAP_EVENT_SIGNAL:
        return length == sizeof *event + sizeof(struct sscap_signal);
    default:
        return false;
    }
}

/* --- beginnings and names --- */

/* The sender, if it is known, and not as another one that had its pid before. */
static struct process *known(const struct processes *processes, int32_t sender)
{
    struct process *process = processes_newest(processes, sender);
    return process != NULL && process->ended && !process->late ? NULL : process;
}

/* The sender, by all means; a vfork child, say, which says nothing before. `parent_pid`: 0 where it
 * has not told. Takes the pidfd over. NULL: no memory. */
static struct process *known_or_new(struct processes *processes, int32_t sender, int32_t parent_pid,
                                    int *pidfd)
{
    struct process *process = known(processes, sender);
    if (process == NULL) {
        const struct process *parent = parent_pid > 0 ? processes_newest(processes, parent_pid)
                                                      : NULL;
        process = processes_discover(processes, sender, *pidfd);
        /* gone; and never was another program than its parent, or it would have said so */
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
    if (process != NULL && !process->ended && !process->shimmed) {
        processes_set_shimmed(process, true); /* known by bytes that an atfork handler wrote */
        process->forked = true;
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
    processes_set_shimmed(process, true);
    process->forked = true;
    if (parent_pid > 0)
        process->ppid = parent_pid;
    if (parent == NULL)
        return;
    process->rank = parent->rank;
    process->rank_read = parent->rank_read;
    image_release(process->image);
    process->image = image_share(parent->image);
}

/* From here on it is like a static program, and so are its children. */
static void take_silent(struct processes *processes, int32_t sender, int32_t parent_pid, int *pidfd)
{
    struct process *process = known_or_new(processes, sender, parent_pid, pidfd);
    if (process != NULL)
        processes_set_shimmed(process, false);
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
    processes_set_shimmed(process, true);
    names_set(process, name);
    process->rank = event->rank;
    process->rank_read = true;
    names_reach_streams(process, 0);
    image_release(process->image);
    process->image = image_new(&image, (const char *)(event + 1) + sizeof image);
    processes->started(processes->context, process);
}

/* EXEC and NAME: from here on `name`, in these streams from the frame on. */
static void take_name(struct processes *processes, int32_t sender, int32_t parent, uint32_t streams,
                      const char *name, bool new_image, int *pidfd)
{
    bool is_new = known(processes, sender) == NULL;
    struct process *process = known_or_new(processes, sender, parent, pidfd);
    if (process == NULL)
        return;
    process->forked |= is_new; /* a vfork child */
    processes_set_shimmed(
        process, !new_image); /* until the new image speaks, which a static program never does */
    names_set(process, name);
    process->name_read = now_ns();
    names_reach_streams(process, streams);
    for (int stream = 0; stream < SSCAP_STREAMS; stream++)
        process->frames_due[stream] += (streams >> stream) & 1;
}

/* Its parent says so before anyone can wait for it, so that pid is still its own: if it is known by
 * now as a child of its, dead or alive, or was, that is it. */
static void take_spawn(struct processes *processes, int32_t sender, int32_t child, const char *name)
{
    struct process *process = child > 0 ? processes_newest(processes, child) : NULL;
    if (child <= 0)
        return;
    if (process == NULL && pids_was_child(&processes->pids, child, sender))
        return;
    if (process == NULL || (process->ended && (process->forked || process->ppid != sender)))
        process = processes_add(processes, child, sender, name, PIDFD_NONE);
    if (process != NULL) {
        process->ppid = sender;
        process->forked = true;
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
        exit_status_note(process, WITNESS_EXIT, (leaving.code & 0xff) << 8, &leaving.usage);
}

/* Inside another pid namespace the process, and so its main thread, has another number; those of
 * others, that may have sent it a signal, mean nothing out here. */
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
    exit_status_note_crash(process, (const struct sscap_crash *)(const void *)(event + 1),
                           event->length - (uint32_t)sizeof *event);
    if (event->pid != sender && process->ending.crash != NULL)
        translate(process->ending.crash, event->pid, sender);
}

/* Whether `waiter` may have waited for it: its parent, whoever adopted it when that had gone, or a
 * tracer, who sees the end before its parent. */
static bool may_be_waited_for(const struct process *process, int32_t waiter, bool traced)
{
    if (traced || process->ppid == waiter || process->ppid == 0)
        return true;
    const struct process *parent = processes_newest(process->set, process->ppid);
    return parent == NULL || parent->pid != process->ppid || parent->ended;
}

/* The one that had this pid and is dead, of which nobody has been heard to wait for it; the oldest
 * of them. */
static struct process *dead_with_pid(const struct processes *processes, int32_t pid, int32_t waiter,
                                     bool traced)
{
    struct process *found = NULL;
    for (struct process *process = processes_newest(processes, pid); process != NULL;
         process = process->older)
        if (process->pid == pid && process->ending.witness != WITNESS_PARENT &&
            may_be_waited_for(process, waiter, traced) && processes_is_dead(process))
            found = process;
    return found;
}

/* A shell of system(3)'s or popen(3)'s: libc makes it inside itself, and so it is first heard of by
 * its IMAGE. Its pid is not told: it is found where it is the only one that it can be. */
static struct process *dead_of_libc(const struct processes *processes, int32_t parent)
{
    struct process *found = NULL;
    for (int list = 0; list < 2; list++) {
        struct process *process = list == 0 ? processes->live : processes->ended;
        for (; process != NULL; process = process->next) {
            if (process->ppid != parent || process->forked || exit_status_known(&process->ending) ||
                !processes_is_dead(process))
                continue;
            if (found != NULL)
                return NULL;
            found = process;
        }
    }
    return found;
}

/* Whom a parent has waited for; of a child that was never heard of, a new process. NULL: one that
 * is done with here; or no process of ours. */
static struct process *reaped_child(struct processes *processes, int32_t sender, int32_t child,
                                    bool traced)
{
    struct process *process = dead_with_pid(processes, child, sender, traced);
    const struct process *parent = processes_newest(processes, sender);
    if (process != NULL || traced || pids_take_gone(&processes->pids, child))
        return process;
    process = processes_newest(processes, child);
    if (process != NULL && process->pid == child && process->ppid == sender && !process->ended) {
        /* It looks alive: heard of so late that its pid was another's by then, and so is the pidfd
         * that was opened. */
        process->replaced = true;
        return process;
    }
    /* It never said or wrote anything: most likely its parent's own image, by a bare clone(2). */
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
    exit_status_note(process, traced ? WITNESS_TRACER : WITNESS_PARENT, reaped.status,
                     reaped.flags & SSCAP_REAPED_USAGE ? &reaped.usage : NULL);
}

/* --- signals --- */

/* What it has told, or what /proc tells of those that cannot. */
static bool is_in_group(const struct process *process, int32_t group)
{
    struct proc_stat stat;
    return process->group == group ||
           (!process->shimmed && proc_stat(process->pid, &stat) && stat.group == group);
}

/* To a process group (0: the sender's own; below -1: that one) or to all (-1). Of the processes
 * that are known; bounded. */
static void sent_to_many(struct processes *processes, const struct process *from, int32_t target,
                         int number)
{
    int32_t group = target == 0 ? from->group : -target;
    int left = GROUP_SCAN_MAX;
    for (int list = 0; list < 2; list++) {
        struct process *process = list == 0 ? processes->live
                                            : processes->ended; /* just in time, or a moment late */
        for (; process != NULL && left-- > 0; process = process->next)
            if (process->pid > 0 && (target == -1 || (group > 0 && is_in_group(process, group))))
                exit_status_note_signal(process, number, from->pid, from->name);
    }
}

static void take_group(struct processes *processes, int32_t target, const struct sscap_event *event)
{
    struct sscap_group joined;
    struct process *process = target > 0 ? processes_newest(processes, target) : NULL;
    memcpy(&joined, event + 1, sizeof joined);
    if (process != NULL && process->pid == target)
        process->group = joined.group;
}

static void take_signal(struct processes *processes, int32_t sender, int32_t target, bool pid_valid,
                        const struct sscap_event *event, int *pidfd)
{
    const struct process *from = known_or_new(processes, sender, 0, pidfd);
    struct sscap_signal signal;
    memcpy(&signal, event + 1, sizeof signal);
    if (from == NULL || !pid_valid)
        return;
    if (target <= 0) {
        sent_to_many(processes, from, target, signal.signal);
        return;
    }
    processes_signal(processes, target, sender, from->name, signal.signal);
}

/* --- the whole --- */

void ctl_events_take(struct processes *processes, int32_t sender, const struct sscap_event *event,
                     int pidfd)
{
    char name[SSCAP_NAME_SIZE];
    /* Pids from inside another pid namespace mean nothing out here. */
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
        case SSCAP_EVENT_SIGNAL:
            take_signal(processes, sender, other, pid_valid, event, &pidfd);
            break;
        default:
            break; /* ctl_events_valid has checked the type */
        }
    }
    if (pidfd >= 0)
        close(pidfd);
}
