/* util.c: see util.h. */
#include "runner/util.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_MAX = 4096 };

__attribute__((format(printf, 1, 0))) static void say_list(const char *format, va_list list)
{
    char text[MESSAGE_MAX];
    int head = snprintf(text, sizeof text, "sscap: ");
    int body = vsnprintf(text + head, sizeof text - (size_t)head - 1, format, list);
    size_t length = (size_t)head + (body < 0 ? 0 : (size_t)body);
    if (length > sizeof text - 2)
        length = sizeof text - 2;
    text[length++] = '\n';
    ssize_t written = write(STDERR_FILENO, text, length);
    (void)written; /* there is no other place to report it */
}

void say(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say_list(format, list);
    va_end(list);
}

void die(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say_list(format, list);
    va_end(list);
    exit(STATUS_FAILED);
}

int write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        ssize_t written = write(fd, bytes, n);
        if (written >= 0) {
            bytes += written;
            n -= (size_t)written;
        } else if (errno == EAGAIN) { /* another process has set O_NONBLOCK */
            poll(&room, 1, -1);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

uint64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

const char *plural_es(uint64_t n)
{
    return n == 1 ? "" : "es";
}

void make_safe(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == '\x7f')
            *text = '?';
}

bool list_has(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}
