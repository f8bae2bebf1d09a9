/* environment.h: taking LD_PRELOAD and SSCAP_SESSION along into a child whose environment was made without them. */
#ifndef SSCAP_SHIM_ENVIRONMENT_H
#define SSCAP_SHIM_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/* Remembers the library's own path, for children. Called once, by the constructor. */
void environment_init(void);

/* What an environment lacks. */
struct environment_need {
    size_t slots;         /* pointers in the completed array, its NULL among them; 0: nothing is missing */
    size_t text;          /* bytes for the new LD_PRELOAD= string; 0: it is there already */
    char *const *preload; /* the entry that is to be replaced, or NULL */
    bool session;         /* SSCAP_SESSION is missing */
};

struct environment_need environment_look(char *const envp[]);

/* Fills `slots` (need->slots pointers) and `text` (need->text bytes), both the caller's; returns slots. */
char **environment_fill(const struct environment_need *need, char *const envp[], char **slots, char *text);

/* The environment to start a child with: envp itself, or a completed copy on the caller's stack (alloca: a vfork child may not
 * allocate, and there is nobody left to free it after exec). */
#define ENVIRONMENT_COMPLETE(envp)                                                                           \
    __extension__({                                                                                          \
        struct environment_need need_ = environment_look(envp);                                              \
        need_.slots == 0 ? (char **)(uintptr_t)(envp)                                                        \
                         : environment_fill(&need_, (envp), __builtin_alloca(need_.slots * sizeof(char *)),  \
                                            __builtin_alloca(need_.text + 1));                               \
    })

/* Takes the library out of the LD_PRELOAD of envp, in place: this program's children are to run as ever. */
void environment_remove_library(char *const envp[]);

#endif
