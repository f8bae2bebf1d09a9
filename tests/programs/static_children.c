/* static_children N: forks N children, one after the other, and waits for each. Each child prints a
 * line and exits with 3. Exits with 0. It is linked statically, so only the kernel can tell how the
 * children ended, and only for as long as it keeps the status. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
    for (int i = 0; i < (argc > 1 ? atoi(argv[1]) : 1); i++) {
        pid_t pid = fork();
        if (pid < 0)
            return 2;
        if (pid == 0) {
            printf("child %d\n", i);
            exit(3);
        }
        if (waitpid(pid, NULL, 0) != pid)
            return 2;
    }
    return 0;
}
