/* signals.c: see signals.h.
 *
 * Everything is blocked and read from a signalfd, so no disposition changes but SIGCHLD's (an
 * inherited SIG_IGN would make the kernel reap the command without its status). */
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

#include "runner/failover/guardian.h"
#include "runner/util.h"

/* The guardian has not answered for so long: it is stopped. */
#define ANSWER_NS (1 * NS_PER_S)

void signals_block(struct inheritance *ret_inheritance)
{
    sigset_t all;
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigfillset(&all);
    /* Faults of our own must end us, and not be put off. */
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&all, faults[i]);
    /* Blocked, an ignored signal would be kept for us all the same. */
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

/* First looked at, then waited for: until then nobody else can have its pid. */
static void reap(struct signals *signals)
{
    for (;;) {
        siginfo_t info = {0};
        struct rusage usage = {0};
        int status = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            return;
        struct process *process = signals->ended(signals->context, info.si_pid);
        bool is_command = info.si_pid == signals->command;
        if (wait4(info.si_pid, is_command ? signals->command_status : &status, 0, &usage) !=
            info.si_pid)
            return;
        if (is_command) {
            signals->command = 0;
            status = *signals->command_status;
        }
        signals->reaped(signals->context, info.si_pid, process, status, &usage);
    }
}

/* ^Z reaches the whole foreground process group, us among it; the command stops by itself. */
static void stop(struct signals *signals)
{
    signals->stopping(signals->context);
    raise(SIGSTOP);
}

/* With reached, the command has got it, too: the terminal's (^C, ^\, ^Z, hangup, a new window size)
 * and what was sent to the process group goes to all in it, and is not to come from us a second
 * time. */
static void take(struct signals *signals, int number, bool reached)
{
    if (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU) {
        if (!reached && signals->command > 0)
            kill(signals->command, number);
        stop(signals);
        return;
    }
    signals->asked |= signals_bit(number);
    if (signals->command > 0) {
        if (!reached)
            kill(signals->command, number);
    } else if (ends(number)) {
        signals->interrupted(signals->context, number);
    }
}

/* Somebody sent it to this process: to it alone, or to the group. Then the guardian has it, too,
 * and says so before it answers. */
static void take_direct(struct signals *signals, const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;
    if (number >= SIGNALS_MAX || (signals->orders.active && (pid_t)info->ssi_pid == getppid()))
        return; /* the guardian's own: SIGCONT, that its order can be read */
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
            else if (info[i].ssi_signo == SIGPIPE) /* our own writes say so by themselves */
                continue;
            else if (info[i].ssi_code == SI_KERNEL)
                take(signals, (int)info[i].ssi_signo, true);
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
    ready(&signals->watch,
          0); /* what was sent to the group is here before the guardian can say so */
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
    if (n == 0) /* it was killed: nobody comes between us and who sends signals */
        loop_unwatch(signals->loop, watch);
}

int signals_init(struct signals *signals, struct loop *loop)
{
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    int fd = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    signals->loop = loop;
    signals->watch.ready = ready;
    signals->orders.ready = order_ready;
    signals->direct_due.due = take_alone;
    signals->watch.context = signals->orders.context = signals->direct_due.context = signals;
    loop_add_timer(loop, &signals->direct_due);
    int error = loop_watch(loop, &signals->watch, fd, EPOLLIN);
    return error == 0 ? loop_watch(loop, &signals->orders, signals->orders.fd, EPOLLIN) : error;
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
