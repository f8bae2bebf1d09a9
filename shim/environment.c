/* environment.c: see environment.h. */
#define _GNU_SOURCE
#include "shim/environment.h"

#include <dlfcn.h>
#include <limits.h>

#include "shim/guest.h"
#include "shim/session.h"

/* More entries than this are not copied to a stack of unknown size; such a child is captured by the kernel's stamps alone. */
enum { ENTRIES_MAX = 8192 };

#define PRELOAD "LD_PRELOAD"

static char library[PATH_MAX];

void environment_init(void)
{
    Dl_info info;
    if (dladdr(&session, &info) == 0 || info.dli_fname == NULL)
        return;
    size_t length = guest_length(info.dli_fname);
    if (length < sizeof library)
        guest_copy(library, info.dli_fname, length + 1);
}

/* The first entry of LD_PRELOAD's value that is this library under any path; sets its length. */
static const char *find_library(const char *value, size_t *ret_length)
{
    while (*value != '\0') {
        size_t length = 0;
        const char *base = value;
        for (; value[length] != '\0' && value[length] != ':' && value[length] != ' '; length++)
            if (value[length] == '/')
                base = value + length + 1;
        const char *rest = guest_after(base, SSCAP_LIBRARY_NAME);
        if (rest != NULL && rest == value + length) {
            *ret_length = length;
            return value;
        }
        value += length + (value[length] != '\0');
    }
    return NULL;
}

struct environment_need environment_look(char *const envp[])
{
    struct environment_need need = {.session = true};
    size_t entries = 0;
    size_t unused;
    const char *preload = NULL;
    if (!session.joined || library[0] == '\0')
        return need;
    for (; envp != NULL && envp[entries] != NULL; entries++) {
        const char *value;
        if ((value = guest_after(envp[entries], PRELOAD "=")) != NULL && preload == NULL) {
            preload = value;
            need.preload = &envp[entries];
        } else if (guest_after(envp[entries], SSCAP_ENV_SESSION "=") != NULL) {
            need.session = false; /* another session's is that session's affair (a runner in a runner) */
        }
    }
    if (preload == NULL || find_library(preload, &unused) == NULL)
        need.text = sizeof PRELOAD "=:" + guest_length(library) +
                    (preload != NULL ? guest_length(preload) : 0);
    if ((need.text != 0 || need.session) && entries <= ENTRIES_MAX)
        need.slots = entries + 3;
    return need;
}

char **environment_fill(const struct environment_need *need, char *const envp[], char **slots, char *text)
{
    char **slot = slots;
    if (need->text != 0) {
        char *end = guest_copy(text, PRELOAD "=", sizeof PRELOAD);
        end = guest_copy(end, library, guest_length(library));
        if (need->preload != NULL) {
            const char *others = *need->preload + sizeof PRELOAD;
            *end++ = ':';
            end = guest_copy(end, others, guest_length(others));
        }
        *end = '\0';
        *slot++ = text;
    }
    if (need->session)
        *slot++ = session.variable;
    for (; envp != NULL && *envp != NULL; envp++)
        if (need->text == 0 || envp != need->preload)
            *slot++ = *envp;
    *slot = NULL;
    return slots;
}

void environment_remove_library(char *const envp[])
{
    /* getenv's value lies in a writable string of our own process (execve(2) copied it to our stack). */
    char *value = (char *)(uintptr_t)guest_getenv(envp, PRELOAD);
    size_t length;
    if (value == NULL)
        return;
    char *found = (char *)(uintptr_t)find_library(value, &length);
    if (found == NULL)
        return;
    const char *rest = found + length;
    if (*rest != '\0')
        rest++;
    guest_copy(found, rest, guest_length(rest) + 1);
}
