/* storm.c: writes LINES lines of SIZE bytes (newline included) with stdio, as most programs do.
 *
 *   storm LINES SIZE line    stdout is line-buffered, whatever it is connected to
 *   storm LINES SIZE keep    stdout as libc sets it up: whole blocks into a pipe or a socket */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char line[64 * 1024];

int main(int argc, char **argv)
{
    size_t size = argc == 4 ? (size_t)atol(argv[2]) : 0;

    if (size < 1 || size > sizeof line) {
        fprintf(stderr, "usage: storm LINES SIZE line|keep\n");
        return 2;
    }
    long lines = atol(argv[1]);
    memset(line, 'x', size);
    line[size - 1] = '\n';
    if (strcmp(argv[3], "line") == 0)
        setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    for (long i = 0; i < lines; i++)
        if (fwrite(line, 1, size, stdout) != size)
            return 1;
    return fflush(stdout) != 0;
}
