/* environ_threads.c: threads call system and popen while another thread empties and refills the
 * environment.
 *
 *   environ_threads ROUNDS
 *
 * A shell may fail to start in any program that does this, because the kernel may read an array
 * that has been freed. So only the thread that changes the environment checks something: after each
 * change, `environ` must have exactly what the thread put there. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int rounds, running, wrong;

static void expect(int condition)
{
    if (!condition)
        __atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
}

static void *by_system(void *unused)
{
    for (int i = 0; i < rounds; i++)
        (void)!system("exit 0");
    __atomic_fetch_sub(&running, 1, __ATOMIC_SEQ_CST);
    return unused;
}

static void *by_popen(void *unused)
{
    for (int i = 0; i < rounds; i++) {
        char line[16] = "";
        FILE *shell = popen("echo hello", "r");
        if (shell != NULL) {
            (void)!fgets(line, sizeof line, shell);
            pclose(shell);
        }
    }
    __atomic_fetch_sub(&running, 1, __ATOMIC_SEQ_CST);
    return unused;
}

/* Checks that environ is FILLER0=... FILLER1=... and no more. */
static void check(int n, int value)
{
    char text[64];
    int count = 0;
    for (char **e = environ; e != NULL && *e != NULL; e++, count++) {
        snprintf(text, sizeof text, "FILLER%d=%d", count, value);
        expect(count < n && strcmp(*e, text) == 0);
    }
    expect(count == n);
    expect(getenv("LD_PRELOAD") == NULL && getenv("SSCAP_SESSION") == NULL);
}

static void change(int round)
{
    char name[32], value[32];
    int n = round % 40;
    clearenv();
    snprintf(value, sizeof value, "%d", round);
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "FILLER%d", i);
        setenv(name, i % 2 ? value : "to be replaced", 1);
    }
    for (int i = 0; i < n; i += 2) {
        snprintf(name, sizeof name, "FILLER%d", i);
        setenv(name, value, 1);
    }
    check(n, round);
}

int main(int argc, char **argv)
{
    void *(*const kinds[])(void *) = {by_system, by_popen, by_system, by_popen};
    enum { THREADS = sizeof kinds / sizeof *kinds };
    pthread_t threads[THREADS];
    if (argc != 2)
        return 2;
    rounds = atoi(argv[1]);
    running = THREADS;
    clearenv();
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, kinds[i], NULL))
            return 1;
    int round = 1;
    while (__atomic_load_n(&running, __ATOMIC_SEQ_CST) > 0) {
        change(round++);
        usleep(50);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    change(39);
    printf("environ_threads[%d]: %d wrong\n", getpid(), wrong);
    /* With one thread it always works. */
    clearenv();
    expect(system("exit 4") == 4 << 8 && environ == NULL);
    printf("environ_threads[%d]: %d wrong\n", getpid(), wrong);
    return 0;
}
