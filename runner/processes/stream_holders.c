/* stream_holders.c: see stream_holders.h. */
#define _GNU_SOURCE
#include "runner/processes/stream_holders.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/util.h"

enum { NAMED_MAX = 5 };

static bool links_to(int directory, const char *name, const uint64_t *inode)
{
    char target[64];
    ssize_t n = readlinkat(directory, name, target, sizeof target - 1);
    if (n < 0)
        return false;
    target[n] = '\0';
    if (strncmp(target, "socket:[", 8) != 0)
        return false;
    uint64_t found = strtoull(target + 8, NULL, 10);
    for (int i = 0; i < SSCAP_STREAMS; i++)
        if (inode[i] != 0 && found == inode[i])
            return true;
    return false;
}

static bool holds(const char *pid, const uint64_t *inode)
{
    char path[64];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *directory = opendir(path);
    if (directory == NULL)
        return false;
    for (const struct dirent *entry; !found && (entry = readdir(directory)) != NULL;)
        found = links_to(dirfd(directory), entry->d_name, inode);
    closedir(directory);
    return found;
}

static void read_name(const char *pid, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(name, (int)size, file) == NULL)
        snprintf(name, size, "?");
    name[strcspn(name, "\n")] = '\0';
    make_safe(name);
    if (file != NULL)
        fclose(file);
}

static bool is_child(const char *pid, const uint64_t *inode)
{
    (void)inode;
    char path[64];
    char text[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = '\0';
    /* The end of the name, which may contain anything, even ") S PPID" (proc(5)). */
    const char *end = strrchr(text, ')');
    return end != NULL && strlen(end) > 4 && atoi(end + 4) == getpid();
}

/* Lists the names of all processes for which `is` is true. */
static size_t list(bool (*is)(const char *pid, const uint64_t *inode), const uint64_t *inode,
                   char *text, size_t size)
{
    size_t count = 0;
    size_t length = 0;
    DIR *proc = opendir("/proc");
    if (proc == NULL)
        return 0;
    for (const struct dirent *entry; (entry = readdir(proc)) != NULL;) {
        char name[64];
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || !is(entry->d_name, inode))
            continue;
        if (++count > NAMED_MAX)
            continue;
        read_name(entry->d_name, name, sizeof name);
        int n = snprintf(text + length, size - length, "%s%s[%s]", count > 1 ? ", " : "", name,
                         entry->d_name);
        if (n > 0 && (size_t)n < size - length)
            length += (size_t)n;
    }
    closedir(proc);
    if (count > NAMED_MAX)
        snprintf(text + length, size - length, " and %zu more", count - NAMED_MAX);
    return count;
}

size_t stream_holders_list(const uint64_t inode[SSCAP_STREAMS], char *text, size_t size)
{
    return list(holds, inode, text, size);
}

size_t stream_holders_children(char *text, size_t size)
{
    return list(is_child, NULL, text, size);
}
