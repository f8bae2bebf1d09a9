/* devstdout.c: /dev/stdout, /dev/stderr, /dev/fd/N, /proc/self/fd/N and whatever else leads to a
 * captured stream can be opened.
 *
 * A socket cannot be opened by its path: the kernel says ENXIO (fs/inode.c, no_open). For a pipe or
 * a terminal, which the program expects in the stream's place, it opens. So the program gets a
 * duplicate of its descriptor of that stream.
 *
 * Paths are not taken apart. open and fopen are tried first, and it is only after ENXIO that stat
 * is asked what the path leads to: symbolic links (nginx's log in containers), relative paths,
 * /proc/PID and /proc/PID/task/TID are all the same to it. freopen closes its descriptor when it
 * fails, so there the question comes first.
 *
 * A duplicate shares the description with all others: O_NONBLOCK is not set by opening, and neither
 * O_APPEND nor O_TRUNC has a meaning for a stream. What cannot be opened because of O_EXCL,
 * O_DIRECTORY, O_NOFOLLOW or permissions never gets as far as ENXIO. For reading it opens, too, as
 * a pipe does, and as with a pipe that one writes to oneself nothing ever comes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "shim/calls/new_descriptor.h"
#include "shim/calls/stdio_buffering.h"
#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

enum {
    SEARCHED =
        1024, /* descriptors looked at; the stream is 1 or 2, unless the program has moved it */
    PRIVATE_MIN = 701, /* where no program looks; */
    PRIVATE_LOW = 10,  /* where RLIMIT_NOFILE is below that */
};

static bool identify(int directory, const char *path, int flags, struct statx *ret_what)
{
    return RAW_SYSCALL(SYS_statx, directory, path, flags, STATX_TYPE | STATX_INO, ret_what) == 0 &&
           S_ISSOCK(ret_what->stx_mode);
}

/* A descriptor of the captured stream that the path leads to, or -1. */
static int find(int directory, const char *path)
{
    struct statx wanted = {0}; /* for the analyser: the kernel fills it in */
    if (!session.joined || !identify(directory, path, 0, &wanted))
        return -1;
    for (int fd = 0; fd < SEARCHED; fd++) {
        struct statx what = {0};
        if (session_stream(fd) < 0 || !identify(fd, "", AT_EMPTY_PATH, &what))
            continue;
        if (what.stx_dev_major != wanted.stx_dev_major ||
            what.stx_dev_minor != wanted.stx_dev_minor)
            return -1; /* a socket in a file system: all others have one device */
        if (what.stx_ino == wanted.stx_ino)
            return fd;
    }
    return -1;
}

/* Another thread may have turned the descriptor to something else before it was duplicated: only a
 * captured stream comes out of here, else -1. */
static int checked(long copy)
{
    if (copy >= 0 && session_stream((int)copy) < 0) {
        RAW_SYSCALL(SYS_close, copy);
        return -1;
    }
    return copy < 0 ? -1 : (int)copy;
}

/* A duplicate for a moment, or -errno. */
static long out_of_sight(int fd)
{
    long copy = RAW_SYSCALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, PRIVATE_MIN);
    return copy == -EINVAL ? RAW_SYSCALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, PRIVATE_LOW) : copy;
}

/* --- open and its kin --- */

/* What an open that had this result is to return; `saved` is errno before it. */
static int opened(int result, int saved, int directory, const char *path, int flags)
{
    if (result >= 0)
        return new_descriptor(result);
    if (errno != ENXIO)
        return -1;
    int fd = find(directory, path);
    int command = flags & O_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD; /* the lowest number, as open's */
    int copy = fd >= 0 ? checked(RAW_SYSCALL(SYS_fcntl, fd, command, 0)) : -1;
    if (copy >= 0)
        errno = saved;
    return copy;
}

/* The argument behind the flags is there only where they ask for it. */
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

/* What the headers make of open with flags that are not constant, for programs compiled with
 * _FORTIFY_SOURCE; no header has them for others. */
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
 * stdio opens by itself, and fdopen knows less of the mode than fopen does (",ccs="). So a FILE is
 * opened on /dev/null, which can be opened in every mode, and then its descriptor is turned to the
 * stream. */

static const char any_mode[] = "/dev/null";

/* Turns a FILE's descriptor to the stream, close-on-exec if the model is. Neither can fail: both
 * are open. */
static void turn(int fd, int stream, int model)
{
    long flags = RAW_SYSCALL(SYS_fcntl, model, F_GETFD);
    RAW_SYSCALL(SYS_dup3, stream, fd, flags > 0 && flags & FD_CLOEXEC ? O_CLOEXEC : 0);
}

/* The same as opened(). */
static FILE *file_opened(__typeof__(&(fopen)) real, const char *path, const char *mode)
{
    int saved = errno;
    FILE *file = real(path, mode);
    if (file != NULL)
        file->_fileno = new_descriptor(file->_fileno);
    if (file != NULL || errno != ENXIO)
        return file;
    int fd = find(AT_FDCWD, path);
    int stream = fd >= 0 ? checked(out_of_sight(fd)) : -1;
    if (stream < 0)
        return NULL;
    file = real(any_mode, mode);
    if (file != NULL)
        turn(file->_fileno, stream, file->_fileno);
    RAW_SYSCALL(SYS_close, stream);
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

/* Other threads may be writing to the FILE's number, and it may be handed on to new processes at
 * any time: it must never be /dev/null. So freopen gets to work on another number in its place, to
 * which it flushes what is left in the buffer, too. */
static FILE *reopen_aside(__typeof__(&(freopen)) real, const char *mode, FILE *file, int stream)
{
    flockfile(file);
    int number = file->_fileno;
    int aside = number >= 0 ? (int)out_of_sight(number) : -1;
    if (aside >= 0)
        file->_fileno = aside;
    FILE *result = real(any_mode, mode, file);
    if (aside >= 0 && result != NULL) {
        turn(number, stream, aside);
        result->_fileno = number;
        RAW_SYSCALL(SYS_close, aside);
    } else if (aside >= 0) {
        RAW_SYSCALL(SYS_close, number); /* as freopen does when it fails; it has closed the other */
    } else if (result != NULL) {
        turn(result->_fileno, stream, result->_fileno);
    }
    funlockfile(file);
    return result;
}

static FILE *file_reopened(__typeof__(&(freopen)) real, const char *path, const char *mode,
                           FILE *file)
{
    int saved = errno;
    /* Without a path: the same once more, in another mode; libc makes it /proc/self/fd/N. */
    int fd = path != NULL                              ? find(AT_FDCWD, path)
             : session.joined && !nolibc_is_null(file) ? file->_fileno
                                                       : -1;
    int stream = fd >= 0 ? checked(out_of_sight(fd)) : -1;
    if (stream < 0) {
        errno = saved;
        return real(path, mode, file);
    }
    int cancel_state; /* a thread that is cancelled in between would leave the wrong number behind
                       */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    FILE *result = reopen_aside(real, mode, file, stream);
    pthread_setcancelstate(cancel_state, NULL);
    RAW_SYSCALL(SYS_close, stream);
    if (result != NULL) {
        errno = saved;
        if (result == stdout)
            stdio_buffering_init(); /* freopen has made it a file like any other */
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

/* --- what posix_spawn opens, in the child and inside libc --- */

/* Named when it is asked for: in the child that number is the same descriptor, or whatever earlier
 * actions have made of it, which is what the path would lead to there. */
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
