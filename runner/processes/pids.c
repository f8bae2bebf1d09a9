/* pids.c: see pids.h. */
#define _GNU_SOURCE
#include "runner/processes/pids.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "runner/util.h"

enum {
    PID_LIMIT = 1 << 22, /* PID_MAX_LIMIT of 64-bit kernels */
    PARENT_UNKNOWN = -1,
    GONE_MS = 10000,
};

struct pid {
    struct process *newest;
    /* Parent of the process that is gone; 0: none is gone; or PARENT_UNKNOWN. */
    int32_t gone_parent;
    uint32_t gone; /* when it went, in ms */
};

int pids_init(struct pids *pids)
{
    /* Only touched pages take memory. */
    void *table = mmap(NULL, sizeof(struct pid) * (PID_LIMIT + 1), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (table == MAP_FAILED)
        return -ENOMEM;
    pids->table = table;
    return 0;
}

void pids_clear(struct pids *pids)
{
    munmap(pids->table, sizeof(struct pid) * (PID_LIMIT + 1));
    pids->table = NULL;
}

static struct pid *entry_of(const struct pids *pids, int32_t pid)
{
    return &pids->table[pid > 0 && pid <= PID_LIMIT ? pid : 0];
}

struct process **pids_place(const struct pids *pids, int32_t pid)
{
    return &entry_of(pids, pid)->newest;
}

static uint32_t now_ms(void)
{
    return (uint32_t)(now_ns() / NS_PER_MS);
}

void pids_note_gone(struct pids *pids, int32_t pid, int32_t parent)
{
    struct pid *entry = entry_of(pids, pid);
    if (entry == pids->table)
        return;
    entry->gone_parent = parent > 0 ? parent : PARENT_UNKNOWN;
    entry->gone = now_ms();
}

static bool is_remembered(const struct pid *entry)
{
    return entry->gone_parent != 0 && now_ms() - entry->gone < GONE_MS;
}

bool pids_take_gone(struct pids *pids, int32_t pid)
{
    struct pid *entry = entry_of(pids, pid);
    bool is = is_remembered(entry);
    entry->gone_parent = 0;
    return is;
}

bool pids_was_child(const struct pids *pids, int32_t pid, int32_t parent)
{
    const struct pid *entry = entry_of(pids, pid);
    return entry->gone_parent == parent && is_remembered(entry);
}
