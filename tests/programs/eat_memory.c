/* eat_memory MB: allocates and writes that much memory, then kills itself. Exits with 1 if there is
 * not enough. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
    enum { MB = 1 << 20 };
    for (long left = argc > 1 ? atol(argv[1]) : 0; left > 0; left--) {
        volatile char *block = malloc(MB);
        if (block == NULL)
            return 1;
        memset((char *)block, 1, MB);
    }
    kill(getpid(), SIGKILL);
    return 1;
}
