/* refusals: calls the functions that sscap wraps with bad arguments, and prints each result on a
 * line of stdout. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/programs/newer_libc.h"

/* Volatile, because the compiler would refuse a constant. */
static void *volatile nothing;
static void *volatile nowhere = (void *)8;
static volatile int bad = -1;

/* Prints errno after a failure, else the result. */
#define TELL(call)                                                                                 \
    do {                                                                                           \
        errno = 0;                                                                                 \
        long result_ = (long)(call);                                                               \
        int error_ = errno;                                                                        \
        printf("%s: %ld %d\n", #call, result_, error_);                                            \
        fflush(stdout);                                                                            \
    } while (0)

static struct iovec one_too_many[2000];

static void output(int fd)
{
    struct iovec one = {.iov_base = nowhere, .iov_len = 1},
                 huge = {.iov_base = nowhere, .iov_len = (size_t)-1};
    char byte = 0;
    TELL(write(bad, &byte, 1));
    TELL(write(fd, nowhere, 1));
    TELL(write(fd, nothing, 0));
    TELL(writev(fd, &one, 1));
    TELL(writev(fd, &huge, 1));
    TELL(writev(fd, nowhere, 1));
    TELL(writev(fd, nothing, 0));
    TELL(writev(fd, &one, bad));
    TELL(writev(fd, one_too_many, 2000));
    TELL(pwritev2(fd, &one, 1, -1, 0));
    TELL(pwritev2(fd, &one, 1, -2, 0));
    TELL(pwritev2(fd, &one, 1, -1, 1 << 20));
    TELL(read(bad, &byte, 1));
    TELL(read(fd, nowhere, 1));
    TELL(readv(fd, &one, bad));
    TELL(listen(fd, 1));
    TELL(accept(fd, nothing, nothing));
    TELL(accept4(fd, nothing, nothing, SOCK_CLOEXEC));
}

static void *output_of_thread(void *fd)
{
    output(*(int *)fd);
    return NULL;
}

static void descriptors(int fd)
{
    struct stat status;
    struct statx extended;
    TELL(close(bad));
    TELL(dup(bad));
    TELL(dup2(bad, 9));
    TELL(dup2(fd, bad));
    TELL(dup2(fd, 1 << 30));
    TELL(dup2(fd, fd));
    TELL(dup3(fd, fd, 0));
    TELL(dup3(fd, 9, 1));
    TELL(pipe(nowhere));
    TELL(pipe2(nothing, 0));
    TELL(pipe2(nowhere, bad));
    TELL(socket(bad, 0, 0));
    TELL(socketpair(AF_UNIX, SOCK_STREAM, 0, nowhere));
    TELL(socketpair(AF_INET, SOCK_STREAM, 0, nowhere));
    TELL(accept(bad, nothing, nothing));
    TELL(accept4(STDIN_FILENO, nothing, nothing, bad));
    TELL(close_range(9, 8, 0));
    TELL(close_range(9, 9, 1 << 20));
    TELL(fcntl(bad, F_GETFL));
    TELL(fcntl(fd, 12345));
    TELL(fcntl(fd, F_DUPFD, bad));
    TELL(fcntl(fd, F_DUPFD, 1 << 30));
    TELL(fcntl(fd, F_GETLK, nothing));
    TELL(ioctl(bad, FIONBIO, nowhere));
    TELL(ioctl(fd, FIONBIO, nowhere));
    TELL(ioctl(fd, FIONBIO, nothing));
    TELL(ioctl(fd, TIOCGWINSZ, nowhere));
    TELL(ioctl(fd, 0x5499, nowhere));
    TELL(shutdown(bad, SHUT_WR));
    TELL(fstat(bad, &status));
    TELL(fstat(fd, nowhere));
    TELL(stat(nowhere, &status));
    TELL(stat("", &status));
    TELL(stat("/dev/stdout", nowhere));
    TELL(stat("/dev/stdout/", &status));
    TELL(fstatat(fd, "x", &status, 0));
    TELL(fstatat(bad, "", &status, AT_EMPTY_PATH));
    TELL(fstatat(fd, "", &status, 1 << 30));
    TELL(fstatat(fd, nowhere, &status, AT_EMPTY_PATH));
    TELL(statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, nowhere));
    TELL(statx(fd, nowhere, 0, STATX_TYPE, &extended));
    TELL(statx(fd, "", AT_EMPTY_PATH, 1u << 31, &extended));
    TELL(statx(fd, "", 0, STATX_TYPE, &extended));
}

static void paths(void)
{
    char *good[] = {"x", NULL};
    TELL(open(nowhere, O_RDONLY));
    TELL(open("", O_RDONLY));
    TELL(open("/dev/stdout/", O_WRONLY));
    TELL(open("/dev/stdout", O_RDONLY | O_DIRECTORY));
    TELL(open("/dev/fd/12345", O_WRONLY));
    TELL(openat(bad, "x", O_RDONLY));
    TELL(creat(nowhere, 0600));
    TELL(fopen("/dev/stdout", "?"));
    TELL(fopen("/nowhere/x", "w"));
    TELL(execve(nowhere, nothing, nothing));
    TELL(execve("", nothing, nothing));
    TELL(execve("/", nothing, nothing));
    TELL(fexecve(bad, (char *[]){"x", NULL}, (char *[]){NULL}));
    TELL(execlp("no such program", "x", (char *)NULL));
    TELL(execve("/bin/true", good, nowhere));
    TELL(execve("/bin/true", good, (char *[]){nowhere, NULL}));
    TELL(execvpe("true", good, nowhere));
    TELL(execveat(AT_FDCWD, nowhere, good, nothing, 0));
    TELL(execveat(STDIN_FILENO, nowhere, good, nothing, AT_EMPTY_PATH));
    TELL(posix_spawn(nothing, "/bin/true", nothing, nothing, good, nowhere));
    TELL(posix_spawn(nothing, "/no such program", nothing, nothing, (char *[]){"x", NULL},
                     (char *[]){NULL}));
}

static void children(void)
{
    int status;
    siginfo_t info;
    TELL(wait(&status));
    TELL(waitpid(12345678, &status, 0));
    TELL(waitpid(-1, &status, 1 << 20));
    TELL(wait4(-1, &status, WNOHANG, nothing));
    TELL(waitid(P_PID, 0, &info, 0));
    TELL(waitid(P_ALL, 0, &info, 0));
    TELL(waitid((idtype_t)77, 0, &info, WEXITED));
    TELL(system(nothing) != 0);
    pid_t child = fork();
    if (child == 0)
        _exit(3);
    TELL(waitpid(child, nowhere, 0));
    TELL(waitpid(child, &status, 0) == child);
    child = fork();
    if (child == 0)
        _exit(3);
    TELL(waitid(P_PID, (id_t)child, nowhere, WEXITED));
    TELL(waitpid(child, nothing, 0) == child);
}

static void signals(void)
{
    struct sigaction action = {0};
    stack_t stack = {.ss_sp = &stack, .ss_size = 1 << 16, .ss_flags = 9999};
    stack_t off = {.ss_flags = SS_DISABLE};
    TELL(kill(12345678, SIGTERM));
    TELL(kill(getpid(), 65));
    TELL(kill(getpid(), bad));
    TELL(killpg(bad, SIGTERM));
    TELL(tgkill(bad, bad, SIGTERM));
    TELL(raise(65));
    TELL(sigqueue(12345678, 0, (union sigval){0}));
    TELL(pthread_kill(pthread_self(), 65));
    TELL(sigaction(SIGKILL, &action, NULL));
    TELL(sigaction(65, NULL, &action));
    TELL(sigaction(bad, NULL, &action));
    TELL(sigaction(32, NULL, &action));
    TELL(sigaction(SIGSEGV, NULL, &action) + action.sa_flags + (action.sa_handler != SIG_DFL));
    TELL(signal(SIGKILL, SIG_IGN));
    TELL(signal(65, SIG_DFL));
    TELL(signal(SIGSEGV, SIG_ERR));
    TELL(signal(SIGSEGV, SIG_DFL));
    TELL(sigaltstack(&stack, NULL));
    stack.ss_flags = SS_DISABLE | SS_ONSTACK;
    TELL(sigaltstack(&stack, NULL));
    stack.ss_flags = 0;
    stack.ss_size = 100;
    TELL(sigaltstack(&stack, NULL));
    TELL(sigaltstack(nowhere, NULL));
    TELL(sigaltstack(NULL, nowhere));
    TELL(sigaltstack(&off, &stack) + stack.ss_flags);
    TELL(sigaltstack(NULL, &stack) + stack.ss_flags);
}

static void processes(void)
{
    TELL(setpgid(12345678, 0));
    TELL(setpgid(bad, 0));
    TELL(setpgid(0, bad));
    TELL(prctl(123456, 0, 0, 0, 0));
    TELL(prctl(PR_SET_NAME, nowhere, 0, 0, 0));
    TELL(pthread_setname_np(pthread_self(), "longer than the kernel has it"));
    TELL(syscall(99999));
    TELL(syscall(SYS_close, bad));
    TELL(tcsetpgrp(bad, 0));
    TELL(tcgetattr(bad, nowhere));
    TELL(ttyname_r(bad, nothing, 0));
    TELL(isatty(bad));
}

int main(void)
{
    int stream = STDERR_FILENO;
    pthread_t thread;
    output(stream);
    pthread_create(&thread, NULL, output_of_thread, &stream);
    pthread_join(thread, NULL);
    descriptors(stream);
    paths();
    children();
    signals();
    processes();
    return 0;
}
