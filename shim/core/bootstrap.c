/* bootstrap.c: starts the runner for LD_PRELOAD=libsscap.so PROGRAM without a session.
 *
 * We execute the runner in place of the program, with the program's file, arguments and
 * environment. The runner starts the program again in a session. The shell waits for the runner,
 * and nothing else differs from `sscap PROGRAM`.
 *
 * This cannot loop, because the runner is started with SSCAP_SESSION set, and a process that has
 * the variable does not come here. */
#define _GNU_SOURCE
#include "shim/core/bootstrap.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "shim/core/child_environment.h"
#include "shim/core/file_id.h"
#include "shim/core/objects.h"
#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

enum {
    ARGUMENTS_MAX = 65536,
    ENTRIES_MAX = 65536
}; /* pointers that we put on the stack: 1 MiB of its usual 8 */

/* Only the runner defines it. LD_PRELOAD=libsscap.so sscap make must not start a second runner. */
extern const char sscap_is_runner __attribute__((weak));

struct path {
    char text[PATH_MAX];
};

/* Makes the path directory[0..length) + "/" + name. False: it cannot be executed. */
static bool try_path(struct path *path, const char *directory, size_t length, const char *name)
{
    size_t name_length = nolibc_length(name);
    if (length + 1 + name_length + 1 > sizeof path->text)
        return false;
    char *end = nolibc_copy(path->text, directory, length);
    if (length > 0)
        *end++ = '/';
    nolibc_copy(end, name, name_length + 1);
    return RAW_SYSCALL(SYS_faccessat, AT_FDCWD, path->text, X_OK) == 0;
}

/* Relative to the library, and to its twin for the other word size (loader.h). */
static const char *const places[] = {SSCAP_RUNNER_NAME, "../bin/" SSCAP_RUNNER_NAME,
                                     "../../" SSCAP_RUNNER_NAME, "../../../bin/" SSCAP_RUNNER_NAME};

static bool try_places(struct path *path, const char *library)
{
    size_t length = (size_t)(nolibc_basename(library) - library);
    const char *directory = length > 1 ? library : length == 1 ? "/" : ".";
    length = length > 1 ? length - 1 : length == 1 ? 0 : 1;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (try_path(path, directory, length, places[i]))
            return true;
    return false;
}

/* Looks for the runner: SSCAP_RUNNER, beside the library, in ../bin, in PATH. */
static bool find_runner(struct path *path, char *const envp[])
{
    const char *told = nolibc_getenv(envp, SSCAP_ENV_RUNNER);
    if (told != NULL && told[0] != '\0')
        return try_path(path, "", 0, told);
    const struct link_map *own = objects_own();
    if (own != NULL && try_places(path, own->l_name))
        return true;
    for (const char *at = nolibc_getenv(envp, "PATH"); at != NULL && *at != '\0';) {
        size_t length = 0;
        while (at[length] != '\0' && at[length] != ':')
            length++;
        if (length > 0 && try_path(path, at, length, SSCAP_RUNNER_NAME))
            return true;
        at += length + (at[length] == ':');
    }
    return false;
}

static void warn(const char *text)
{
    RAW_SYSCALL(SYS_write, STDERR_FILENO, text, nolibc_length(text));
}

/* How to start this program again. */
struct image {
    const char *file;  /* the path that was executed, so that the name stays the same */
    char *const *rest; /* its arguments without the first */
    const char *first;
};

static bool is_own_program(const char *path)
{
    struct file_id own, id;
    return file_id_get(AT_FDCWD, "/proc/self/exe", 0, &own) &&
           file_id_get(AT_FDCWD, path, 0, &id) && file_id_equal(&own, &id);
}

/* AT_EXECFN is the path that was executed. For a script, the kernel starts the interpreter with an
 * optional argument, that path, and the script's arguments (execve(2)). Returns false if neither
 * fits, as for an interpreter that is a script. */
static bool find_image(struct image *image, int argc, char *const argv[])
{
    image->file = (const char *)getauxval(AT_EXECFN);
    if (image->file == NULL)
        return false;
    image->first = argv[0];
    image->rest = argv + 1;
    if (is_own_program(image->file))
        return true;
    for (int i = 1; i < argc && i <= 2; i++) {
        const char *end = nolibc_after_prefix(argv[i], image->file);
        if (end == NULL || *end != '\0')
            continue;
        image->first = image->file;
        image->rest = argv + i + 1;
        return true;
    }
    return false;
}

/* sscap --image=FILE -- ARGV..., SSCAP_SESSION=starting + ENVP. */
static void execute(const struct path *runner, const struct image *image, int argc,
                    char *const envp[])
{
    size_t entries = 0;
    char option[sizeof SSCAP_OPTION_IMAGE + PATH_MAX];
    while (envp[entries] != NULL)
        entries++;
    if (argc > ARGUMENTS_MAX || entries > ENTRIES_MAX || nolibc_length(image->file) >= PATH_MAX)
        return;
    char *end = nolibc_copy(option, SSCAP_OPTION_IMAGE, sizeof SSCAP_OPTION_IMAGE - 1);
    nolibc_copy(end, image->file, nolibc_length(image->file) + 1);
    const char **arguments = __builtin_alloca(((size_t)argc + 5) * sizeof *arguments);
    const char **environment = __builtin_alloca((entries + 2) * sizeof *environment);
    arguments[0] = SSCAP_RUNNER_NAME;
    arguments[1] = option;
    arguments[2] = "--";
    arguments[3] = image->first;
    size_t n = 4;
    for (char *const *from = image->rest; *from != NULL; from++)
        arguments[n++] = *from;
    arguments[n] = NULL;
    environment[0] = SSCAP_ENV_SESSION "=starting";
    nolibc_copy(environment + 1, envp, (entries + 1) * sizeof *environment);
    REAL(execve)(runner->text, (char *const *)arguments, (char *const *)environment);
}

void bootstrap(int argc, char *const argv[], char *const envp[])
{
    struct path runner;
    struct image image;
    /* AT_BASE is 0 for ld.so PROGRAM. We do not know how to start that again. */
    if (&sscap_is_runner != NULL || argc < 1 || getauxval(AT_BASE) == 0 ||
        getauxval(AT_SECURE) != 0 || !find_image(&image, argc, argv))
        return;
    if (find_runner(&runner, envp)) {
        if (loader_of(AT_FDCWD, runner.text) == LOADER_TWIN)
            child_environment_remove_library(envp); /* the runner finds the other one itself */
        execute(&runner, &image, argc, envp);
    }
    warn("sscap: no runner found (SSCAP_RUNNER, beside " SSCAP_LIBRARY_NAME
         ", ../bin, PATH): nothing is captured\n");
    child_environment_remove_library(envp);
}
