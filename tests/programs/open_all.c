/* open_all.c: opens as many descriptors as it can, then forks and writes. The number must be the
 * same as without sscap. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int n = 0, status, last = -1;
    for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0; n++)
        last = fd;
    printf("open_all[%d]: had %d, the last is %d\n", getpid(), n, last);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        printf("open_all[%d]: a child\n", getpid());
        fflush(stdout);
        execl("/bin/sh", "sh", "-c", "echo \"sh[$$]: executed\"; exit 3", NULL);
        _exit(1);
    }
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}
