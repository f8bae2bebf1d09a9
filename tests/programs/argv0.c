/* Says by what name it was called; with an argument, by what name the kernel knows it. */
#include <stdio.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
    char name[16];
    prctl(PR_GET_NAME, name);
    puts(argc > 1 ? name : argv[0]);
    return 0;
}
