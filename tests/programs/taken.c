/* taken.c: waits until the reader of stdout, a socket, has read all that was written to it. */
#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void)
{
    int left;
    while (ioctl(STDOUT_FILENO, SIOCOUTQ, &left) == 0 && left > 0)
        usleep(1000);
    if (left == 0)
        return 0;
    perror("taken");
    return 1;
}
