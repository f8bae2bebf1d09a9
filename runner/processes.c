/* processes.c: see processes.h. */
#define _GNU_SOURCE
#include "runner/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runner/util.h"

enum {
    PID_LIMIT = 1 << 22,  /* PID_MAX_LIMIT of 64-bit kernels */
    DESCRIPTORS_KEPT = 4, /* for everything else: /proc files, connections to the named socket */
};

#define SWEEP_NS   (200 * NS_PER_MS)
#define REFRESH_NS (1 * NS_PER_MS)

static void sweep(struct timer *timer);

int processes_init(struct processes *processes, struct loop *loop, struct lines *lines)
{
    size_t size = sizeof(struct process *) * (PID_LIMIT + 1);
    /* One pointer a pid, of which only the pages in use take memory. */
    void *table = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                       0);
    if (table == MAP_FAILED)
        return -ENOMEM;
    struct rlimit files;
    *processes = (struct processes){.fd_max = INT_MAX,
                                    .loop = loop,
                                    .lines = lines,
                                    .by_pid = table,
                                    .pid_max = PID_LIMIT,
                                    .self = getpid(),
                                    .sweep.due = sweep};
    processes->sweep.context = processes;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < INT_MAX)
        processes->fd_max = (int)files.rlim_cur - DESCRIPTORS_KEPT;
    loop_add_timer(loop, &processes->sweep);
    return 0;
}

static void forget(struct process *process)
{
    loop_unwatch(process->set->loop, &process->exit);
    if (process->exit.fd >= 0)
        close(process->exit.fd);
    process->exit.fd = -1;
}

void processes_clear(struct processes *processes)
{
    struct process **lists[] = {&processes->live, &processes->ended};
    for (size_t i = 0; i < 2; i++) {
        while (*lists[i] != NULL) {
            struct process *process = *lists[i];
            *lists[i] = process->next;
            forget(process);
            free(process);
        }
    }
    munmap(processes->by_pid, sizeof(struct process *) * (PID_LIMIT + 1));
}

/* --- lists --- */

static void list_remove(struct process **list, struct process *process)
{
    *(process->previous != NULL ? &process->previous->next : list) = process->next;
    if (process->next != NULL)
        process->next->previous = process->previous;
}

static void list_add(struct process **list, struct process *process)
{
    process->previous = NULL;
    process->next = *list;
    if (*list != NULL)
        (*list)->previous = process;
    *list = process;
}

static struct process **newest_of(const struct processes *processes, int32_t pid)
{
    /* 0: writers of a pid namespace that is none of ours below; out of range: cannot be, and is treated like them. */
    return &processes->by_pid[pid > 0 && pid <= processes->pid_max ? pid : 0];
}

struct process *processes_find(const struct processes *processes, int32_t pid, enum sscap_stream stream,
                               uint64_t position)
{
    struct process *process = *newest_of(processes, pid);
    while (process != NULL && process->older != NULL && position < process->older->end_position[stream])
        process = process->older;
    if (process != NULL && process->ended && position >= process->end_position[stream])
        return NULL; /* a new process, of which nothing is known yet */
    return process;
}

/* --- ends --- */

static void end(struct process *process)
{
    struct processes *set = process->set;
    if (process->ended)
        return;
    process->ended = true;
    for (int stream = 0; stream < SSCAP_STREAMS; stream++)
        process->end_position[stream] = set->position(set->context, (enum sscap_stream)stream);
    forget(process);
    list_remove(&set->live, process);
    list_add(&set->ended, process);
    set->live_count--;
}

static void exit_ready(struct watch *watch, uint32_t events)
{
    struct process *process = watch->context;
    (void)events;
    process->set->before_end(process->set->context); /* what it said before it died is still its own */
    end(process);
}

void processes_ended(struct processes *processes, int32_t pid)
{
    processes->before_end(processes->context);
    struct process *process = *newest_of(processes, pid);
    if (process != NULL && process->pid == pid)
        end(process);
}

void processes_settle(struct processes *processes, const uint64_t position[SSCAP_STREAMS])
{
    for (struct process *process = processes->ended, *next; process != NULL; process = next) {
        next = process->next;
        if (position[SSCAP_OUT] < process->end_position[SSCAP_OUT] ||
            position[SSCAP_ERR] < process->end_position[SSCAP_ERR])
            continue;
        if (!lines_end(processes->lines, process))
            return;
        struct process **at = newest_of(processes, process->pid);
        while (*at != process)
            at = &(*at)->older;
        *at = process->older;
        list_remove(&processes->ended, process);
        processes->unshimmed_count += !process->shimmed;
        free(process);
    }
}

uint64_t processes_unshimmed(const struct processes *processes)
{
    uint64_t count = processes->unshimmed_count;
    for (const struct process *process = processes->live; process != NULL; process = process->next)
        count += !process->shimmed;
    for (const struct process *process = processes->ended; process != NULL; process = process->next)
        count += !process->shimmed;
    return count;
}

/* --- beginnings --- */

/* Wants to know of its end: by a pidfd; where there are none left (EMFILE), by looking. */
static void watch_exit(struct process *process)
{
    struct processes *set = process->set;
    int fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (fd < 0 && errno == ESRCH) {
        process->late = true;
        end(process);
        return;
    }
    process->exit = (struct watch){.ready = exit_ready, .context = process, .fd = fd};
    if (fd >= 0 && fd < set->fd_max && loop_watch(set->loop, &process->exit, fd, EPOLLIN) == 0)
        return;
    if (fd >= 0)
        close(fd);
    process->exit.fd = -1;
    if (set->sweep.at == 0)
        set->sweep.at = now_ns() + SWEEP_NS;
}

static struct process *add(struct processes *processes, int32_t pid, int32_t ppid, const char *name)
{
    struct process *process = calloc(1, sizeof *process);
    struct process **at = newest_of(processes, pid);
    if (process == NULL) {
        processes->lost++;
        return NULL;
    }
    if (*at != NULL)
        end(*at); /* another process has the pid now */
    process->pid = pid;
    process->ppid = ppid;
    process->set = processes;
    process->exit.fd = -1;
    process->older = *at;
    *at = process;
    snprintf(process->name, sizeof process->name, "%s", name);
    for (int stream = 0; stream < SSCAP_STREAMS; stream++)
        memcpy(process->stream_name[stream], process->name, sizeof process->name);
    list_add(&processes->live, process);
    processes->count++;
    processes->live_count++;
    if (pid > 0)
        watch_exit(process);
    return process;
}

struct stat_line {
    char name[SSCAP_NAME_SIZE];
    int32_t ppid;
    char state;
};

/* /proc/PID/stat: "pid (comm) state ppid ..."; comm may hold anything, so it ends at the last ')' (proc(5)). */
static bool read_stat(int32_t pid, struct stat_line *ret_line)
{
    char path[64];
    char text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    char *open_at = strchr(text, '(');
    char *close_at = strrchr(text, ')');
    if (open_at == NULL || close_at == NULL || close_at[1] != ' ')
        return false;
    *close_at = '\0';
    snprintf(ret_line->name, sizeof ret_line->name, "%s", open_at + 1);
    ret_line->state = close_at[2];
    ret_line->ppid = atoi(close_at + 4);
    return true;
}

struct process *processes_discover(struct processes *processes, int32_t pid)
{
    struct stat_line line;
    if (pid <= 0 || !read_stat(pid, &line))
        return NULL;
    return add(processes, pid, line.ppid, line.name);
}

struct process *processes_unknown(struct processes *processes, int32_t pid)
{
    return add(processes, pid, 0, "?");
}

static void sweep(struct timer *timer)
{
    struct processes *processes = timer->context;
    bool more = false;
    for (struct process *process = processes->live, *next; process != NULL; process = next) {
        struct stat_line line;
        next = process->next;
        if (process->exit.fd >= 0 || process->pid == 0)
            continue;
        if (!read_stat(process->pid, &line) || line.state == 'Z' || line.state == 'X')
            end(process);
        else
            more = true;
    }
    if (more)
        timer->at = now_ns() + SWEEP_NS;
}

/* --- names --- */

static void rename_stream(struct process *process, int stream)
{
    memcpy(process->stream_name[stream], process->name, sizeof process->name);
}

/* The name is as the kernel has it (at most 15 bytes), so a copy of all its bytes is a string. */
static void set_name(struct process *process, const char *name)
{
    snprintf(process->name, sizeof process->name, "%s", name);
    process->rank_read = false;
}

void processes_frame(struct process *process, enum sscap_stream stream, const char *name)
{
    process->frames_due[stream]--;
    snprintf(process->stream_name[stream], SSCAP_NAME_SIZE, "%.*s", SSCAP_NAME_SIZE - 1, name);
    if (process->frames_due[stream] == 0 && process->shimmed)
        rename_stream(process,
                      stream); /* its event, which says the same, and what came after that are in already */
}

void processes_refresh(struct process *process, uint64_t now)
{
    struct stat_line line;
    if (process->shimmed || process->ended || now < process->name_read + REFRESH_NS)
        return;
    process->name_read = now;
    if (process->pid == 0 || !read_stat(process->pid, &line))
        return;
    set_name(process, line.name);
    for (int stream = 0; stream < SSCAP_STREAMS; stream++)
        if (process->frames_due[stream] <= 0)
            rename_stream(process, stream);
}

/* By the environment that a process was started with: for those that have no library to tell. */
static int32_t read_rank(int32_t pid)
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

int32_t processes_rank(struct process *process)
{
    if (!process->rank_read)
        process->rank = read_rank(process->pid);
    process->rank_read = true;
    return process->rank;
}

/* --- events --- */

static void event_fork(struct processes *processes, int32_t sender, int32_t parent_pid)
{
    struct process *process = *newest_of(processes, sender);
    const struct process *parent = parent_pid > 0 ? *newest_of(processes, parent_pid) : NULL;
    if (process != NULL && !process->ended && !process->shimmed) {
        process->shimmed = true; /* known already, by bytes that an atfork handler of the program's wrote */
        return;
    }
    if (parent != NULL)
        process = add(processes, sender, parent_pid, parent->name);
    else if ((process = processes_discover(processes, sender)) == NULL)
        process = processes_unknown(processes, sender);
    if (process != NULL) {
        process->shimmed = true;
        if (parent_pid > 0)
            process->ppid = parent_pid;
        if (parent != NULL) {
            process->rank = parent->rank;
            process->rank_read = parent->rank_read;
        }
    }
}

static void event_image(struct processes *processes, int32_t sender, int32_t parent_pid, const char *name,
                        int32_t rank)
{
    struct process *process = *newest_of(processes, sender);
    if (process != NULL && process->ended && !process->late)
        process = NULL; /* another one, under the same pid */
    if (process == NULL)
        process = add(processes, sender, parent_pid, name);
    if (process == NULL)
        return;
    process->shimmed = true;
    set_name(process, name);
    process->rank = rank;
    process->rank_read = true;
    for (int stream = 0; stream < SSCAP_STREAMS; stream++)
        if (process->frames_due[stream] <= 0)
            rename_stream(process, stream);
}

/* EXEC and NAME: from here on `name`, in these streams from the frame on. */
static void event_name(struct processes *processes, int32_t sender, uint32_t streams, const char *name,
                       bool new_image)
{
    struct process *process = *newest_of(processes, sender);
    if (process != NULL && process->ended && !process->late)
        process = NULL;  /* another one, under the same pid */
    if (process == NULL) /* a vfork child, which says nothing before */
        process = processes_discover(processes, sender);
    if (process == NULL)
        process = processes_unknown(processes, sender);
    if (process == NULL)
        return;
    process->shimmed = !new_image; /* until the new image speaks, which a static program never does */
    set_name(process, name);
    process->name_read = now_ns();
    for (int stream = 0; stream < SSCAP_STREAMS; stream++) {
        if (streams & 1u << stream)
            process->frames_due[stream]++;
        else
            rename_stream(process, stream);
    }
}

static void event_spawn(struct processes *processes, int32_t sender, int32_t child, const char *name)
{
    struct process *process = child > 0 ? *newest_of(processes, child) : NULL;
    if (child <= 0)
        return;
    if (process != NULL && !process->ended)
        process->ppid = sender;
    else
        add(processes, child, sender, name);
}

void processes_event(struct processes *processes, int32_t sender, const struct sscap_event *event)
{
    char name[SSCAP_NAME_SIZE];
    /* Pids from inside another pid namespace mean nothing out here. */
    int32_t other = event->pid == sender ? event->other : 0;
    snprintf(name, sizeof name, "%.*s", SSCAP_NAME_SIZE - 1, event->name);
    if (sender <= 0 || sender == processes->self)
        return;
    switch (event->type) {
    case SSCAP_EVENT_FORK:
        event_fork(processes, sender, other);
        break;
    case SSCAP_EVENT_IMAGE:
        event_image(processes, sender, other, name, event->rank);
        break;
    case SSCAP_EVENT_EXEC:
    case SSCAP_EVENT_NAME:
        event_name(processes, sender, event->streams, name, event->type == SSCAP_EVENT_EXEC);
        break;
    case SSCAP_EVENT_SPAWN:
        event_spawn(processes, sender, other, name);
        break;
    default:
        break; /* events.c has checked the type */
    }
}
