/* main.c: wires the modules in the order in which data flows, decides when the session is over, and with which status.
 *
 *     launch -> intake -> lines -> buffer -> sinks
 *               events -> processes
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/buffer.h"
#include "runner/events.h"
#include "runner/holders.h"
#include "runner/intake.h"
#include "runner/launch.h"
#include "runner/lines.h"
#include "runner/loop.h"
#include "runner/options.h"
#include "runner/processes.h"
#include "runner/signals.h"
#include "runner/sink_terminal.h"
#include "runner/tag.h"
#include "runner/util.h"
#include "shim/wire.h"

#define NOTICE_AFTER_NS (1 * NS_PER_S)
#define FLUSH_AFTER_NS  (10 * NS_PER_MS)
#define PROMPT_AFTER_NS (200 * NS_PER_MS)

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
    struct buffer buffers
        [SSCAP_STREAMS]; /* one for each output: a reader of the one who does not read must not hold up the other */
    size_t buffer_count;
    struct lines lines;
    struct processes processes;
    struct events events;
    struct intake intake;
    struct signals signals;
    struct tag tags[SSCAP_STREAMS];
    size_t tag_width;
    struct sink sinks[SSCAP_STREAMS];
    size_t sink_count;
    unsigned int notices_empty; /* times that nobody was found to wait for */
    struct timer notice;        /* who is still being waited for */
    struct timer prompt;        /* unfinished lines to show */
    pid_t command;
    bool command_ended;
    int command_status;                     /* as waitpid has it */
    bool leaving;                           /* no longer waiting for anyone but the sinks */
    uint64_t leave_position[SSCAP_STREAMS]; /* what was written until then is still shown */
    bool tail_printed;
    bool
        detached; /* a child goes on with the session: what it shares with us (the epoll instance) is its own */
    uint64_t flushed;        /* now_ns of the last time that all lines went out */
    uint32_t unread_streams; /* bits: nobody reads their lines any more; to be abandoned */
    int output_error;        /* errno of an output that failed other than by its reader leaving */
};

/* --- status --- */

static int exit_status(const struct runner *r)
{
    int status = WIFSIGNALED(r->command_status) ? STATUS_SIGNAL + WTERMSIG(r->command_status)
                                                : WEXITSTATUS(r->command_status);
    return status == 0 && r->output_error != 0 ? STATUS_FAILED : status;
}

/* "exited with status 3", "was killed by SIGTERM". */
static void describe_status(int status, char *text, size_t size)
{
    const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
    if (!WIFSIGNALED(status))
        snprintf(text, size, "has exited (status %d)", WEXITSTATUS(status));
    else if (name != NULL)
        snprintf(text, size, "was killed by SIG%s", name);
    else
        snprintf(text, size, "was killed by signal %d", WTERMSIG(status));
}

/* --- the flow --- */

static bool pump(struct runner *r, bool flush)
{
    bool moved = false;
    for (size_t i = 0; i < r->sink_count; i++)
        moved |= sink_pump(&r->sinks[i], flush);
    return moved;
}

static bool make_room(void *context)
{
    return pump(context, false);
}

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
    pump(r, false);
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

/* All has been read: what processes left unfinished becomes lines, and the last lines go out. */
static bool finished(struct runner *r)
{
    if (!intake_open(&r->intake))
        for (struct process *process = r->processes.live; process != NULL; process = process->next)
            if (!lines_end(&r->lines, process))
                return false;
    if (r->processes.ended != NULL && !r->leaving)
        return false;
    if (r->options.tail && !r->tail_printed) {
        r->tail_printed = true;
        for (size_t i = 0; i < r->sink_count; i++)
            if (r->sinks[i].fd >= 0)
                sink_start(&r->sinks[i], r->options.tail_lines);
    }
    pump(r, true);
    for (size_t i = 0; i < r->sink_count; i++)
        if (!sink_done(&r->sinks[i]))
            return false;
    return true;
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
    pump(r, true);
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

static void reaped(void *context, pid_t pid, int status)
{
    struct runner *r = context;
    processes_ended(&r->processes, pid);
    if (pid != r->command)
        return;
    r->command_ended = true;
    r->command_status = status;
    r->notice.at = now_ns() + NOTICE_AFTER_NS;
}

static void stopping(void *context)
{
    pump(context, true);
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
        say("cannot write to standard %s: %s", sink == &r->sinks[0] ? "output" : "error", strerror(error));
    }
    r->unread_streams |= sink->cursor.streams;
}

/* --- setting up --- */

static bool same_file(int a, int b)
{
    struct stat first, second;
    return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino && first.st_rdev == second.st_rdev;
}

static bool wants_color(const struct options *options, int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    if (options->color_mode != COLOR_AUTO)
        return options->color_mode == COLOR_ALWAYS;
    if (no_color != NULL && *no_color != '\0') /* no-color.org */
        return false;
    return isatty(fd) && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static int add_sink(struct runner *r, int fd, uint32_t streams)
{
    struct sink *sink = &r->sinks[r->sink_count];
    struct buffer *buffer = &r->buffers[streams == 1u << SSCAP_ERR ? r->buffer_count - 1 : 0];
    struct tag *tag = &r->tags[r->sink_count];
    tag_init(tag, r->options.tag, r->options.timestamps, wants_color(&r->options, fd), &r->tag_width,
             wall_ns());
    sink->moved = sink_moved;
    sink->failed = sink_failed;
    sink->context = r;
    int error = sink_init(sink, r->loop, buffer, tag, fd, streams, !r->options.tail);
    if (error == 0)
        r->sink_count++;
    return error;
}

static int add_sinks(struct runner *r)
{
    const uint32_t out = 1u << SSCAP_OUT;
    const uint32_t err = 1u << SSCAP_ERR;
    bool has_out = r->channels.stream[SSCAP_OUT] >= 0;
    bool has_err = r->channels.stream[SSCAP_ERR] >= 0;
    if (has_out && has_err && same_file(STDOUT_FILENO, STDERR_FILENO))
        return add_sink(r, STDOUT_FILENO, out | err);
    int error = has_out ? add_sink(r, STDOUT_FILENO, out) : 0;
    return error == 0 && has_err ? add_sink(r, STDERR_FILENO, err) : error;
}

/* Everything that lives as long as the session does. Returns 0 or -errno. */
static int init_modules(struct runner *r)
{
    const struct options *options = &r->options;
    int error = loop_init(&r->loop);
    /* One file takes both, in order; and what --tail prints at the end is the last of both. */
    r->buffer_count = options->tail || same_file(STDOUT_FILENO, STDERR_FILENO) ? 1 : SSCAP_STREAMS;
    for (size_t i = 0; error == 0 && i < r->buffer_count; i++) {
        error = buffer_init(&r->buffers[i], options->bytes / r->buffer_count, options->lines,
                            options->full_mode == FULL_DROP);
        r->buffers[i].make_room = make_room;
        r->buffers[i].context = r;
    }
    if (error != 0)
        return error;
    lines_init(&r->lines, &r->buffers[0], &r->buffers[r->buffer_count - 1], options->line_max,
               options->bytes);
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
    r->processes.position = written;
    r->processes.before_end = take_events;
    r->processes.context = r;
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

static void print_totals(const struct runner *r)
{
    uint64_t dropped = r->buffers[0].dropped_lines + r->buffers[1].dropped_lines;
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

int main(int argc, char *argv[])
{
    static struct runner r;
    options_read(&r.options, argc, argv);
    inheritance_take(&r.inheritance);
    signals_block(&r.inheritance);
    unsetenv(SSCAP_ENV_SESSION);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of the tree are ours to reap, not init's */
    int error = init_modules(&r);
    if (error == 0) {
        r.signals.reaped = reaped;
        r.signals.stopping = stopping;
        r.signals.interrupted = interrupted;
        r.signals.context = &r;
        error = signals_init(&r.signals, r.loop);
    }
    if (error != 0)
        die("cannot start: %s", strerror(-error));
    loop_pace(r.loop, pace(&r.channels), &r.signals.watch);
    int command = launch(&r.channels, &r.options, &r.inheritance);
    if (command < 0)
        return -command;
    r.command = r.signals.command = command;
    error = add_sinks(
        &r); /* not before the tree's ends are closed here: with a limit of 16 descriptors, each counts */
    if (error != 0)
        die("cannot open the output: %s", strerror(-error));
    processes_discover(&r.processes, command);
    error = loop_run(r.loop);
    if (error != 0)
        die("cannot wait for events: %s", strerror(-error));
    if (r.options.verbose)
        print_totals(&r);
    signals_die_alike(&r.signals, r.command_status);
    if (r.detached)
        return exit_status(&r);
    for (size_t i = 0; i < r.sink_count; i++)
        sink_clear(&r.sinks[i]);
    intake_clear(&r.intake);
    processes_clear(&r.processes);
    for (size_t i = 0; i < r.buffer_count; i++)
        buffer_clear(&r.buffers[i]);
    loop_free(r.loop);
    return exit_status(&r);
}
