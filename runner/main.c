/* main.c: wires the modules in the order in which data flows, and says with which status it ends.
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

#include "runner/deaths/lifecycle.h"
#include "runner/deaths/waiting.h"
#include "runner/failover/guardian.h"
#include "runner/handover/shared_memory.h"
#include "runner/output/tag.h"
#include "runner/report/report.h"
#include "runner/runner.h"
#include "runner/util.h"
#include "shim/wire.h"

#define FLUSH_AFTER_NS  (10 * NS_PER_MS)
#define PROMPT_AFTER_NS (200 * NS_PER_MS)

/* What lies in shared memory, by the bytes that the buffer may take: the rings, unfinished lines,
 * and lines on their way out. */
enum { SHARED_RINGS = 4, SHARED_FIXED = 8 << 20 };

/* A writer of short lines uses up about 0.8 KB of its send buffer in a microsecond: a quarter of
 * the buffer, at that rate. */
#define PACE_NS_PER_BYTE (1000 / 800.0 / 4)
#define PACE_MAX_NS      (1 * NS_PER_MS)

/* The library looks for this symbol, to leave the runner alone (shim/bootstrap.c). */
extern const char sscap_is_runner;
const char sscap_is_runner = 1;

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

/* --- the flow --- */

static uint64_t written(void *context, enum sscap_stream stream)
{
    const struct runner *r = context;
    return intake_written(&r->flow->intake, stream);
}

static void take_events(void *context)
{
    struct runner *r = context;
    ctl_drain(&r->events);
}

/* Streams whose output has failed. Not where it fails: that may be in the midst of taking their
 * bytes in. */
static void abandon_unread(struct runner *r)
{
    for (int i = 0; i < SSCAP_STREAMS; i++)
        if (r->unread_streams & 1u << i)
            intake_abandon(&r->flow->intake, (enum sscap_stream)i);
    r->unread_streams = 0;
}

/* Lines are taken in again as soon as the sinks have made room. */
static void progress(struct runner *r)
{
    const uint64_t position[SSCAP_STREAMS] = {intake_position(&r->flow->intake, SSCAP_OUT),
                                              intake_position(&r->flow->intake, SSCAP_ERR)};
    if (r->processes.ended != NULL)
        processes_settle(&r->processes, position);
    outputs_pump(&r->flow->outputs, false);
    abandon_unread(r);
    intake_resume(&r->flow->intake);
}

/* Where the loop is never idle, lines still come out within FLUSH_AFTER_NS. */
static void turn(void *context, bool idle)
{
    struct runner *r = context;
    progress(r);
    if (!idle && now_ns() < r->flushed + FLUSH_AFTER_NS)
        return;
    r->flushed = now_ns();
    outputs_pump(&r->flow->outputs, true);
    abandon_unread(r);
    if (r->flow->lines.idle != 0)
        r->prompt.at = lines_show_idle(&r->flow->lines, r->flushed);
    if (!idle || !waiting_is_over(r) || !waiting_finish(r))
        return;
    if (intake_open(&r->flow->intake)) {
        waiting_detach(r);
        if (!r->leaving)
            return;
    }
    loop_stop(r->loop);
}

/* --- what happens --- */

static void prompt_due(struct timer *timer)
{
    struct runner *r = timer->context;
    timer->at = lines_show_idle(&r->flow->lines, now_ns());
}

static void stopping(void *context)
{
    struct runner *r = context;
    outputs_pump(&r->flow->outputs, true);
}

static void interrupted(void *context, int signal)
{
    struct runner *r = context;
    (void)signal;
    if (r->leaving) { /* a second time: the output's reader does not take it */
        loop_stop(r->loop);
        return;
    }
    waiting_leave(r);
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
        say("cannot write to standard %s: %s",
            sink == &r->flow->outputs.sinks[0] ? "output" : "error", strerror(error));
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
        error = outputs_init(&r->flow->outputs, options);
    if (error != 0)
        return error;
    struct buffer *err = outputs_buffer(&r->flow->outputs, SSCAP_ERR);
    lines_init(&r->flow->lines, outputs_buffer(&r->flow->outputs, SSCAP_OUT), err,
               options->line_max, options->bytes);
    r->flow->lines.ranks = tag_has(options->tag, "rank");
    for (int i = 0; i < SSCAP_STREAMS && !options->tail; i++)
        if (isatty(STDOUT_FILENO + i))
            r->flow->lines.idle_streams |= 1u << i;
    r->flow->lines.idle = r->flow->lines.idle_streams != 0 ? PROMPT_AFTER_NS : 0;
    r->prompt = (struct timer){.due = prompt_due, .context = r};
    waiting_init(r);
    loop_add_timer(r->loop, &r->prompt);
    loop_on_turn(r->loop, turn, r);
    error = processes_init(&r->processes, r->loop, &r->flow->lines);
    if (error != 0)
        return error;
    r->processes.features = pidfd_features();
    r->processes.arguments = !options->no_arguments;
    r->processes.position = written;
    r->processes.before_end = take_events;
    r->processes.context = r;
    lifecycle_init(r);
    process_tree_init(&r->history, options->tree);
    oom_init(&r->oom);
    r->symbols = symbols_new();
    if (r->symbols == NULL)
        return -ENOMEM;
    error_groups_init(&r->errors, options, r->symbols, err);
    r->errors.stream = options->tail && options->stderr_mode == STDERR_MERGE ? SSCAP_OUT
                                                                             : SSCAP_ERR;
    error = channels_open_events(&r->channels);
    if (error == 0)
        error = ctl_init(&r->events, r->loop, &r->processes, r->channels.ctl, r->channels.listener,
                         r->channels.nonce);
    if (error == 0)
        error = intake_init(&r->flow->intake, r->loop, &r->events, &r->processes, &r->flow->lines,
                            r->channels.stream, r->channels.nonce);
    return error;
}

/* How long the loop may leave the sockets alone: short enough that no writer fills one in that
 * time, long enough that a busy tree does not pay for waking us with every line and fork. */
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
    for (int i = 0; i < SSCAP_STREAMS; i++) {
        bool terminal = r->options.tty_mode == TTY_ALWAYS ||
                        (r->options.tty_mode == TTY_AUTO && isatty(STDOUT_FILENO + i));
        if (terminal && r->channels.stream[i] >= 0)
            flags |= i == SSCAP_OUT ? SSCAP_FLAG_TTY_OUT : SSCAP_FLAG_TTY_ERR;
    }
    return flags;
}

static void print_totals(const struct runner *r)
{
    uint64_t dropped = outputs_dropped(&r->flow->outputs);
    say("%llu process%s (%llu without the library), %llu line%s, %llu bytes",
        (unsigned long long)r->processes.count, plural_es(r->processes.count),
        (unsigned long long)processes_unshimmed(&r->processes),
        (unsigned long long)r->flow->lines.lines, plural(r->flow->lines.lines),
        (unsigned long long)r->flow->lines.bytes);
    uint64_t unnamed = symbols_refused(r->symbols);
    if (unnamed > 0 || r->flow->lines.tails.refused > 0)
        say("last words cut short %llu time%s, functions not looked up %llu time%s, for want of "
            "room and "
            "time",
            (unsigned long long)r->flow->lines.tails.refused, plural(r->flow->lines.tails.refused),
            (unsigned long long)unnamed, plural(unnamed));
    if (dropped > 0 || r->processes.lost > 0 || r->events.refused > 0)
        say("%llu line%s dropped, %llu process%s not recorded for want of memory, %llu foreign "
            "message%s "
            "refused",
            (unsigned long long)dropped, plural(dropped), (unsigned long long)r->processes.lost,
            plural_es(r->processes.lost), (unsigned long long)r->events.refused,
            plural(r->events.refused));
}

static int open_outputs(struct runner *r)
{
    const struct sink callbacks = {
        .moved = sink_moved, .failed = sink_failed, .describe = lifecycle_describe, .context = r};
    uint32_t streams = 0;
    for (int i = 0; i < SSCAP_STREAMS; i++)
        streams |= r->channels.stream[i] >= 0 ? 1u << i : 0;
    return outputs_open(&r->flow->outputs, r->loop, &r->options, streams, &callbacks);
}

/* Everything has been shown: what there is to say about it. */
static void finish(struct runner *r)
{
    const struct totals totals = {.processes = r->processes.count,
                                  .lines = r->flow->lines.lines,
                                  .begun = r->begun,
                                  .now = now_ns(),
                                  .command = r->command};
    processes_close_ended(&r->processes);
    signals_unblock();
    for (const struct process *process = r->processes.live; process != NULL;
         process = process->next)
        process_tree_note(&r->history, process, false);
    if (r->options.verbose)
        print_totals(r);
    if (!r->options.quiet)
        report_print(&r->errors, &r->history, &totals,
                     outputs_want_color(&r->options, STDERR_FILENO));
}

static void clear(struct runner *r)
{
    outputs_clear(&r->flow->outputs);
    intake_clear(&r->flow->intake);
    processes_clear(&r->processes);
    error_groups_clear(&r->errors);
    symbols_free(r->symbols);
    process_tree_clear(&r->history);
    oom_clear(&r->oom);
    loop_free(r->loop);
}

/* Leaves the guardian in front and goes on as the runner. Returns 0 or -errno. */
static int step_behind(struct runner *r)
{
    int error = shared_memory_init(r->options.bytes * SHARED_RINGS + SHARED_FIXED);
    r->flow = error == 0 ? shared_memory_alloc(sizeof *r->flow) : NULL;
    if (r->flow == NULL)
        return -ENOMEM;
    r->flow->command_status = COMMAND_UNWAITED;
    error = channels_open_streams(&r->channels, &r->options, &r->inheritance);
    if (error != 0)
        return error;
    r->signals.orders.fd = guardian_start(&r->options, &r->channels, r->flow);
    if (r->signals.orders.fd < 0)
        return r->signals.orders.fd;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of the tree are ours to reap, not init's */
    return 0;
}

int main(int argc, char *argv[])
{
    static struct runner r;
    r.begun = now_ns();
    options_read(&r.options, argc, argv);
    inheritance_take(&r.inheritance);
    signals_block(&r.inheritance);
    unsetenv(SSCAP_ENV_SESSION);
    int error = step_behind(&r);
    if (error == 0)
        error = init_modules(&r);
    if (error == 0) {
        r.signals.stopping = stopping;
        r.signals.interrupted = interrupted;
        r.signals.context = &r;
        r.signals.command_status = &r.flow->command_status;
        error = signals_init(&r.signals, r.loop);
    }
    if (error != 0)
        die("cannot start: %s", strerror(-error));
    r.channels.flags = session_flags(&r);
    loop_pace(r.loop, pace(&r.channels), &r.signals.watch);
    int command = launch(&r.channels, &r.options, &r.inheritance, &r.flow->command);
    if (command < 0)
        return -command;
    r.command = r.signals.command = command;
    error = open_outputs(&r); /* not before the tree's ends are closed here: with a limit of 16
                                 descriptors, each counts */
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
