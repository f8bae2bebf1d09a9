/* guest.h: what code in a stranger's process may use. Included last by every file of the shim; see
 * shim.c for the rules.
 *
 * Programs replace libc's functions by their own (bash its getenv, gpg its regcomp, sanitizers
 * memcpy and strlen), so nothing here calls a function that a program would think of defining, and
 * the poison below keeps it so.
 */
#ifndef SSCAP_SHIM_NOLIBC_H
#define SSCAP_SHIM_NOLIBC_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim/syscalls.h"

#define SSCAP_EXPORT __attribute__((visibility("default")))

/* libc's other name for one of our functions. nothrow and leaf: as libc's headers have some of
 * them; we throw nothing either. */
#define SSCAP_ALIAS(other, name)                                                                   \
    SSCAP_EXPORT extern __typeof__(name) other __attribute__((alias(#name), nothrow, leaf))

/* Whether a pointer that libc's header declares nonnull is NULL all the same: the compiler would
 * take the header's word for it, while the real function answers EFAULT. */
static inline bool nolibc_is_null(const void *pointer)
{
    __asm__("" : "+r"(pointer));
    return pointer == NULL;
}

static inline int nolibc_getpid(void)
{
    return (int)RAW_SYSCALL(SYS_getpid);
}

/* Copies n bytes, returns the place behind the last one written. */
static inline char *nolibc_copy(void *to, const void *from, size_t n)
{
    volatile char *t = to; /* volatile: the compiler must not make this a call of memcpy */
    const char *f = from;
    for (size_t i = 0; i < n; i++)
        t[i] = f[i];
    return (char *)to + n;
}

/* Copies what the program points to, or to there, by the kernel's hand. False: it is no good
 * address, and that is for the real function to say. A sandbox may forbid the call: then the
 * pointer is trusted. */
static inline bool nolibc_transfer(long call, void *ours, const void *theirs, size_t n)
{
    struct iovec here = {.iov_base = ours, .iov_len = n};
    struct iovec there = {.iov_base = (void *)(uintptr_t)theirs, .iov_len = n};
    long result = RAW_SYSCALL(call, nolibc_getpid(), &here, 1, &there, 1, 0);
    if (result >= 0 || result == -EFAULT || theirs == NULL)
        return result == (long)n;
    bool reads = call == SYS_process_vm_readv;
    nolibc_copy(reads ? ours : (void *)(uintptr_t)theirs, reads ? theirs : ours, n);
    return true;
}

static inline bool nolibc_read_memory(void *to, const void *from, size_t n)
{
    return nolibc_transfer(SYS_process_vm_readv, to, from, n);
}

static inline bool nolibc_write_memory(void *to, const void *from, size_t n)
{
    return nolibc_transfer(SYS_process_vm_writev, (void *)(uintptr_t)from, to, n);
}

static inline size_t nolibc_length(const char *text)
{
    const volatile char *t = text; /* volatile: the compiler must not make this a call of strlen */
    size_t n = 0;
    while (t[n] != '\0')
        n++;
    return n;
}

static inline void nolibc_zero(void *at, size_t n)
{
    volatile char *t = at;
    for (size_t i = 0; i < n; i++)
        t[i] = 0;
}

/* If text begins with prefix: the rest of text; else NULL. */
static inline const char *nolibc_after_prefix(const char *text, const char *prefix)
{
    while (*prefix != '\0')
        if (*text++ != *prefix++)
            return NULL;
    return text;
}

/* Writes a number in decimal and a NUL, at most 11 bytes. */
static inline void nolibc_decimal(char *to, unsigned int number)
{
    char digits[10];
    int n = 0;
    for (; n == 0 || number != 0; number /= 10)
        digits[n++] = (char)('0' + number % 10);
    while (n > 0)
        *to++ = digits[--n];
    *to = '\0';
}

static inline const char *nolibc_basename(const char *path)
{
    const char *base = path;
    for (const char *p = path; *p != '\0'; p++)
        if (*p == '/' && p[1] != '\0')
            base = p + 1;
    return base;
}

/* The value of a variable in an environment, or NULL: getenv() may be the program's own, and knows
 * only `environ`. */
static inline const char *nolibc_getenv(char *const envp[], const char *name)
{
    for (; envp != NULL && *envp != NULL; envp++) {
        const char *value = nolibc_after_prefix(*envp, name);
        if (value != NULL && *value == '=')
            return value + 1;
    }
    return NULL;
}

#pragma GCC poison malloc calloc realloc free getenv setenv putenv strdup printf fprintf snprintf  \
    sprintf fputs puts perror
#pragma GCC poison memcpy memmove memset memcmp strlen strcpy strcmp strncmp strchr strrchr strstr \
    assert abort

#endif
