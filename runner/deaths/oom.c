/* oom.c: see oom.h. */
#define _GNU_SOURCE
#include "runner/deaths/oom.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner/kernel/pidfd.h"
#include "runner/processes/process.h"
#include "runner/util.h"

/* --- where the counts are --- */

/* One line of /proc/self/mountinfo (proc(5)): takes the mount over if it is the memory
 * controller's. */
static void look_at_mount(struct oom *oom, char *line)
{
    char *root = NULL;
    char *mount = NULL;
    char type[32];
    char super[256];
    char *dash = strstr(line, " - ");
    if (dash == NULL || sscanf(dash, " - %31s %*s %255s", type, super) != 2)
        return;
    bool v1 = strcmp(type, "cgroup") == 0;
    bool memory = v1 && list_has(super, "memory");
    if (!memory && (strcmp(type, "cgroup2") != 0 || oom->mount != NULL))
        return;
    if (sscanf(line, "%*s %*s %*s %ms %ms", &root, &mount) == 2) {
        free(oom->mount);
        free(oom->root);
        oom->mount = mount;
        oom->root = root;
        oom->v1 = v1;
        return;
    }
    free(root);
    free(mount);
}

void oom_init(struct oom *oom)
{
    char *line = NULL;
    size_t size = 0;
    *oom = (struct oom){0};
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file != NULL && !oom->v1 && getline(&line, &size, file) > 0)
        look_at_mount(oom, line);
    free(line);
    if (file != NULL)
        fclose(file);
}

void oom_clear(struct oom *oom)
{
    for (uint32_t i = 0; i < oom->count; i++)
        free(oom->cgroups[i].path);
    free(oom->mount);
    free(oom->root);
    *oom = (struct oom){0};
}

/* The memory cgroup of a process, as /proc has it. False: not known. */
static bool path_of(const struct oom *oom, int32_t pid, char *path, size_t size)
{
    char name[64];
    char *line = NULL;
    size_t capacity = 0;
    bool found = false;
    snprintf(name, sizeof name, "/proc/%d/cgroup", pid);
    FILE *file = fopen(name, "re");
    while (file != NULL && !found && getline(&line, &capacity, file) > 0) {
        char *controllers = strchr(line, ':');
        char *at = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (at == NULL)
            continue;
        *at++ = '\0'; /* NUMBER:CONTROLLERS:PATH */
        found = oom->v1 ? list_has(controllers + 1, "memory") : strncmp(line, "0:", 2) == 0;
        at[strcspn(at, "\n")] = '\0';
        found = found && (size_t)snprintf(path, size, "%s", at) < size;
    }
    free(line);
    if (file != NULL)
        fclose(file);
    return found;
}

/* How many processes of a cgroup were killed for want of memory so far. False: it is not counted,
 * or the cgroup is gone. */
static bool read_kills(const struct oom *oom, const char *path, uint64_t *ret_kills)
{
    static const char *const files[2][2] = {{"memory.events.local", "memory.events"},
                                            {"memory.oom_control", NULL}};
    char name[PATH_MAX];
    size_t root = strcmp(oom->root, "/") == 0 ? 0 : strlen(oom->root);
    bool found = false;
    if (strncmp(path, oom->root, root) == 0)
        path += root;
    for (int i = 0; i < 2 && !found && files[oom->v1][i] != NULL; i++) {
        char word[32];
        unsigned long long number;
        if ((size_t)snprintf(name, sizeof name, "%s%s/%s", oom->mount, path, files[oom->v1][i]) >=
            sizeof name)
            return false;
        FILE *file = fopen(name, "re");
        while (file != NULL && !found && fscanf(file, "%31s %llu", word, &number) == 2)
            if (strcmp(word, "oom_kill") == 0) {
                *ret_kills = number;
                found = true;
            }
        if (file != NULL)
            fclose(file);
    }
    return found;
}

/* --- who was where --- */

/* The cgroup's place, from 1; 0: there is no room for more. A new one begins with what is counted
 * there already if `counted`, else from 0. */
static uint32_t find_or_add(struct oom *oom, const char *path, bool counted)
{
    uint64_t kills = 0;
    for (uint32_t i = 0; i < oom->count; i++)
        if (strcmp(oom->cgroups[i].path, path) == 0)
            return i + 1;
    if (oom->count == OOM_CGROUPS_MAX || !read_kills(oom, path, &kills))
        return 0;
    char *copy = strdup(path);
    if (copy == NULL)
        return 0;
    oom->cgroups[oom->count++] = (struct oom_cgroup){.path = copy, .counted = counted ? kills : 0};
    return oom->count;
}

void oom_note(struct oom *oom, struct process *process)
{
    char path[PATH_MAX];
    if (oom->mount != NULL && process->pid > 0 && path_of(oom, process->pid, path, sizeof path))
        process->memory_cgroup = find_or_add(oom, path, true);
}

/* Whether SIGKILL has ended the process, and nobody is known to have sent it. */
static bool is_unexplained(const struct ending *ending)
{
    const struct signal_sender *sender;
    return exit_status_signal(ending) == SIGKILL && exit_status_sender(ending, &sender) == 0 &&
           ending->oom_kills == 0;
}

static bool judge(struct oom *oom, struct process *process, uint32_t number)
{
    uint64_t kills = 0;
    if (number == 0)
        return false;
    struct oom_cgroup *cgroup = &oom->cgroups[number - 1];
    if (!read_kills(oom, cgroup->path, &kills) || kills <= cgroup->counted)
        return false;
    cgroup->counted++;
    process->ending.oom_kills = kills;
    process->ending.oom_cgroup = strdup(cgroup->path);
    return true;
}

/* The cgroup that the process was in last is told by its own entry while it is a zombie, by its
 * parent's, or by what was noted last. */
void oom_judge(struct oom *oom, struct process *process)
{
    char path[PATH_MAX];
    if (oom->mount == NULL || !is_unexplained(&process->ending))
        return;
    if (path_of(oom, process->pid, path, sizeof path) && process->exit.fd >= 0 &&
        pidfd_unreaped(process->exit.fd) && judge(oom, process, find_or_add(oom, path, false)))
        return; /* it still had its pid after the path was read, so it was its own */
    if (process->ppid > 0 && path_of(oom, process->ppid, path, sizeof path) &&
        judge(oom, process, find_or_add(oom, path, false)))
        return;
    judge(oom, process, process->memory_cgroup);
}
