/* start.c: see start.h. */
#define _GNU_SOURCE
#include "runner/launch/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/handover/handover.h"
#include "runner/launch/command_environment.h"
#include "runner/util.h"

/* Above the numbers that shells use (10 and up, 255), and below FD_SETSIZE (1024, select(2)). */
enum { CTL_FD = 700 };

/* The child sends this if it cannot execute the command. */
struct failure {
    int error;
};

/* Runs in the child between fork and exec, so it makes only async-signal-safe calls. */
static void become_command(const struct channels *channels, const struct options *options,
                           const struct inheritance *inheritance, char **environment, int ctl_fd,
                           int report, pid_t *shared_pid)
{
    const int *peer = channels->stream_peer;
    HANDOVER_SET(*shared_pid, getpid());
    bool wired = (peer[SSCAP_OUT] < 0 || dup2(peer[SSCAP_OUT], STDOUT_FILENO) >= 0) &&
                 (peer[SSCAP_ERR] < 0 || dup2(peer[SSCAP_ERR], STDERR_FILENO) >= 0);
    if (wired && options->stderr_mode == STDERR_MERGE && peer[SSCAP_OUT] >= 0)
        wired = dup2(peer[SSCAP_OUT], STDERR_FILENO) >= 0;
    if (wired && ctl_fd >= 0)
        wired = dup2(channels->ctl_peer, ctl_fd) >= 0;
    if (wired) {
        setrlimit(RLIMIT_NOFILE, &inheritance->files);
        sigaction(SIGCHLD, &inheritance->child_action, NULL);
        sigprocmask(SIG_SETMASK, &inheritance->signal_mask, NULL);
        if (options->image != NULL)
            execve(options->image, options->command, environment);
        else
            execvpe(options->command[0], options->command, environment);
    }
    struct failure failure = {.error = errno};
    ssize_t written = write(report, &failure, sizeof failure);
    (void)written; /* if this fails, the parent sees a command that ends with 127 and no message */
    _exit(STATUS_NOT_FOUND);
}

static int exec_failed(const struct options *options, pid_t pid, int error)
{
    const char *file = options->image != NULL ? options->image : options->command[0];
    waitpid(pid, NULL, 0);
    say("cannot execute '%s': %s", file, strerror(error));
    return error == ENOENT || error == ENOTDIR ? -STATUS_NOT_FOUND : -STATUS_CANNOT_RUN;
}

static void close_peers(struct channels *channels)
{
    for (int i = 0; i < SSCAP_STREAMS; i++) {
        if (channels->stream_peer[i] >= 0)
            close(channels->stream_peer[i]);
        channels->stream_peer[i] = -1;
    }
    close(channels->ctl_peer);
}

/* Forks. If the child cannot execute the command, it says so over a pipe that exec closes. */
static int fork_command(const struct channels *channels, const struct options *options,
                        const struct inheritance *inheritance, char **environment, int ctl_fd,
                        pid_t *shared_pid)
{
    int report[2];
    struct failure failure = {0};
    if (pipe2(report, O_CLOEXEC) < 0) {
        say("cannot make a pipe: %s", strerror(errno));
        return -STATUS_FAILED;
    }
    pid_t pid = fork();
    if (pid == 0)
        become_command(channels, options, inheritance, environment, ctl_fd, report[1], shared_pid);
    close(report[1]);
    ssize_t n = 0;
    if (pid > 0)
        do
            n = read(report[0], &failure, sizeof failure);
        while (n < 0 && errno == EINTR);
    else
        say("cannot fork: %s", strerror(errno));
    close(report[0]);
    if (pid < 0)
        return -STATUS_FAILED;
    return n == (ssize_t)sizeof failure ? exec_failed(options, pid, failure.error) : pid;
}

int start_command(struct channels *channels, const struct options *options,
                  const struct inheritance *inheritance, pid_t *shared_pid)
{
    char *library = command_environment_library();
    if (library != NULL && strpbrk(library, ": ") != NULL) {
        say("the library's path '%s' has a space or ':' in it, which LD_PRELOAD cannot hold",
            library);
        return -STATUS_FAILED;
    }
    if (library == NULL)
        say(SSCAP_LIBRARY_NAME
            " not found (SSCAP_LIBRARY, beside sscap, ../lib): going on without it");
    /* dup2 to a number above the limit fails with EBADF. Then the processes use the named
     * socket. */
    struct rlimit files;
    int ctl_fd = getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > CTL_FD ? CTL_FD : -1;
    struct command_environment environment;
    bool made = command_environment_make(&environment, channels, options, library, ctl_fd);
    free(library);
    if (!made) {
        say("no memory for the command's environment");
        return -STATUS_FAILED;
    }
    int pid = fork_command(channels, options, inheritance, environment.entries, ctl_fd, shared_pid);
    command_environment_free(&environment);
    close_peers(channels);
    return pid;
}
