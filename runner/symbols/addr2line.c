/* addr2line.c: see addr2line.h. */
#define _GNU_SOURCE
#include "runner/symbols/addr2line.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/symbols/elf.h"
#include "runner/util.h"
#include "shim/wire.h"

#define RUN_NS     (2 * NS_PER_S)
#define CALL_NS    (5 * NS_PER_S)
#define MEMORY_MAX ((rlim_t)2 << 30)

enum {
    ADDRESSES_MAX = 64,   /* for one run */
    OUTPUT_MAX = 1 << 18, /* bytes of one run; paths are shorter */
};

extern char **environ;

/* One run of addr2line, for frames of one module. */
struct run {
    struct symbol *frames[ADDRESSES_MAX];
    size_t count;
    char output[OUTPUT_MAX];
    size_t length;
};

/* The environment without the variables that would make addr2line a process of the session or let
 * it fetch debug files from the network. The strings are not copied. */
static char **clean_environment(void)
{
    static const char *const names[] = {"LD_PRELOAD=", SSCAP_ENV_SESSION "=", "DEBUGINFOD_URLS="};
    size_t n = 0;
    size_t to = 0;
    while (environ[n] != NULL)
        n++;
    char **entries = calloc(n + 1, sizeof *entries);
    for (size_t i = 0; entries != NULL && i < n; i++) {
        bool left_out = false;
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++)
            left_out |= strncmp(environ[i], names[j], strlen(names[j])) == 0;
        if (!left_out)
            entries[to++] = environ[i];
    }
    return entries;
}

/* addr2line gets its own process group, because ^C is meant for the tree's processes. The runner
 * blocks signals and ignores SIGPIPE, and addr2line must do neither. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (int i = 1; i < SIGRTMAX; i++)
        if (i != SIGKILL && i != SIGSTOP)
            sigaddset(&defaults, i); /* fails for libc's own signals, which we leave alone */
    int error = posix_spawnattr_setsigmask(attributes, &none);
    if (error == 0)
        error = posix_spawnattr_setsigdefault(attributes, &defaults);
    if (error == 0)
        error = posix_spawnattr_setpgroup(attributes, 0);
    if (error == 0)
        error = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    return error;
}

static int set_files(posix_spawn_file_actions_t *actions, int output)
{
    int error = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    return error;
}

/* Returns an error number, as posix_spawn does. */
static int spawn(char *const argv[], int output, pid_t *ret)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int error = posix_spawnattr_init(&attributes);
    if (error != 0)
        return error;
    error = posix_spawn_file_actions_init(&actions);
    if (error == 0) {
        char **environment = clean_environment();
        error = environment == NULL ? ENOMEM : set_attributes(&attributes);
        if (error == 0)
            error = set_files(&actions, output);
        if (error == 0)
            error = posix_spawnp(ret, argv[0], &actions, &attributes, argv, environment);
        free(environment);
        posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attributes);
    return error;
}

/* Reads until the child has closed its end. False: the deadline has come, or the output is too
 * long. */
static bool read_output(struct run *run, int fd, uint64_t deadline)
{
    while (run->length < sizeof run->output) {
        uint64_t now = now_ns();
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (now >= deadline)
            return false;
        int n = poll(&ready, 1, (int)((deadline - now) / NS_PER_MS) + 1);
        if (n < 0 && errno != EINTR)
            return false;
        if (n <= 0)
            continue;
        ssize_t got = read(fd, run->output + run->length, sizeof run->output - run->length);
        if (got == 0)
            return true;
        if (got < 0 && errno != EINTR)
            return false;
        run->length += got > 0 ? (size_t)got : 0;
    }
    return false;
}

/* Runs addr2line; its output goes to run->output. Returns whether addr2line has ended by itself. */
static bool run_program(struct symbols *symbols, struct run *run, const char *path,
                        uint64_t deadline)
{
    char program[] = "addr2line";
    char addresses[] = "-a";
    char file[] = "-e";
    char numbers[ADDRESSES_MAX][2 + 16 + 1];
    char *argv[ADDRESSES_MAX + 5] = {program, addresses, file, (char *)path};
    int ends[2];
    pid_t pid;
    run->length = 0;
    for (size_t i = 0; i < run->count; i++) {
        snprintf(numbers[i], sizeof numbers[i], "0x%llx",
                 (unsigned long long)run->frames[i]->looked_up);
        argv[4 + i] = numbers[i];
    }
    if (pipe2(ends, O_CLOEXEC) < 0)
        return true;
    int error = spawn(argv, ends[1], &pid);
    close(ends[1]);
    bool ended = true;
    if (error == 0) {
        /* We limit memory, because debug information can be larger than the machine's memory. We
         * want no core file of addr2line, because it is of no use to the user. */
        const struct rlimit memory = {.rlim_cur = MEMORY_MAX, .rlim_max = MEMORY_MAX};
        const struct rlimit core = {0};
        (void)prlimit(pid, RLIMIT_AS, &memory, NULL);
        (void)prlimit(pid, RLIMIT_CORE, &core, NULL);
        ended = read_output(run, ends[0], deadline);
        (void)kill(-pid, SIGKILL); /* not reaped yet, so the pid is still its own */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    } else if (error == ENOENT || error == EACCES) {
        symbols_not_lined(symbols, 0);
    }
    close(ends[0]);
    return ended;
}

/* Parses "FILE:LINE", "FILE:LINE (discriminator N)" or "FILE:?", and cuts text to FILE. False: the
 * text is "??:0" or something else. */
static bool read_place(char *text, unsigned int *ret_line)
{
    char *note = strstr(text, " (discriminator ");
    if (note != NULL)
        *note = '\0';
    char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || text[0] == '?')
        return false;
    unsigned long line = strtoul(colon + 1, NULL, 10);
    *ret_line = line <= INT_MAX ? (unsigned int)line : 0;
    *colon = '\0';
    make_safe(text);
    return true;
}

static void set_place(struct symbol *symbol, const char *file, unsigned int line)
{
    const char *cut = "...";
    size_t length = strlen(file);
    size_t room = sizeof symbol->file - 1;
    if (length > room)
        snprintf(symbol->file, sizeof symbol->file, "%s%s", cut,
                 file + length - (room - strlen(cut)));
    else
        memcpy(symbol->file, file, length + 1);
    symbol->line = line;
}

/* With -a, addr2line prints each address on a line of its own, and its place on the next line. */
static void read_lines(struct run *run)
{
    uint64_t address = 0;
    bool addressed = false;
    char *at = run->output;
    char *end = at + run->length;
    for (char *newline; (newline = memchr(at, '\n', (size_t)(end - at))) != NULL;
         at = newline + 1) {
        unsigned int line;
        *newline = '\0';
        if (!addressed) {
            char *rest;
            address = strtoull(at, &rest, 16);
            addressed = at[0] == '0' && at[1] == 'x' && *rest == '\0';
            continue;
        }
        addressed = false;
        if (!read_place(at, &line))
            continue;
        for (size_t i = 0; i < run->count; i++)
            if (run->frames[i]->looked_up == address)
                set_place(run->frames[i], at, line);
    }
}

/* Collects frames of one module, as many as fit, and marks them as done. */
static void collect(struct run *run, struct symbol *frames, size_t n, uint64_t serial)
{
    run->count = 0;
    for (size_t i = 0; i < n && run->count < ADDRESSES_MAX; i++)
        if (frames[i].serial == serial) {
            frames[i].serial = 0;
            run->frames[run->count++] = &frames[i];
        }
}

void addr2line_add(struct symbols *symbols, struct symbol *frames, size_t n)
{
    struct run *run = calloc(1, sizeof *run);
    const uint64_t last = now_ns() + CALL_NS;
    for (size_t i = 0; run != NULL && i < n; i++) {
        uint64_t serial = frames[i].serial;
        const char *path = symbols_lined(symbols, serial);
        uint64_t now = now_ns();
        if (path == NULL)
            continue;
        if (now >= last)
            break;
        collect(run, frames + i, n - i, serial);
        if (!run_program(symbols, run, path, now + RUN_NS < last ? now + RUN_NS : last))
            symbols_not_lined(symbols, serial);
        read_lines(run);
    }
    free(run);
}
