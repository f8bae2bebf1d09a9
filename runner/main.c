/* main.c: wires the modules in the order in which data flows, decides when the session is over, and with which status.
 *
 *     launch -> intake -> lines -> outputs (buffers, sinks)
 *               events -> announcements -> processes -> exits -> errors -> report
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/crash.h"
#include "runner/errors.h"
#include "runner/events.h"
#include "runner/history.h"
#include "runner/holders.h"
#include "runner/intake.h"
#include "runner/launch.h"
#include "runner/lines.h"
#include "runner/loop.h"
#include "runner/oom.h"
#include "runner/options.h"
#include "runner/outputs.h"
#include "runner/processes.h"
#include "runner/report.h"
#include "runner/signals.h"
#include "runner/symbols.h"
#include "runner/tag.h"
#include "runner/util.h"
#include "shim/wire.h"

#define NOTICE_AFTER_NS (1 * NS_PER_S)
#define FLUSH_AFTER_NS  (10 * NS_PER_MS)
#define PROMPT_AFTER_NS (200 * NS_PER_MS)
#define EXITING_NS      (2 * NS_PER_S)
#define EXITING_LOOK_NS (1 * NS_PER_MS)

/* A writer of short lines uses up about 0.8 KB of its send buffer in a microsecond: a quarter of the buffer, at that rate. */
#define PACE_NS_PER_BYTE (1000 / 800.0 / 4)
enum { NOTICES_EMPTY_MAX = 3 };
#define PACE_MAX_NS (1 * NS_PER_MS)

/* The library looks for this symbol, to leave the runner alone (shim/bootstrap.c). */
extern const char sscap_is_runner;
const char sscap_is_runner = 1;

struct runner {
    struct options options;
    struct inheritance inheritance;
    struct channels channels;
    struct loop *loop;
    struct outputs outputs;
    struct lines lines;
    struct processes processes;
    struct events events;
    struct intake intake;
    struct signals signals;
    struct oom oom;
    struct symbols *symbols;
    struct errors errors;
    struct history history;
    uint64_t begun;             /* now_ns */
    unsigned int notices_empty; /* times that nobody was found to wait for */
    struct timer notice;        /* who is still being waited for */
    struct timer prompt;        /* unfinished lines to show */
    pid_t command;
    bool command_ended;
    int command_status;                     /* as waitpid has it */
    bool leaving;                           /* no longer waiting for anyone but the sinks */
    uint64_t leave_position[SSCAP_STREAMS]; /* what was written until then is still shown */
    bool
        detached; /* a child goes on with the session: what it shares with us (the epoll instance) is its own */
    uint64_t
        exiting_until; /* now_ns until which the last ones are waited for, who are on their way out; 0: nobody was yet */
    uint64_t flushed;        /* now_ns of the last time that all lines went out */
    uint32_t unread_streams; /* bits: nobody reads their lines any more; to be abandoned */
    int output_error;        /* errno of an output that failed other than by its reader leaving */
};

/* --- status --- */

static int exit_status(const struct runner *r)
{
    int status = WIFSIGNALED(r->command_status) ? STATUS_SIGNAL + WTERMSIG(r->command_status)
                                                : WEXITSTATUS(r->command_status);
    if (status == 0 && r->output_error != 0)
        return STATUS_FAILED;
    bool failures = r->errors.signals + r->errors.exits > 0;
    return status == 0 && r->options.strict && failures ? STATUS_STRICT : status;
}

/* "exited with status 3", "was killed by SIGTERM". */
static void describe_status(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(text, size, "was killed by %s", crash_signal_name(WTERMSIG(status)));
    else
        snprintf(text, size, "has exited (status %d)", WEXITSTATUS(status));
}

/* --- the flow --- */

static uint64_t written(void *context, enum sscap_stream stream)
{
    const struct runner *r = context;
    return intake_written(&r->intake, stream);
}

static void take_events(void *context)
{
    struct runner *r = context;
    events_drain(&r->events);
}

/* Streams whose output has failed. Not where it fails: that may be in the midst of taking their bytes in. */
static void abandon_unread(struct runner *r)
{
    for (int i = 0; i < SSCAP_STREAMS; i++)
        if (r->unread_streams & 1u << i)
            intake_abandon(&r->intake, (enum sscap_stream)i);
    r->unread_streams = 0;
}

/* Lines are taken in again as soon as the sinks have made room. */
static void progress(struct runner *r)
{
    const uint64_t position[SSCAP_STREAMS] = {intake_position(&r->intake, SSCAP_OUT),
                                              intake_position(&r->intake, SSCAP_ERR)};
    if (r->processes.ended != NULL)
        processes_settle(&r->processes, position);
    outputs_pump(&r->outputs, false);
    abandon_unread(r);
    intake_resume(&r->intake);
}

static void leave(struct runner *r)
{
    if (r->leaving)
        return;
    r->leaving = true;
    for (int i = 0; i < SSCAP_STREAMS; i++)
        r->leave_position[i] = intake_written(&r->intake, (enum sscap_stream)i);
}

/* Whether any process of the tree lives: those whose parent has ended are our children (PR_SET_CHILD_SUBREAPER), the others theirs. */
static bool has_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

/* Whether everyone whom --wait names has ended, or has let go of the streams. */
static bool waited(struct runner *r)
{
    if (!r->command_ended)
        return false;
    if (r->options.wait_mode == WAIT_COMMAND)
        leave(r);
    if (!r->leaving && intake_open(&r->intake))
        return false;
    for (int i = 0; r->leaving && i < SSCAP_STREAMS; i++)
        if (intake_position(&r->intake, (enum sscap_stream)i) < r->leave_position[i])
            return false;
    return r->leaving || r->options.wait_mode != WAIT_TREE || !has_children();
}

/* A process closes its descriptors before it is seen to have ended (do_exit): the last ones' streams end a moment before they do. */
static bool are_exiting(struct runner *r)
{
    uint64_t now = now_ns();
    if (!processes_exiting(&r->processes))
        return false;
    if (r->exiting_until == 0)
        r->exiting_until = now + EXITING_NS;
    r->processes.await.at = now + EXITING_LOOK_NS;
    return now < r->exiting_until;
}

/* All has been read: what processes left unfinished becomes lines, and the last lines go out. */
static bool finished(struct runner *r)
{
    if (!intake_open(&r->intake))
        for (struct process *process = r->processes.live; process != NULL; process = process->next)
            if (!lines_end(&r->lines, process))
                return false;
    if (!r->leaving && (r->processes.ended != NULL || are_exiting(r)))
        return false;
    if (r->options.tail)
        outputs_start_tail(&r->outputs, r->options.tail_lines);
    outputs_pump(&r->outputs, true);
    return outputs_done(&r->outputs);
}

/* Others hold the streams, and nobody waits for them any more: their lines go on to be shown, as they would without sscap, by a
 * child of ours. Returns in the parent alone when it is to end. */
static void detach(struct runner *r)
{
    pid_t pid = fork();
    r->detached = pid > 0;
    if (pid != 0)
        return;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    r->leaving = false;
    r->options.wait_mode = WAIT_STREAMS;
    r->options.quiet = true;
    r->notice.at = 0;
}

/* Where the loop is never idle, lines still come out within FLUSH_AFTER_NS. */
static void turn(void *context, bool idle)
{
    struct runner *r = context;
    progress(r);
    if (!idle && now_ns() < r->flushed + FLUSH_AFTER_NS)
        return;
    r->flushed = now_ns();
    outputs_pump(&r->outputs, true);
    abandon_unread(r);
    if (r->lines.idle != 0)
        r->prompt.at = lines_show_idle(&r->lines, r->flushed);
    if (!idle || !waited(r) || !finished(r))
        return;
    if (intake_open(&r->intake)) {
        detach(r);
        if (!r->leaving)
            return;
    }
    loop_stop(r->loop);
}

/* --- what happens --- */

static void prompt_due(struct timer *timer)
{
    struct runner *r = timer->context;
    timer->at = lines_show_idle(&r->lines, now_ns());
}

static void notice_due(struct timer *timer)
{
    struct runner *r = timer->context;
    char status[64];
    char names[512] = "not ours to look into";
    bool held = intake_open(&r->intake);
    if (r->options.quiet || r->leaving || (!held && r->options.wait_mode != WAIT_TREE))
        return;
    describe_status(r->command_status, status, sizeof status);
    size_t n = held ? holders_list(r->channels.inode, names, sizeof names)
                    : holders_children(names, sizeof names);
    if (n == 0 && (!held || ++r->notices_empty <
                                NOTICES_EMPTY_MAX)) { /* gone, most likely, and their end about to be read */
        timer->at = now_ns() + NOTICE_AFTER_NS;
        return;
    }
    if (held)
        say("'%s' %s; still held by %zu process%s, waiting: %s", r->options.command[0], status, n,
            n == 1 ? "" : "es", names);
    else
        say("'%s' %s; waiting for %zu more of its processes: %s", r->options.command[0], status, n, names);
    say("^C stops waiting; so does --wait=command from the start");
}

/* --- ends of processes --- */

static struct process *child_ended(void *context, pid_t pid)
{
    struct runner *r = context;
    return processes_child_ended(&r->processes, pid);
}

static void reaped(void *context, pid_t pid, struct process *process, int status, const struct rusage *usage)
{
    struct runner *r = context;
    const struct sscap_usage used = {
        .user_us = (uint64_t)usage->ru_utime.tv_sec * 1000000 + (uint64_t)usage->ru_utime.tv_usec,
        .system_us = (uint64_t)usage->ru_stime.tv_sec * 1000000 + (uint64_t)usage->ru_stime.tv_usec,
        .peak_kb = (uint64_t)usage->ru_maxrss,
    };
    if (process != NULL)
        exits_note(process, WITNESS_WAIT, status, &used);
    if (pid != r->command)
        return;
    r->command_ended = true;
    r->command_status = status;
    r->notice.at = now_ns() + NOTICE_AFTER_NS;
}

static void began(void *context, struct process *process)
{
    struct runner *r = context;
    history_begin(&r->history, process);
}

static void adopted(void *context, struct process *process, const struct process *parent)
{
    struct runner *r = context;
    history_adopt(&r->history, process, parent);
}

static void started(void *context, struct process *process)
{
    struct runner *r = context;
    oom_note(&r->oom, process);
}

/* One line on a group. */
static void describe_group(const struct group *group, char *text, size_t size)
{
    char title[200];
    errors_title(group, title, sizeof title);
    snprintf(text, size, "%s (pid %d%s)", title, group->pid, group->count > 1 ? " and others" : "");
}

/* While running, only those that are killed are told of at once: others have said their own words. */
static bool tells_of(const struct runner *r, const struct group *group)
{
    return !r->options.quiet && (group->kind == GROUP_SIGNAL || r->options.tail);
}

/* What stands at an error group's place. */
static size_t describe(void *context, const struct record *record, char *text, size_t size)
{
    const struct runner *r = context;
    const struct group *group = errors_of_record(&r->errors, record);
    char line[240];
    if (group == NULL || !tells_of(r, group))
        return 0;
    describe_group(group, line, sizeof line);
    int length = snprintf(text, size, "sscap: %s\n", line);
    return length > 0 && (size_t)length < size ? (size_t)length : 0;
}

/* Where no sink has the stream that groups have their places in. */
static void announce_group(const struct runner *r, const struct group *group)
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
        WTERMSIG(ending->status) == SIGKILL && exits_sender(ending) == 0 && ending->oom_kills == 0)
        oom_judge(&r->oom, process);
    uint32_t groups = r->errors.count;
    if (!errors_take(&r->errors, process))
        return false;
    if (r->errors.count > groups && r->channels.stream[SSCAP_ERR] < 0)
        announce_group(r, r->errors.groups[groups]);
    history_note(&r->history, process, r->errors.signals + r->errors.exits > before);
    return true;
}

static void stopping(void *context)
{
    struct runner *r = context;
    outputs_pump(&r->outputs, true);
}

static void interrupted(void *context, int signal)
{
    struct runner *r = context;
    (void)signal;
    if (r->leaving) { /* a second time: the output's reader does not take it */
        loop_stop(r->loop);
        return;
    }
    leave(r);
}

static void sink_moved(void *context)
{
    progress(context);
}

static void sink_failed(void *context, struct sink *sink, int error)
{
    struct runner *r = context;
    if (error != EPIPE) {
        r->output_error = error;
        say("cannot write to standard %s: %s", sink == &r->outputs.sinks[0] ? "output" : "error",
            strerror(error));
    }
    r->unread_streams |= sink->cursor.streams;
}

/* --- setting up --- */

/* Everything that lives as long as the session does. Returns 0 or -errno. */
static int init_modules(struct runner *r)
{
    const struct options *options = &r->options;
    int error = loop_init(&r->loop);
    if (error == 0)
        error = outputs_init(&r->outputs, options);
    if (error != 0)
        return error;
    struct buffer *err = outputs_buffer(&r->outputs, SSCAP_ERR);
    lines_init(&r->lines, outputs_buffer(&r->outputs, SSCAP_OUT), err, options->line_max, options->bytes);
    r->lines.ranks = tag_has(options->tag, "rank");
    for (int i = 0; i < SSCAP_STREAMS && !options->tail; i++)
        if (isatty(STDOUT_FILENO + i))
            r->lines.idle_streams |= 1u << i;
    r->lines.idle = r->lines.idle_streams != 0 ? PROMPT_AFTER_NS : 0;
    r->notice = (struct timer){.due = notice_due, .context = r};
    r->prompt = (struct timer){.due = prompt_due, .context = r};
    loop_add_timer(r->loop, &r->notice);
    loop_add_timer(r->loop, &r->prompt);
    loop_on_turn(r->loop, turn, r);
    error = processes_init(&r->processes, r->loop, &r->lines);
    if (error != 0)
        return error;
    r->processes.features = pidfd_features();
    r->processes.arguments = !options->no_arguments;
    r->processes.position = written;
    r->processes.before_end = take_events;
    r->processes.began = began;
    r->processes.adopted = adopted;
    r->processes.started = started;
    r->processes.closed = closed;
    r->processes.context = r;
    history_init(&r->history, options->tree);
    oom_init(&r->oom);
    r->symbols = symbols_new();
    if (r->symbols == NULL)
        return -ENOMEM;
    errors_init(&r->errors, options, r->symbols, err);
    r->errors.stream = options->tail && options->stderr_mode == STDERR_MERGE ? SSCAP_OUT : SSCAP_ERR;
    error = channels_open(&r->channels, options, &r->inheritance);
    if (error == 0)
        error = events_init(&r->events, r->loop, &r->processes, r->channels.ctl, r->channels.listener,
                            r->channels.nonce);
    if (error == 0)
        error = intake_init(&r->intake, r->loop, &r->events, &r->processes, &r->lines, r->channels.stream,
                            r->channels.nonce);
    return error;
}

/* How long the loop may leave the sockets alone: short enough that no writer fills one in that time, long enough that a busy tree does not
 * pay for waking us with every line and fork. */
static uint64_t pace(const struct channels *channels)
{
    uint64_t ns = (uint64_t)(channels->send_buffer * PACE_NS_PER_BYTE);
    return ns < PACE_MAX_NS ? ns : PACE_MAX_NS;
}

/* What the library is to do in every process of the tree. */
static uint32_t session_flags(const struct runner *r)
{
    uint32_t flags = (uint32_t)r->options.buffer_mode;
    if (!r->processes.features.info || !r->processes.features.pass)
        flags |= SSCAP_FLAG_EXITS;
    if (r->options.errors_mode != ERRORS_NONE)
        flags |= SSCAP_FLAG_CRASHES;
    if (!r->options.no_arguments)
        flags |= SSCAP_FLAG_ARGS;
    return flags;
}

static void print_totals(const struct runner *r)
{
    uint64_t dropped = outputs_dropped(&r->outputs);
    say("%llu process%s (%llu without the library), %llu line%s, %llu bytes",
        (unsigned long long)r->processes.count, r->processes.count == 1 ? "" : "es",
        (unsigned long long)processes_unshimmed(&r->processes), (unsigned long long)r->lines.lines,
        plural(r->lines.lines), (unsigned long long)r->lines.bytes);
    if (dropped > 0 || r->processes.lost > 0 || r->events.refused > 0)
        say("%llu line%s dropped, %llu process%s not recorded for want of memory, %llu foreign message%s "
            "refused",
            (unsigned long long)dropped, plural(dropped), (unsigned long long)r->processes.lost,
            r->processes.lost == 1 ? "" : "es", (unsigned long long)r->events.refused,
            plural(r->events.refused));
}

static int open_outputs(struct runner *r)
{
    const struct sink callbacks = {
        .moved = sink_moved, .failed = sink_failed, .describe = describe, .context = r};
    uint32_t streams = 0;
    for (int i = 0; i < SSCAP_STREAMS; i++)
        streams |= r->channels.stream[i] >= 0 ? 1u << i : 0;
    return outputs_open(&r->outputs, r->loop, &r->options, streams, &callbacks);
}

/* Everything has been shown: what there is to say about it. */
static void finish(struct runner *r)
{
    const struct totals totals = {.processes = r->processes.count,
                                  .lines = r->lines.lines,
                                  .begun = r->begun,
                                  .now = now_ns(),
                                  .command = r->command};
    processes_close_ended(&r->processes);
    signals_unblock();
    for (const struct process *process = r->processes.live; process != NULL; process = process->next)
        history_note(&r->history, process, false);
    if (r->options.verbose)
        print_totals(r);
    if (!r->options.quiet)
        report_print(&r->errors, &r->history, &totals, outputs_want_color(&r->options, STDERR_FILENO));
    signals_die_alike(&r->signals, r->command_status);
}

static void clear(struct runner *r)
{
    outputs_clear(&r->outputs);
    intake_clear(&r->intake);
    processes_clear(&r->processes);
    errors_clear(&r->errors);
    symbols_free(r->symbols);
    history_clear(&r->history);
    oom_clear(&r->oom);
    loop_free(r->loop);
}

int main(int argc, char *argv[])
{
    static struct runner r;
    r.begun = now_ns();
    options_read(&r.options, argc, argv);
    inheritance_take(&r.inheritance);
    signals_block(&r.inheritance);
    unsetenv(SSCAP_ENV_SESSION);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of the tree are ours to reap, not init's */
    int error = init_modules(&r);
    if (error == 0) {
        r.signals.ended = child_ended;
        r.signals.reaped = reaped;
        r.signals.stopping = stopping;
        r.signals.interrupted = interrupted;
        r.signals.context = &r;
        error = signals_init(&r.signals, r.loop);
    }
    if (error != 0)
        die("cannot start: %s", strerror(-error));
    r.channels.flags = session_flags(&r);
    loop_pace(r.loop, pace(&r.channels), &r.signals.watch);
    int command = launch(&r.channels, &r.options, &r.inheritance);
    if (command < 0)
        return -command;
    r.command = r.signals.command = command;
    error = open_outputs(
        &r); /* not before the tree's ends are closed here: with a limit of 16 descriptors, each counts */
    if (error != 0)
        die("cannot open the output: %s", strerror(-error));
    processes_discover(&r.processes, command, PIDFD_NONE);
    error = loop_run(r.loop);
    if (error != 0)
        die("cannot wait for events: %s", strerror(-error));
    finish(&r);
    if (r.detached)
        return exit_status(&r);
    clear(&r);
    return exit_status(&r);
}
