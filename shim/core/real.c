/* real.c: finds libc's own functions.
 *
 * An older glibc does not have all of them: close_range, closefrom, execveat and _Fork came with
 * 2.34, pidfd_send_signal with 2.36, and before 2.34 some were in libpthread and libutil. In their
 * place stands a function that fails with ENOSYS. absent_names.c hides our own then. */
#define _GNU_SOURCE
#include "shim/core/real.h"

#include <dlfcn.h>

#include "shim/core/objects.h"

#include "shim/nolibc.h"

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
#if defined(__x86_64__) && !defined(__ILP32__)
#define OLD_DLSYM_VERSION "GLIBC_2.2.5"
#elif defined(__i386__)
#define OLD_DLSYM_VERSION "GLIBC_2.0"
#elif defined(__aarch64__)
#define OLD_DLSYM_VERSION "GLIBC_2.17"
#endif
#endif

void *real_functions[REAL_COUNT];

static const char *const names[REAL_COUNT] = {
#define REAL_NAME(name) [REAL_##name] = #name,
    REAL_EARLY(REAL_NAME) REAL_LATE(REAL_NAME)
#undef REAL_NAME
};

/* Before glibc 2.34 it is in libdl, hence weak. Every glibc has it in the old version. */
#pragma weak dlsym
#ifdef OLD_DLSYM_VERSION
__asm__(".symver dlsym, dlsym@" OLD_DLSYM_VERSION);
#endif

/* For functions that return a number or a pid. */
static long missing(void)
{
    errno = ENOSYS;
    return -1;
}

/* For functions that return an error number. */
static int missing_with_error_number(void)
{
    return ENOSYS;
}

static void *substitute(const char *name)
{
    bool returns_error = nolibc_after_prefix(name, "pthread_") != NULL ||
                         nolibc_after_prefix(name, "posix_spawn") != NULL;
    return returns_error ? (void *)missing_with_error_number : (void *)missing;
}

void *real_find(enum real_function function)
{
    void *found = NULL;
    enum objects_answer answer = objects_find(names[function], &found);
    if (answer == OBJECTS_UNKNOWN && &dlsym != NULL)
        found = dlsym(RTLD_NEXT, names[function]);
    if (found == NULL && answer == OBJECTS_UNKNOWN)
        return substitute(names[function]); /* not kept, because it may be known later */
    if (found == NULL)
        found = substitute(names[function]);
    __atomic_store_n(&real_functions[function], found, __ATOMIC_RELAXED);
    return found;
}

bool real_exists(enum real_function function)
{
    return real_get(function) != substitute(names[function]);
}

void real_init(void)
{
    objects_init();
    for (int i = 0; i < REAL_EARLY_COUNT; i++)
        (void)real_find((enum real_function)i);
}
