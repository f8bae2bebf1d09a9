/* libloud.c: a library that prints, forks and opens files when it is loaded and when it is
 * unloaded. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

void loud_say(const char *what);

void loud_say(const char *what)
{
    char line[64];
    int n = snprintf(line, sizeof line, "%s\n", what);
    if (write(STDOUT_FILENO, line, (size_t)n) != n)
        _exit(99);
}

static void fork_and_open(const char *what, const char *what_child)
{
    loud_say(what);
    pid_t child = fork();
    if (child == 0) {
        loud_say(what_child);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    int fd = open("/dev/null", O_RDONLY);
    if (fd < 0 || close(fd) < 0)
        _exit(98);
}

__attribute__((constructor)) static void loaded(void)
{
    fork_and_open("loaded", "child while loading");
}

__attribute__((destructor)) static void unloaded(void)
{
    fork_and_open("unloaded", "child while unloading");
}
