/* scrub_exec WAY PROGRAM: executes PROGRAM, which is environment_of, in the named way, with an
 * environment that has only the variable MINE. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/programs/newer_libc.h"

extern char **environ;

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 1;
    return WEXITSTATUS(status);
}

static int run_popen(const char *command)
{
    char line[1024];
    FILE *from = popen(command, "r");
    while (from && fgets(line, sizeof line, from))
        printf("scrub_exec[%d]: popen gave me:%s", getpid(),
               strchr(line, ' ')); /* without the writer's name */
    return from ? WEXITSTATUS(pclose(from)) : 1;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    char *way = argv[1], *path = argv[2], *args[] = {path, "MINE", NULL},
         *scrubbed[] = {"MINE=yes", NULL}, *empty[] = {NULL};
    char command[4096], by_name[4096];
    pid_t pid;
    snprintf(command, sizeof command, "%s MINE", path);
    /* The functions with p search PATH for a name without a slash. */
    char *slash = strrchr(path, '/');
    snprintf(by_name, sizeof by_name, "PATH=%.*s", (int)(slash - path), path);
    printf("scrub_exec[%d]: %s\n", getpid(), way);
    fflush(stdout);
    clearenv();
    if (strchr(way, 'p') && strncmp(way, "posix_spawn", 12) && strcmp(way, "popen"))
        putenv(by_name);
    setenv("MINE", "yes", 1);
    if (!strcmp(way, "execve"))
        execve(path, args, scrubbed);
    else if (!strcmp(way, "execve_null"))
        execve(path, args, NULL); /* Linux takes NULL as an empty environment (execve(2)) */
    else if (!strcmp(way, "execve_empty"))
        execve(path, args, empty);
    else if (!strcmp(way, "execv"))
        execv(path, args);
    else if (!strcmp(way, "execvp"))
        execvp(slash + 1, args);
    else if (!strcmp(way, "execvpe"))
        execvpe(slash + 1, args, scrubbed);
    else if (!strcmp(way, "execl"))
        execl(path, path, "MINE", NULL);
    else if (!strcmp(way, "execle"))
        execle(path, path, "MINE", NULL, scrubbed);
    else if (!strcmp(way, "execlp"))
        execlp(slash + 1, path, "MINE", NULL);
    else if (!strcmp(way, "fexecve"))
        fexecve(open(path, O_RDONLY | O_CLOEXEC), args, scrubbed);
    else if (!strcmp(way, "execveat"))
        execveat(AT_FDCWD, path, args, scrubbed, 0);
    else if (!strcmp(way, "execveat_fd"))
        execveat(open(path, O_PATH | O_CLOEXEC), "", args, scrubbed, AT_EMPTY_PATH);
    else if (!strcmp(way, "vfork")) {
        if ((pid = vfork()) == 0) {
            execve(path, args, scrubbed);
            _exit(1);
        }
        return wait_for(pid);
    } else if (!strcmp(way, "posix_spawn"))
        return posix_spawn(&pid, path, NULL, NULL, args, scrubbed) ? 1 : wait_for(pid);
    else if (!strcmp(way, "posix_spawnp"))
        return posix_spawnp(&pid, slash + 1, NULL, NULL, args, scrubbed) ? 1 : wait_for(pid);
    else if (!strcmp(way, "system"))
        return WEXITSTATUS(system(command));
    else if (!strcmp(way, "popen"))
        return run_popen(command);
    perror(way);
    return 1;
}
