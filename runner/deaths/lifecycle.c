/* ends.c: see ends.h. */
#define _GNU_SOURCE
#include "runner/deaths/lifecycle.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "runner/deaths/waiting.h"
#include "runner/runner.h"
#include "runner/util.h"

static struct process *child_ended(void *context, pid_t pid)
{
    struct runner *r = context;
    return processes_child_ended(&r->processes, pid);
}

static void reaped(void *context, pid_t pid, struct process *process, int status,
                   const struct rusage *usage)
{
    struct runner *r = context;
    const struct sscap_usage used = {
        .user_us = (uint64_t)usage->ru_utime.tv_sec * 1000000 + (uint64_t)usage->ru_utime.tv_usec,
        .system_us = (uint64_t)usage->ru_stime.tv_sec * 1000000 + (uint64_t)usage->ru_stime.tv_usec,
        .peak_kb = (uint64_t)usage->ru_maxrss,
    };
    if (process != NULL)
        exit_status_note(process, WITNESS_WAIT, status, &used);
    if (pid != r->command)
        return;
    waiting_command_ended(r, status);
}

static void began(void *context, struct process *process)
{
    struct runner *r = context;
    process_tree_begin(&r->history, process);
}

static void adopted(void *context, struct process *process, const struct process *parent)
{
    struct runner *r = context;
    process_tree_adopt(&r->history, process, parent);
}

static void started(void *context, struct process *process)
{
    struct runner *r = context;
    oom_note(&r->oom, process);
}

/* One line on a group. */
static void describe_group(const struct error_group *group, char *text, size_t size)
{
    char title[200];
    error_groups_title(group, title, sizeof title);
    snprintf(text, size, "%s (pid %d%s)", title, group->pid, group->count > 1 ? " and others" : "");
}

/* While running, only those that are killed are told of at once: others have said their own words.
 */
static bool tells_of(const struct runner *r, const struct error_group *group)
{
    return !r->options.quiet && (group->kind == GROUP_SIGNAL || r->options.tail);
}

size_t lifecycle_describe(void *context, const struct record *record, char *text, size_t size)
{
    const struct runner *r = context;
    const struct error_group *group = error_groups_of_record(&r->errors, record);
    char line[240];
    if (group == NULL || !tells_of(r, group))
        return 0;
    describe_group(group, line, sizeof line);
    int length = snprintf(text, size, "sscap: %s\n", line);
    return length > 0 && (size_t)length < size ? (size_t)length : 0;
}

/* Where no sink has the stream that groups have their places in. */
static void announce_group(const struct runner *r, const struct error_group *group)
{
    char line[240];
    if (r->options.tail || !tells_of(r, group))
        return;
    describe_group(group, line, sizeof line);
    say("%s", line);
}

static bool closed(void *context, struct process *process)
{
    struct runner *r = context;
    uint64_t before = r->errors.signals + r->errors.exits;
    const struct ending *ending = &process->ending;
    r->errors.asked = r->signals.asked;
    r->errors.ending = (r->signals.asked & signals_that_end()) != 0;
    if (ending->witness != WITNESS_NONE && WIFSIGNALED(ending->status) &&
        WTERMSIG(ending->status) == SIGKILL && exit_status_sender(ending) == 0 &&
        ending->oom_kills == 0)
        oom_judge(&r->oom, process);
    uint32_t groups = r->errors.count;
    if (!error_groups_take(&r->errors, process))
        return false;
    if (r->errors.count > groups && r->channels.stream[SSCAP_ERR] < 0)
        announce_group(r, r->errors.groups[groups]);
    process_tree_note(&r->history, process, r->errors.signals + r->errors.exits > before);
    return true;
}

void lifecycle_init(struct runner *r)
{
    r->processes.began = began;
    r->processes.adopted = adopted;
    r->processes.started = started;
    r->processes.closed = closed;
    r->signals.ended = child_ended;
    r->signals.reaped = reaped;
}
