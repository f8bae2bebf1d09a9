/* exec.c: exec and its kin.
 *
 * The new program gets the session variable, and the library if its loader can load it. The name on
 * the tag changes exactly between the bytes before and after exec, by a stream frame. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <unistd.h>

#include "shim/calls/process_name.h"
#include "shim/core/child_environment.h"
#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

extern char **environ;

static void announce_exec(const char *path)
{
    char name[SSCAP_NAME_SIZE];
    process_name_of_path(name, path);
    process_name_announce(SSCAP_EVENT_EXEC, name);
}

/* dash tries execve in each directory of PATH. Calls that cannot succeed are not announced. Returns
 * 0; -ENOENT if exec cannot succeed; or another -errno if that is not known, because faccessat uses
 * the real user id. */
static long can_execute(int directory, const char *path)
{
    return session.joined ? RAW_SYSCALL(SYS_faccessat, directory, path, X_OK) : -ENOENT;
}

static int run(const char *path, char *const argv[], char *const envp[])
{
    enum loader loader = LOADER_OURS;
    long error = can_execute(AT_FDCWD, path);
    bool announced = error == 0;
    if (error == -ENOENT)
        return REAL(execve)(path, argv, envp);
    if (announced) {
        announce_exec(path);
        loader = loader_of(AT_FDCWD, path);
    }
    int result = REAL(execve)(path, argv, ENVIRONMENT_FOR(loader, envp));
    if (announced) /* exec has failed, and the process keeps its name */
        process_name_announce_own();
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
    enum loader loader = LOADER_OURS;
    bool announced = session.joined && !nolibc_is_null(file);
    if (announced) {
        announce_exec(file);
        loader = loader_of_command(file, nolibc_getenv(environ, "PATH"));
    }
    int result = REAL(execvpe)(file, argv, ENVIRONMENT_FOR(loader, envp));
    if (announced)
        process_name_announce_own();
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

/* --- by a descriptor --- */

/* Announces the program that the descriptor is open on, and finds its loader. Returns false if
 * /proc does not tell. */
static bool announce_descriptor(int fd, enum loader *ret_loader)
{
    char path[PATH_MAX];
    char link[sizeof "/proc/self/fd/" + 11] = "/proc/self/fd/";
    if (!session.joined || fd < 0)
        return false;
    nolibc_decimal(link + sizeof "/proc/self/fd/" - 1, (unsigned int)fd);
    long length = RAW_SYSCALL(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (length <= 0)
        return false;
    path[length] = '\0';
    announce_exec(path);
    *ret_loader = loader_of(AT_FDCWD, link);
    return true;
}

/* glibc 2.34; older ones have no header for it. */
int execveat(int directory, const char *path, char *const argv[], char *const envp[], int flags);

SSCAP_EXPORT int execveat(int directory, const char *path, char *const argv[], char *const envp[],
                          int flags)
{
    enum loader loader = LOADER_OURS;
    bool announced = false;
    char first = '\0';
    if (flags & AT_EMPTY_PATH && nolibc_read_memory(&first, path, 1) && first == '\0') {
        announced = announce_descriptor(directory, &loader);
    } else if (can_execute(directory, path) == 0) {
        announced = true;
        announce_exec(path);
        loader = loader_of(directory, path);
    }
    int result = REAL(execveat)(directory, path, argv, ENVIRONMENT_FOR(loader, envp), flags);
    if (announced)
        process_name_announce_own();
    return result;
}

SSCAP_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
    enum loader loader = LOADER_OURS;
    bool announced = announce_descriptor(fd, &loader);
    int result = REAL(fexecve)(fd, argv, ENVIRONMENT_FOR(loader, envp));
    if (announced)
        process_name_announce_own();
    return result;
}

/* Collects variadic arguments and their NULL in an array on the stack, as libc does. */
#define COLLECT_ARGUMENTS(first, argv)                                                             \
    va_list list_;                                                                                 \
    size_t count_ = 2;                                                                             \
    va_start(list_, first);                                                                        \
    while (!nolibc_is_null(first) && va_arg(list_, char *) != NULL)                                \
        count_++;                                                                                  \
    va_end(list_);                                                                                 \
    char **argv = __builtin_alloca(count_ * sizeof *argv);                                         \
    (argv)[0] = (char *)(uintptr_t)(first);                                                        \
    va_start(list_, first);                                                                        \
    for (size_t i_ = 1; i_ < count_; i_++) {                                                       \
        (argv)[i_] = nolibc_is_null(first) ? NULL : va_arg(list_, char *);                         \
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
