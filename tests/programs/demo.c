/* demo.c: the demo of `make run`: a dispatcher and three workers. All print at the same time and in
 * pieces, as programs that show progress do. One worker warns on stderr, and one executes a shell.
 * Without sscap, in a pipe, the lines are mixed. Under sscap each line is whole and has the name of
 * the process that wrote it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Long enough that other processes print in between, and short enough that the demo takes a
 * moment. */
#define PIECE_NS 4000000L

/* Prints the pieces (up to a NULL), each with a write of its own. */
static void say(FILE *stream, ...)
{
    const char *piece;
    va_list pieces;

    va_start(pieces, stream);
    while ((piece = va_arg(pieces, const char *))) {
        fputs(piece, stream);
        fflush(stream);
        nanosleep(&(struct timespec){.tv_nsec = PIECE_NS}, NULL);
    }
    va_end(pieces);
}

static int resize(void)
{
    static const char *const pictures[] = {"cat.png", "dog.png", "owl.png", "fox.png"};

    for (int i = 0; i < 4; i++) {
        say(stdout, "resizing ", pictures[i], " ... ", "done\n", NULL);
        if (i == 1)
            say(stderr, "warning: ", pictures[i], " has no ", "colour profile\n", NULL);
    }
    return 0;
}

static int upload(void)
{
    for (int percent = 20; percent <= 100; percent += 20) {
        char text[16];

        snprintf(text, sizeof text, "%d %%", percent);
        say(stdout, "uploaded ", text, " of ", "archive.tar\n", NULL);
    }
    return 0;
}

/* Executes another program, whose lines have its own name. */
static int report(void)
{
    execl(
        "/bin/sh", "sh", "-c",
        "for day in mon tue wed; do printf 'report for '; printf \"$day\"; printf ': ok\\n'; done",
        (char *)NULL);
    perror("/bin/sh");
    return 127;
}

static pid_t start(const char *name, int (*work)(void))
{
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_NAME, name);
        exit(work());
    }
    if (pid < 0)
        perror("fork");
    return pid;
}

int main(void)
{
    int failed = 0;
    int started = 0;
    int status;

    prctl(PR_SET_NAME, "dispatcher");
    say(stdout, "starting ", "3 workers\n", NULL);
    started += start("resizer", resize) > 0;
    started += start("uploader", upload) > 0;
    started += start("reporter", report) > 0;
    while (wait(&status) > 0)
        failed += status != 0;
    if (failed || started < 3) {
        say(stderr, "some workers ", "failed\n", NULL);
        return 1;
    }
    say(stdout, "all workers ", "are done\n", NULL);
    return 0;
}
