/* Prints its environment as a program under sscap may expect it: without what sscap needs. Exits with 42.
 *
 * An argument names a variable that is to be printed, with its value; the others are printed by name. With SHOW_LIBRARY
 * as argument it says whether the library is in LD_PRELOAD.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
    for (char **e = environ; *e; e++) {
        if (!strncmp(*e, "SSCAP_SESSION=", 14) || !strncmp(*e, "PWD=", 4) || !strncmp(*e, "SHLVL=", 6) ||
            !strncmp(*e, "_=", 2))
            continue;
        if (!strncmp(*e, "LD_PRELOAD=", 11)) {
            if (argc > 1 && !strcmp(argv[1], "SHOW_LIBRARY"))
                printf("environment_of[%d]: preloaded: %s\n", getpid(),
                       strstr(*e, "libsscap.so") ? "yes" : "no");
            continue;
        }
        printf("environment_of[%d]: %s\n", getpid(), *e);
    }
    printf("environment_of[%d]: that is all\n", getpid());
    return 42;
}
