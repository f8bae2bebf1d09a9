/* exec.c: exec and its kin. The new program gets the session's variables, and the name on the tag changes with it: exactly between
 * the bytes written before and those written after, by a frame in each captured stream. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <unistd.h>

#include "shim/environment.h"
#include "shim/process.h"
#include "shim/real.h"
#include "shim/session.h"

#include "shim/guest.h"

extern char **environ;

static void announce_exec(const char *path)
{
    char name[SSCAP_NAME_SIZE];
    if (!session.joined)
        return;
    process_name(name, path);
    process_announce_name(SSCAP_EVENT_EXEC, name);
}

/* exec has failed: the process goes on under its own name. */
static void announce_failed(void)
{
    if (session.joined)
        process_announce_own_name();
}

/* Shells try every directory of PATH by execve (dash): those that cannot succeed are not worth an announcement. */
static bool can_execute(int directory, const char *path)
{
    return GUEST_SYSCALL(SYS_faccessat, directory, path, X_OK) == 0;
}

static int run(const char *path, char *const argv[], char *const envp[])
{
    bool announced = can_execute(AT_FDCWD, path);
    if (announced)
        announce_exec(path);
    int result = REAL(execve)(path, argv, ENVIRONMENT_COMPLETE(envp));
    if (announced)
        announce_failed();
    return result;
}

SSCAP_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
    return run(path, argv, envp);
}

SSCAP_EXPORT int execv(const char *path, char *const argv[])
{
    return run(path, argv, environ);
}

static int search_and_run(const char *file, char *const argv[], char *const envp[])
{
    bool announced = !guest_is_null(file);
    if (announced)
        announce_exec(file);
    int result = REAL(execvpe)(file, argv, ENVIRONMENT_COMPLETE(envp));
    if (announced)
        announce_failed();
    return result;
}

SSCAP_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
    return search_and_run(file, argv, envp);
}

SSCAP_EXPORT int execvp(const char *file, char *const argv[])
{
    return search_and_run(file, argv, environ);
}

/* The file that a descriptor is open on, by /proc, into path[PATH_MAX]. */
static bool path_of(int fd, char *path)
{
    char link[sizeof "/proc/self/fd/" + 11] = "/proc/self/fd/";
    guest_decimal(link + sizeof "/proc/self/fd/" - 1, (unsigned int)fd);
    long length = fd < 0 ? -EBADF : GUEST_SYSCALL(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (length <= 0)
        return false;
    path[length] = '\0';
    return true;
}

static bool announce_descriptor(int fd)
{
    char path[PATH_MAX];
    if (!session.joined || !path_of(fd, path))
        return false;
    announce_exec(path);
    return true;
}

SSCAP_EXPORT int execveat(int directory, const char *path, char *const argv[], char *const envp[], int flags)
{
    bool announced = false;
    if (!guest_is_null(path) && path[0] == '\0' && flags & AT_EMPTY_PATH) {
        announced = announce_descriptor(directory);
    } else if (can_execute(directory, path)) {
        announced = true;
        announce_exec(path);
    }
    int result = REAL(execveat)(directory, path, argv, ENVIRONMENT_COMPLETE(envp), flags);
    if (announced)
        announce_failed();
    return result;
}

SSCAP_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
    bool announced = announce_descriptor(fd);
    int result = REAL(fexecve)(fd, argv, ENVIRONMENT_COMPLETE(envp));
    if (announced)
        announce_failed();
    return result;
}

/* The variadic ones: the arguments into an array, on the stack like libc's own. Their number includes the NULL. */
#define COLLECT_ARGUMENTS(first, argv)                                                                       \
    va_list list_;                                                                                           \
    size_t count_ = 2;                                                                                       \
    va_start(list_, first);                                                                                  \
    while (!guest_is_null(first) && va_arg(list_, char *) != NULL)                                           \
        count_++;                                                                                            \
    va_end(list_);                                                                                           \
    char **argv = __builtin_alloca(count_ * sizeof *argv);                                                   \
    (argv)[0] = (char *)(uintptr_t)(first);                                                                  \
    va_start(list_, first);                                                                                  \
    for (size_t i_ = 1; i_ < count_; i_++) {                                                                 \
        (argv)[i_] = guest_is_null(first) ? NULL : va_arg(list_, char *);                                    \
    }

SSCAP_EXPORT int execl(const char *path, const char *first, ...)
{
    COLLECT_ARGUMENTS(first, argv)
    va_end(list_);
    return run(path, argv, environ);
}

SSCAP_EXPORT int execlp(const char *file, const char *first, ...)
{
    COLLECT_ARGUMENTS(first, argv)
    va_end(list_);
    return search_and_run(file, argv, environ);
}

SSCAP_EXPORT int execle(const char *path, const char *first, ...)
{
    COLLECT_ARGUMENTS(first, argv)
    char **envp = va_arg(list_, char **);
    va_end(list_);
    return run(path, argv, envp);
}
