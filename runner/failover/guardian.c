/* guardian.c: see guardian.h.
 *
 * The guardian, the runner and the command are in one process group, so all of them get the signals
 * that the terminal or `kill -PGID` sends. The guardian passes on only signals that a process has
 * sent to the guardian's pid. It tells the runner the sender, by which the runner sees whether it
 * got the same signal itself (signals.c). */
#define _GNU_SOURCE
#include "runner/failover/guardian.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/failover/relay.h"
#include "runner/kernel/signal_names.h"
#include "runner/orders.h"
#include "runner/signals.h"
#include "runner/util.h"

enum { LEAVING_LOOK_MS = 5 };

struct guardian {
    const struct options *options;
    const struct channels *channels;
    struct shared_state *state;
    pid_t runner; /* 0: the runner was killed */
    int orders;   /* the socket to the runner */
    int signals;
    bool stop;           /* the guardian must stop as soon as the runner has stopped */
    bool runner_stopped; /* the runner stops after it has shown what it has */
    uint64_t from_terminal;
    /* The members from here on are used when the runner is dead. */
    int status;                 /* the command's, as waitpid(2) gives it, or COMMAND_UNWAITED */
    pid_t relay[SSCAP_STREAMS]; /* 0: the relay has ended */
    bool leaving;               /* the guardian shows what was written until now, and ends */
};

static _Noreturn void leave(const struct guardian *g, int code, int command_status)
{
    signals_die_alike(g->from_terminal, command_status);
    _exit(code);
}

/* --- without a runner --- */

/* The command's pid. 0: the command has ended or was never started. */
static pid_t command(const struct guardian *g)
{
    return g->status == COMMAND_UNWAITED ? __atomic_load_n(&g->state->command, __ATOMIC_ACQUIRE)
                                         : 0;
}

/* The streams (bits) that one process relays together with this one. A reader of stdout that does
 * not read must not hold up stderr. If both are one file, one process relays both, which keeps
 * their order. */
static uint32_t relayed_with(const struct guardian *g, int stream)
{
    const struct outputs *outputs = &g->state->outputs;
    uint32_t both = outputs->sink_count == 1 ? outputs->sinks[0].cursor.streams : 0;
    return both & 1u << stream ? both : 1u << stream;
}

/* Starts a process that relays the stream and those that belong to it. Its pid is noted for the
 * first of them. */
static void start_relay(struct guardian *g, int stream, bool salvage)
{
    uint32_t streams = relayed_with(g, stream);
    if (streams & ((1u << stream) - 1) || g->channels->stream[stream] < 0)
        return;
    g->relay[stream] = fork();
    if (g->relay[stream] > 0)
        return;
    /* If there is no memory for a process, we relay here, and signals wait. */
    relay_run(g->channels, g->state, streams, salvage, g->options->tail_lines);
    if (g->relay[stream] == 0)
        _exit(0);
    g->relay[stream] = 0;
}

static void adopt(struct guardian *g, int runner_status)
{
    g->runner = 0;
    g->status = g->state->command_status;
    if (g->orders >= 0)
        close(g->orders);
    g->orders = -1;
    relay_prepare(g->state);
    say("the runner was killed by %s: from now on lines have no tags, and there is no report",
        signal_name(WTERMSIG(runner_status)));
    for (int i = 0; i < SSCAP_STREAMS; i++)
        start_relay(g, i, true);
}

static void reap(struct guardian *g)
{
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == command(g))
            g->status = status;
        for (int i = 0; i < SSCAP_STREAMS; i++) {
            if (pid != g->relay[i])
                continue;
            g->relay[i] = 0;
            /* The relay crashed over data that the dying runner left damaged. */
            if (WIFSIGNALED(status))
                start_relay(g, i, false);
        }
    }
}

static bool has_relay(const struct guardian *g)
{
    return g->relay[SSCAP_OUT] != 0 || g->relay[SSCAP_ERR] != 0;
}

/* Whether what was written until now has been passed on. */
static bool is_drained(const struct guardian *g)
{
    for (int i = 0; i < SSCAP_STREAMS; i++) {
        int unread = 0;
        if (g->channels->stream[i] >= 0 && ioctl(g->channels->stream[i], FIONREAD, &unread) == 0 &&
            unread > 0)
            return false;
        if (g->relay[i] != 0 && !g->state->relay_idle[i])
            return false;
    }
    return true;
}

static bool is_over(struct guardian *g)
{
    if (command(g) > 0)
        return false;
    g->leaving |= g->options->wait_mode == WAIT_COMMAND;
    if (g->leaving)
        return is_drained(g);
    /* COMMAND_UNWAITED: the runner was killed before the command was started, or while it was
     * starting. */
    bool wait_all = g->options->wait_mode == WAIT_TREE || g->status == COMMAND_UNWAITED;
    return !has_relay(g) && (!wait_all || !signals_has_children());
}

static void end(const struct guardian *g)
{
    int status = g->status;
    if (status == COMMAND_UNWAITED) {
        say("the command was not started");
        leave(g, STATUS_FAILED, 0);
    }
    leave(g, WIFSIGNALED(status) ? STATUS_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status), status);
}

/* --- with a runner --- */

/* Looks whether the runner has stopped or ended. */
static void look_at_runner(struct guardian *g)
{
    int status;
    pid_t pid;
    while (g->runner > 0 && (pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
        /* If we are PID 1 of a container, the child may be an orphan of another process. */
        if (pid != g->runner)
            continue;
        if (WIFSTOPPED(status) || WIFCONTINUED(status))
            g->runner_stopped = WIFSTOPPED(status);
        else if (WIFEXITED(status))
            leave(g, WEXITSTATUS(status),
                  g->state->command_status == COMMAND_UNWAITED ? 0 : g->state->command_status);
        else
            adopt(g, status);
    }
}

static void hand_on(struct guardian *g, int number, int32_t sender)
{
    const struct guardian_order order = {.signal = number, .sender = sender};
    if (g->runner == 0) {
        if (command(g) > 0)
            kill(command(g), number);
        else if (signals_that_end() & signals_bit(number)) {
            if (g->leaving)
                end(g);
            g->leaving = true;
        }
        return;
    }
    if (number == SIGCONT)
        kill(g->runner, SIGCONT);
    /* This blocks while the runner is stopped and its queue is full. */
    (void)send(g->orders, &order, sizeof order, MSG_NOSIGNAL);
}

static void answer(struct guardian *g)
{
    struct guardian_order order;
    ssize_t n = recv(g->orders, &order, sizeof order, MSG_DONTWAIT);
    if (n == (ssize_t)sizeof order)
        hand_on(g, 0, 0);
    else if (n == 0 || errno != EAGAIN) { /* the runner is dead, and SIGCHLD will come */
        close(g->orders);
        g->orders = -1;
    }
}

static void take(struct guardian *g, const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;
    bool from_terminal = info->ssi_code == SI_KERNEL;
    if (number == SIGCHLD || number == SIGPIPE)
        return;
    if (from_terminal)
        g->from_terminal |= signals_bit(number);
    g->stop |= number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
    if (number == SIGCONT)
        g->stop = false;
    if (!from_terminal)
        hand_on(g, number, (int32_t)info->ssi_pid);
}

static _Noreturn void guard(struct guardian *g)
{
    for (;;) {
        struct pollfd ready[] = {{.fd = g->signals, .events = POLLIN},
                                 {.fd = g->orders, .events = POLLIN}};
        struct signalfd_siginfo info;
        poll(ready, 2, g->leaving ? LEAVING_LOOK_MS : -1);
        while (read(g->signals, &info, sizeof info) == (ssize_t)sizeof info)
            take(g, &info);
        if (ready[1].revents & POLLIN)
            answer(g);
        look_at_runner(g);
        if (g->stop && (g->runner == 0 || g->runner_stopped)) {
            g->stop = false;
            raise(SIGSTOP);
        }
        if (g->runner > 0)
            continue;
        reap(g);
        if (is_over(g))
            end(g);
    }
}

/* --- with and without a runner --- */

static void close_all(const int fds[SSCAP_STREAMS])
{
    for (int i = 0; i < SSCAP_STREAMS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

int guardian_start(const struct options *options, const struct channels *channels,
                   struct shared_state *state)
{
    int pair[2];
    sigset_t blocked;
    struct guardian g = {
        .options = options, .channels = channels, .state = state, .status = COMMAND_UNWAITED};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* when the runner dies, we get its children */
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    g.signals = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
    g.runner = g.signals < 0 ? -1 : fork();
    if (g.runner < 0)
        return -errno;
    if (g.runner == 0) {
        close(g.signals);
        close(pair[0]);
        return pair[1];
    }
    close(pair[1]);
    close_all(channels->stream_peer);
    /* `killall -9 sscap` must not kill the guardian, which outlives the runner. */
    (void)prctl(PR_SET_NAME, "sscap-guardian");
    g.orders = pair[0];
    guard(&g);
}
