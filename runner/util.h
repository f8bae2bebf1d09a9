/* util.h: functions that every module of the runner may use: messages, time, text. */
#ifndef SSCAP_RUNNER_UTIL_H
#define SSCAP_RUNNER_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

enum exit_status {
    STATUS_STRICT = 123,     /* with --strict: the command succeeded but another process did not */
    STATUS_FAILED = 125,     /* sscap itself failed, or was misused */
    STATUS_CANNOT_RUN = 126, /* the command was found but could not be executed */
    STATUS_NOT_FOUND = 127,
    STATUS_SIGNAL = 128, /* + the signal's number */
};

/* Prints "sscap: MESSAGE" and a newline on stderr in one write. A failure of the write is
 * ignored. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Does the same and exits with STATUS_FAILED. For main.c and options.c, before anything is
 * started. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Writes all bytes, however often that takes, and waits where fd does not block. Returns 0 or
 * -errno. */
int write_all(int fd, const char *bytes, size_t n);

/* Monotonic time in nanoseconds. */
uint64_t now_ns(void);

/* Wall-clock time in nanoseconds since 1970. */
uint64_t wall_ns(void);

/* Whether a word is in a list of words that are separated by commas. False if the list is NULL. */
bool list_has(const char *list, const char *word);

/* Replaces control characters with '?' in text from another program, because the text must not
 * control the terminal. */
void make_safe(char *text);

/* "s" unless n is 1. The other function returns "es". */
const char *plural(uint64_t n);
const char *plural_es(uint64_t n);

#endif
