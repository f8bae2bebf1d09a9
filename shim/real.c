/* real.c: finding libc's own functions (see real.h). */
#define _GNU_SOURCE
#include "shim/real.h"

#include <dlfcn.h>

#include "shim/guest.h"

struct real real_functions;

void real_find(void)
{
    /* ISO C has no conversion from void * to a function pointer; POSIX demands one (dlsym(3)): through a union. */
#define REAL_FIND(result, name, parameters)                                                                  \
    {                                                                                                        \
        union {                                                                                              \
            void *object;                                                                                    \
            result(*function) parameters;                                                                    \
        } found = {dlsym(RTLD_NEXT, #name)};                                                                 \
        real_functions.name = found.function;                                                                \
    }
    REAL_FUNCTIONS(REAL_FIND)
#undef REAL_FIND
}
