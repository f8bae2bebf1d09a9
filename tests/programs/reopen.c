/* reopen: opens a stream by each of its names with each function that can, and writes a line by
 * each: "FUNCTION FLAGS NAME". The output must be the same for a pipe.
 *
 *   reopen N WHERE    the stream is descriptor N; WHERE is a directory for a symbolic link
 *   reopen others     what must fail, and with what error */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <wchar.h>

int __open(const char *, int, ...);
int __open64(const char *, int, ...);
int __open_2(const char *, int);
int __open64_2(const char *, int);
int __openat_2(int, const char *, int);
int __openat64_2(int, const char *, int);

enum { ERRNO_BEFORE = 77 };

static int failures;

static void wrong(const char *what, const char *how, const char *path)
{
    fprintf(stderr, "%s %s %s: %s\n", what, how, path, strerror(errno));
    failures++;
}

/* --- by open and similar calls --- */

static int by_open(const char *path, int flags)
{
    return open(path, flags, 0644);
}
static int by___open(const char *path, int flags)
{
    return __open(path, flags, 0644);
}
static int by_open64(const char *path, int flags)
{
    return open64(path, flags, 0644);
}
static int by___open64(const char *path, int flags)
{
    return __open64(path, flags, 0644);
}
static int by_openat(const char *path, int flags)
{
    return openat(AT_FDCWD, path, flags, 0644);
}
static int by_openat64(const char *path, int flags)
{
    return openat64(AT_FDCWD, path, flags, 0644);
}
static int by___open_2(const char *path, int flags)
{
    return __open_2(path, flags & ~O_CREAT);
}
static int by___open64_2(const char *path, int flags)
{
    return __open64_2(path, flags & ~O_CREAT);
}
static int by___openat_2(const char *path, int flags)
{
    return __openat_2(AT_FDCWD, path, flags & ~O_CREAT);
}
static int by___openat64_2(const char *path, int flags)
{
    return __openat64_2(AT_FDCWD, path, flags & ~O_CREAT);
}

static const struct {
    const char *name;
    int (*function)(const char *path, int flags);
} openers[] = {
    {"open", by_open},
    {"__open", by___open},
    {"open64", by_open64},
    {"__open64", by___open64},
    {"openat", by_openat},
    {"openat64", by_openat64},
    {"__open_2", by___open_2},
    {"__open64_2", by___open64_2},
    {"__openat_2", by___openat_2},
    {"__openat64_2", by___openat64_2},
};

static const struct {
    const char *name;
    int flags;
} ways[] = {
    {"w", O_WRONLY},
    {"a", O_WRONLY | O_APPEND},
    {"rw", O_RDWR},
    {"create", O_WRONLY | O_CREAT | O_TRUNC},
    {"cloexec", O_WRONLY | O_CLOEXEC},
};

static int lowest_free(void)
{
    int fd = dup(STDIN_FILENO);
    close(fd);
    return fd;
}

static void check_opened(int fd, int free_fd, int flags, const char *how, const char *path)
{
    if (fd < 0)
        wrong("cannot", how, path);
    else if (errno != ERRNO_BEFORE)
        wrong("errno changed by", how, path);
    else if (fd != free_fd)
        wrong("not the lowest number:", how, path);
    else if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC) != !(flags & O_CLOEXEC))
        wrong("close-on-exec by", how, path);
}

static void try_descriptors(const char *path, const char *shown)
{
    for (size_t i = 0; i < sizeof openers / sizeof *openers; i++) {
        for (size_t j = 0; j < sizeof ways / sizeof *ways; j++) {
            int free_fd = lowest_free();
            errno = ERRNO_BEFORE;
            int fd = openers[i].function(path, ways[j].flags);
            check_opened(fd, free_fd, ways[j].flags, openers[i].name, path);
            dprintf(fd, "%s %s %s\n", openers[i].name, ways[j].name, shown);
            close(fd);
        }
    }
    int fd = creat(path, 0644);
    dprintf(fd, "creat w %s\n", shown);
    close(fd);
    fd = creat64(path, 0644);
    dprintf(fd, "creat64 w %s\n", shown);
    close(fd);
}

/* --- by stdio --- */

static const char *const modes[] = {"w", "a", "wb", "r+", "a+", "we", "w,ccs=UTF-8"};

/* We do not check errno, because libc's own lseek changes it. */
static void check_file(FILE *file, const char *mode, const char *how, const char *path)
{
    if (file == NULL)
        wrong("cannot", how, path);
    else if (!(fcntl(fileno(file), F_GETFD) & FD_CLOEXEC) != (strchr(mode, 'e') == NULL))
        wrong("close-on-exec by", how, path);
}

static void say(FILE *file, const char *how, const char *mode, const char *shown)
{
    if (file == NULL)
        return;
    if (strstr(mode, "ccs") != NULL) /* only this kind of file takes the mode without a locale */
        fwprintf(file, L"%s %s %s \u00e4\n", how, mode, shown);
    else
        fprintf(file, "%s %s %s\n", how, mode, shown);
    fclose(file);
}

static void try_file(FILE *(*function)(const char *, const char *), const char *how,
                     const char *path, const char *shown)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        FILE *file = function(path, modes[i]);
        check_file(file, modes[i], how, path);
        say(file, how, modes[i], shown);
    }
}

/* With path NULL, the file already is the stream's. */
static void try_again(FILE *(*function)(const char *, const char *, FILE *), const char *how,
                      const char *path, const char *shown, int stream)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        FILE *file = path != NULL ? fopen("/dev/zero", "r") : fdopen(dup(stream), "w");
        int number = fileno(file);
        if (path == NULL)
            fprintf(file, "left in the buffer of %s\n", how);
        FILE *again = function(path, modes[i], file);
        check_file(again, modes[i], how, shown);
        if (again != file || fileno(again) != number)
            wrong("not the same file:", how, shown);
        say(again, how, modes[i], shown);
    }
}

static void try_all(const char *path, const char *shown, int stream)
{
    try_descriptors(path, shown);
    try_file(fopen, "fopen", path, shown);
    try_file(fopen64, "fopen64", path, shown);
    try_again(freopen, "freopen", path, shown, stream);
    try_again(freopen64, "freopen64", path, shown, stream);
}

static void try_relative(const char *directory, const char *name)
{
    int at = open(directory, O_RDONLY | O_DIRECTORY);
    int fd[] = {openat(at, name, O_WRONLY), openat64(at, name, O_WRONLY),
                __openat_2(at, name, O_WRONLY), __openat64_2(at, name, O_WRONLY)};
    for (size_t i = 0; i < sizeof fd / sizeof *fd; i++) {
        dprintf(fd[i], "relative to %s %zu\n", directory, i);
        if (close(fd[i]) < 0)
            wrong("cannot", "openat", directory);
    }
    close(at);
}

static void try_stream(int n, const char *where)
{
    char path[512], name[16];
    snprintf(name, sizeof name, "%d", n);
    static const char *const plain[] = {"/dev/fd", "/proc/self/fd", "/proc/thread-self/fd",
                                        "/dev//fd/.", "//proc/self/./fd//"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        snprintf(path, sizeof path, "%s/%d", plain[i], n);
        try_all(path, plain[i], n);
    }
    snprintf(path, sizeof path, "/proc/%d/fd/%d", getpid(), n);
    try_all(path, "/proc/PID/fd", n);
    snprintf(path, sizeof path, "/proc/%d/task/%ld/fd/%d", getpid(), syscall(SYS_gettid), n);
    try_all(path, "/proc/PID/task/TID/fd", n);
    if (n <= 2)
        try_all(n == 1 ? "/dev/stdout" : "/dev/stderr", "/dev/std*", n);
    snprintf(path, sizeof path, "%s/link.%d", where, n);
    if (symlink(n == 2 ? "/dev/stderr" : n == 1 ? "/dev/stdout" : "/dev/fd/9", path) == 0)
        try_all(path, "link", n);
    try_again(freopen, "freopen", NULL, "NULL", n);
    try_again(freopen64, "freopen64", NULL, "NULL", n);
    try_relative("/proc/self/fd", name);
    if (chdir("/proc/self/fd") == 0)
        try_all(name, "in the directory", n);
}

/* --- what must fail --- */

static void fails(const char *what, int fd, int error)
{
    if (fd >= 0 || errno != error)
        wrong("instead of failing as it should:", what, fd >= 0 ? "opened" : "failed");
}

static void others(void)
{
    fails("O_EXCL", open("/dev/stdout", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
    fails("O_EXCL", open("/proc/self/fd/1", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
    fails("O_DIRECTORY", open("/dev/stdout", O_RDONLY | O_DIRECTORY), ENOTDIR);
    fails("O_NOFOLLOW", open("/dev/stdout", O_WRONLY | O_NOFOLLOW), ELOOP);
    fails("no such descriptor", open("/dev/fd/99", O_WRONLY), ENOENT);
    const char *volatile nowhere = NULL;
    fails("a NULL path", open(nowhere, O_WRONLY), EFAULT);
    if (fopen("/dev/stdout", "wx") != NULL || errno != EEXIST)
        wrong("fopen", "wx", "/dev/stdout");
    if (fopen("/dev/stdout", "nonsense") != NULL || errno != EINVAL)
        wrong("fopen", "nonsense", "/dev/stdout");

    int pair[2], listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        exit(2);
    char path[64];
    snprintf(path, sizeof path, "/dev/fd/%d", pair[0]);
    fails("another socket", open(path, O_WRONLY), ENXIO);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/reopen.%d", getenv("TMP"), getpid());
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0)
        exit(2);
    fails("a socket in a file system", open(address.sun_path, O_WRONLY), ENXIO);
    unlink(address.sun_path);
    /* Number 1 is not the stream any more, but a socket of the program's own. */
    if (dup2(pair[0], 1) != 1)
        exit(2);
    fails("fd 1 turned to another socket", open("/dev/stdout", O_WRONLY), ENXIO);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "others") == 0)
        others();
    else if (argc == 3)
        try_stream(atoi(argv[1]), argv[2]);
    else
        return 2;
    return failures > 0;
}
