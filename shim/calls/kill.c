/* kill.c: tells the runner who sends a signal to whom. It does so before the signal is sent,
 * because the signal may end the sender itself. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/core/real.h"
#include "shim/core/send.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

/* Whether the signal's default action ends a process. Not for the two signals that libc uses
 * between threads (nptl(7)). */
static bool is_deadly(int number)
{
    switch (number) {
    case 0:
    case SIGCHLD:
    case SIGCONT:
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
    case SIGURG:
    case SIGWINCH:
    case 32:
    case 33:
        return false;
    default:
        return number > 0 && number < NSIG;
    }
}

/* Whether the process is a child of ours that is dead and not reaped yet. A signal to it has no
 * effect. Programs send such signals when they clean up (Python's ProcessPoolExecutor). */
static bool is_dead_child(pid_t process)
{
    siginfo_t info = {0};
    long error = process > 0 ? RAW_SYSCALL(SYS_waitid, P_PID, process, &info,
                                           WEXITED | WNOHANG | WNOWAIT, NULL)
                             : -ECHILD;
    return error == 0 && info.si_pid == process;
}

static void announce(pid_t target, int number)
{
    struct sscap_event event = {.type = SSCAP_EVENT_SIGNAL, .other = target};
    struct sscap_signal sent = {.signal = number};
    if (session.joined && is_deadly(number) && !is_dead_child(target))
        send_event(&event, &sent, sizeof sent);
}

SSCAP_EXPORT int kill(pid_t pid, int number)
{
    announce(pid, number);
    return REAL(kill)(pid, number);
}

SSCAP_EXPORT int killpg(pid_t group, int number)
{
    announce(-group, number); /* 0 means the own group for both functions */
    return REAL(killpg)(group, number);
}

SSCAP_EXPORT int tgkill(pid_t process, pid_t thread, int number)
{
    announce(process, number);
    return REAL(tgkill)(process, thread, number);
}

SSCAP_EXPORT int sigqueue(pid_t pid, int number, const union sigval value)
{
    announce(pid, number);
    return REAL(sigqueue)(pid, number, value);
}

SSCAP_EXPORT int raise(int number)
{
    announce(nolibc_getpid(), number);
    return REAL(raise)(number);
}

SSCAP_ALIAS(gsignal, raise);

SSCAP_EXPORT int pthread_kill(pthread_t thread, int number)
{
    announce(nolibc_getpid(), number);
    return REAL(pthread_kill)(thread, number);
}

SSCAP_EXPORT int pthread_sigqueue(pthread_t thread, int number, const union sigval value)
{
    announce(nolibc_getpid(), number);
    return REAL(pthread_sigqueue)(thread, number, value);
}

/* The process of a pidfd, from the "Pid:" line of its fdinfo (proc(5)). 0: not known. */
static pid_t pid_of(int pidfd)
{
    static const char prefix[] = "/proc/self/fdinfo/";
    char path[sizeof prefix + 12];
    char text[512];
    char *to = nolibc_copy(path, prefix, sizeof prefix - 1);
    nolibc_decimal(to, (unsigned int)pidfd);
    long fd = pidfd < 0 ? -1 : RAW_SYSCALL(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    long length = RAW_SYSCALL(SYS_read, fd, text, sizeof text - 1);
    RAW_SYSCALL(SYS_close, fd);
    text[length > 0 ? length : 0] = '\0';
    for (const char *line = text; *line != '\0'; line++) {
        const char *digits = line == text || line[-1] == '\n' ? nolibc_after_prefix(line, "Pid:\t")
                                                              : NULL;
        pid_t pid = 0;
        for (; digits != NULL && *digits >= '0' && *digits <= '9' && pid < 1 << 24; digits++)
            pid = pid * 10 + (*digits - '0');
        if (digits != NULL)
            return pid;
    }
    return 0;
}

/* glibc 2.36; older ones have no header for it. */
int pidfd_send_signal(int pidfd, int number, siginfo_t *info, unsigned int flags);

SSCAP_EXPORT int pidfd_send_signal(int pidfd, int number, siginfo_t *info, unsigned int flags)
{
    pid_t target = session.joined && is_deadly(number) ? pid_of(pidfd) : 0;
    if (target > 0)
        announce(target, number);
    return REAL(pidfd_send_signal)(pidfd, number, info, flags);
}
