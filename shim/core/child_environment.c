/* child_environment.c: completes a child's environment with LD_PRELOAD and SSCAP_SESSION. */
#define _GNU_SOURCE
#include "shim/core/child_environment.h"

#include <fcntl.h>
#include <limits.h>

#include "shim/core/objects.h"
#include "shim/core/session.h"
#include "shim/library_name.h"
#include "shim/nolibc.h"

/* Larger environments are not copied, because we do not know the size of the stack. Such a child
 * runs without the library. */
enum { ENTRIES_MAX = 8192 };

#define PRELOAD "LD_PRELOAD"

/* The library's path, its NUL, and the path of its twin. */
static char paths[2 * PATH_MAX];
static const char *const library = paths;
static const char *twin; /* NULL: this machine has none */

#if defined(__x86_64__) && !defined(__ILP32__)

static void put_twin(char *to, size_t directory)
{
    to = nolibc_copy(to, library, directory);
    nolibc_copy(to, LOADER_TWIN_DIRECTORY SSCAP_LIBRARY_NAME,
                sizeof LOADER_TWIN_DIRECTORY SSCAP_LIBRARY_NAME);
    twin = to - directory;
}

#elif defined(__i386__)

static void put_twin(char *to, size_t directory)
{
    enum { DEEPER = sizeof LOADER_TWIN_DIRECTORY - 1 };
    if (directory < DEEPER ||
        nolibc_after_prefix(library + directory - DEEPER, LOADER_TWIN_DIRECTORY) == NULL)
        return;
    to = nolibc_copy(to, library, directory - DEEPER);
    nolibc_copy(to, SSCAP_LIBRARY_NAME, sizeof SSCAP_LIBRARY_NAME);
    twin = to - (directory - DEEPER);
}

#else

static void put_twin(char *to, size_t directory)
{
    (void)to;
    (void)directory;
}

#endif

void child_environment_init(void)
{
    const struct link_map *own = objects_own();
    if (own == NULL)
        return;
    size_t length = nolibc_length(own->l_name);
    size_t directory = (size_t)(nolibc_basename(own->l_name) - own->l_name);
    if (length >= PATH_MAX - sizeof LOADER_TWIN_DIRECTORY)
        return;
    char *end = nolibc_copy(paths, own->l_name, length + 1);
    put_twin(end, directory);
}

/* --- LD_PRELOAD --- */

/* The length of the first entry of a value of LD_PRELOAD. */
static size_t entry_length(const char *value)
{
    size_t length = 0;
    while (value[length] != '\0' && value[length] != ':' && value[length] != ' ')
        length++;
    return length;
}

/* The first entry that is this library, and its length. */
static const char *find_library(const char *value, size_t *ret_length)
{
    while (*value != '\0') {
        *ret_length = entry_length(value);
        if (library_name_is(value, *ret_length))
            return value;
        value += *ret_length + (value[*ret_length] != '\0');
    }
    return NULL;
}

/* The library for a loader. NULL if the loader could not open it, because it would print a warning.
 * That happens in a chroot without the library. */
static const char *library_for(enum loader loader)
{
    const char *path = loader == LOADER_OURS ? library : loader == LOADER_TWIN ? twin : NULL;
    return path != NULL && RAW_SYSCALL(SYS_faccessat, AT_FDCWD, path, R_OK) == 0 ? path : NULL;
}

/* Whether a value of LD_PRELOAD (NULL: none) needs no change. The library may have any path, but it
 * must not be the one for the other word size. */
static bool is_right(const char *preload, const char *wanted)
{
    size_t length = 0;
    const char *found = preload != NULL ? find_library(preload, &length) : NULL;
    if (found == NULL || wanted == NULL)
        return found == NULL && wanted == NULL;
    if (nolibc_after_prefix(found, wanted) == found + length)
        return true;
    return wanted == library &&
           (twin == NULL || nolibc_after_prefix(found, twin) != found + length);
}

/* Whether the kernel could read the environment. Otherwise exec fails with EFAULT. Each page is
 * tried once, because most strings lie side by side. */
static bool is_readable(char *const envp[])
{
    enum { PAGE = 4096 };
    uintptr_t array_page = UINTPTR_MAX, string_page = UINTPTR_MAX; /* none */
    char unused[sizeof *envp];
    for (; envp != NULL; envp++) {
        if ((uintptr_t)envp / PAGE != array_page && !nolibc_read_memory(unused, envp, sizeof *envp))
            return false;
        if (*envp == NULL)
            break;
        if ((uintptr_t)*envp / PAGE != string_page && !nolibc_read_memory(unused, *envp, 1))
            return false;
        array_page = (uintptr_t)envp / PAGE;
        string_page = (uintptr_t)*envp / PAGE;
    }
    return true;
}

struct child_environment_need child_environment_look(char *const envp[], enum loader loader)
{
    struct child_environment_need need = {.session = true};
    size_t entries = 0;
    const char *preload = NULL;
    if (!session.joined || library[0] == '\0' || !is_readable(envp))
        return need;
    for (; envp != NULL && envp[entries] != NULL; entries++) {
        const char *value;
        if ((value = nolibc_after_prefix(envp[entries], PRELOAD "=")) != NULL && preload == NULL) {
            preload = value;
            need.preload = &envp[entries];
        } else if ((value = nolibc_after_prefix(envp[entries], SSCAP_ENV_SESSION "=")) != NULL) {
            if (session_is_outdated(value))
                need.outdated = &envp[entries];
            else
                need.session = false; /* it may be another session's: a runner in a runner */
        }
    }
    need.library = library_for(loader);
    if (!is_right(preload, need.library))
        need.text = sizeof PRELOAD "=:" + (need.library != NULL ? nolibc_length(need.library) : 0) +
                    (preload != NULL ? nolibc_length(preload) : 0);
    size_t length;
    if (need.session && need.outdated == NULL && need.library != NULL) {
        bool preloaded = preload != NULL && find_library(preload, &length) != NULL;
        need.mark = preloaded ? SSCAP_SESSION_HIDDEN : SSCAP_BOTH_HIDDEN;
        need.marked = sizeof session.variable + 1;
    }
    if ((need.text != 0 || need.session) && entries <= ENTRIES_MAX)
        need.slots = entries + 3;
    return need;
}

/* Writes the value of LD_PRELOAD with `wanted` (or nothing) in place of this library. If the
 * library was not in it, `wanted` comes first. Returns the end. */
static char *put_preload(char *to, const char *value, const char *wanted)
{
    const char *const start = to;
    size_t length;
    if (wanted != NULL && find_library(value, &length) == NULL) {
        to = nolibc_copy(to, wanted, nolibc_length(wanted));
        wanted = NULL;
    }
    for (; *value != '\0'; value += length + (value[length] != '\0')) {
        length = entry_length(value);
        bool ours = library_name_is(value, length);
        if (length == 0 || (ours && wanted == NULL))
            continue;
        if (to != start)
            *to++ = ':';
        to = nolibc_copy(to, ours ? wanted : value, ours ? nolibc_length(wanted) : length);
        if (ours)
            wanted = NULL;
    }
    *to = '\0';
    return to;
}

/* The new LD_PRELOAD= string, or NULL if it would be empty. */
static char *fill_preload(const struct child_environment_need *need, char *text)
{
    char *value = nolibc_copy(text, PRELOAD "=", sizeof PRELOAD);
    const char *others = need->preload != NULL ? *need->preload + sizeof PRELOAD : "";
    return put_preload(value, others, need->library) != value ? text : NULL;
}

static char *fill_session(const struct child_environment_need *need, char *text)
{
    if (need->marked == 0)
        return session.variable;
    char *end = nolibc_copy(text, session.variable, nolibc_length(session.variable));
    *end++ = need->mark;
    *end = '\0';
    return text;
}

/* New strings come last, because setproctitle needs the others in one piece. Another thread may add
 * variables meanwhile. Those that were not counted are left out. */
char **child_environment_fill(const struct child_environment_need *need, char *const envp[],
                              char **slots, char *text)
{
    char **slot = slots;
    char *preload = need->text != 0 ? fill_preload(need, text) : NULL;
    char **end = slots + need->slots - 3; /* room for two new strings and the NULL */
    for (; envp != NULL && *envp != NULL && slot < end; envp++) {
        if (need->text != 0 && envp == need->preload) {
            if (preload != NULL)
                *slot++ = preload;
        } else if (envp != need->outdated) {
            *slot++ = *envp;
        }
    }
    if (preload != NULL && need->preload == NULL)
        *slot++ = preload;
    if (need->session)
        *slot++ = fill_session(need, text + need->text);
    *slot = NULL;
    return slots;
}

void child_environment_hide(char *envp[], char suffix)
{
    char **to = envp, **from = envp;
    if (suffix == SSCAP_BOTH_HIDDEN)
        child_environment_remove_library(envp);
    for (; *from != NULL; from++) {
        const char *preload = nolibc_after_prefix(*from, PRELOAD "=");
        if (nolibc_after_prefix(*from, SSCAP_ENV_SESSION "=") == NULL &&
            (preload == NULL || *preload != '\0'))
            *to++ = *from;
    }
    /* Every pointer up to the old end, because Go looks for the auxiliary vector after it. */
    while (to < from)
        *to++ = NULL;
}

void child_environment_remove_library(char *const envp[])
{
    /* The string is writable, because execve(2) copied it to our stack. */
    char *value = (char *)(uintptr_t)nolibc_getenv(envp, PRELOAD);
    size_t length;
    if (value == NULL)
        return;
    char *found = (char *)(uintptr_t)find_library(value, &length);
    if (found == NULL)
        return;
    const char *rest = found + length;
    if (*rest != '\0')
        rest++;
    nolibc_copy(found, rest, nolibc_length(rest) + 1);
}
