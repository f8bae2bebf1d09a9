/* launch.c: see launch.h. */
#define _GNU_SOURCE
#include "runner/launch/channels.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/handover/shared_memory.h"
#include "runner/launch/command_environment.h"
#include "runner/util.h"

enum {
    FILES_WANTED = 4096,
    CTL_FD = 700,            /* above what shells use (10 and up, 255), below select's 1024 */
    STREAM_BUFFER = 4 << 20, /* bytes; the kernel charges some 800 for a short line */
    CTL_BUFFER = 1 << 20,
    BACKLOG = 4096, /* processes that say something at the same time without ctl */
};

/* --- what was inherited --- */

/* A standard descriptor that is closed stays closed for the command, but none of ours may get its
 * number. */
static void reserve_standard_descriptors(struct inheritance *inheritance)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        inheritance->closed[fd] = fcntl(fd, F_GETFD) < 0;
        if (inheritance->closed[fd])
            (void)open("/dev/null",
                       O_PATH | O_CLOEXEC); /* the lowest number that is free: this one */
    }
}

/* Each process of the tree takes a descriptor (its pidfd): as many as may be. */
static void raise_limits(struct inheritance *inheritance)
{
    struct rlimit files = {0};
    getrlimit(RLIMIT_NOFILE, &inheritance->files);
    files = inheritance->files;
    files.rlim_cur = files.rlim_max;
    if (files.rlim_max < FILES_WANTED) {
        const struct rlimit more = {.rlim_cur = FILES_WANTED, .rlim_max = FILES_WANTED};
        if (setrlimit(RLIMIT_NOFILE, &more) == 0) /* with CAP_SYS_RESOURCE */
            return;
    }
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

void inheritance_take(struct inheritance *inheritance)
{
    reserve_standard_descriptors(inheritance);
    raise_limits(inheritance);
}

/* --- sockets --- */

/* As large as it may be: beyond wmem_max only with CAP_NET_ADMIN. */
static void set_send_buffer(int fd, int bytes)
{
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static int open_pair(int type, int buffer, int *ret_ours, int *ret_theirs)
{
    int pair[2];
    int on = 1;
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    if (setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) {
        int error = errno;
        close(pair[0]);
        close(pair[1]);
        return -error;
    }
    set_send_buffer(pair[1], buffer);
    *ret_ours = pair[0];
    *ret_theirs = pair[1];
    return 0;
}

static int open_listener(struct channels *channels)
{
    uint64_t random;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || getrandom(&random, sizeof random, 0) != sizeof random)
        goto failed;
    snprintf(channels->name, sizeof channels->name, "%016llx", (unsigned long long)random);
    int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
                          SSCAP_SOCKET_PREFIX "%s", channels->name);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, BACKLOG) < 0)
        goto failed;
    channels->listener = fd;
    return 0;
failed:;
    int error = errno;
    if (fd >= 0)
        close(fd);
    return -error;
}

static int granted_buffer(int fd)
{
    int bytes = 0;
    socklen_t size = sizeof bytes;
    return getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &size) < 0 ? 0 : bytes;
}

int channels_open_streams(struct channels *channels, const struct options *options,
                          const struct inheritance *inheritance)
{
    *channels = (struct channels){.stream = {-1, -1}, .stream_peer = {-1, -1}};
    int error = getrandom(channels->nonce, sizeof channels->nonce, 0) == sizeof channels->nonce
                    ? 0
                    : -errno;
    for (int i = 0; error == 0 && i < SSCAP_STREAMS; i++) {
        struct stat status;
        /* A stream that is closed for us stays closed for the command. */
        if (inheritance->closed[STDOUT_FILENO + i] ||
            (i == SSCAP_ERR && options->stderr_mode != STDERR_SPLIT))
            continue;
        error = open_pair(SOCK_STREAM, STREAM_BUFFER, &channels->stream[i],
                          &channels->stream_peer[i]);
        if (error == 0 && fstat(channels->stream_peer[i], &status) == 0)
            channels->inode[i] = status.st_ino;
        channels->send_buffer = granted_buffer(channels->stream_peer[i]);
    }
    if (error != 0)
        say("cannot make sockets: %s", strerror(-error));
    return error;
}

int channels_open_events(struct channels *channels)
{
    int error = open_pair(SOCK_SEQPACKET, CTL_BUFFER, &channels->ctl, &channels->ctl_peer);
    if (error == 0)
        error = open_listener(channels);
    if (error != 0)
        say("cannot make sockets: %s", strerror(-error));
    return error;
}

/* --- the command --- */

/* What the child reports when it cannot become the command. */
struct failure {
    int error;
};

/* In the child, from fork to exec: async-signal-safe calls alone. */
static void become_command(const struct channels *channels, const struct options *options,
                           const struct inheritance *inheritance, char **environment, int ctl_fd,
                           int report, pid_t *shared_pid)
{
    const int *peer = channels->stream_peer;
    SHARED_PUBLISH(*shared_pid, getpid());
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
    (void)written; /* then the parent sees a command that ends with 127 and says nothing */
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

/* Forks; the child's failure to become the command comes back over a pipe that exec closes. */
static int start(const struct channels *channels, const struct options *options,
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

int launch(struct channels *channels, const struct options *options,
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
    /* A number above the limit would be EBADF: there, processes speak through the named socket. */
    struct rlimit files;
    int ctl_fd = getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > CTL_FD ? CTL_FD : -1;
    struct command_environment environment;
    bool made = command_environment_make(&environment, channels, options, library, ctl_fd);
    free(library);
    if (!made) {
        say("no memory for the command's environment");
        return -STATUS_FAILED;
    }
    int pid = start(channels, options, inheritance, environment.entries, ctl_fd, shared_pid);
    command_environment_free(&environment);
    close_peers(channels);
    return pid;
}
