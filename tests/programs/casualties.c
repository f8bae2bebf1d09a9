/* casualties CHILDREN DEATHS FILE: forks CHILDREN children, at most 50 at once. Each prints a line.
 * DEATHS of them, at regular intervals, die in one of five ways in turn, and FILE gets "WAY PID"
 * for each of these. The others and the parent exit with 0. */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AT_ONCE = 50 };

static const char *const ways[] = {"segv", "assert", "exit", "kill", "term"};

__attribute__((noinline)) static int broken(int *volatile at)
{
    return *at + 1;
}

static void die(const char *way, int number)
{
    switch (way[0]) {
    case 's':
        exit(broken(NULL));
    case 'a':
        assert(number < 0);
        break;
    case 'e':
        fprintf(stderr, "child %d cannot go on\n", number);
        exit(3);
    case 'k':
        kill(getpid(), SIGKILL);
        break;
    default:
        raise(SIGTERM);
    }
}

int main(int argc, char *argv[])
{
    if (argc != 4)
        return 2;
    int children = atoi(argv[1]);
    int every = children / atoi(argv[2]);
    FILE *file = fopen(argv[3], "w");
    int running = 0;
    if (file == NULL)
        return 2;
    for (int i = 0; i < children; i++) {
        const char *way = i % every == every / 2 ? ways[i / every % 5] : NULL;
        fflush(stdout);
        fflush(file);
        pid_t pid = fork();
        if (pid < 0)
            return 2;
        if (pid == 0) {
            printf("child %d\n", i);
            fflush(stdout);
            if (way != NULL)
                die(way, i);
            _exit(0);
        }
        if (way != NULL)
            fprintf(file, "%s %d\n", way, pid);
        if (++running == AT_ONCE) {
            wait(NULL);
            running--;
        }
    }
    while (wait(NULL) > 0)
        ;
    return fclose(file) == 0 ? 0 : 2;
}
