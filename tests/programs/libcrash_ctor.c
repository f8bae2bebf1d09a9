/* libcrash_ctor.c: a library whose constructor crashes. crash_ways loads it. */
#include <stddef.h>

static volatile int *volatile nowhere;

__attribute__((noinline)) static int read_it(void)
{
    return *nowhere;
}

__attribute__((constructor)) static void load(void)
{
    *(volatile int *)(nowhere ? nowhere : NULL) = read_it() + 1;
}
