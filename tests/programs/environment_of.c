/* environment_of.c: prints its environment without the variables that sscap needs, and exits with
 * 42. With the argument SHOW_LIBRARY it prints whether the library is in LD_PRELOAD. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
    char name[16]; /* kernels before 6.14 use the descriptor's number as the name after fexecve */
    prctl(PR_GET_NAME, name);
    for (char **e = environ; *e; e++) {
        if (!strncmp(*e, "SSCAP_SESSION=", 14) || !strncmp(*e, "PWD=", 4) ||
            !strncmp(*e, "SHLVL=", 6) || !strncmp(*e, "_=", 2))
            continue;
        if (!strncmp(*e, "LD_PRELOAD=", 11)) {
            if (argc > 1 && !strcmp(argv[1], "SHOW_LIBRARY"))
                printf("%s[%d]: preloaded: %s\n", name, getpid(),
                       strstr(*e, "libsscap.so") ? "yes" : "no");
            continue;
        }
        printf("%s[%d]: %s\n", name, getpid(), *e);
    }
    printf("%s[%d]: that is all\n", name, getpid());
    return 42;
}
