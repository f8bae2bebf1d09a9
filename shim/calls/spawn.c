/* spawn.c: posix_spawn and posix_spawnp. libc makes the child, so the parent announces it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>

#include "shim/calls/process_name.h"
#include "shim/core/child_environment.h"
#include "shim/core/real.h"
#include "shim/core/send.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

extern char **environ;

typedef int spawn_function(pid_t *, const char *, const posix_spawn_file_actions_t *,
                           const posix_spawnattr_t *, char *const[], char *const[]);

/* The loader was found by the path as the parent sees it. A file action may change the child's
 * directory. */
static int spawned(spawn_function *real_spawn, enum loader loader, pid_t *ret_pid, const char *file,
                   const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                   char *const argv[], char *const envp[])
{
    pid_t child = 0;
    int error = real_spawn(&child, file, actions, attributes, argv, ENVIRONMENT_FOR(loader, envp));
    if (error != 0)
        return error;
    if (ret_pid != NULL)
        *ret_pid = child;
    /* A static program sends no events. If it is dead and reaped when the runner reads its first
     * line, its name comes from here. Therefore the event is sent before our caller can wait. */
    struct sscap_event event = {.type = SSCAP_EVENT_SPAWN, .other = child};
    process_name_of_path(event.name, file);
    send_event(&event, NULL, 0);
    return 0;
}

SSCAP_EXPORT int posix_spawn(pid_t *ret_pid, const char *path,
                             const posix_spawn_file_actions_t *actions,
                             const posix_spawnattr_t *attributes, char *const argv[],
                             char *const envp[])
{
    if (!session.joined)
        return REAL(posix_spawn)(ret_pid, path, actions, attributes, argv, envp);
    enum loader loader = loader_of(AT_FDCWD, path);
    return spawned(REAL(posix_spawn), loader, ret_pid, path, actions, attributes, argv, envp);
}

SSCAP_EXPORT int posix_spawnp(pid_t *ret_pid, const char *file,
                              const posix_spawn_file_actions_t *actions,
                              const posix_spawnattr_t *attributes, char *const argv[],
                              char *const envp[])
{
    if (!session.joined)
        return REAL(posix_spawnp)(ret_pid, file, actions, attributes, argv, envp);
    enum loader loader = loader_of_command(file, nolibc_getenv(environ, "PATH"));
    return spawned(REAL(posix_spawnp), loader, ret_pid, file, actions, attributes, argv, envp);
}
