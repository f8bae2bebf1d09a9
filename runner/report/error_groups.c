/* error_groups.c: see error_groups.h. */
#define _GNU_SOURCE
#include "runner/report/error_groups.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "runner/kernel/signal_names.h"
#include "runner/report/stack.h"
#include "runner/signals.h"
#include "runner/util.h"

/* A shell exits with this status plus n if signal n has killed its last command. */
enum { SHELL_SIGNAL = 128 };

void error_groups_init(struct error_groups *errors, const struct options *options,
                       struct symbols *symbols, struct buffer *buffer, struct tails *tails)
{
    *errors = (struct error_groups){
        .options = options, .symbols = symbols, .buffer = buffer, .tails = tails};
}

static void free_group(struct error_group *group)
{
    exit_status_clear(&group->ending);
    for (int stream = 0; stream < SSCAP_STREAMS; stream++)
        free(group->tail[stream].text);
    image_release(group->image);
    free(group->frames);
    free(group);
}

void error_groups_clear(struct error_groups *errors)
{
    for (uint32_t i = 0; i < errors->count; i++)
        free_group(errors->groups[i]);
    errors->count = 0;
}

/* --- what is abnormal --- */

static bool is_stop_signal(int number)
{
    return number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT ||
           number == SIGKILL;
}

/* SIGPIPE is normal, because pipelines such as `yes | head` end with it: the kernel sends it to a
 * process that writes to a pipe without a reader. */
static bool is_normal_signal(const struct error_groups *errors, int number)
{
    return number == SIGPIPE || (errors->asked & signals_bit(number)) != 0 ||
           (errors->ending && is_stop_signal(number));
}

static bool is_normal_exit(const struct error_groups *errors, const struct process *process,
                           int code)
{
    if (code == 0 || errors->ending || errors->options->errors_mode == ERRORS_CRASH)
        return true;
    if (code == SHELL_SIGNAL + SIGPIPE && process->broken_pipe)
        return true;
    if (process->is_runner && code != STATUS_FAILED)
        return true; /* a nested sscap exits with its command's status and has its own report */
    return options_exit_is_ok(errors->options, process->name, code);
}

static bool is_normal(const struct error_groups *errors, const struct process *process)
{
    const struct ending *ending = &process->ending;
    if (errors->options->errors_mode == ERRORS_NONE)
        return true;
    if (ending->source == EXIT_UNKNOWN)
        return errors->ending;
    if (WIFSIGNALED(ending->status))
        return is_normal_signal(errors, WTERMSIG(ending->status));
    return is_normal_exit(errors, process, WEXITSTATUS(ending->status));
}

/* --- groups --- */

static struct error_group *find(const struct error_groups *errors, uint64_t fingerprint,
                                const char *basis)
{
    for (uint32_t i = 0; i < errors->count; i++)
        if (errors->groups[i]->fingerprint == fingerprint &&
            strcmp(errors->groups[i]->basis, basis) == 0)
            return errors->groups[i];
    return NULL;
}

/* Puts the group's place into the buffer, in order with the lines. False: there is no room now. */
static bool take_place(struct error_groups *errors, const struct process *process, uint32_t number)
{
    struct record *record = buffer_append_place(errors->buffer);
    if (record == NULL)
        return false;
    record->time = wall_ns();
    record->who = (struct writer){.pid = process->pid,
                                  .ppid = process->ppid,
                                  .rank = -1,
                                  .stream = errors->stream,
                                  .end = LINE_PLACE};
    memcpy(record->who.name, process->name, sizeof record->who.name);
    memcpy(record->text, &number, sizeof number);
    buffer_commit(errors->buffer, record);
    return true;
}

/* Moves the evidence from the first member to the group, because the process is freed soon. */
static void move_evidence(struct error_groups *errors, struct error_group *group,
                          struct process *process)
{
    size_t size = process->ending.crash_length + group->frame_count * sizeof *group->frames;
    for (int stream = 0; stream < SSCAP_STREAMS; stream++)
        size += process->source.tail[stream].capacity;
    if (process->image != NULL)
        size += process->image->argv_length + process->image->cwd_length;
    if (errors->evidence + size > EVIDENCE_MAX) {
        errors->without_evidence++;
        free(group->frames);
        group->frames = NULL;
        group->frame_count = 0;
        group->ending = process->ending;
        group->ending.crash = NULL;
        group->ending.oom_cgroup = NULL;
        return;
    }
    errors->evidence += size;
    group->ending = process->ending;
    exit_status_init(&process->ending);
    process->ending.source = group->ending.source;
    process->ending.status = group->ending.status;
    group->image = image_share(process->image);
    for (int stream = 0; stream < SSCAP_STREAMS; stream++) {
        group->tail[stream] = tail_take(errors->tails, &process->source.tail[stream]);
    }
}

static enum group_kind kind_of(const struct ending *ending)
{
    if (ending->source == EXIT_UNKNOWN)
        return GROUP_VANISHED;
    return WIFSIGNALED(ending->status) ? GROUP_SIGNAL : GROUP_EXIT;
}

/* Takes ownership of the frames. NULL: no memory. */
static struct error_group *new_group(struct error_groups *errors, struct process *process,
                                     const char *basis, struct symbol *frames, size_t n)
{
    struct error_group *group = calloc(1, sizeof *group);
    if (group == NULL)
        return NULL;
    group->kind = kind_of(&process->ending);
    group->number = errors->count + 1;
    group->fingerprint = fingerprint_number(basis);
    memcpy(group->basis, basis, sizeof group->basis);
    group->pid = process->pid;
    group->status = process->ending.status;
    memcpy(group->name, process->name, sizeof group->name);
    memcpy(group->ancestors, process->ancestors, sizeof group->ancestors);
    group->cause = process->failed_child;
    group->first = process->gone;
    group->shortest = UINT64_MAX;
    group->frames = frames;
    group->frame_count = n;
    move_evidence(errors, group, process);
    errors->groups[errors->count++] = group;
    return group;
}

static void add_member(struct error_group *group, const struct process *process)
{
    uint64_t lasted = process->gone - process->begun;
    if (group->count < GROUP_PIDS_MAX)
        group->pids[group->count] = process->pid;
    group->count++;
    if (process->gone > group->last)
        group->last = process->gone;
    if (process->gone < group->first)
        group->first = process->gone;
    if (lasted < group->shortest)
        group->shortest = lasted;
    if (lasted > group->longest)
        group->longest = lasted;
}

static void count(struct error_groups *errors, const struct process *process)
{
    switch (kind_of(&process->ending)) {
    case GROUP_SIGNAL:
        errors->signals++;
        break;
    case GROUP_EXIT:
        errors->exits++;
        break;
    case GROUP_VANISHED:
        errors->vanished++;
        break;
    }
}

/* Notes the failure in the parent, because the parent may fail as a consequence. */
static void tell_parent(const struct process *process, uint32_t number)
{
    struct process *parent = processes_newest(process->set, process->ppid);
    if (parent == NULL || parent->pid != process->ppid)
        return;
    if (number != 0)
        parent->failed_child = number;
    if (process->ending.source != EXIT_UNKNOWN && WIFSIGNALED(process->ending.status) &&
        WTERMSIG(process->ending.status) == SIGPIPE)
        parent->broken_pipe = true;
}

/* The frames of the process's crash, if that signal ended it. The caller frees them. */
static struct symbol *frames_of(const struct error_groups *errors, const struct process *process,
                                size_t *ret_n)
{
    const struct ending *ending = &process->ending;
    *ret_n = 0;
    if (ending->crash == NULL || ending->crash->frames == 0 || !WIFSIGNALED(ending->status) ||
        WTERMSIG(ending->status) != ending->crash->signal)
        return NULL;
    struct symbol *frames = calloc(GROUP_FRAMES_MAX, sizeof *frames);
    if (frames != NULL)
        *ret_n = stack_frames(errors->symbols, ending->crash, frames, GROUP_FRAMES_MAX);
    return frames;
}

bool error_groups_take(struct error_groups *errors, struct process *process)
{
    char basis[BASIS_SIZE] = "";
    size_t n = 0;
    if (is_normal(errors, process)) {
        tell_parent(process, 0);
        return true;
    }
    struct symbol *frames = frames_of(errors, process, &n);
    fingerprint_basis(basis, process, frames, n);
    struct error_group *group = find(errors, fingerprint_number(basis), basis);
    if (group == NULL && errors->count < GROUPS_MAX) {
        if (!take_place(errors, process, errors->count + 1)) {
            free(frames);
            return false;
        }
        count(errors, process);
        group = new_group(errors, process, basis, frames, n);
        if (group == NULL)
            free(frames);
    } else {
        count(errors, process);
        free(frames);
    }
    if (group != NULL)
        add_member(group, process);
    else
        errors->not_grouped++;
    tell_parent(process, group != NULL ? group->number : 0);
    return true;
}

const struct error_group *error_groups_of_record(const struct error_groups *errors,
                                                 const struct record *record)
{
    uint32_t number = 0;
    if (record->who.end != LINE_PLACE)
        return NULL;
    memcpy(&number, record->text, sizeof number);
    return number >= 1 && number <= errors->count ? errors->groups[number - 1] : NULL;
}

void error_groups_title(const struct error_group *group, char *text, size_t size)
{
    size_t culprit = group->frame_count > 0 ? stack_culprit(group->frames, group->frame_count) : 0;
    char function[SYMBOL_FUNCTION_SIZE] = "";
    if (culprit < group->frame_count)
        stack_plain_name(&group->frames[culprit], function);
    switch (group->kind) {
    case GROUP_SIGNAL:
        snprintf(text, size, "%s: killed by %s%s%s", group->name,
                 signal_name(WTERMSIG(group->status)), function[0] != '\0' ? " in " : "", function);
        break;
    case GROUP_EXIT:
        snprintf(text, size, "%s: exited with status %d", group->name, WEXITSTATUS(group->status));
        break;
    case GROUP_VANISHED:
        snprintf(text, size, "%s: vanished: it ended, and its exit status is unknown", group->name);
        break;
    }
}

static int compare(const void *a, const void *b)
{
    const struct error_group *first = *(const struct error_group *const *)a;
    const struct error_group *second = *(const struct error_group *const *)b;
    if (first->kind != second->kind)
        return (int)first->kind - (int)second->kind;
    return first->first < second->first ? -1 : first->first > second->first;
}

size_t error_groups_sorted(const struct error_groups *errors,
                           const struct error_group *ret[GROUPS_MAX])
{
    for (uint32_t i = 0; i < errors->count; i++)
        ret[i] = errors->groups[i];
    if (errors->count > 0)
        qsort(ret, errors->count, sizeof(struct error_group *), compare);
    return errors->count;
}
