/* waiting.c: see waiting.h. */
#define _GNU_SOURCE
#include "runner/deaths/waiting.h"

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/processes/stream_holders.h"
#include "runner/report/stack.h"
#include "runner/runner.h"
#include "runner/util.h"

enum { NOTICES_EMPTY_MAX = 3 };

#define NOTICE_AFTER_NS (1 * NS_PER_S)
#define EXITING_NS      (2 * NS_PER_S)
#define EXITING_LOOK_NS (1 * NS_PER_MS)

/* "has exited (status 3)", "was killed by SIGTERM". */
static void describe_status(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(text, size, "was killed by %s", signal_name(WTERMSIG(status)));
    else
        snprintf(text, size, "has exited (status %d)", WEXITSTATUS(status));
}

void waiting_leave(struct runner *r)
{
    if (r->leaving)
        return;
    r->leaving = true;
    for (int i = 0; i < SSCAP_STREAMS; i++)
        r->leave_position[i] = intake_written(&r->flow->intake, (enum sscap_stream)i);
}

bool waiting_is_over(struct runner *r)
{
    if (!r->command_ended)
        return false;
    if (r->options.wait_mode == WAIT_COMMAND)
        waiting_leave(r);
    if (!r->leaving && intake_open(&r->flow->intake))
        return false;
    for (int i = 0; r->leaving && i < SSCAP_STREAMS; i++)
        if (intake_position(&r->flow->intake, (enum sscap_stream)i) < r->leave_position[i])
            return false;
    return r->leaving || r->options.wait_mode != WAIT_TREE || !signals_has_children();
}

/* A process closes its descriptors before it is seen to have ended (do_exit): the last ones'
 * streams end a moment before they do. */
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

bool waiting_finish(struct runner *r)
{
    if (!intake_open(&r->flow->intake))
        for (struct process *process = r->processes.live; process != NULL; process = process->next)
            if (!lines_end(&r->flow->lines, process))
                return false;
    if (!r->leaving && (r->processes.ended != NULL || are_exiting(r)))
        return false;
    if (r->options.tail)
        outputs_start_tail(&r->flow->outputs, r->options.tail_lines);
    outputs_pump(&r->flow->outputs, true);
    return outputs_done(&r->flow->outputs);
}

void waiting_detach(struct runner *r)
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

static void notice_due(struct timer *timer)
{
    struct runner *r = timer->context;
    char status[64];
    char names[512] = "not ours to look into";
    bool held = intake_open(&r->flow->intake);
    if (r->options.quiet || r->leaving || (!held && r->options.wait_mode != WAIT_TREE))
        return;
    describe_status(r->command_status, status, sizeof status);
    size_t n = held ? stream_holders_list(r->channels.inode, names, sizeof names)
                    : stream_holders_children(names, sizeof names);
    if (n == 0 &&
        (!held || ++r->notices_empty <
                      NOTICES_EMPTY_MAX)) { /* gone, most likely, and their end about to be read */
        timer->at = now_ns() + NOTICE_AFTER_NS;
        return;
    }
    if (held)
        say("'%s' %s; still held by %zu process%s, waiting: %s", r->options.command[0], status, n,
            plural_es(n), names);
    else
        say("'%s' %s; waiting for %zu more of its processes: %s", r->options.command[0], status, n,
            names);
    say("^C stops waiting; so does --wait=command from the start");
}

void waiting_init(struct runner *r)
{
    r->notice = (struct timer){.due = notice_due, .context = r};
    loop_add_timer(r->loop, &r->notice);
}

void waiting_command_ended(struct runner *r, int status)
{
    r->command_ended = true;
    r->command_status = status;
    r->notice.at = now_ns() + NOTICE_AFTER_NS;
}
