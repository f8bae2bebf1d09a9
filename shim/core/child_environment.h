/* child_environment.h: completes a child's environment with LD_PRELOAD and SSCAP_SESSION. */
#ifndef SSCAP_SHIM_CORE_CHILD_ENVIRONMENT_H
#define SSCAP_SHIM_CORE_CHILD_ENVIRONMENT_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>

#include "shim/loader.h"

/* Remembers the library's path. The constructor calls it once. */
void child_environment_init(void);

/* If a program empties its child's environment, the child must find it empty. What we put in has a
 * suffix (session_suffix), and the child's constructor removes it with this function, before the
 * program looks. Works in place, because libc makes envp its `environ`. */
void child_environment_hide(char *envp[], char suffix);

/* The changes that an environment needs. */
struct child_environment_need {
    size_t slots;          /* pointers in the changed array, with its NULL; 0: no change */
    size_t text;           /* bytes for the new LD_PRELOAD= string; 0: no change */
    char *const *preload;  /* the LD_PRELOAD= string to replace, or NULL */
    const char *library;   /* our entry in it, or NULL for none */
    bool session;          /* SSCAP_SESSION= must be added, */
    size_t marked;         /* with a suffix if this is not 0: bytes for the string */
    char mark;             /* the suffix */
    char *const *outdated; /* the SSCAP_SESSION= string to replace (session_is_outdated), or NULL */
};

/* What the environment needs for a program with this loader. */
struct child_environment_need child_environment_look(char *const envp[], enum loader loader);

/* Writes the changed environment to the caller's `slots` (need->slots pointers) and `text`
 * (need->text + need->marked + 1 bytes). Returns slots. */
char **child_environment_fill(const struct child_environment_need *need, char *const envp[],
                              char **slots, char *text);

/* The environment for a program: envp itself, or a changed copy on the caller's stack. alloca,
 * because a vfork child must not allocate, and after exec nobody could free. */
#define ENVIRONMENT_FOR(loader, envp)                                                              \
    __extension__({                                                                                \
        struct child_environment_need need_ = child_environment_look((envp), (loader));            \
        need_.slots == 0                                                                           \
            ? (char **)(uintptr_t)(envp)                                                           \
            : child_environment_fill(&need_, (envp),                                               \
                                     __builtin_alloca(need_.slots * sizeof(char *)),               \
                                     __builtin_alloca(need_.text + need_.marked + 1));             \
    })

/* Removes the library from the LD_PRELOAD of envp, in place. */
void child_environment_remove_library(char *const envp[]);

#endif
