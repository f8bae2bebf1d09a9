/* signals.c: see signals.h.
 *
 * Everything is blocked and read from a signalfd, so no disposition changes but SIGCHLD's (an inherited SIG_IGN would make the kernel
 * reap the command without its status). */
#define _GNU_SOURCE
#include "runner/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

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
        if (number != SIGCHLD && sigaction(number, NULL, &found) == 0 && found.sa_handler == SIG_IGN)
            sigdelset(&all, number);
    }
    sigprocmask(SIG_SETMASK, &all, &ret_inheritance->signal_mask);
    sigaction(SIGCHLD, &action, &ret_inheritance->child_action);
}

uint64_t signals_that_end(void)
{
    return 1ull << SIGINT | 1ull << SIGTERM | 1ull << SIGHUP | 1ull << SIGQUIT;
}

static bool ends(int number)
{
    return number < 64 && (signals_that_end() >> number & 1) != 0;
}

/* First looked at, then waited for: until then nobody else can have its pid. */
static void reap(struct signals *signals)
{
    for (;;) {
        siginfo_t info = {0};
        struct rusage usage = {0};
        int status;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            return;
        struct process *process = signals->ended(signals->context, info.si_pid);
        if (wait4(info.si_pid, &status, 0, &usage) != info.si_pid)
            return;
        if (info.si_pid == signals->command)
            signals->command = 0;
        signals->reaped(signals->context, info.si_pid, process, status, &usage);
    }
}

/* ^Z reaches the whole foreground process group, us among it; the command stops by itself. */
static void stop(struct signals *signals)
{
    signals->stopping(signals->context);
    raise(SIGSTOP);
}

static void take(struct signals *signals, const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;
    /* The terminal's signals (^C, ^\, ^Z, hangup, a new window size) go to everyone in the group: not from us a second time. */
    bool from_terminal = info->ssi_code == SI_KERNEL;
    if (from_terminal && number < 64)
        signals->from_terminal |= 1ull << number;
    switch (number) {
    case SIGCHLD:
        reap(signals);
        return;
    case SIGPIPE: /* our own writes say so by themselves */
        return;
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        if (!from_terminal && signals->command > 0)
            kill(signals->command, number);
        stop(signals);
        return;
    default:
        break;
    }
    if (number < 64)
        signals->asked |= 1ull << number;
    if (signals->command > 0) {
        if (!from_terminal)
            kill(signals->command, number);
    } else if (ends(number)) {
        signals->interrupted(signals->context, number);
    }
}

static void ready(struct watch *watch, uint32_t events)
{
    struct signals *signals = watch->context;
    struct signalfd_siginfo info[16];
    ssize_t n;
    (void)events;
    while ((n = read(watch->fd, info, sizeof info)) > 0)
        for (size_t i = 0; i < (size_t)n / sizeof info[0]; i++)
            take(signals, &info[i]);
}

int signals_init(struct signals *signals, struct loop *loop)
{
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    int fd = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    signals->watch.ready = ready;
    signals->watch.context = signals;
    return loop_watch(loop, &signals->watch, fd, EPOLLIN);
}

void signals_unblock(void)
{
    sigset_t all;
    (void)signal(SIGPIPE, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
}

void signals_die_alike(const struct signals *signals, int command_status)
{
    int number = WIFSIGNALED(command_status) ? WTERMSIG(command_status) : 0;
    const struct rlimit no_core = {0};
    sigset_t set;
    if ((number != SIGINT && number != SIGQUIT) || !(signals->from_terminal & 1ull << number))
        return;
    (void)setrlimit(RLIMIT_CORE, &no_core);
    sigemptyset(&set);
    sigaddset(&set, number);
    raise(number); /* blocked until the next line */
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}
