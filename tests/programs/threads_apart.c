/* threads_apart.c: four threads write whole lines to fd 1, which is a file, and four threads write
 * lines in pieces to fd 2, which is not.
 *
 *   threads_apart FILE LINES */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4 };
static int lines;

static void all_of(int fd, const char *text, size_t n)
{
    if (write(fd, text, n) != (ssize_t)n)
        _exit(3);
}

static void *to_file(void *arg)
{
    char line[64];
    for (int i = 0; i < lines; i++)
        all_of(1, line,
               (size_t)snprintf(line, sizeof line, "file thread %ld line %d\n", (long)arg, i));
    return NULL;
}

static void *to_stderr(void *arg)
{
    char line[96];
    for (int i = 0; i < lines; i++) {
        size_t n = (size_t)snprintf(line, sizeof line, "threads_apart[%d]: thread %ld line %d\n",
                                    getpid(), (long)arg, i);
        for (size_t at = 0, piece; at < n; at += piece) {
            piece = 1 + (size_t)(i + (long)arg) % 17;
            if (piece > n - at)
                piece = n - at;
            all_of(2, line + at, piece);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[2 * THREADS];
    if (argc != 3)
        return 2;
    lines = atoi(argv[2]);
    int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0666);
    if (fd < 0 || dup2(fd, 1) != 1 || close(fd))
        return 1;
    for (long i = 0; i < 2 * THREADS; i++)
        if (pthread_create(&threads[i], NULL, i % 2 ? to_file : to_stderr, (void *)(i / 2)))
            return 1;
    for (int i = 0; i < 2 * THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
