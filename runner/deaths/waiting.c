/* waiting.c: see waiting.h. */
#define _GNU_SOURCE
#include "runner/deaths/waiting.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/kernel/signal_names.h"
#include "runner/processes/stream_holders.h"
#include "runner/signals.h"
#include "runner/util.h"

enum { NOTICES_EMPTY_MAX = 3 };

#define NOTICE_AFTER_NS (1 * NS_PER_S)
#define INTERRUPTED_NS  (100 * NS_PER_MS)
#define EXITING_NS      (2 * NS_PER_S)
#define EXITING_LOOK_NS (1 * NS_PER_MS)

static struct intake *intake_of(const struct waiting *waiting)
{
    return &waiting->state->intake;
}

/* --- notices --- */

/* "has exited (status 3)", "was killed by SIGTERM". */
static void describe_status(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(text, size, "was killed by %s", signal_name(WTERMSIG(status)));
    else
        snprintf(text, size, "has exited (status %d)", WEXITSTATUS(status));
}

static void say_who(const struct waiting *waiting, bool held, size_t n, const char *names)
{
    const char *command = waiting->options->command[0];
    char status[64];
    describe_status(waiting->command_status, status, sizeof status);
    if (held)
        say("'%s' %s; waiting for %zu process%s that hold%s a stream: %s", command, status, n,
            plural_es(n), n == 1 ? "s" : "", names);
    else
        say("'%s' %s; waiting for %zu more of its processes: %s", command, status, n, names);
    say("press ^C to stop waiting; --wait=command does not wait");
}

static void notice_due(struct timer *timer)
{
    struct waiting *waiting = timer->context;
    char names[512] = "unknown (no permission)";
    bool held = intake_open(intake_of(waiting));
    if (waiting->quiet || waiting->leaving || (!held && waiting->mode != WAIT_TREE))
        return;
    size_t n = held ? stream_holders_list(waiting->channels->inode, names, sizeof names)
                    : stream_holders_children(names, sizeof names);
    /* They are gone, most likely, and their end is about to be read. */
    if (n == 0 && (!held || ++waiting->notices_empty < NOTICES_EMPTY_MAX))
        timer->at = now_ns() + NOTICE_AFTER_NS;
    else
        say_who(waiting, held, n, names);
}

static void leave_due(struct timer *timer)
{
    waiting_leave(timer->context);
}

void waiting_init(struct waiting *waiting, const struct options *options,
                  const struct channels *channels, struct loop *loop, struct shared_state *state,
                  struct processes *processes)
{
    *waiting = (struct waiting){
        .options = options,
        .channels = channels,
        .loop = loop,
        .state = state,
        .processes = processes,
        .mode = (enum wait_mode)options->wait_mode,
        .quiet = options->quiet,
        .leave = {.due = leave_due, .context = waiting},
        .notice = {.due = notice_due, .context = waiting},
    };
    loop_add_timer(loop, &waiting->leave);
    loop_add_timer(loop, &waiting->notice);
}

/* --- when it is over --- */

void waiting_command_ended(struct waiting *waiting, int status)
{
    waiting->command_ended = true;
    waiting->command_status = status;
    waiting->notice.at = now_ns() + NOTICE_AFTER_NS;
}

void waiting_interrupted(struct waiting *waiting)
{
    waiting->leave.at = now_ns() + INTERRUPTED_NS;
}

void waiting_leave(struct waiting *waiting)
{
    if (waiting->leaving)
        return;
    waiting->leaving = true;
    for (int i = 0; i < SSCAP_STREAMS; i++)
        waiting->leave_position[i] = intake_written(intake_of(waiting), (enum sscap_stream)i);
}

static bool has_shown_all(const struct waiting *waiting)
{
    for (int i = 0; i < SSCAP_STREAMS; i++)
        if (intake_position(intake_of(waiting), (enum sscap_stream)i) < waiting->leave_position[i])
            return false;
    return true;
}

bool waiting_is_over(struct waiting *waiting)
{
    if (!waiting->command_ended)
        return false;
    if (waiting->mode == WAIT_COMMAND)
        waiting_leave(waiting);
    if (waiting->leaving)
        return has_shown_all(waiting);
    return !intake_open(intake_of(waiting)) &&
           (waiting->mode != WAIT_TREE || !signals_has_children());
}

/* A process closes its descriptors before it is seen to have ended (do_exit in kernel/exit.c). So
 * the streams end a moment before the last processes do. */
static bool are_exiting(struct waiting *waiting)
{
    uint64_t now = now_ns();
    if (!processes_exiting(waiting->processes))
        return false;
    if (waiting->exiting_until == 0)
        waiting->exiting_until = now + EXITING_NS;
    waiting->processes->await.at = now + EXITING_LOOK_NS;
    return now < waiting->exiting_until;
}

static bool end_lines(const struct waiting *waiting)
{
    const struct processes *processes = waiting->processes;
    if (intake_open(intake_of(waiting)))
        return true;
    for (struct process *process = processes_first(&processes->live); process != NULL;
         process = processes_next(process))
        if (!lines_end(&waiting->state->lines, &process->source))
            return false;
    return true;
}

bool waiting_finish(struct waiting *waiting)
{
    struct outputs *outputs = &waiting->state->outputs;
    if (!end_lines(waiting))
        return false;
    if (!waiting->leaving && (waiting->processes->ended.first != NULL || are_exiting(waiting)))
        return false;
    if (waiting->options->tail)
        outputs_start_tail(outputs, waiting->options->tail_lines);
    outputs_pump(outputs, true);
    return outputs_done(outputs);
}

bool waiting_detach(struct waiting *waiting)
{
    pid_t pid = fork();
    waiting->detached = pid > 0;
    if (pid != 0)
        return true;
    waiting->relaying = waiting->quiet = true;
    waiting->mode = WAIT_STREAMS;
    if (loop_after_fork(waiting->loop) != 0)
        return true;
    waiting->leaving = false;
    waiting->notice.at = 0;
    return false;
}
