/* workers N [two]: starts N children, which all crash in one function, or with "two" in two
 * functions in turn. Waits for them and exits with 0. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int *volatile nothing;

__attribute__((noinline)) static int first_fault(void)
{
    return *nothing + 1;
}

__attribute__((noinline)) static int second_fault(void)
{
    return *nothing + 2;
}

/* Each child crashes at its own depth of calls. */
__attribute__((noinline)) static int work(int number, int second)
{
    volatile int depth = number % 3;
    if (number > 2)
        return work(depth, second) + 1;
    return (second ? second_fault() : first_fault()) + depth;
}

int main(int argc, char *argv[])
{
    const struct rlimit no_core = {0};
    int number = argc > 1 ? atoi(argv[1]) : 1;
    setrlimit(RLIMIT_CORE, &no_core);
    for (int i = 0; i < number; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return 2;
        if (pid == 0) {
            fprintf(stderr, "worker %d at %p\n", i, (void *)&pid);
            _exit(work(i, argc > 2 && i % 2 != 0));
        }
    }
    while (wait(NULL) > 0)
        ;
    return 0;
}
