/* small_sndbuf.c: threads write to a stdout with a small send buffer while many signals arrive.
 *
 *   small_sndbuf BYTES SIZE CHUNKS
 *   small_sndbuf BYTES crash        aborts without a free descriptor, under sscap only
 *
 * Sets SO_SNDBUF of fd 1 to BYTES if fd 1 is a socket. Four threads then write CHUNKS chunks of
 * whole lines each, at most SIZE bytes in one write or writev. SIGALRM interrupts them 2000 times a
 * second. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

enum { THREADS = 4, SIZE_MAX_ = 100000 };
static int size, chunks;

static void on_alarm(int signal)
{
    (void)signal;
}

/* Writes as a program that expects signals does: it continues partial writes and repeats after
 * EINTR. */
static void put(const char *bytes, size_t n, bool vector)
{
    while (n > 0) {
        struct iovec parts[3] = {{(void *)(size_t)bytes, n / 3},
                                 {(void *)(size_t)(bytes + n / 3), 0},
                                 {(void *)(size_t)(bytes + n / 3), n - n / 3}};
        ssize_t done = vector ? writev(1, parts, 3) : write(1, bytes, n);
        if (done < 0 && errno != EINTR) {
            perror("small_sndbuf");
            exit(1);
        }
        bytes += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
}

static void *writer(void *arg)
{
    char *chunk = malloc(SIZE_MAX_ + 200);
    int line = 0;
    for (int i = 0; i < chunks; i++) {
        int n = 0;
        while (n < size) {
            n += sprintf(chunk + n, "small_sndbuf[%d]: thread %ld line %d ", getpid(), (long)arg,
                         line);
            int more = line++ % 90;
            memset(chunk + n, 'x', (size_t)more);
            n += more;
            chunk[n++] = '\n';
        }
        put(chunk, (size_t)n, i % 2);
    }
    free(chunk);
    return NULL;
}

/* Many stack frames make the event long. */
static int deeper(volatile int *left)
{
    if (--*left == 0)
        raise(SIGABRT);
    volatile int result = *left == 0 ? 0 : deeper(left);
    return result + 1;
}

static void crash(int bytes)
{
    for (int fd = 1; fd <= 2; fd++)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    for (long fd = 3; fd < 4096; fd++)
        (void)syscall(SYS_close, fd);
    /* The library may raise the soft limit to read its mappings. */
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    setrlimit(RLIMIT_NOFILE, &limit);
    /* What stdio has buffered is part of the event. */
    for (int i = 0; i < 4090; i++)
        putchar('y');
    /* The runner is stopped for a while, so that the event has no more room than that. */
    pid_t runner = getppid();
    if (fork() == 0) {
        usleep(100000);
        kill(runner, SIGCONT);
        _exit(0);
    }
    while (open("/dev/null", O_RDONLY) >= 0)
        ;
    kill(runner, SIGSTOP);
    volatile int left = 70;
    exit(deeper(&left));
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    int bytes = atoi(argv[1]);
    if (argc < 4)
        crash(bytes);
    size = atoi(argv[2]) < SIZE_MAX_ ? atoi(argv[2]) : SIZE_MAX_;
    chunks = atoi(argv[3]);
    (void)setsockopt(1, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART */
    sigaction(SIGALRM, &action, NULL);
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, writer, (void *)i))
            return 1;
    struct itimerval often = {{0, 500}, {0, 500}};
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
