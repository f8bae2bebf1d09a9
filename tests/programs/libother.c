/* libother.c: another preloaded library. It prints its name on stderr when it is loaded. */
#include <unistd.h>

__attribute__((constructor)) static void loaded(void)
{
    if (write(2, "libother is loaded\n", 19) < 0)
        _exit(1);
}
