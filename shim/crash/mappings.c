/* mappings.c: the kernel's list of this process's memory mappings. */
#define _GNU_SOURCE
#include "shim/crash/mappings.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "shim/nolibc.h"

/* Static, because the stack may be small. A line has some 80 bytes and a path of up to PATH_MAX. */
static struct {
    int fd;
    bool skipping; /* the rest of a line that is longer than the buffer */
    size_t at, end;
    char text[8192];
} maps;

static int open_list(const char *path)
{
    struct rlimit64 limit, more;
    long fd = RAW_SYSCALL(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd != -EMFILE || RAW_SYSCALL(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) < 0)
        return (int)fd;
    /* A process may crash because it has no descriptors left. */
    more = (struct rlimit64){.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    RAW_SYSCALL(SYS_prlimit64, 0, RLIMIT_NOFILE, &more, NULL);
    fd = RAW_SYSCALL(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    RAW_SYSCALL(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, NULL);
    return (int)fd;
}

static bool maps_open(void)
{
    /* /proc/self is the main thread's. If that has ended, its list is empty. */
    maps.fd = open_list("/proc/thread-self/maps");
    if (maps.fd < 0)
        maps.fd = open_list("/proc/self/maps");
    maps.at = maps.end = 0;
    maps.skipping = false;
    return maps.fd >= 0;
}

/* Reads more of the list. False: there is no more. */
static bool maps_fill(void)
{
    if (maps.at > 0) {
        /* Overlapping, but nolibc_copy copies from the lowest address up. */
        nolibc_copy(maps.text, maps.text + maps.at, maps.end - maps.at);
        maps.end -= maps.at;
        maps.at = 0;
    }
    if (maps.end == sizeof maps.text) {
        maps.skipping = true;
        maps.end = 0;
    }
    long got;
    do
        got = RAW_SYSCALL(SYS_read, maps.fd, maps.text + maps.end, sizeof maps.text - maps.end);
    while (got == -EINTR);
    if (got > 0)
        maps.end += (size_t)got;
    return got > 0;
}

/* The next line, without its newline. NULL: there is none. */
static const char *maps_line(size_t *ret_length)
{
    size_t seen = maps.at;
    for (;;) {
        for (; seen < maps.end; seen++) {
            if (maps.text[seen] != '\n')
                continue;
            const char *line = maps.text + maps.at;
            *ret_length = seen - maps.at;
            maps.at = ++seen;
            if (!maps.skipping)
                return line;
            maps.skipping = false;
        }
        if (!maps_fill())
            return NULL;
        seen = 0;
    }
}

/* Reads a number and the character after it, which must be `stop`. */
static bool read_number(const char **at, const char *end, unsigned int base, char stop,
                        uint64_t *ret_value)
{
    uint64_t value = 0;
    for (; *at < end; ++*at) {
        char c = **at;
        unsigned int digit = c >= '0' && c <= '9' ? (unsigned int)(c - '0')
                                                  : (unsigned int)(c - 'a') + 10;
        if (digit >= base)
            break;
        value = value * base + digit;
    }
    if (*at == end || *(*at)++ != stop)
        return false;
    *ret_value = value;
    return true;
}

/* 7f0e6c000000-7f0e6c021000 r-xp 00026000 fd:01 1234      /usr/lib/libc.so.6 (proc_pid_maps(5)) */
static bool parse_mapping(const char *at, size_t length, struct mapping *ret_mapping)
{
    const char *end = at + length;
    uint64_t major, minor;
    if (!read_number(&at, end, 16, '-', &ret_mapping->start) ||
        !read_number(&at, end, 16, ' ', &ret_mapping->end) || end - at < 5)
        return false;
    ret_mapping->readable = at[0] == 'r';
    ret_mapping->executable = at[2] == 'x';
    at += 5;
    if (!read_number(&at, end, 16, ' ', &ret_mapping->offset) ||
        !read_number(&at, end, 16, ':', &major) || !read_number(&at, end, 16, ' ', &minor) ||
        !read_number(&at, end, 10, ' ', &ret_mapping->inode))
        return false;
    ret_mapping->device = major << 32 | minor;
    while (at < end && *at == ' ')
        at++;
    ret_mapping->path = at;
    ret_mapping->path_length = (size_t)(end - at);
    return true;
}

void mappings_walk(bool (*visit)(const struct mapping *mapping, void *argument), void *argument)
{
    if (!maps_open())
        return;
    size_t length;
    const char *line;
    while ((line = maps_line(&length)) != NULL) {
        struct mapping mapping;
        if (parse_mapping(line, length, &mapping) && !visit(&mapping, argument))
            break;
    }
    RAW_SYSCALL(SYS_close, maps.fd);
}

struct code {
    uintptr_t pc;
    size_t before;
    bool found;
};

static bool visit_code(const struct mapping *mapping, void *argument)
{
    struct code *code = argument;
    if (code->pc >= mapping->end)
        return true;
    code->found = mapping->executable && mapping->readable &&
                  code->pc - code->before >= mapping->start;
    return false;
}

bool mappings_is_code(uintptr_t pc, size_t before)
{
    struct code code = {.pc = pc, .before = before};
    mappings_walk(visit_code, &code);
    return code.found;
}
