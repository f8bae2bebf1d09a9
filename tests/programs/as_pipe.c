/* as_pipe FILE: writes to FILE what a program can find out about its stdout and stderr. If they are
 * pipes without sscap, the result must be the same with sscap. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include "tests/programs/newer_libc.h"

/* Functions for old programs and for programs compiled with _FORTIFY_SOURCE. */
int __fxstat(int version, int fd, struct stat *status);
int __xstat(int version, const char *path, struct stat *status);
int __fxstatat(int version, int directory, const char *path, struct stat *status, int flags);
ssize_t __read(int fd, void *bytes, size_t n);
ssize_t __read_chk(int fd, void *bytes, size_t n, size_t room);
int __fcntl(int fd, int command, ...);

static FILE *report;

static void tell(const char *what, long result)
{
    fprintf(report, "%s: %ld%s%s\n", what, result, result < 0 ? " " : "",
            result < 0 ? strerrorname_np(errno) : "");
    errno = 0;
}

static void tell_status(const char *what, int result, const struct stat *status)
{
    if (result != 0)
        tell(what, result);
    else
        fprintf(report, "%s: mode %06o size %ld links %d block %ld\n", what, status->st_mode,
                (long)status->st_size, (int)status->st_nlink, (long)status->st_blksize);
}

static void tell_extended(const char *what, int result, const struct statx *status)
{
    struct stat same = {.st_mode = status->stx_mode,
                        .st_size = (off_t)status->stx_size,
                        .st_nlink = status->stx_nlink,
                        .st_blksize = status->stx_blksize};
    tell_status(what, result, &same);
}

static void by_status(int fd, const char *path)
{
    struct stat status;
    struct stat64 status64;
    struct statx extended;
    int version = __WORDSIZE == 64 ? 1 : 3; /* _STAT_VER */
    tell_status("fstat", fstat(fd, &status), &status);
    tell_status("stat", stat(path, &status), &status);
    tell_status("fstatat", fstatat(fd, "", &status, AT_EMPTY_PATH), &status);
    tell_status("fstatat path", fstatat(AT_FDCWD, path, &status, AT_EMPTY_PATH), &status);
    tell_status("__fxstat", __fxstat(version, fd, &status), &status);
    tell_status("__xstat", __xstat(version, path, &status), &status);
    tell_status("__fxstatat", __fxstatat(version, fd, "", &status, AT_EMPTY_PATH), &status);
    tell("fstat64", fstat64(fd, &status64) == 0 ? (long)status64.st_mode : -1);
    tell("stat64", stat64(path, &status64) == 0 ? (long)status64.st_mode : -1);
    tell("fstatat64", fstatat64(AT_FDCWD, path, &status64, 0) == 0 ? (long)status64.st_mode : -1);
    tell_extended("statx", statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &extended), &extended);
    tell_extended("statx path", statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &extended), &extended);
    tell("access", access(path, W_OK));
}

static void by_flags(int fd)
{
    tell("F_GETFL", fcntl(fd, F_GETFL));
    tell("__fcntl F_GETFL", __fcntl(fd, F_GETFL));
    tell("fcntl64 F_GETFL", fcntl64(fd, F_GETFL));
    tell("F_GETFD", fcntl(fd, F_GETFD));
}

static void by_place(int fd)
{
    char byte = 'x';
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    tell("lseek", lseek(fd, 0, SEEK_CUR));
    tell("pread", pread(fd, &byte, 1, 0));
    tell("pwrite", pwrite(fd, &byte, 1, 0));
    tell("pwritev", pwritev(fd, &part, 1, 0));
    tell("fsync", fsync(fd));
    tell("fdatasync", fdatasync(fd));
    tell("ftruncate", ftruncate(fd, 0));
    tell("lockf", lockf(fd, F_TEST, 0));
}

static void by_reading(int fd)
{
    char bytes[4];
    struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
    tell("read", read(fd, bytes, sizeof bytes));
    tell("__read", __read(fd, bytes, sizeof bytes));
    tell("__read_chk", __read_chk(fd, bytes, sizeof bytes, sizeof bytes));
    tell("readv", readv(fd, &part, 1));
    tell("stdin", dup2(fd, STDIN_FILENO));
    tell("read stdin", read(STDIN_FILENO, bytes, sizeof bytes));
}

static void by_waiting(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP};
    struct timeval none = {0};
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(fd, &in);
    FD_SET(fd, &out);
    tell("poll", poll(&one, 1, 0) == 1 ? one.revents : -1);
    tell("select", select(fd + 1, &in, &out, NULL, &none));
    tell("readable", FD_ISSET(fd, &in));
    tell("writable", FD_ISSET(fd, &out));
}

static void by_terminal(int fd)
{
    struct termios termios;
    struct winsize size;
    tell("isatty", isatty(fd) ? 1 : -1);
    tell("ttyname", ttyname(fd) != NULL ? 1 : -1);
    tell("tcgetattr", tcgetattr(fd, &termios));
    tell("TIOCGWINSZ", ioctl(fd, TIOCGWINSZ, &size));
    tell("tcgetpgrp", tcgetpgrp(fd));
}

/* Opens as many descriptors as the limit allows. No number may be occupied by sscap. */
static void by_number(int limit)
{
    struct rlimit files;
    struct stat status;
    int spare = 0, made = 0, fd;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = (rlim_t)limit;
    tell("setrlimit", setrlimit(RLIMIT_NOFILE, &files));
    for (fd = 0; fd < limit; fd++) {
        int is_open = fcntl(fd, F_GETFD) >= 0;
        struct statx extended;
        spare += !is_open;
        if ((fstat(fd, &status) == 0) != is_open ||
            (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &extended) == 0) != is_open)
            tell("they do not agree", fd);
    }
    while (dup(STDOUT_FILENO) >= 0)
        made++;
    tell("dup", dup(STDOUT_FILENO));
    tell("beyond what was free", made - spare);
    tell("F_DUPFD", fcntl(STDOUT_FILENO, F_DUPFD, 0));
}

int main(int argc, char *argv[])
{
    report = argc > 1 ? fopen(argv[1], "w") : NULL;
    if (report == NULL)
        return 2;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
        fprintf(report, "fd %d\n", fd);
        by_status(fd, fd == STDOUT_FILENO ? "/dev/stdout" : "/dev/stderr");
        by_flags(fd);
        by_place(fd);
        by_reading(fd);
        by_waiting(fd);
        by_terminal(fd);
    }
    by_number(1000);
    return 0;
}
