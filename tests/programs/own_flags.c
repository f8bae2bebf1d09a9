/* own_flags: O_NONBLOCK and shutdown on stdout, as the process that asks for them sees it and as
 * the kernel has it.
 *
 *   own_flags told             checks the answers, and that the shared description is not changed
 *   own_flags full FILE WAY    writes 20000 lines without blocking, by WAY (write, writev, thread),
 *                              beside a child that writes as many and expects to block; makes FILE
 *                              when it has met EAGAIN */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/check.h"

int __fcntl(int fd, int command, ...);

static int real_flags(int fd)
{
    return (int)syscall(SYS_fcntl, fd, F_GETFL);
}

static int child_sees(void)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK ? 1 : 0);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void told_flags(void)
{
    int before = fcntl(STDOUT_FILENO, F_GETFL), copy = dup(STDOUT_FILENO), on = 1, off = 0;
    int real = real_flags(STDOUT_FILENO);
    CHECK((before & ~O_ACCMODE) == (real & ~O_ACCMODE) && !(before & O_NONBLOCK));
    errno = 77;
    CHECK(fcntl(copy, F_SETFL, before | O_NONBLOCK) == 0 && errno == 77);
    CHECK(fcntl(STDOUT_FILENO, F_GETFL) == (before | O_NONBLOCK));
    CHECK(__fcntl(copy, F_GETFL) == (before | O_NONBLOCK) &&
          fcntl64(copy, F_GETFL) == (before | O_NONBLOCK));
    CHECK(real_flags(STDOUT_FILENO) == real);
    CHECK(child_sees() == 1);
    CHECK(!(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK));
    CHECK(fcntl64(STDOUT_FILENO, F_SETFL, before | O_APPEND) == 0);
    CHECK(fcntl(STDOUT_FILENO, F_GETFL) == (before | O_APPEND) &&
          real_flags(STDOUT_FILENO) == real);
    CHECK(ioctl(STDOUT_FILENO, FIONBIO, &on) == 0 && errno == 77);
    CHECK(fcntl(copy, F_GETFL) == (before | O_APPEND | O_NONBLOCK) && real_flags(copy) == real);
    CHECK(ioctl(copy, FIONBIO, &off) == 0);
    CHECK(fcntl(STDOUT_FILENO, F_GETFL) == (before | O_APPEND));
    CHECK(ioctl(copy, FIOASYNC, &on) == 0 && real_flags(copy) == real);
    CHECK(fcntl(STDOUT_FILENO, F_GETFL) & O_ASYNC);
    CHECK(__fcntl(STDOUT_FILENO, F_SETFL, before) == 0 && fcntl(STDOUT_FILENO, F_GETFL) == before);
    CHECK(ioctl(STDOUT_FILENO, FIONBIO, NULL) == -1 && errno == EFAULT);
    CHECK(ioctl(STDOUT_FILENO, FIONBIO, (void *)8) == -1 && errno == EFAULT);
    CHECK(fcntl(99, F_SETFL, 0) == -1 && errno == EBADF);
    /* The flag is set by a raw call, as a static program does it. A writer that wants to block must
     * do so itself. */
    CHECK(syscall(SYS_fcntl, STDOUT_FILENO, F_SETFL, before | O_NONBLOCK) == 0);
    CHECK(fcntl(STDOUT_FILENO, F_SETFL, before) == 0 && real_flags(STDOUT_FILENO) == real);
    close(copy);
}

/* Other descriptors and other commands behave as without sscap. */
static void told_others(void)
{
    int pair[2], on = 1;
    char byte;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0 && real_flags(pair[0]) & O_NONBLOCK);
    CHECK(ioctl(pair[1], FIONBIO, &on) == 0 && real_flags(pair[1]) & O_NONBLOCK);
    CHECK(fcntl(pair[0], F_GETFL) == real_flags(pair[0]));
    CHECK(read(pair[0], &byte, 1) == -1 && errno == EAGAIN);
    CHECK(fcntl(pair[0], F_SETFD, FD_CLOEXEC) == 0 && fcntl(pair[0], F_GETFD) == FD_CLOEXEC);
    int copy = fcntl(pair[0], F_DUPFD, 50);
    CHECK(copy >= 50 && close(copy) == 0);
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    FILE *file = tmpfile();
    CHECK(fcntl(fileno(file), F_SETLKW, &lock) == 0 && fcntl(fileno(file), F_GETLK, &lock) == 0);
    CHECK(shutdown(pair[0], SHUT_WR) == 0 && read(pair[1], &byte, 1) == 0);
    CHECK(shutdown(pair[0], 99) == -1 && errno == EINVAL);
    CHECK(shutdown(fileno(file), SHUT_WR) == -1 && errno == ENOTSOCK);
}

/* No command shows the library's own descriptors. */
static void told_numbers(void)
{
    for (int fd = 256; fd < 1024; fd++)
        CHECK(fcntl(fd, F_GETFD) == -1 && fcntl64(fd, F_DUPFD, 0) == -1 && errno == EBADF);
}

static int told(void)
{
    told_flags();
    told_others();
    told_numbers();
    int copy = dup(STDOUT_FILENO);
    CHECK(shutdown(STDOUT_FILENO, 99) == -1 && errno == EINVAL);
    CHECK(shutdown(copy, SHUT_RDWR) == 0 && shutdown(STDOUT_FILENO, SHUT_WR) == 0);
    CHECK(shutdown(STDERR_FILENO, SHUT_RD) == 0);
    CHECK(system("echo a child still can") == 0);
    CHECK(write(STDOUT_FILENO, "and so can we\n", 14) == 14);
    return 0;
}

enum { LINES = 20000 };

static const char *full_file;
static const char *way;

/* Reports EAGAIN once, and waits until there is room. */
static void wait_for_room(int fd)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    close(open(full_file, O_WRONLY | O_CREAT, 0644));
    CHECK(poll(&room, 1, -1) == 1);
}

static void *write_own(void *unused)
{
    /* EAGAIN may cut a line only if the line is longer than one piece that the kernel takes. */
    for (int i = 1; i <= LINES; i++) {
        char line[64];
        int length = snprintf(line, sizeof line, "own %d\n", i);
        struct iovec parts[2] = {{line, 4}, {line + 4, (size_t)length - 4}};
        ssize_t done;
        while ((done = strcmp(way, "writev") == 0
                           ? writev(STDOUT_FILENO, parts, 2)
                           : write(STDOUT_FILENO, line, (size_t)length)) < 0) {
            CHECK(errno == EAGAIN);
            wait_for_room(STDOUT_FILENO);
        }
        CHECK(done == length);
    }
    return unused;
}

/* Writes by raw calls, so the kernel's answer counts. */
static void write_plain(void)
{
    for (int i = 1; i <= LINES; i++) {
        char line[64];
        int length = snprintf(line, sizeof line, "plain %d\n", i);
        CHECK(syscall(SYS_write, STDOUT_FILENO, line, length) == length);
    }
}

static int full(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        write_plain();
        _exit(0);
    }
    CHECK(fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK) == 0);
    pthread_t thread;
    if (strcmp(way, "thread") == 0)
        CHECK(pthread_create(&thread, NULL, write_own, NULL) == 0 &&
              pthread_join(thread, NULL) == 0);
    else
        write_own(NULL);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "told") == 0)
        return told();
    if (argc != 4)
        return 2;
    full_file = argv[2];
    way = argv[3];
    return full();
}
