/* main.c: wires the modules in the order in which data flows, and chooses the exit status.
 *
 *     launch -> capture -> lines -> output
 *               processes -> deaths -> report
 *
 * runner/README.md draws the whole. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/failover/guardian.h"
#include "runner/launch/start.h"
#include "runner/report/report.h"
#include "runner/report/totals.h"
#include "runner/runner.h"
#include "runner/tag_template.h"
#include "runner/util.h"
#include "shim/wire.h"

#define FLUSH_AFTER_NS  (10 * NS_PER_MS)
#define PROMPT_AFTER_NS (200 * NS_PER_MS)

/* Shared memory, as multiples of what the buffer may take: the rings, unfinished lines, and lines
 * on their way out. */
enum { SHARED_RINGS = 4, SHARED_FIXED = 8 << 20 };

/* A writer of short lines uses up about 0.8 KB of its send buffer in a microsecond. The loop rests
 * no longer than such a writer needs for a quarter of the buffer. */
#define PACE_NS_PER_BYTE (1000 / 800.0 / 4)
#define PACE_MAX_NS      (1 * NS_PER_MS)

/* The library looks for this symbol, in order to stay out of the runner (shim/core/bootstrap.c). */
extern const char sscap_is_runner;
const char sscap_is_runner = 1;

/* --- status --- */

static int exit_status(const struct runner *r)
{
    int command = r->waiting.command_status;
    int status = WIFSIGNALED(command) ? STATUS_SIGNAL + WTERMSIG(command) : WEXITSTATUS(command);
    if (status == 0 && r->output_error != 0)
        return STATUS_FAILED;
    bool failures = r->errors.signals + r->errors.exits > 0;
    return status == 0 && r->options.strict && failures ? STATUS_STRICT : status;
}

/* --- the loop's turn --- */

/* Ends the streams whose output has failed. Not where it fails, because that may be in the midst of
 * taking their bytes in. */
static void abandon_unread(struct runner *r)
{
    for (int i = 0; i < SSCAP_STREAMS; i++)
        if (r->unread_streams & 1u << i)
            intake_abandon(&r->state->intake, (enum sscap_stream)i);
    r->unread_streams = 0;
}

/* Moves everything on as far as it goes: ended processes, sinks, and streams that waited for room.
 */
static void progress(void *context)
{
    struct runner *r = context;
    struct intake *intake = &r->state->intake;
    const uint64_t position[SSCAP_STREAMS] = {intake_position(intake, SSCAP_OUT),
                                              intake_position(intake, SSCAP_ERR)};
    if (r->processes.ended.first != NULL)
        processes_settle(&r->processes, position);
    outputs_pump(&r->state->outputs, false);
    abandon_unread(r);
    intake_resume(intake);
}

/* Ends the loop when everything has been shown. */
static void end_if_over(struct runner *r)
{
    if (!waiting_is_over(&r->waiting) || !waiting_finish(&r->waiting))
        return;
    if (!intake_open(&r->state->intake) || waiting_detach(&r->waiting))
        loop_stop(r->loop);
}

/* Lines come out within FLUSH_AFTER_NS even if the loop is never idle. */
static void turn(void *context, bool idle)
{
    struct runner *r = context;
    progress(r);
    if (!idle && now_ns() < r->flushed + FLUSH_AFTER_NS)
        return;
    r->flushed = now_ns();
    outputs_pump(&r->state->outputs, true);
    abandon_unread(r);
    if (r->state->lines.idle != 0)
        r->prompt.at = lines_show_idle(&r->state->lines, r->flushed);
    if (idle)
        end_if_over(r);
}

static void prompt_due(struct timer *timer)
{
    struct runner *r = timer->context;
    timer->at = lines_show_idle(&r->state->lines, now_ns());
}

static void output_failed(void *context, struct sink *sink, int error)
{
    struct runner *r = context;
    if (error != EPIPE) {
        r->output_error = error;
        say("cannot write to standard %s: %s",
            sink == &r->state->outputs.sinks[0] ? "output" : "error", strerror(error));
    }
    r->unread_streams |= sink->cursor.streams;
}

static size_t describe_place(void *context, const struct record *record, char *text, size_t size)
{
    struct runner *r = context;
    return lifecycle_describe(&r->lifecycle, record, text, size);
}

/* --- setting up --- */

static void init_lines(struct runner *r)
{
    const struct options *options = &r->options;
    struct lines *lines = &r->state->lines;
    struct outputs *outputs = &r->state->outputs;
    lines_init(lines, outputs_buffer(outputs, SSCAP_OUT), outputs_buffer(outputs, SSCAP_ERR),
               options->line_max, options->bytes);
    for (int i = 0; i < SSCAP_STREAMS && !options->tail; i++)
        if (isatty(STDOUT_FILENO + i))
            lines->idle_streams |= 1u << i;
    lines->idle = lines->idle_streams != 0 ? PROMPT_AFTER_NS : 0;
    r->prompt = (struct timer){.due = prompt_due, .context = r};
    loop_add_timer(r->loop, &r->prompt);
}

static int init_report(struct runner *r)
{
    const struct options *options = &r->options;
    struct buffer *err = outputs_buffer(&r->state->outputs, SSCAP_ERR);
    process_tree_init(&r->tree, options->tree);
    r->symbols = symbols_new();
    if (r->symbols == NULL)
        return -ENOMEM;
    error_groups_init(&r->errors, options, r->symbols, err, &r->state->lines.tails);
    bool one_stream = options->tail && options->stderr_mode == STDERR_MERGE;
    r->errors.stream = one_stream ? SSCAP_OUT : SSCAP_ERR;
    return 0;
}

static void init_lifecycle(struct runner *r)
{
    r->lifecycle = (struct lifecycle){
        .ctl = &r->ctl,
        .state = r->state,
        .processes = &r->processes,
        .signals = &r->signals,
        .waiting = &r->waiting,
        .errors = &r->errors,
        .tree = &r->tree,
        .places_shown = r->channels.stream[SSCAP_ERR] >= 0,
    };
    lifecycle_init(&r->lifecycle);
    waiting_init(&r->waiting, &r->options, &r->channels, r->loop, r->state, &r->processes);
}

static int init_processes(struct runner *r)
{
    int error = processes_init(&r->processes, r->loop, &r->lifecycle.process_observer);
    r->processes.features = pidfd_features();
    r->processes.arguments = !r->options.no_arguments;
    return error;
}

static int init_capture(struct runner *r)
{
    struct channels *channels = &r->channels;
    int error = channels_open_events(channels);
    if (error == 0)
        error = ctl_init(&r->ctl, r->loop, &r->processes, channels->ctl, channels->listener,
                         channels->nonce);
    if (error == 0)
        error = intake_init(&r->state->intake, r->loop, &r->ctl, &r->processes, &r->state->lines,
                            channels->stream, channels->nonce);
    r->state->intake.ranks = tag_template_has(r->options.tag, "rank");
    return error;
}

/* Everything that lives as long as the session does. `orders` is the guardian's socket. Returns 0
 * or -errno. */
static int init_modules(struct runner *r, int orders)
{
    int error = loop_init(&r->loop);
    if (error == 0)
        error = outputs_init(&r->state->outputs, &r->options);
    if (error != 0)
        return error;
    loop_on_turn(r->loop, turn, r);
    init_lines(r);
    init_lifecycle(r);
    error = init_report(r);
    if (error == 0)
        error = init_processes(r);
    if (error == 0)
        error = init_capture(r);
    if (error == 0)
        error = signals_init(&r->signals, &r->lifecycle.signals_observer, r->loop, orders,
                             &r->state->command_status);
    return error;
}

/* How long the loop may leave the sockets alone: no writer fills one in that time, and a busy tree
 * does not pay for a wakeup with every line and fork. */
static uint64_t pace(const struct channels *channels)
{
    uint64_t ns = (uint64_t)(channels->send_buffer * PACE_NS_PER_BYTE);
    return ns < PACE_MAX_NS ? ns : PACE_MAX_NS;
}

/* What the library is to do in every process of the tree. */
static uint32_t session_flags(const struct runner *r)
{
    const struct options *options = &r->options;
    uint32_t flags = (uint32_t)options->buffer_mode;
    if (!r->processes.features.info || !r->processes.features.pass)
        flags |= SSCAP_FLAG_EXITS;
    if (options->errors_mode != ERRORS_NONE)
        flags |= SSCAP_FLAG_CRASHES;
    if (!options->no_arguments)
        flags |= SSCAP_FLAG_ARGS;
    for (int i = 0; i < SSCAP_STREAMS; i++) {
        bool terminal = options->tty_mode == TTY_ALWAYS ||
                        (options->tty_mode == TTY_AUTO && isatty(STDOUT_FILENO + i));
        if (terminal && r->channels.stream[i] >= 0)
            flags |= i == SSCAP_OUT ? SSCAP_FLAG_TTY_OUT : SSCAP_FLAG_TTY_ERR;
    }
    return flags;
}

static int open_outputs(struct runner *r)
{
    uint32_t streams = 0;
    for (int i = 0; i < SSCAP_STREAMS; i++)
        streams |= r->channels.stream[i] >= 0 ? 1u << i : 0;
    r->sink_observer = (struct sink_observer){
        .context = r, .moved = progress, .failed = output_failed, .describe = describe_place};
    return outputs_open(&r->state->outputs, r->loop, &r->options, streams, &r->sink_observer);
}

/* Leaves the guardian in front and goes on as the runner. Returns the guardian's socket or -errno.
 */
static int step_behind(struct runner *r)
{
    int error = shared_memory_init(r->options.bytes * SHARED_RINGS + SHARED_FIXED);
    r->state = error == 0 ? shared_memory_alloc(sizeof *r->state) : NULL;
    if (r->state == NULL)
        return -ENOMEM;
    r->state->command_status = COMMAND_UNWAITED;
    error = channels_open_streams(&r->channels, &r->options, &r->inheritance);
    if (error != 0)
        return error;
    int orders = guardian_start(&r->options, &r->channels, r->state);
    if (orders >= 0)
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of the tree are ours to reap */
    return orders;
}

/* Starts the command and opens the outputs. Returns 0, or minus the exit status. */
static int start(struct runner *r)
{
    r->channels.flags = session_flags(r);
    loop_pace(r->loop, pace(&r->channels), &r->signals.watch);
    int command = start_command(&r->channels, &r->options, &r->inheritance, &r->state->command);
    if (command < 0)
        return command;
    r->signals.command = command;
    /* Only now, when the tree's ends are closed here: with a limit of 16 descriptors each counts.
     */
    int error = open_outputs(r);
    if (error != 0)
        die("cannot open the output: %s", strerror(-error));
    processes_discover(&r->processes, command, PIDFD_NONE);
    return 0;
}

/* --- the end --- */

static struct totals count(const struct runner *r)
{
    const struct lines *lines = &r->state->lines;
    return (struct totals){
        .begun = r->begun,
        .now = now_ns(),
        .command = r->state->command,
        .processes = r->processes.count,
        .without_library = processes_without_library(&r->processes),
        .lines = lines->lines,
        .bytes = lines->bytes,
        .lines_dropped = outputs_dropped(&r->state->outputs),
        .processes_lost = r->processes.lost,
        .messages_refused = r->ctl.refused,
        .last_lines_cut = lines->tails.refused,
        .functions_not_looked = symbols_refused(r->symbols),
    };
}

/* Everything has been shown. Says what there is to say about it. */
static void finish(struct runner *r)
{
    const struct totals totals = count(r);
    processes_close_ended(&r->processes);
    signals_unblock();
    for (const struct process *process = processes_first(&r->processes.live); process != NULL;
         process = processes_next(process))
        process_tree_note(&r->tree, process, false);
    if (r->options.verbose)
        totals_say(&totals);
    if (!r->waiting.quiet)
        report_print(&r->errors, &r->tree, &totals, outputs_want_color(&r->options, STDERR_FILENO));
}

static void clear(struct runner *r)
{
    outputs_clear(&r->state->outputs);
    intake_clear(&r->state->intake);
    processes_clear(&r->processes);
    error_groups_clear(&r->errors);
    symbols_free(r->symbols);
    process_tree_clear(&r->tree);
    lifecycle_clear(&r->lifecycle);
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
    int error = step_behind(&r);
    if (error >= 0)
        error = init_modules(&r, error);
    if (error != 0)
        die("cannot start: %s", strerror(-error));
    error = start(&r);
    if (error < 0)
        return -error;
    error = loop_run(r.loop);
    if (error != 0)
        die("cannot wait for events: %s", strerror(-error));
    finish(&r);
    if (!r.waiting.detached) /* else the child goes on with all this */
        clear(&r);
    return exit_status(&r);
}
