/* freopen_mid.c: redirects stdout to a file with freopen, for the rest of its life and for its
 * children. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    printf("before\n");
    printf("no newline yet");
    if (!freopen(argv[1], "w", stdout))
        return 1;
    for (int i = 0; i < 1000; i++)
        printf("line %d in the file\n", i);
    fflush(stdout);
    if (system("echo by a child in the file") != 0)
        return 3;
    fprintf(stderr, "stderr is still here\n");
    printf("the last, without newline");
    return 0;
}
