/* daemonise.c: a daemon. What it writes to stdout after daemon(3) goes to /dev/null, or to the old
 * stdout if KEEP is 1.
 *
 *   daemonise KEEP FILE    FILE gets a line when the daemon ends */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    printf("daemonise[%d]: in front\n", getpid());
    fflush(stdout);
    FILE *file = fopen(argv[2], "w");
    if (!file || daemon(1, atoi(argv[1])))
        return 1;
    for (int i = 0; i < 100; i++) {
        printf("daemonise[%d]: ", getpid());
        fflush(stdout);
        printf("behind %d\n", i);
        fflush(stdout);
        fprintf(stderr, "daemonise[%d]: error %d\n", getpid(), i);
    }
    if (system("echo \"sh[$$]: by the daemon's child\"") != 0)
        return 3;
    fprintf(file, "the daemon ends\n");
    return fclose(file) != 0;
}
