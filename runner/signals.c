/* signals.c: see signals.h.
 *
 * All signals are blocked and read from a signalfd. So only SIGCHLD's disposition changes, because
 * an inherited SIG_IGN would make the kernel reap the command without its status. */
#define _GNU_SOURCE
#include "runner/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/orders.h"
#include "runner/util.h"

/* After so long without an answer the guardian is taken for stopped. */
#define ANSWER_NS      (1 * NS_PER_S)
/* A command that ends so soon after the terminal's ^C has ended because of it. */
#define INTERRUPTED_NS (5 * NS_PER_S)

void signals_block(struct inheritance *ret_inheritance)
{
    sigset_t all;
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigfillset(&all);
    /* Faults of our own must end us at once. */
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&all, faults[i]);
    /* A blocked signal is queued even if it is ignored. */
    for (int number = 1; number < NSIG; number++) {
        struct sigaction found;
        if (number != SIGCHLD && sigaction(number, NULL, &found) == 0 &&
            found.sa_handler == SIG_IGN)
            sigdelset(&all, number);
    }
    sigprocmask(SIG_SETMASK, &all, &ret_inheritance->signal_mask);
    sigaction(SIGCHLD, &action, &ret_inheritance->child_action);
}

uint64_t signals_that_end(void)
{
    return signals_bit(SIGINT) | signals_bit(SIGTERM) | signals_bit(SIGHUP) | signals_bit(SIGQUIT);
}

static bool ends(int number)
{
    return (signals_that_end() & signals_bit(number)) != 0;
}

/* Looks at each zombie before it waits for it, because until then no other process has the pid. */
static void reap(struct signals *signals)
{
    for (;;) {
        siginfo_t info = {0};
        struct rusage usage = {0};
        int status = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            return;
        struct process *process = signals->observer->child_ended(signals->observer->context,
                                                                 info.si_pid);
        bool is_command = info.si_pid == signals->command;
        if (wait4(info.si_pid, is_command ? signals->command_status : &status, 0, &usage) !=
            info.si_pid)
            return;
        if (is_command) {
            signals->command = 0;
            status = *signals->command_status;
        }
        signals->observer->child_reaped(signals->observer->context, info.si_pid, process, status,
                                        &usage);
    }
}

/* ^Z reaches the whole foreground process group. The command stops by itself. We stop by the same
 * signal, because the kernel discards it where nobody could ever continue us (an orphaned process
 * group, setpgid(2)); SIGSTOP would stop us there for good. */
static void stop(struct signals *signals, int number)
{
    sigset_t one;
    signals->observer->stopping(signals->observer->context);
    sigemptyset(&one);
    sigaddset(&one, number);
    raise(number); /* blocked until the next line */
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    sigprocmask(SIG_BLOCK, &one, NULL);
}

/* `reached`: the command has got the signal, too, and must not get it from us a second time. That
 * is so for the terminal's signals and for what was sent to the process group. */
static void take(struct signals *signals, int number, bool reached)
{
    if (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU) {
        if (!reached && signals->command > 0)
            kill(signals->command, number);
        stop(signals, number);
        return;
    }
    signals->asked |= signals_bit(number);
    if (signals->command > 0) {
        if (!reached)
            kill(signals->command, number);
    } else if (ends(number)) {
        signals->observer->interrupted(signals->observer->context);
    }
}

/* Somebody sent the signal to this process alone, or to the process group. In the second case the
 * guardian has it, too, and says so before it answers. */
static void take_direct(struct signals *signals, const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;
    if (number >= SIGNALS_MAX || (signals->orders.active && (pid_t)info->ssi_pid == getppid()))
        return; /* the guardian's own SIGCONT, sent so that its order can be read */
    if (!signals->orders.active) {
        take(signals, number, false);
        return;
    }
    signals->direct[number].count++;
    signals->direct[number].sender = (int32_t)info->ssi_pid;
    const struct guardian_order ask = {0};
    signals->direct_due.at = now_ns();
    if (send(signals->orders.fd, &ask, sizeof ask, MSG_DONTWAIT | MSG_NOSIGNAL) !=
        (ssize_t)sizeof ask)
        return;
    signals->asks++;
    signals->direct_due.at += ANSWER_NS;
}

static void take_alone(struct timer *timer)
{
    struct signals *signals = timer->context;
    signals->asks = 0;
    timer->at = 0;
    for (int number = 1; number < SIGNALS_MAX; number++)
        for (; signals->direct[number].count > 0; signals->direct[number].count--)
            take(signals, number, false);
}

static void take_from_terminal(struct signals *signals, int number)
{
    signals->from_terminal |= signals_bit(number);
    if (number == SIGINT || number == SIGQUIT)
        signals->interrupted = now_ns();
    take(signals, number, true);
}

static void ready(struct watch *watch, uint32_t events)
{
    struct signals *signals = watch->context;
    struct signalfd_siginfo info[16];
    ssize_t n;
    (void)events;
    while ((n = read(watch->fd, info, sizeof info)) > 0) {
        for (size_t i = 0; i < (size_t)n / sizeof info[0]; i++) {
            if (info[i].ssi_signo == SIGCHLD)
                reap(signals);
            else if (info[i].ssi_signo == SIGPIPE) /* our own write has failed with EPIPE */
                continue;
            else if (info[i].ssi_code == SI_KERNEL)
                take_from_terminal(signals, (int)info[i].ssi_signo);
            else
                take_direct(signals, &info[i]);
        }
    }
}

/* Whether the command has what was sent to our process group. */
static bool in_our_group(pid_t command)
{
    return command > 0 && getpgid(command) == getpgrp();
}

static void order_ready(struct watch *watch, uint32_t events)
{
    struct signals *signals = watch->context;
    struct guardian_order order;
    ssize_t n;
    (void)events;
    /* What was sent to the group is here before the guardian can say so. */
    ready(&signals->watch, 0);
    while ((n = recv(watch->fd, &order, sizeof order, MSG_DONTWAIT)) == (ssize_t)sizeof order) {
        if (order.signal == 0) {
            if (signals->asks > 0 && --signals->asks == 0)
                take_alone(&signals->direct_due);
            continue;
        }
        bool group = order.signal < SIGNALS_MAX && signals->direct[order.signal].count > 0 &&
                     signals->direct[order.signal].sender == order.sender;
        if (group)
            signals->direct[order.signal].count--;
        take(signals, order.signal, group && in_our_group(signals->command));
    }
    if (n == 0) /* the guardian was killed */
        loop_unwatch(signals->loop, watch);
}

int signals_init(struct signals *signals, const struct signals_observer *observer,
                 struct loop *loop, int orders, int *command_status)
{
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    int fd = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    *signals = (struct signals){
        .observer = observer,
        .loop = loop,
        .command_status = command_status,
        .watch = {.ready = ready, .context = signals},
        .orders = {.ready = order_ready, .context = signals},
        .direct_due = {.due = take_alone, .context = signals},
    };
    loop_add_timer(loop, &signals->direct_due);
    int error = loop_watch(loop, &signals->watch, fd, EPOLLIN);
    return error == 0 ? loop_watch(loop, &signals->orders, orders, EPOLLIN) : error;
}

bool signals_terminal_ended(const struct signals *signals, int command_status)
{
    if (signals->interrupted == 0)
        return false;
    if (WIFSIGNALED(command_status))
        return (signals->from_terminal & signals_bit(WTERMSIG(command_status))) != 0;
    return now_ns() - signals->interrupted < INTERRUPTED_NS;
}

bool signals_has_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

void signals_unblock(void)
{
    sigset_t all;
    (void)signal(SIGPIPE, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
}

void signals_die_alike(uint64_t from_terminal, int command_status)
{
    int number = WIFSIGNALED(command_status) ? WTERMSIG(command_status) : 0;
    const struct rlimit no_core = {0};
    sigset_t set;
    if ((number != SIGINT && number != SIGQUIT) || !(from_terminal & signals_bit(number)))
        return;
    (void)setrlimit(RLIMIT_CORE, &no_core);
    sigemptyset(&set);
    sigaddset(&set, number);
    raise(number); /* blocked until the next line */
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}
