/* environment.c: see environment.h. */
#define _GNU_SOURCE
#include "shim/core/child_environment.h"

#include <fcntl.h>
#include <limits.h>

#include "shim/core/objects.h"
#include "shim/core/session.h"
#include "shim/nolibc.h"

/* More entries than this are not copied to a stack of unknown size; such a child is captured by the
 * kernel's stamps alone. */
enum { ENTRIES_MAX = 8192 };

#define PRELOAD "LD_PRELOAD"

/* The library's path, and behind its NUL the path where its twin would be. */
static char paths[2 * PATH_MAX];
static const char *const library = paths;
static const char *twin; /* NULL: this machine has no such thing */

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

/* The bytes of its first entry. */
static size_t entry_length(const char *value)
{
    size_t length = 0;
    while (value[length] != '\0' && value[length] != ':' && value[length] != ' ')
        length++;
    return length;
}

/* Whether an entry is this library, under any path. */
static bool is_library(const char *entry, size_t length)
{
    const char *base = entry;
    for (size_t i = 0; i < length; i++)
        if (entry[i] == '/')
            base = entry + i + 1;
    return nolibc_after_prefix(base, SSCAP_LIBRARY_NAME) == entry + length;
}

/* The first entry of LD_PRELOAD's value that is this library; sets its length. */
static const char *find_library(const char *value, size_t *ret_length)
{
    while (*value != '\0') {
        *ret_length = entry_length(value);
        if (is_library(value, *ret_length))
            return value;
        value += *ret_length + (value[*ret_length] != '\0');
    }
    return NULL;
}

/* What a loader is to be told to load: nothing that it cannot open, as it would say so (a chroot
 * that the library is not in). */
static const char *library_for(enum loader loader)
{
    const char *path = loader == LOADER_OURS ? library : loader == LOADER_TWIN ? twin : NULL;
    return path != NULL && RAW_SYSCALL(SYS_faccessat, AT_FDCWD, path, R_OK) == 0 ? path : NULL;
}

/* Whether an LD_PRELOAD (NULL: there is none) does already what it should: under which path is not
 * ours to say, as long as it is not the one for the other word size. */
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

/* Whether the kernel would take it for an environment, else EFAULT is for it to say. Asked once for
 * each page, as nearly all of the strings lie side by side. */
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
                need.session =
                    false; /* another session's is that session's affair (a runner in a runner) */
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

/* The value of LD_PRELOAD, with `wanted` (or nothing) in the place of this library: in front, if it
 * was not there. Returns its end. */
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
        bool ours = is_library(value, length);
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

/* The new LD_PRELOAD= string, or NULL where nothing would stand in it. */
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

/* What is new comes last: programs that change their name on the stack need what is before it in
 * one piece (setproctitle). */
char **child_environment_fill(const struct child_environment_need *need, char *const envp[],
                              char **slots, char *text)
{
    char **slot = slots;
    char *preload = need->text != 0 ? fill_preload(need, text) : NULL;
    for (; envp != NULL && *envp != NULL; envp++) {
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

void child_environment_hide(char *envp[], char mark)
{
    char **to = envp, **from = envp;
    if (mark == SSCAP_BOTH_HIDDEN)
        child_environment_remove_library(envp);
    for (; *from != NULL; from++) {
        const char *preload = nolibc_after_prefix(*from, PRELOAD "=");
        if (nolibc_after_prefix(*from, SSCAP_ENV_SESSION "=") == NULL &&
            (preload == NULL || *preload != '\0'))
            *to++ = *from;
    }
    while (
        to <
        from) /* all of them: behind it is the auxiliary vector, which some look for there (Go) */
        *to++ = NULL;
}

void child_environment_remove_library(char *const envp[])
{
    /* getenv's value lies in a writable string of our own process (execve(2) copied it to our
     * stack). */
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
