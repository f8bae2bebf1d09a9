/* open.c: opens /dev/stdout, /dev/stderr, /dev/fd/N, /proc/self/fd/N and other paths that lead to a
 * captured stream.
 *
 * The kernel cannot open a socket by its path and fails with ENXIO (no_open in fs/inode.c). The
 * program expects a pipe or a terminal there, which can be opened. It gets a duplicate of its
 * descriptor of that stream. nginx (error_log /dev/stderr), tee /dev/stderr and `echo >/dev/stderr`
 * in shells need this.
 *
 * We do not parse paths. After ENXIO from open or fopen, statx tells what the path leads to. That
 * works for symbolic links (nginx's logs in containers), relative paths, and /proc/PID. freopen
 * closes its descriptor when it fails, so there we ask first.
 *
 * A duplicate shares the open file description. Therefore the open does not set O_NONBLOCK.
 * O_APPEND and O_TRUNC mean nothing for a stream. O_EXCL, O_DIRECTORY, O_NOFOLLOW and permissions
 * fail with other errors than ENXIO. The stream can be opened for reading, too, like a pipe. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "shim/calls/new_descriptor.h"
#include "shim/calls/stdio_buffering.h"
#include "shim/core/file_id.h"
#include "shim/core/private_fd.h"
#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

/* Descriptors that are searched. The stream is 1 or 2, unless the program has moved it. */
enum { SEARCHED = 1024 };

static bool is_same_device(const struct file_id *a, const struct file_id *b)
{
    return a->device_major == b->device_major && a->device_minor == b->device_minor;
}

/* A descriptor of the captured stream that the path leads to, or -1. All sockets have the same
 * device, except those in a file system. */
static int find(int directory, const char *path)
{
    struct file_id wanted;
    if (!session.joined || !file_id_get(directory, path, 0, &wanted) || !S_ISSOCK(wanted.mode))
        return -1;
    for (int fd = 0; fd < SEARCHED; fd++) {
        struct file_id id;
        if (session_stream(fd) < 0 || !file_id_of(fd, &id))
            continue;
        if (file_id_equal(&id, &wanted))
            return fd;
        if (!is_same_device(&id, &wanted))
            return -1;
    }
    return -1;
}

/* Another thread may have changed the descriptor before it was duplicated. Returns -1 if the copy
 * is no captured stream. */
static int checked(long copy)
{
    if (copy >= 0 && session_stream((int)copy) < 0) {
        RAW_SYSCALL(SYS_close, copy);
        return -1;
    }
    return copy < 0 ? -1 : (int)copy;
}

/* The same as a private duplicate. */
static struct private_fd duplicate_stream(int fd)
{
    struct private_fd copy = {.fd = -1};
    if (fd >= 0)
        copy = private_fd_duplicate(fd);
    if (copy.fd >= 0 && session_stream_of(copy.cookie) < 0)
        private_fd_close(&copy);
    return copy;
}

/* --- open and its kin --- */

/* What to return for this result of an open. `saved` is errno before it. */
static int opened(int result, int saved, int directory, const char *path, int flags)
{
    if (result >= 0)
        return new_descriptor(result);
    if (errno != ENXIO)
        return -1;
    int fd = find(directory, path);
    int command = flags & O_CLOEXEC ? F_DUPFD_CLOEXEC
                                    : F_DUPFD; /* the lowest free number, as from open */
    int copy = fd >= 0 ? checked(RAW_SYSCALL(SYS_fcntl, fd, command, 0)) : -1;
    if (copy >= 0)
        errno = saved;
    return copy;
}

/* The mode is only there if the flags ask for it. */
#define TAKE_MODE(flags)                                                                           \
    mode_t mode = 0;                                                                               \
    if (__OPEN_NEEDS_MODE(flags)) {                                                                \
        va_list list;                                                                              \
        va_start(list, flags);                                                                     \
        mode = va_arg(list, mode_t);                                                               \
        va_end(list);                                                                              \
    }

SSCAP_EXPORT int open(const char *path, int flags, ...)
{
    int saved = errno;
    TAKE_MODE(flags)
    return opened(REAL(open)(path, flags, mode), saved, AT_FDCWD, path, flags);
}

SSCAP_EXPORT int open64(const char *path, int flags, ...)
{
    int saved = errno;
    TAKE_MODE(flags)
    return opened(REAL(open64)(path, flags, mode), saved, AT_FDCWD, path, flags);
}

SSCAP_EXPORT int openat(int directory, const char *path, int flags, ...)
{
    int saved = errno;
    TAKE_MODE(flags)
    return opened(REAL(openat)(directory, path, flags, mode), saved, directory, path, flags);
}

SSCAP_EXPORT int openat64(int directory, const char *path, int flags, ...)
{
    int saved = errno;
    TAKE_MODE(flags)
    return opened(REAL(openat64)(directory, path, flags, mode), saved, directory, path, flags);
}

SSCAP_ALIAS(__open, open);
SSCAP_ALIAS(__open64, open64);

/* With _FORTIFY_SOURCE, libc's headers turn open with variable flags into these. They declare them
 * only there. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int directory, const char *path, int flags);
int __openat64_2(int directory, const char *path, int flags);

SSCAP_EXPORT int __open_2(const char *path, int flags)
{
    int saved = errno;
    return opened(REAL(__open_2)(path, flags), saved, AT_FDCWD, path, flags);
}

SSCAP_EXPORT int __open64_2(const char *path, int flags)
{
    int saved = errno;
    return opened(REAL(__open64_2)(path, flags), saved, AT_FDCWD, path, flags);
}

SSCAP_EXPORT int __openat_2(int directory, const char *path, int flags)
{
    int saved = errno;
    return opened(REAL(__openat_2)(directory, path, flags), saved, directory, path, flags);
}

SSCAP_EXPORT int __openat64_2(int directory, const char *path, int flags)
{
    int saved = errno;
    return opened(REAL(__openat64_2)(directory, path, flags), saved, directory, path, flags);
}

SSCAP_EXPORT int creat(const char *path, mode_t mode)
{
    int saved = errno;
    return opened(REAL(creat)(path, mode), saved, AT_FDCWD, path, 0);
}

SSCAP_EXPORT int creat64(const char *path, mode_t mode)
{
    int saved = errno;
    return opened(REAL(creat64)(path, mode), saved, AT_FDCWD, path, 0);
}

/* --- fopen and freopen ---
 *
 * stdio opens files inside libc, and fdopen does not know all modes of fopen (",ccs="). Therefore
 * /dev/null is opened in the wanted mode, and then its descriptor is replaced by the stream. */

static const char any_mode[] = "/dev/null";

/* Replaces a FILE's descriptor by the stream, close-on-exec if `model` is. This cannot fail,
 * because both are open. */
static void replace(int fd, int stream, int model)
{
    long flags = RAW_SYSCALL(SYS_fcntl, model, F_GETFD);
    RAW_SYSCALL(SYS_dup3, stream, fd, flags > 0 && flags & FD_CLOEXEC ? O_CLOEXEC : 0);
}

/* The same as opened(), for fopen. */
static FILE *file_opened(__typeof__(&(fopen)) real, const char *path, const char *mode)
{
    int saved = errno;
    FILE *file = real(path, mode);
    if (file != NULL)
        file->_fileno = new_descriptor(file->_fileno);
    if (file != NULL || errno != ENXIO)
        return file;
    struct private_fd stream = duplicate_stream(find(AT_FDCWD, path));
    if (stream.fd < 0)
        return NULL;
    file = real(any_mode, mode);
    if (file != NULL)
        replace(file->_fileno, stream.fd, file->_fileno);
    private_fd_close(&stream);
    errno = file != NULL ? saved : ENXIO;
    return file;
}

SSCAP_EXPORT FILE *fopen(const char *path, const char *mode)
{
    return file_opened(REAL(fopen), path, mode);
}

SSCAP_EXPORT FILE *fopen64(const char *path, const char *mode)
{
    return file_opened(REAL(fopen64), path, mode);
}

/* Other threads may write to the FILE's descriptor meanwhile, and new processes may inherit it, so
 * it must never be /dev/null. Therefore freopen works on a private duplicate instead, and flushes
 * the buffer to that, too. If freopen fails, it has closed the duplicate. */
static FILE *reopen_duplicate(__typeof__(&(freopen)) real, const char *mode, FILE *file, int stream)
{
    flockfile(file);
    int number = file->_fileno;
    struct private_fd copy = {.fd = -1};
    if (number >= 0)
        copy = private_fd_duplicate(number);
    int duplicate = copy.fd;
    if (duplicate >= 0)
        file->_fileno = duplicate;
    FILE *result = real(any_mode, mode, file);
    if (duplicate >= 0 && result != NULL) {
        replace(number, stream, duplicate);
        result->_fileno = number;
        private_fd_close(&copy);
    } else if (duplicate >= 0) {
        private_fd_forget(&copy);
        RAW_SYSCALL(SYS_close, number); /* as freopen does when it fails */
    } else if (result != NULL) {
        replace(result->_fileno, stream, result->_fileno);
    }
    funlockfile(file);
    return result;
}

static FILE *file_reopened(__typeof__(&(freopen)) real, const char *path, const char *mode,
                           FILE *file)
{
    int saved = errno;
    /* Without a path, freopen changes the mode. libc opens /proc/self/fd/N for that. */
    int fd = path != NULL                              ? find(AT_FDCWD, path)
             : session.joined && !nolibc_is_null(file) ? file->_fileno
                                                       : -1;
    struct private_fd stream = duplicate_stream(fd);
    if (stream.fd < 0) {
        errno = saved;
        return real(path, mode, file);
    }
    int cancel_state; /* a cancelled thread would leave the duplicate's number in the FILE */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    FILE *result = reopen_duplicate(real, mode, file, stream.fd);
    pthread_setcancelstate(cancel_state, NULL);
    private_fd_close(&stream);
    if (result != NULL) {
        errno = saved;
        if (result == stdout)
            stdio_buffering_init(); /* freopen has reset it */
    }
    return result;
}

SSCAP_EXPORT FILE *freopen(const char *path, const char *mode, FILE *file)
{
    return file_reopened(REAL(freopen), path, mode, file);
}

SSCAP_EXPORT FILE *freopen64(const char *path, const char *mode, FILE *file)
{
    return file_reopened(REAL(freopen64), path, mode, file);
}

/* --- files that posix_spawn opens in the child --- */

/* The path is looked up now. In the child, the number is the same descriptor, or what earlier
 * actions have made of it. The path would lead to that, too. */
SSCAP_EXPORT int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *actions, int fd,
                                                  const char *path, int flags, mode_t mode)
{
    int saved = errno;
    int stream = find(AT_FDCWD, path);
    errno = saved;
    if (stream >= 0)
        return posix_spawn_file_actions_adddup2(actions, stream, fd);
    return REAL(posix_spawn_file_actions_addopen)(actions, fd, path, flags, mode);
}
