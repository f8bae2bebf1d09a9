/* flip.c: turns fd 1 back and forth between two places while threads write whole lines to it.
 *
 * Each line must be in one of the two places, once and whole. Nothing else may be in the other
 * place. A library that checks what fd 1 is and then writes to it fails here, because fd 1 may have
 * been turned in between.
 *
 *   flip file|pipe|stream|seqpacket FILE THREADS LINES    FILE gets what arrived in the other place
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int lines;
static atomic_int writing;

static void *writer(void *arg)
{
    char line[96];
    for (int i = 0; i < lines; i++) {
        int n = snprintf(line, sizeof line, "flip[%d]: thread %ld line %d\n", getpid(), (long)arg,
                         i);
        if (write(1, line, (size_t)n) != n)
            _exit(3);
    }
    writing--;
    return NULL;
}

/* A child reads the pipe or socket and copies all bytes into FILE. */
static pid_t copier(int from, int unused, int to)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    char bytes[65536];
    ssize_t n;
    close(unused);
    while ((n = read(from, bytes, sizeof bytes)) > 0)
        if (write(to, bytes, (size_t)n) != n)
            _exit(1);
    _exit(n < 0);
}

static int elsewhere(const char *kind, int file, pid_t *reader)
{
    int ends[2];
    if (!strcmp(kind, "file"))
        return file;
    if (!strcmp(kind, "pipe")
            ? pipe2(ends, O_CLOEXEC)
            : socketpair(AF_UNIX, strcmp(kind, "stream") ? SOCK_SEQPACKET : SOCK_STREAM, 0, ends))
        exit(1);
    *reader = copier(ends[0], ends[1], file);
    close(ends[0]);
    return ends[1];
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    pid_t reader = 0;
    int file = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0666);
    int other = elsewhere(argv[1], file, &reader), here = fcntl(1, F_DUPFD_CLOEXEC, 3);
    int threads = atoi(argv[3]), turns = 0;
    lines = atoi(argv[4]);
    pthread_t thread[threads];
    if (other < 0 || here < 0)
        return 1;
    writing = threads;
    for (long i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, writer, (void *)i))
            return 1;
    for (; writing; turns++)
        if (dup2(turns % 2 ? here : other, 1) != 1)
            return 4;
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    dup2(here, 1);
    close(other);
    fprintf(stderr, "flip[%d]: turned %s\n", getpid(), turns >= 1000 ? "often" : "too seldom");
    return reader && waitpid(reader, &threads, 0) == reader && threads;
}
