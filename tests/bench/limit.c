/* limit.c: measures the lowest cost of a capture like sscap's. COMMAND's stdout is an AF_UNIX
 * stream socket. The reader takes the sender's credentials with each chunk, as sscap does, and
 * discards the bytes.
 *
 * limit COMMAND [ARG...] */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024, SEND_SIZE = 8 * 1024 * 1024 };

/* A privileged user may exceed the system's limit; another user gets as much as the limit. */
static void raise_buffer(int fd)
{
    int size = SEND_SIZE;

    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static ssize_t read_stamped(int fd)
{
    static char bytes[READ_SIZE];
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(struct ucred))];
    } stamp;
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = stamp.space,
                             .msg_controllen = sizeof stamp.space};

    return recvmsg(fd, &message, 0);
}

int main(int argc, char **argv)
{
    int pair[2];
    int on = 1;
    int status = 0;

    if (argc < 2 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        fprintf(stderr, "usage: limit COMMAND [ARG...]\n");
        return 2;
    }
    (void)setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    raise_buffer(pair[1]);
    if (fork() == 0) {
        dup2(pair[1], STDOUT_FILENO);
        execv(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    close(pair[1]);
    while (read_stamped(pair[0]) > 0)
        ;
    wait(&status);
    return status != 0;
}
