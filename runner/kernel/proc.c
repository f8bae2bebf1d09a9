/* proc.c: see proc.h. */
#define _GNU_SOURCE
#include "runner/kernel/proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    FIELD_STATE = 3, /* fields of /proc/PID/stat, as proc(5) numbers them */
    FIELD_PPID = 4,
    FIELD_GROUP = 5,
    FIELD_FLAGS = 9,
    FIELD_USER = 14,
    FIELD_SYSTEM = 15,
    FIELD_START = 22,
    FIELD_STATUS = 52,
    FLAG_EXITING = 0x4, /* PF_EXITING of include/linux/sched.h, the same since 2.4 */
};

/* Reads the beginning of the file as a string. False: the file cannot be read. */
static bool read_file(int32_t pid, const char *name, char *text, size_t size, size_t *ret_length)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, size - 1);
    close(fd);
    if (n < 0)
        return false;
    text[n] = '\0';
    *ret_length = (size_t)n;
    return true;
}

static uint64_t ticks_us(unsigned long long ticks)
{
    static long per_second;
    if (per_second <= 0)
        per_second = sysconf(_SC_CLK_TCK);
    return per_second > 0 ? ticks * 1000000 / (unsigned long long)per_second : 0;
}

/* Parses the fields after the name. The name may contain blanks and parentheses, so it ends at the
 * last ')'. */
static bool parse_stat(char *text, struct proc_stat *stat)
{
    char *open_at = strchr(text, '(');
    char *close_at = strrchr(text, ')');
    if (open_at == NULL || close_at == NULL || close_at[1] != ' ')
        return false;
    *close_at = '\0';
    snprintf(stat->name, sizeof stat->name, "%s", open_at + 1);
    stat->state = close_at[2];
    char *at = close_at + 3;
    for (int field = FIELD_STATE + 1; field <= FIELD_STATUS; field++) {
        char *end;
        unsigned long long value = strtoull(at, &end, 10);
        if (end == at)
            return field > FIELD_GROUP;
        at = end;
        if (field == FIELD_PPID)
            stat->ppid = (int32_t)value;
        else if (field == FIELD_GROUP)
            stat->group = (int32_t)value;
        else if (field == FIELD_FLAGS)
            stat->exiting = (value & FLAG_EXITING) != 0;
        else if (field == FIELD_USER)
            stat->user_us = ticks_us(value);
        else if (field == FIELD_SYSTEM)
            stat->system_us = ticks_us(value);
        else if (field == FIELD_START)
            stat->start = value;
        else if (field == FIELD_STATUS)
            stat->status = (int)value;
    }
    return true;
}

bool proc_stat(int32_t pid, struct proc_stat *ret)
{
    char text[1024];
    size_t length;
    struct proc_stat stat = {0};
    if (!read_file(pid, "stat", text, sizeof text, &length) || !parse_stat(text, &stat))
        return false;
    *ret = stat;
    return true;
}

/* exit_code is 0 for a reader that may not trace the process (do_task_stat in fs/proc/array.c),
 * which looks like success. Reading the namespace links needs the same permission
 * (PTRACE_MODE_READ_FSCREDS) and fails without it. */
static bool may_see(int32_t pid)
{
    char path[64];
    char target[64];
    snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
    return readlink(path, target, sizeof target) > 0;
}

bool proc_zombie_status(int32_t pid, struct proc_stat *ret)
{
    struct proc_stat stat;
    if (!proc_stat(pid, &stat) || stat.state != 'Z' || (stat.status == 0 && !may_see(pid)))
        return false;
    *ret = stat;
    return true;
}

size_t proc_arguments(int32_t pid, char *ret, size_t size)
{
    size_t length = 0;
    if (!read_file(pid, "cmdline", ret, size, &length))
        return 0;
    if (length > 0 && ret[length - 1] != '\0') /* cut, or changed by the program (setproctitle) */
        length++;
    return length;
}

size_t proc_directory(int32_t pid, char *ret, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cwd", pid);
    ssize_t n = readlink(path, ret, size);
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static uint64_t limit_or_none(bool known, uint64_t limit)
{
    return known ? limit : SSCAP_UNLIMITED;
}

struct sscap_limits proc_limits(int32_t pid)
{
    /* RLIM64_INFINITY is SSCAP_UNLIMITED. */
    struct rlimit64 cpu, size;
    bool cpu_known = prlimit64(pid, RLIMIT_CPU, NULL, &cpu) == 0;
    bool size_known = prlimit64(pid, RLIMIT_FSIZE, NULL, &size) == 0;
    return (struct sscap_limits){
        .cpu_soft = limit_or_none(cpu_known, cpu.rlim_cur),
        .cpu_hard = limit_or_none(cpu_known, cpu.rlim_max),
        .file_size = limit_or_none(size_known, size.rlim_cur),
    };
}

int32_t proc_rank(int32_t pid)
{
    static const char *const names[SSCAP_RANK_VARIABLES_COUNT] = SSCAP_RANK_VARIABLES;
    size_t best = SSCAP_RANK_VARIABLES_COUNT;
    int32_t rank = -1;
    char path[64];
    char *line = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "/proc/%d/environ", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -1;
    while (getdelim(&line, &size, '\0', file) > 0) {
        for (size_t i = 0; i < best; i++) {
            size_t length = strlen(names[i]);
            if (strncmp(line, names[i], length) == 0 && line[length] == '=') {
                rank = atoi(line + length + 1);
                best = i;
            }
        }
    }
    free(line);
    fclose(file);
    return rank;
}
