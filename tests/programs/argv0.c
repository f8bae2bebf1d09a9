/* argv0.c: prints argv[0]; with an argument, the name that the kernel has for the process. */
#include <stdio.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
    char name[16];
    prctl(PR_GET_NAME, name);
    puts(argc > 1 ? name : argv[0]);
    return 0;
}
