/* environment.h: LD_PRELOAD and SSCAP_SESSION as a child is to have them, whatever the environment
 * that was made for it. */
#ifndef SSCAP_SHIM_CORE_CHILD_ENVIRONMENT_H
#define SSCAP_SHIM_CORE_CHILD_ENVIRONMENT_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>

#include "shim/loader.h"

/* Remembers the library's own path, for children. Called once, by the constructor. */
void child_environment_init(void);

/* Where a program empties its children's environment, they are to find it empty: what is put in all
 * the same is marked (session_suffix), and this takes it out again before the program looks. In
 * place: envp becomes `environ`. */
void child_environment_hide(char *envp[], char mark);

/* What is to change in an environment. */
struct child_environment_need {
    size_t slots; /* pointers in the changed array, its NULL among them; 0: it is as it should be */
    size_t text;  /* bytes for the new LD_PRELOAD= string; 0: it is as it should be */
    char *const *preload; /* the entry that is to be replaced, or NULL */
    const char *library;  /* what stands in it for us; NULL: nothing */
    bool session;         /* SSCAP_SESSION is missing, */
    size_t marked;        /* bytes for it with a mark; 0: it is to be seen */
    char mark;
    char *const
        *outdated; /* or this entry is it, and does not say what a filter forbids; or NULL */
};

/* For a program with this loader. */
struct child_environment_need child_environment_look(char *const envp[], enum loader loader);

/* Fills `slots` (need->slots pointers) and `text` (need->text + need->marked bytes), both the
 * caller's; returns slots. */
char **child_environment_fill(const struct child_environment_need *need, char *const envp[],
                              char **slots, char *text);

/* The environment to start a program with: envp itself, or a changed copy on the caller's stack
 * (alloca: a vfork child may not allocate, and there is nobody left to free it after exec). */
#define ENVIRONMENT_FOR(loader, envp)                                                              \
    __extension__({                                                                                \
        struct child_environment_need need_ = child_environment_look((envp), (loader));            \
        need_.slots == 0                                                                           \
            ? (char **)(uintptr_t)(envp)                                                           \
            : child_environment_fill(&need_, (envp),                                               \
                                     __builtin_alloca(need_.slots * sizeof(char *)),               \
                                     __builtin_alloca(need_.text + need_.marked + 1));             \
    })

/* The same for the shell that libc starts. */
#define ENVIRONMENT_COMPLETE(envp) ENVIRONMENT_FOR(loader_of(AT_FDCWD, "/bin/sh"), envp)

/* Takes the library out of the LD_PRELOAD of envp, in place: this program's children are to run as
 * ever. */
void child_environment_remove_library(char *const envp[]);

#endif
