/* static_forks.c: linked statically, so the library cannot be loaded and sscap knows only what the
 * kernel tells. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Prints in pieces if PIECES is 1. Else it prints in one write, so that the lines are whole without
 * sscap, too. */
static void say(const char *text, int n)
{
    const char *pieces = getenv("PIECES");
    char line[100];
    int length = snprintf(line, sizeof line, "static_forks[%d]: %s %d\n", getpid(), text, n);
    int size = pieces && *pieces == '1' ? 7 : length;
    for (int i = 0; i < length; i += size)
        if (write(1, line + i, (size_t)(length - i < size ? length - i : size)) < 0)
            _exit(1);
}

int main(void)
{
    int status;
    say("begin", 0);
    for (int n = 1; n <= 5; n++) {
        if (fork() == 0) {
            for (int i = 0; i < 20; i++)
                say("child", n * 100 + i);
            fprintf(stderr, "static_forks[%d]: error %d\n", getpid(), n);
            if (n == 5)
                raise(SIGSEGV);
            if (n == 4)
                execl("/bin/sh", "sh", "-c",
                      "echo \"sh[$$]: executed by a static program\"; exit 4", NULL);
            _exit(n);
        }
        if (wait(&status) > 0)
            say("status", status);
    }
    if (system("echo \"sh[$$]: by system\"; exit 3") != 3 << 8)
        return 1;
    for (int n = 0; n < 5; n++)
        if (fork() == 0) {
            for (int i = 0; i < 50; i++)
                say("together", i);
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    printf("static_forks[%d]: by stdio\n", getpid());
    return 12;
}
