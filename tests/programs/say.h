/* say.h: prints without stdio, because forked children would print stdio's buffer twice. For
 * programs whose output is compared with a run without sscap. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((unused, format(printf, 1, 2))) static void say(const char *format, ...)
{
    char line[256];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (write(STDOUT_FILENO, line, (size_t)n) != n)
        _exit(99);
}

/* Waits for a child and prints how it ended. */
__attribute__((unused)) static void reap(const char *what, pid_t child)
{
    int status = 0;
    pid_t reaped = child < 0 ? -1 : waitpid(child, &status, __WALL);
    say("%s: %s, status %x\n", what, reaped == child ? "reaped" : strerror(errno),
        (unsigned)status);
}
