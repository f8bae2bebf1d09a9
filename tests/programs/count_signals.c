/* count_signals.c: takes every signal that a process can, one at a time, and prints its name.
 * SIGTERM ends the program with status 9, after a line with the numbers and counts of all signals.
 * The program waits for signals (sigwait) instead of handling them, because two signals of one kind
 * would be merged while a handler runs. */
#include <signal.h>
#include <stdio.h>

int main(void)
{
    unsigned int counts[65] = {0};
    sigset_t all;
    siginfo_t info;
    sigfillset(&all);
    sigdelset(&all, SIGCHLD);
    sigprocmask(SIG_BLOCK, &all, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("ready\n");
    do {
        if (sigwaitinfo(&all, &info) < 0)
            continue;
        counts[info.si_signo]++;
        printf("got %d\n", info.si_signo);
    } while (info.si_signo != SIGTERM);
    printf("in all");
    for (int i = 1; i < 65; i++)
        if (counts[i] > 0)
            printf(" %d:%u", i, counts[i]);
    printf("\n");
    return 9;
}
