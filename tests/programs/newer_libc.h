/* newer_libc.h: functions that glibc 2.31 (Debian 11) lacks, for programs that call them. */
#ifndef SSCAP_TESTS_NEWER_LIBC_H
#define SSCAP_TESTS_NEWER_LIBC_H

#include <spawn.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#if !__GLIBC_PREREQ(2, 32)
static inline const char *strerrorname_np(int number)
{
    return strerror(number);
}
#endif

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

/* What sysconf(_SC_MINSIGSTKSZ) returns since glibc 2.34. */
static inline size_t signal_stack_minimum(void)
{
#ifdef _SC_MINSIGSTKSZ
    return (size_t)sysconf(_SC_MINSIGSTKSZ);
#else
    return getauxval(AT_MINSIGSTKSZ);
#endif
}

#if !__GLIBC_PREREQ(2, 34)
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

static inline int close_range(unsigned int first, unsigned int last, int flags)
{
    return (int)syscall(SYS_close_range, first, last, flags);
}

static inline void closefrom(int first)
{
    close_range((unsigned int)first, ~0u, 0);
}

static inline int execveat(int directory, const char *path, char *const argv[], char *const envp[],
                           int flags)
{
    return (int)syscall(SYS_execveat, directory, path, argv, envp, flags);
}

/* There is no replacement, so the child keeps its descriptors. */
static inline int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions,
                                                           int first)
{
    (void)actions, (void)first;
    return 0;
}
#endif

#endif
