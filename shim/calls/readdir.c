/* readdir.c: hides the library's descriptors from the lists in /proc/self/fd.
 *
 * `ls /proc/self/fd`, bash's `echo /proc/self/fd/[0-9]*`, find, python's os.listdir, ruby's
 * Dir.children and node's fs.readdir would otherwise return another list than without sscap. ctl
 * and the private duplicates of other threads (private_fd.h) are left out, because close and fcntl
 * treat them as not open. For most names, this costs a look at the name. Other processes (lsof) see
 * all descriptors.
 *
 * Not covered are lists that are read by raw system calls (Go) or inside libc (glob, nftw), and the
 * number of entries, which recent kernels return as the size of the directory. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "shim/core/private_fd.h"
#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

/* readdir_r */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* --- the directory --- */

/* The path that a descriptor is open on. Returns its length, or 0 if it is not known. */
static size_t path_of(int fd, char *path, size_t size)
{
    char link[sizeof "/proc/self/fd/" + 11] = "/proc/self/fd/";
    nolibc_decimal(link + sizeof "/proc/self/fd/" - 1, (unsigned int)fd);
    long length = RAW_SYSCALL(SYS_readlinkat, AT_FDCWD, link, path, size - 1);
    path[length > 0 ? length : 0] = '\0';
    return length > 0 ? (size_t)length : 0;
}

/* Removes the last component from a path of *length bytes. Returns it, or NULL if there is none. */
static const char *take_last(char *path, size_t *length)
{
    size_t at = *length;
    while (at > 0 && path[at - 1] != '/')
        at--;
    if (at == 0)
        return NULL;
    *length = at - 1;
    path[at - 1] = '\0';
    return path + at;
}

static bool is_same(const char *text, const char *other)
{
    const char *rest = text != NULL ? nolibc_after_prefix(text, other) : NULL;
    return rest != NULL && *rest == '\0';
}

/* Whether the directory is .../PID/fd, .../PID/fdinfo, .../PID/task/TID/fd or
 * .../PID/task/TID/fdinfo of a proc file system, where PID is what /proc/self leads to. In a pid
 * namespace, that may differ from getpid. */
static bool is_own_list(int directory)
{
    struct statfs type = {0}; /* for the analyser: the kernel fills it in */
    char path[128], self[16];
    if (RAW_SYSCALL(SYS_fstatfs, directory, &type) < 0 || type.f_type != PROC_SUPER_MAGIC)
        return false;
    long digits = RAW_SYSCALL(SYS_readlinkat, AT_FDCWD, "/proc/self", self, sizeof self - 1);
    size_t length = path_of(directory, path, sizeof path);
    const char *list = take_last(path, &length);
    const char *process = take_last(path, &length);
    if (digits <= 0 || (!is_same(list, "fd") && !is_same(list, "fdinfo")))
        return false;
    self[digits] = '\0';
    if (is_same(process, self))
        return true;
    return is_same(take_last(path, &length), "task") && is_same(take_last(path, &length), self);
}

/* --- entries that are left out --- */

/* The number that the name is, or -1. */
static int number_of(const char *name)
{
    int number = 0;
    if (name[0] < '1' || name[0] > '9')
        return -1;
    for (size_t i = 0; name[i] != '\0'; i++) {
        if (name[i] < '0' || name[i] > '9' || i == 9)
            return -1;
        number = number * 10 + (name[i] - '0');
    }
    return number;
}

static bool is_ours(const char *name)
{
    int number = number_of(name);
    return number > STDERR_FILENO && session.joined &&
           (session_is_ctl(number) || private_fd_may_be(number));
}

static bool is_hidden(const char *name, DIR *directory)
{
    return is_ours(name) && is_own_list(REAL(dirfd)(directory));
}

/* --- readdir and its kin, each also for struct dirent64 --- */

#define READDIR(name, type)                                                                        \
    SSCAP_EXPORT struct type *name(DIR *directory)                                                 \
    {                                                                                              \
        struct type *entry;                                                                        \
        do                                                                                         \
            entry = REAL(name)(directory);                                                         \
        while (entry != NULL && is_hidden(entry->d_name, directory));                              \
        return entry;                                                                              \
    }

READDIR(readdir, dirent)
READDIR(readdir64, dirent64)

#define READDIR_R(name, type)                                                                      \
    SSCAP_EXPORT int name(DIR *directory, struct type *entry, struct type **ret_entry)             \
    {                                                                                              \
        int error;                                                                                 \
        do                                                                                         \
            error = REAL(name)(directory, entry, ret_entry);                                       \
        while (error == 0 && *ret_entry != NULL && is_hidden((*ret_entry)->d_name, directory));    \
        return error;                                                                              \
    }

READDIR_R(readdir_r, dirent)
READDIR_R(readdir64_r, dirent64)

/* Removes hidden entries from `n` bytes of entries. Returns how many bytes are left. */
static size_t take_out(int directory, char *entries, size_t n)
{
    for (size_t at = 0; at < n;) {
        const struct dirent64 *entry = (const struct dirent64 *)(const void *)(entries + at);
        size_t length = entry->d_reclen;
        if (is_ours(entry->d_name) && is_own_list(directory)) {
            nolibc_copy(entries + at, entries + at + length,
                        n - at - length); /* to a lower address */
            n -= length;
        } else {
            at += length;
        }
    }
    return n;
}

/* glibc 2.30. */
ssize_t getdents64(int directory, void *entries, size_t size);

SSCAP_EXPORT ssize_t getdents64(int directory, void *entries, size_t size)
{
    ssize_t got;
    size_t left = 0;
    do {
        got = REAL(getdents64)(directory, entries, size);
        left = got > 0 ? take_out(directory, entries, (size_t)got) : 0;
    } while (got > 0 && left == 0); /* 0 would mean the end of the directory */
    return got > 0 ? (ssize_t)left : got;
}

/* --- scandir and its kin: libc reads the directory, but calls a filter for each entry --- */

struct scan {
    int directory;
    const char *path;
    int (*filter)(const struct dirent *);
    int (*filter64)(const struct dirent64 *);
};

/* This thread's innermost scandir. A filter may call scandir, too. */
static __thread const struct scan *scan;

static bool is_scan_of_own_list(void)
{
    int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    int fd = (int)RAW_SYSCALL(SYS_openat, scan->directory, scan->path, flags, 0);
    bool own = fd >= 0 && is_own_list(fd);
    if (fd >= 0)
        RAW_SYSCALL(SYS_close, fd);
    return own;
}

static int ask_filter(const struct dirent *entry)
{
    if (is_ours(entry->d_name) && is_scan_of_own_list())
        return 0;
    return scan->filter != NULL ? scan->filter(entry) : 1;
}

static int ask_filter64(const struct dirent64 *entry)
{
    if (is_ours(entry->d_name) && is_scan_of_own_list())
        return 0;
    return scan->filter64 != NULL ? scan->filter64(entry) : 1;
}

/* Makes `call` with one of our filters. `filter_` is the program's, and names its field. */
#define SCAN(from, name, filter_, call)                                                            \
    __extension__({                                                                                \
        const struct scan *outer_ = scan;                                                          \
        const struct scan this_ = {.directory = (from), .path = (name), .filter_ = (filter_)};     \
        scan = &this_;                                                                             \
        int result_ = (call);                                                                      \
        scan = outer_;                                                                             \
        result_;                                                                                   \
    })

SSCAP_EXPORT int scandirat(int from, const char *path, struct dirent ***ret_entries,
                           int (*filter)(const struct dirent *),
                           int (*compare)(const struct dirent **, const struct dirent **))
{
    return SCAN(from, path, filter, REAL(scandirat)(from, path, ret_entries, ask_filter, compare));
}

SSCAP_EXPORT int scandirat64(int from, const char *path, struct dirent64 ***ret_entries,
                             int (*filter64)(const struct dirent64 *),
                             int (*compare)(const struct dirent64 **, const struct dirent64 **))
{
    return SCAN(from, path, filter64,
                REAL(scandirat64)(from, path, ret_entries, ask_filter64, compare));
}

SSCAP_EXPORT int scandir(const char *path, struct dirent ***ret_entries,
                         int (*filter)(const struct dirent *),
                         int (*compare)(const struct dirent **, const struct dirent **))
{
    return SCAN(AT_FDCWD, path, filter, REAL(scandir)(path, ret_entries, ask_filter, compare));
}

SSCAP_EXPORT int scandir64(const char *path, struct dirent64 ***ret_entries,
                           int (*filter64)(const struct dirent64 *),
                           int (*compare)(const struct dirent64 **, const struct dirent64 **))
{
    return SCAN(AT_FDCWD, path, filter64,
                REAL(scandir64)(path, ret_entries, ask_filter64, compare));
}
