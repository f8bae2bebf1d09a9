/* stat.c: stat and its kin report a captured stream as a pipe, or with --tty as a terminal.
 *
 * Programs do not expect a socket on fd 1 and 2: `[ -p /dev/stdout ]` is false then, `tail -f` does
 * not notice that its reader has gone, sudo does not see that it is in a pipeline, and PHP takes
 * the stream for seekable. A pipe instead harms no program that we know: node and asyncio treat
 * both alike, and cat only looks for files. vmsplice, tee and F_SETPIPE_SZ, which need a pipe,
 * still fail, and programs go on with write. Device and inode number stay the socket's. They name
 * the stream, agree with the link in /proc/self/fd, and differ from JOURNAL_STREAM.
 *
 * getsockopt, getsockname, getpeername and send work as on any socket. We do not change the results
 * of raw system calls (Go), static programs, readlink of /proc/self/fd/1, and of paths to streams
 * on other numbers than 1 and 2. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "shim/calls/terminal.h"
#include "shim/core/file_id.h"
#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

#define PIPE_MODE     (S_IFIFO | S_IRUSR | S_IWUSR)
#define TERMINAL_MODE (S_IFCHR | S_IRUSR | S_IWUSR | S_IWGRP)

enum { TERMINAL_MAJOR = 136 }; /* of a pseudo-terminal, if sscap has no terminal */

/* The program does not know of ctl, so ctl is not open (close.c). */
static bool is_hidden(int fd)
{
    if (!session_is_ctl(fd))
        return false;
    errno = EBADF;
    return true;
}

/* fd 1 or 2, if it is a captured stream and this file, which was found by a path such as
 * /dev/stdout. Else -1. */
static int standard_stream(const struct file_id *file)
{
    for (int fd = STDOUT_FILENO; session.joined && fd <= STDERR_FILENO; fd++) {
        struct file_id id;
        if (session_stream(fd) >= 0 && file_id_of(fd, &id) && file_id_equal(&id, file))
            return fd;
    }
    return -1;
}

/* Programs that were linked with a glibc before 2.33 call these. Headers since then do not declare
 * them. */
int __fxstat(int version, int fd, struct stat *status);
int __xstat(int version, const char *path, struct stat *status);
int __fxstatat(int version, int directory, const char *path, struct stat *status, int flags);

/* --- struct stat --- */

/* fstat came with glibc 2.33. */
static int real_fstat(int fd, struct stat *status)
{
#if defined(__aarch64__)
    enum { STAT_VERSION = 0 };
#elif defined(__i386__)
    enum { STAT_VERSION = 3 };
#else
    enum { STAT_VERSION = 1 };
#endif
    return real_exists(REAL_fstat) ? REAL(fstat)(fd, status)
                                   : REAL(__fxstat)(STAT_VERSION, fd, status);
}

/* Changes what fstat returned for fd, which is a socket. */
static void show(int fd, struct stat *status)
{
    int terminal;
    if (!session.joined || session_stream(fd) < 0)
        return;
    if (!terminal_claims(fd)) {
        status->st_mode = PIPE_MODE;
        return;
    }
    terminal = terminal_open(fd);
    if (terminal < 0 || real_fstat(terminal, status) != 0) {
        status->st_mode = TERMINAL_MODE;
        status->st_rdev = makedev(TERMINAL_MAJOR, 0);
    }
    if (terminal >= 0)
        RAW_SYSCALL(SYS_close, terminal);
}

static int by_descriptor(int result, int fd, struct stat *status)
{
    if (result == 0 && S_ISSOCK(status->st_mode))
        show(fd, status);
    return result;
}

static int by_path(int result, struct stat *status)
{
    if (result == 0 && S_ISSOCK(status->st_mode)) {
        const struct file_id file = {.device_major = major(status->st_dev),
                                     .device_minor = minor(status->st_dev),
                                     .inode = status->st_ino};
        int fd = standard_stream(&file);
        if (fd >= 0)
            show(fd, status);
    }
    return result;
}

/* Whether a call that has succeeded was about the descriptor itself. If it has not, the path may be
 * a bad address. */
static bool is_about_descriptor(const char *path, int flags)
{
    return flags & AT_EMPTY_PATH && (nolibc_is_null(path) || *path == '\0');
}

static int by_either(int result, int directory, const char *path, int flags, struct stat *status)
{
    if (result != 0 || !is_about_descriptor(path, flags))
        return by_path(result, status);
    return is_hidden(directory) ? -1 : by_descriptor(result, directory, status);
}

SSCAP_EXPORT int fstat(int fd, struct stat *status)
{
    return is_hidden(fd) ? -1 : by_descriptor(REAL(fstat)(fd, status), fd, status);
}

SSCAP_EXPORT int stat(const char *path, struct stat *status)
{
    return by_path(REAL(stat)(path, status), status);
}

SSCAP_EXPORT int fstatat(int directory, const char *path, struct stat *status, int flags)
{
    return by_either(REAL(fstatat)(directory, path, status, flags), directory, path, flags, status);
}

SSCAP_EXPORT int __fxstat(int version, int fd, struct stat *status)
{
    return is_hidden(fd) ? -1 : by_descriptor(REAL(__fxstat)(version, fd, status), fd, status);
}

SSCAP_EXPORT int __xstat(int version, const char *path, struct stat *status)
{
    return by_path(REAL(__xstat)(version, path, status), status);
}

SSCAP_EXPORT int __fxstatat(int version, int directory, const char *path, struct stat *status,
                            int flags)
{
    int result = REAL(__fxstatat)(version, directory, path, status, flags);
    return by_either(result, directory, path, flags, status);
}

#if __WORDSIZE == 64 /* here the two structures are the same */
_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "one structure");

#define STATUS(status) ((struct stat *)(void *)(status))

int __fxstat64(int version, int fd, struct stat64 *status);
int __xstat64(int version, const char *path, struct stat64 *status);
int __fxstatat64(int version, int directory, const char *path, struct stat64 *status, int flags);

SSCAP_EXPORT int fstat64(int fd, struct stat64 *status)
{
    return fstat(fd, STATUS(status));
}

SSCAP_EXPORT int stat64(const char *path, struct stat64 *status)
{
    return stat(path, STATUS(status));
}

SSCAP_EXPORT int fstatat64(int directory, const char *path, struct stat64 *status, int flags)
{
    return fstatat(directory, path, STATUS(status), flags);
}

SSCAP_EXPORT int __fxstat64(int version, int fd, struct stat64 *status)
{
    return __fxstat(version, fd, STATUS(status));
}

SSCAP_EXPORT int __xstat64(int version, const char *path, struct stat64 *status)
{
    return __xstat(version, path, STATUS(status));
}

SSCAP_EXPORT int __fxstatat64(int version, int directory, const char *path, struct stat64 *status,
                              int flags)
{
    return __fxstatat(version, directory, path, STATUS(status), flags);
}
#endif

/* --- struct statx --- */

static void show_extended(int fd, unsigned int mask, struct statx *status)
{
    if (!terminal_claims(fd)) {
        status->stx_mode = PIPE_MODE;
        return;
    }
    int terminal = terminal_open(fd);
    if (terminal < 0 || RAW_SYSCALL(SYS_statx, terminal, "", AT_EMPTY_PATH, mask, status) != 0) {
        status->stx_mode = TERMINAL_MODE;
        status->stx_rdev_major = TERMINAL_MAJOR;
        status->stx_rdev_minor = 0;
    }
    if (terminal >= 0)
        RAW_SYSCALL(SYS_close, terminal);
}

SSCAP_EXPORT int statx(int directory, const char *path, int flags, unsigned int mask,
                       struct statx *status)
{
    int result = REAL(statx)(directory, path, flags, mask, status);
    if (result != 0 || !session.joined || !S_ISSOCK(status->stx_mode))
        return result;
    int fd = directory;
    const struct file_id file = {.device_major = status->stx_dev_major,
                                 .device_minor = status->stx_dev_minor,
                                 .inode = status->stx_ino};
    if (!is_about_descriptor(path, flags))
        fd = standard_stream(&file);
    else if (is_hidden(fd))
        return -1;
    if (fd >= 0 && session_stream(fd) >= 0)
        show_extended(fd, mask, status);
    return result;
}
