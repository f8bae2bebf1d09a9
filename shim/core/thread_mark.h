/* thread_mark.h: tells threads apart without a system call. */
#ifndef SSCAP_SHIM_CORE_THREAD_MARK_H
#define SSCAP_SHIM_CORE_THREAD_MARK_H

/* Its address differs from thread to thread. The child of a fork has that of the forking thread. */
extern __thread char thread_mark __attribute__((visibility("hidden")));

#endif
