/* closed_stdout.c: must be started with fd 1 closed (>&-). The first file that it opens becomes
 * fd 1 and gets what printf prints.
 *
 *   closed_stdout FILE    exits with 0 if all is as without sscap */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    if (write(1, "x", 1) != -1 || errno != EBADF)
        return 3;
    int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd != 1)
        return 4;
    printf("printf\n");
    fflush(stdout);
    if (write(1, "write\n", 6) != 6 || system("echo a child; exit 7") != 7 << 8)
        return 5;
    /* sscap must not occupy the lowest numbers, so this is the same as without sscap. */
    fprintf(stderr, "the next descriptor is %d\n", dup(2));
    return 0;
}
