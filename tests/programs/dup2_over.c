/* dup2_over.c: calls dup2 and dup3 onto every number from 3 to 1023, one of which may be sscap's.
 * After that, each number must be the program's own.
 *
 *   dup2_over FILE    FILE gets the numbers, written through the descriptors themselves */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    int file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0666);
    if (file < 0)
        return 1;
    for (int fd = 3; fd < 1024; fd++) {
        if (fd == file)
            continue;
        if ((fd % 2 ? dup2(file, fd) : dup3(file, fd, 0)) != fd) {
            fprintf(stderr, "cannot have %d\n", fd);
            return 3;
        }
        if (fcntl(fd, F_GETFD) != 0)
            return 4;
    }
    printf("dup2_over[%d]: all are mine\n", getpid());
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "echo \"sh[$$]: a child\"; (echo from a subshell >&5); exit 4",
              NULL);
        _exit(1);
    }
    int status;
    waitpid(pid, &status, 0);
    for (int fd = 3; fd < 1024; fd++)
        if (fd != file && dprintf(fd, "%d\n", fd) < 0)
            return 5;
    for (int fd = 3; fd < 1024; fd++)
        if (close(fd))
            return 6;
    return WEXITSTATUS(status);
}
