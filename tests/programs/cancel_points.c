/* cancel_points WAY: prints which libc calls are cancellation points, and what a cancelled thread
 * leaves behind.
 *
 *   pending    a thread makes the call after it has been cancelled
 *   waiting    a thread is cancelled while it waits in the call
 *   anywhere   a thread is cancelled at any instruction, hundreds of times
 *
 * Each result is a line of stdout. Exit statuses from 96 on are errors. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/programs/newer_libc.h"
#include "tests/programs/say.h"

extern char **environ;

static int descriptors(void)
{
    int n = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (readdir(directory) != NULL)
        n++;
    closedir(directory);
    return n;
}

/* --- pending --- */

static int nowhere; /* /dev/null */
static pid_t child;
static struct iovec part = {.iov_base = (void *)(uintptr_t) "parts\n", .iov_len = 6};

/* clang-format off */
#define CALLS(X) \
    X(write, write(STDOUT_FILENO, "written\n", 8)) X(write_nothing, write(STDOUT_FILENO, "", 0)) \
    X(write_elsewhere, write(nowhere, "w", 1)) X(writev, writev(STDOUT_FILENO, &part, 1)) \
    X(pwritev2, pwritev2(STDOUT_FILENO, &part, 1, -1, 0)) X(read, read(nowhere, &part, 1)) \
    X(wait, wait(NULL)) X(waitpid, waitpid(child, NULL, 0)) X(wait3, wait3(NULL, 0, NULL)) \
    X(wait4, wait4(child, NULL, 0, NULL)) X(waitid, waitid(P_PID, (id_t)child, NULL, WEXITED)) \
    X(close, close(1000)) X(open, open("/dev/null", O_RDONLY)) \
    X(openat, openat(AT_FDCWD, "/dev/null", O_RDONLY)) \
    X(open_stream, open("/dev/stdout", O_WRONLY)) \
    X(openat_stream, openat(AT_FDCWD, "/dev/stderr", O_WRONLY)) \
    X(creat, creat("/dev/null", 0600)) X(fopen, fopen("/dev/null", "r") != NULL) \
    X(fcntl_lock, fcntl(nowhere, F_SETLKW, &(struct flock){.l_type = F_UNLCK})) \
    X(fcntl, fcntl(STDOUT_FILENO, F_GETFL)) X(system, system("exit 3")) \
    X(popen, popen("exit 3", "r") != NULL) \
    X(posix_spawnp, posix_spawnp(&child, "true", NULL, NULL, \
      (char *[]){(char *)(uintptr_t)"true", NULL}, environ)) \
    X(sendmsg, sendmsg(nowhere, &(struct msghdr){.msg_iov = &part, .msg_iovlen = 1}, 0)) \
    X(shutdown, shutdown(nowhere, SHUT_WR)) X(fsync, fsync(STDOUT_FILENO)) \
    X(tcdrain, tcdrain(STDOUT_FILENO)) X(dup2, dup2(nowhere, nowhere)) X(kill, kill(getpid(), 0)) \
    X(pthread_kill, pthread_kill(pthread_self(), 0)) X(raise, raise(SIGURG)) \
    X(sigqueue, sigqueue(getpid(), 0, (union sigval){.sival_int = 0})) \
    X(sigaction, sigaction(SIGSEGV, NULL, &(struct sigaction){.sa_flags = 0})) \
    X(sigaltstack, sigaltstack(NULL, &(stack_t){.ss_flags = 0})) \
    X(ioctl, ioctl(STDOUT_FILENO, FIONBIO, &(int){0})) X(isatty, isatty(STDOUT_FILENO)) \
    X(tcgetattr, tcgetattr(STDOUT_FILENO, &(struct termios){.c_iflag = 0})) \
    X(close_range, close_range(1000, 1001, 0)) X(setpgid, setpgid(0, 0)) \
    X(prctl, prctl(PR_SET_NAME, "cancelled")) \
    X(fstat, fstat(STDOUT_FILENO, &(struct stat){.st_dev = 0})) X(fork, forked())
/* clang-format on */

static int forked(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid > 0;
}

enum call {
#define CALL_NAME(name, call) CALL_##name,
    CALLS(CALL_NAME) CALLS_COUNT
};

static const char *const names[] = {
#define CALL_TEXT(name, call) #name,
    CALLS(CALL_TEXT)};

static void make_call(enum call call)
{
    switch (call) {
#define CALL_CASE(name, call)                                                                      \
    case CALL_##name:                                                                              \
        (void)!(call);                                                                             \
        break;
        CALLS(CALL_CASE)
    case CALLS_COUNT:
        break;
    }
}

static void *cancelled(void *call)
{
    pthread_cancel(pthread_self());
    make_call((enum call)(intptr_t)call);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    return NULL;
}

static void pending(void)
{
    nowhere = open("/dev/null", O_RDWR);
    for (intptr_t call = 0; call < CALLS_COUNT; call++) {
        pthread_t id;
        void *result;
        child = fork();
        if (child == 0)
            _exit(0);
        pthread_create(&id, NULL, cancelled, (void *)call);
        pthread_join(id, &result);
        say("%s %s\n", names[call], result == PTHREAD_CANCELED ? "cancelled" : "returned");
        while (wait(NULL) > 0)
            ;
    }
}

/* --- waiting --- */

static int ends[2];
static int waiter;

static void cleaned_up(void *name)
{
    say("%s: cleaned up\n", (char *)name);
}

static void wait_within(int way)
{
    static char block[1 << 20];
    sigset_t signals;
    int signal;
    switch (way) {
    case 0:
        (void)!read(ends[0], block, 1);
        break;
    case 1:
        while (write(ends[1], block, sizeof block) > 0)
            ;
        break;
    case 2:
        waitpid(child, NULL, 0);
        break;
    case 3:
        waitid(P_PID, (id_t)child, NULL, WEXITED);
        break;
    case 4:
        clearenv();
        (void)!system("exec sleep 1000");
        break;
    default:
        sigfillset(&signals);
        sigwait(&signals, &signal);
        break;
    }
}

static void *wait_there(void *way)
{
    __atomic_store_n(&waiter, gettid(), __ATOMIC_RELEASE);
    pthread_cleanup_push(cleaned_up, (void *)(uintptr_t) "waiting");
    wait_within((int)(intptr_t)way);
    pthread_cleanup_pop(0);
    return NULL;
}

/* Whether the thread sleeps in the kernel. */
static int sleeps(int tid)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    const char *state = n > 0 ? strrchr(text, ')') : NULL;
    close(fd);
    return state != NULL && state[1] != '\0' && state[2] == 'S';
}

static void waiting(void)
{
    enum { WAYS = 6 };
    if (pipe(ends) < 0)
        _exit(98);
    child = fork();
    if (child == 0)
        for (;;)
            pause();
    int before = descriptors();
    for (intptr_t way = 0; way < WAYS; way++) {
        pthread_t id;
        void *result;
        char **own = environ;
        waiter = 0;
        pthread_create(&id, NULL, wait_there, (void *)way);
        for (int asleep = 0; asleep < 20; usleep(1000))
            asleep = waiter != 0 && sleeps(waiter) ? asleep + 1 : 0;
        pthread_cancel(id);
        pthread_join(id, &result);
        if (environ != own && environ != NULL)
            say("environ is neither the program's nor empty\n");
        say("%d: %s\n", (int)way, result == PTHREAD_CANCELED ? "cancelled" : "returned");
    }
    kill(child, SIGKILL);
    say("%d descriptors more\n", descriptors() - before);
}

/* --- anywhere --- */

static void *write_on(void *unused)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    for (;;)
        if (write(STDOUT_FILENO, "line\n", 5) != 5)
            _exit(97);
    return unused;
}

static void anywhere(void)
{
    enum { TIMES = 300 };
    unsigned seed = 1;
    int before = descriptors();
    for (int i = 0; i < TIMES; i++) {
        const struct timespec moment = {.tv_nsec = rand_r(&seed) % 300000};
        pthread_t id;
        pthread_create(&id, NULL, write_on, NULL);
        nanosleep(&moment, NULL);
        pthread_cancel(id);
        pthread_join(id, NULL);
    }
    say("\n%d descriptors more\n", descriptors() - before);
}

int main(int argc, char *argv[])
{
    const char *way = argc > 1 ? argv[1] : "";
    if (strcmp(way, "pending") == 0)
        pending();
    else if (strcmp(way, "waiting") == 0)
        waiting();
    else if (strcmp(way, "anywhere") == 0)
        anywhere();
    else
        return 2;
    return 0;
}
