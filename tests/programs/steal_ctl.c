/* steal_ctl.c: closes, by raw system calls, each socket that is not its fd 0, 1 or 2, and reuses
 * the numbers for a file or socket of its own. Then it does all that makes the library send
 * something to the runner. Only the program's own text may arrive in these descriptors.
 *
 *   steal_ctl file|pipe|stream|seqpacket|dgram FILE    FILE gets what arrived in the descriptors
 *
 * It also executes itself with the argument "again". Then it inherits the descriptors while the
 * environment still names one of them as sscap's. */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Copies all bytes to the file until no writer is left, and reports any descriptor that comes with
 * them. */
static pid_t copier(int from, int unused, int to)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    char bytes[65536], control[512];
    syscall(SYS_close, unused);
    for (;;) {
        struct iovec io = {bytes, sizeof bytes};
        struct msghdr message = {.msg_iov = &io,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        ssize_t n = recvmsg(from, &message, 0);
        if (n < 0)
            n = read(from, bytes, sizeof bytes); /* a pipe */
        else if (message.msg_controllen)
            dprintf(to, "a descriptor came along\n");
        int last = n >= 7 && !memcmp(bytes + n - 7, "the end", 7);
        if (n <= 0 || write(to, bytes, (size_t)(last ? n - 7 : n)) < 0 || last)
            _exit(n < 0);
    }
}

static int own(const char *kind, const char *path, pid_t *reader)
{
    int ends[2], file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0666);
    if (!strcmp(kind, "file"))
        return file;
    int type = !strcmp(kind, "stream")  ? SOCK_STREAM
               : !strcmp(kind, "dgram") ? SOCK_DGRAM
                                        : SOCK_SEQPACKET;
    if (!strcmp(kind, "pipe") ? pipe(ends) : socketpair(AF_UNIX, type, 0, ends))
        exit(1);
    int *read_end = ends, *write_end = ends + 1;
    *reader = copier(*read_end, *write_end, file);
    syscall(SYS_close, *read_end);
    syscall(SYS_close, file);
    return *write_end;
}

/* The numbers of sockets above 2. */
static int strangers(int *fds, int max)
{
    int n = 0;
    for (int fd = 3; fd < 4096 && n < max; fd++) {
        int what;
        socklen_t size = sizeof what;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &what, &size) == 0)
            fds[n++] = fd;
    }
    return n;
}

static void *thread(void *arg)
{
    dprintf(1, "steal_ctl[%d]: from a %s\n", getpid(), (char *)arg);
    return NULL;
}

static void everything(const char *self)
{
    pthread_t t;
    pid_t pid;
    char *args[] = {(char *)self, "again", NULL};
    printf("steal_ctl[%d]: in the parent\n", getpid());
    fflush(stdout);
    pthread_create(&t, NULL, thread, "thread");
    pthread_join(t, NULL);
    if ((pid = fork()) == 0) {
        printf("steal_ctl[%d]: in a child\n", getpid());
        exit(0);
    }
    waitpid(pid, NULL, 0);
    if ((pid = fork()) == 0) {
        execv(self, args);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
    if (posix_spawn(&pid, self, NULL, NULL, args, environ) == 0)
        waitpid(pid, NULL, 0);
    if (system("echo \"sh[$$]: by system\"") != 0)
        exit(1);
}

int main(int argc, char **argv)
{
    if (argc == 2) {
        pthread_t t;
        printf("steal_ctl[%d]: again\n", getpid());
        fflush(stdout);
        pthread_create(&t, NULL, thread, "thread, again");
        return pthread_join(t, NULL);
    }
    if (argc != 3)
        return 2;
    pid_t reader = 0;
    int fds[16], n = strangers(fds, 16), fd = own(argv[1], argv[2], &reader), status = 0;
    for (int i = 0; i < n; i++) {
        syscall(SYS_close, fds[i]);
        if (syscall(SYS_dup3, fd, fds[i], 0) != fds[i])
            return 1;
    }
    fprintf(stderr, "stole %s\n", n ? "some" : "none");
    everything(argv[0]);
    for (int i = 0; i < n; i++)
        if (write(fds[i], "mine\n", 5) != 5)
            return 4;
    if (reader && write(fd, "the end", 7) == 7)
        waitpid(reader, &status, 0);
    return status;
}
