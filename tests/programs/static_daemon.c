/* static_daemon.c: a daemon without the library that closes all its descriptors, its streams too.
 *
 *   static_daemon GO DONE    prints a line and ends; the daemon waits until GO exists, makes DONE
 *                            and ends */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    printf("going down\n");
    fflush(stdout);
    if (fork() != 0)
        return 0;
    setsid();
    if (fork() != 0)
        return 0;
    for (int fd = 0; fd < 1024; fd++)
        close(fd);
    for (int i = 0; i < 6000 && access(argv[1], F_OK) < 0;
         i++) /* a limit, because nothing else would end the daemon if a test fails */
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    close(open(argv[2], O_WRONLY | O_CREAT, 0600));
    return 0;
}
