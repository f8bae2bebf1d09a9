/* nolibc.h: helpers that do not call libc. Every file of the library includes it last.
 *
 * Programs define functions with the names of libc's (bash getenv, gpg regcomp, sanitizers memcpy
 * and strlen), and our calls would reach those. Nothing here calls such a function, and the pragmas
 * below make each use a compile error. */
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

/* Exports another name of libc's for one of our functions. nothrow and leaf, because libc's headers
 * declare some of them so. */
#define SSCAP_ALIAS(other, name)                                                                   \
    SSCAP_EXPORT extern __typeof__(name) other __attribute__((alias(#name), nothrow, leaf))

/* Whether a pointer is NULL that libc's header declares nonnull. The compiler would assume that it
 * is not. The real function fails with EFAULT. */
static inline bool nolibc_is_null(const void *pointer)
{
    __asm__("" : "+r"(pointer));
    return pointer == NULL;
}

static inline int nolibc_getpid(void)
{
    return (int)RAW_SYSCALL(SYS_getpid);
}

/* Copies n bytes from the lowest address up. Returns the address after the last byte written. */
static inline char *nolibc_copy(void *to, const void *from, size_t n)
{
    volatile char *t = to; /* volatile: the compiler must not make this a call of memcpy */
    const char *f = from;
    for (size_t i = 0; i < n; i++)
        t[i] = f[i];
    return (char *)to + n;
}

/* Lets the kernel copy from or to the program's memory. Returns false if the address is bad; the
 * real function then sets errno. If a seccomp filter forbids the call, the pointer is trusted. */
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

/* The text after the prefix, or NULL if the text does not begin with it. */
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

/* The value of a variable in an environment, or NULL. getenv may be the program's own, and knows
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
