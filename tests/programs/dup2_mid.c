/* dup2_mid.c: replaces fd 1 with a file and restores it. It writes by every kind of call before,
 * during and after.
 *
 *   dup2_mid FILE dup2|dup3|fcntl|close|raw */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void put(const char *text)
{
    if (write(1, text, strlen(text)) < 0)
        exit(3);
}

static void every_kind(const char *when)
{
    char text[64];
    struct iovec io[2] = {{(char *)when, strlen(when)}, {" by writev\n", 11}};
    printf("%s by printf\n", when);
    puts("by puts");
    fflush(stdout);
    snprintf(text, sizeof text, "%s by write\n", when);
    put(text);
    if (writev(1, io, 2) < 0 || syscall(SYS_write, 1, "by syscall\n", 11) < 0)
        exit(3);
    dprintf(1, "%s by dprintf\n", when);
    if (system("echo by a child") != 0)
        exit(4);
}

/* Makes fd 1 a duplicate of `fd` in the named way, and closes `fd`. */
static void onto_stdout(int fd, const char *how)
{
    int got = 1;
    if (!strcmp(how, "dup2"))
        got = dup2(fd, 1);
    else if (!strcmp(how, "dup3"))
        got = dup3(fd, 1, 0);
    else if (!strcmp(how, "raw"))
        got = (int)syscall(SYS_dup3, fd, 1, 0);
    else if (close(1) || (got = strcmp(how, "fcntl") ? dup(fd) : fcntl(fd, F_DUPFD, 0)) != 1)
        exit(5);
    if (got != 1 || close(fd))
        exit(6);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    every_kind("before");
    int saved = fcntl(1, F_DUPFD_CLOEXEC, 10),
        file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (saved < 0 || file < 0)
        return 1;
    onto_stdout(file, argv[2]);
    every_kind("during");
    onto_stdout(saved, argv[2]);
    every_kind("after");
    return 0;
}
