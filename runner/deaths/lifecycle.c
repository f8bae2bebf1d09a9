/* lifecycle.c: see lifecycle.h. */
#define _GNU_SOURCE
#include "runner/deaths/lifecycle.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "runner/util.h"
#include "shim/usage.h"

/* --- beginnings --- */

static void began(void *context, struct process *process)
{
    const struct lifecycle *lifecycle = context;
    process_tree_begin(lifecycle->tree, process);
}

static void adopted(void *context, struct process *process, const struct process *parent)
{
    const struct lifecycle *lifecycle = context;
    process_tree_adopt(lifecycle->tree, process, parent);
}

static void started(void *context, struct process *process)
{
    struct lifecycle *lifecycle = context;
    oom_note(&lifecycle->oom, process);
}

/* --- what is said at once --- */

/* While the session runs, only deaths by a signal are told: the other processes that failed have
 * printed their own messages. */
static bool is_told(const struct lifecycle *lifecycle, const struct error_group *group)
{
    const struct waiting *waiting = lifecycle->waiting;
    return !waiting->quiet && (group->kind == GROUP_SIGNAL || waiting->options->tail);
}

static void describe_group(const struct error_group *group, char *text, size_t size)
{
    char title[200];
    error_groups_title(group, title, sizeof title);
    snprintf(text, size, "%s (pid %d%s)", title, group->pid, group->count > 1 ? " and others" : "");
}

size_t lifecycle_describe(void *context, const struct record *record, char *text, size_t size)
{
    const struct lifecycle *lifecycle = context;
    const struct error_group *group = error_groups_of_record(lifecycle->errors, record);
    char line[240];
    if (group == NULL || !is_told(lifecycle, group))
        return 0;
    describe_group(group, line, sizeof line);
    int length = snprintf(text, size, "sscap: %s\n", line);
    return length > 0 && (size_t)length < size ? (size_t)length : 0;
}

/* Says it where no sink has the stream that groups have their places in. */
static void announce_group(const struct lifecycle *lifecycle, const struct error_group *group)
{
    char line[240];
    if (lifecycle->waiting->options->tail || !is_told(lifecycle, group))
        return;
    describe_group(group, line, sizeof line);
    say("%s", line);
}

/* --- ends --- */

static void dead(void *context)
{
    const struct lifecycle *lifecycle = context;
    ctl_drain(lifecycle->ctl);
}

static void ended(void *context, struct process *process)
{
    const struct lifecycle *lifecycle = context;
    for (int i = 0; i < SSCAP_STREAMS; i++)
        process->end_position[i] = intake_written(&lifecycle->state->intake, (enum sscap_stream)i);
}

static bool drained(void *context, struct process *process)
{
    const struct lifecycle *lifecycle = context;
    return lines_end(&lifecycle->state->lines, &process->source);
}

static bool closed(void *context, struct process *process)
{
    struct lifecycle *lifecycle = context;
    struct error_groups *errors = lifecycle->errors;
    uint64_t failed = errors->signals + errors->exits;
    uint32_t groups = errors->count;
    errors->asked = lifecycle->signals->asked;
    errors->ending = (lifecycle->signals->asked & signals_that_end()) != 0;
    oom_judge(&lifecycle->oom, process);
    if (!error_groups_take(errors, process))
        return false;
    if (errors->count > groups && !lifecycle->places_shown)
        announce_group(lifecycle, errors->groups[groups]);
    process_tree_note(lifecycle->tree, process, errors->signals + errors->exits > failed);
    return true;
}

static void released(void *context, struct process *process)
{
    const struct lifecycle *lifecycle = context;
    lines_release(&lifecycle->state->lines, &process->source);
}

/* --- our own children --- */

static struct process *child_ended(void *context, pid_t pid)
{
    const struct lifecycle *lifecycle = context;
    return processes_child_ended(lifecycle->processes, pid);
}

static void child_reaped(void *context, pid_t pid, struct process *process, int status,
                         const struct rusage *usage)
{
    const struct lifecycle *lifecycle = context;
    const struct sscap_usage used = usage_from_rusage(usage);
    if (process != NULL)
        exit_status_note(&process->ending, EXIT_FROM_WAIT, status, &used);
    if (pid != lifecycle->state->command)
        return;
    waiting_command_ended(lifecycle->waiting, status);
    if (signals_terminal_ended(lifecycle->signals, status))
        waiting_interrupted(lifecycle->waiting);
}

/* --- our own end --- */

static void stopping(void *context)
{
    const struct lifecycle *lifecycle = context;
    outputs_pump(&lifecycle->state->outputs, true);
}

static void interrupted(void *context)
{
    const struct lifecycle *lifecycle = context;
    if (lifecycle->waiting->leaving) /* for the second time: the output's reader does not read */
        loop_stop(lifecycle->waiting->loop);
    else
        waiting_leave(lifecycle->waiting);
}

void lifecycle_init(struct lifecycle *lifecycle)
{
    oom_init(&lifecycle->oom);
    lifecycle->process_observer = (struct process_observer){
        .context = lifecycle,
        .began = began,
        .adopted = adopted,
        .started = started,
        .dead = dead,
        .ended = ended,
        .drained = drained,
        .closed = closed,
        .released = released,
    };
    lifecycle->signals_observer = (struct signals_observer){
        .context = lifecycle,
        .child_ended = child_ended,
        .child_reaped = child_reaped,
        .stopping = stopping,
        .interrupted = interrupted,
    };
}

void lifecycle_clear(struct lifecycle *lifecycle)
{
    oom_clear(&lifecycle->oom);
}
