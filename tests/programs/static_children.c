/* static_children N: forks N children, one after the other, each of which prints a line and exits
 * with 3; each is waited for. Exits with 0. Linked statically: what became of them only the kernel
 * can say, and only for as long as it keeps it. */
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
