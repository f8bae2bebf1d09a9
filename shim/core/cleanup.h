/* cleanup.h: cancellation cleanup handlers that also work without libpthread.
 *
 * Before glibc 2.34, the functions that pthread_cleanup_push expands to are in libpthread. A
 * program without that library has no threads to cancel. A library that is built with glibc 2.34
 * would ask for their new version, so we ask for the old one, which every glibc has. */
#ifndef SSCAP_SHIM_CORE_CLEANUP_H
#define SSCAP_SHIM_CORE_CLEANUP_H

#include <pthread.h>
#include <stddef.h>

#pragma weak __pthread_register_cancel
#pragma weak __pthread_unregister_cancel
#pragma weak __pthread_unwind_next

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
#if (defined(__x86_64__) && !defined(__ILP32__)) || defined(__i386__)
#define CLEANUP_VERSION "GLIBC_2.3.3"
#elif defined(__aarch64__)
#define CLEANUP_VERSION "GLIBC_2.17"
#endif
#endif

#ifdef CLEANUP_VERSION
__asm__(".symver __pthread_register_cancel, __pthread_register_cancel@" CLEANUP_VERSION);
__asm__(".symver __pthread_unregister_cancel, __pthread_unregister_cancel@" CLEANUP_VERSION);
__asm__(".symver __pthread_unwind_next, __pthread_unwind_next@" CLEANUP_VERSION);
#endif

/* result = call; function(argument). The function is also called if the thread is cancelled in the
 * call. */
#define CLEANUP_AFTER(result, call, function, argument)                                            \
    do {                                                                                           \
        if (&__pthread_register_cancel == NULL) {                                                  \
            (result) = (call);                                                                     \
            (function)(argument);                                                                  \
        } else {                                                                                   \
            pthread_cleanup_push(function, argument);                                              \
            (result) = (call);                                                                     \
            pthread_cleanup_pop(1);                                                                \
        }                                                                                          \
    } while (0)

#endif
