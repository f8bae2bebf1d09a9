/* forks.c: times a loop and writes the nanoseconds for one turn to FILE.
 *
 *   forks COUNT FILE            fork, a child that exits, wait
 *   forks COUNT FILE PROGRAM    fork, a child that executes PROGRAM, wait
 *
 * The result goes to FILE and not to stdout, because stdout is captured. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void turn(char *program)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        if (program)
            execv(program, (char *[]){program, NULL});
        _exit(program ? 127 : 0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "forks: a child could not be started\n");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: forks COUNT FILE [PROGRAM]\n");
        return 2;
    }
    int count = atoi(argv[1]);
    char *program = argc > 3 ? argv[3] : NULL;
    /* The first turns fault pages in and warm the caches. */
    for (int i = 0; i < count / 10; i++)
        turn(program);
    double start = now_ns();
    for (int i = 0; i < count; i++)
        turn(program);
    double each = (now_ns() - start) / count;
    FILE *file = fopen(argv[2], "w");
    if (!file)
        return 1;
    fprintf(file, "%.0f\n", each);
    return fclose(file) != 0;
}
