/* close_all.c: closes all descriptors above 2 in the named way, as daemons do. Then it forks,
 * executes programs and opens files.
 *
 *   close_all loop|range|from|raw|cloexec|unshare|spawn
 *
 * It prints how many descriptors there were and which number comes next. Both must be the same as
 * without sscap. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/programs/newer_libc.h"

extern char **environ;
enum { MAX = 20000 };

static int loop(void)
{
    int closed = 0;
    for (int fd = 3; fd < MAX; fd++)
        closed += close(fd) == 0;
    return closed;
}

static int all(const char *how)
{
    if (!strcmp(how, "loop"))
        return loop();
    if (!strcmp(how, "range"))
        return close_range(3, ~0u, 0);
    if (!strcmp(how, "cloexec"))
        return close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    if (!strcmp(how, "unshare"))
        return close_range(3, ~0u, CLOSE_RANGE_UNSHARE);
    if (!strcmp(how, "raw"))
        return (int)syscall(SYS_close_range, 3, ~0u, 0);
    if (!strcmp(how, "from"))
        closefrom(3);
    return 0;
}

static void child(void)
{
    for (int i = 0; i < 3; i++) {
        printf("close_all[%d]: child ", getpid());
        fflush(stdout);
        printf("line %d\n", i);
    }
    fflush(stdout);
    execl("/bin/sh", "sh", "-c", "echo \"sh[$$]: one\"; (exit 3); echo \"sh[$$]: two $?\"; exit 5",
          NULL);
    _exit(1);
}

/* libc closes the descriptors inside posix_spawn, where no wrapper sees it. */
static int spawn(void)
{
    pid_t pid;
    int status = 0;
    posix_spawn_file_actions_t actions;
    char *args[] = {"sh", "-c",
                    "echo \"sh[$$]: spawned\"; (exit 3); echo \"sh[$$]: two $?\"; exit 6", NULL};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (posix_spawn(&pid, "/bin/sh", &actions, NULL, args, environ))
        return 1;
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    int status;
    if (argc != 2)
        return 2;
    int result = strcmp(argv[1], "spawn") ? all(argv[1]) : spawn();
    int again = strcmp(argv[1], "loop") ? 0 : loop();
    int next = open("/dev/null", O_RDONLY);
    printf("close_all[%d]: %d, then %d; next is %d\n", getpid(), result, again, next);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        child();
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}
