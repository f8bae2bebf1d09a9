/* real.c: finding libc's own functions (see real.h). */
#define _GNU_SOURCE
#include "shim/real.h"

#include <dlfcn.h>

#include "shim/guest.h"

void *real_functions[REAL_COUNT];

static const char *const names[REAL_COUNT] = {
#define REAL_NAME(name) [REAL_##name] = #name,
    REAL_EARLY(REAL_NAME) REAL_LATE(REAL_NAME)
#undef REAL_NAME
};

void *real_find(enum real_function function)
{
    void *found = dlsym(RTLD_NEXT, names[function]);
    __atomic_store_n(&real_functions[function], found, __ATOMIC_RELAXED);
    return found;
}

void real_init(void)
{
    for (int i = 0; i < REAL_EARLY_COUNT; i++)
        (void)real_find((enum real_function)i);
}
