/* shared_memory.c: see shared_memory.h. Block sizes are powers of two. Each size has a list of free
 * blocks. */
#define _GNU_SOURCE
#include "runner/handover/shared_memory.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <sys/mman.h>

enum {
    SIZE_LOG_MIN = 6,
    BLOCK_ALIGN = 1 << SIZE_LOG_MIN,
    SIZE_LOGS = sizeof(size_t) * CHAR_BIT,
    /* Free blocks from this size on give their pages back, because a few long lines may have
     * used them only once. */
    GIVE_BACK_LOG = 17,
};

/* At the beginning of a free block. */
struct free_block {
    struct free_block *next;
};

static struct {
    char *base;
    size_t size, used;
    struct free_block *free[SIZE_LOGS];
} shared;

int shared_memory_init(size_t bytes)
{
    void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return -ENOMEM;
    shared.base = base;
    shared.size = bytes;
    return 0;
}

static unsigned int size_log(size_t bytes)
{
    unsigned int log = SIZE_LOG_MIN;
    while (log < SIZE_LOGS - 1 && (size_t)1 << log < bytes)
        log++;
    return log;
}

void *shared_memory_alloc_forever(size_t bytes)
{
    size_t size = (bytes + BLOCK_ALIGN - 1) & ~(size_t)(BLOCK_ALIGN - 1);
    if (size < bytes || size > shared.size - shared.used)
        return NULL;
    shared.used += size;
    return shared.base + shared.used - size;
}

void *shared_memory_alloc(size_t bytes)
{
    unsigned int log = size_log(bytes);
    struct free_block *block = shared.free[log];
    if (block == NULL)
        return (size_t)1 << log < bytes ? NULL : shared_memory_alloc_forever((size_t)1 << log);
    shared.free[log] = block->next;
    return block;
}

void shared_memory_free(void *block, size_t bytes)
{
    if (block == NULL)
        return;
    unsigned int log = size_log(bytes);
    if (log >= GIVE_BACK_LOG) /* of shared memory it frees the pages (madvise(2)) */
        (void)madvise(block, (size_t)1 << log, MADV_REMOVE);
    struct free_block *freed = block;
    freed->next = shared.free[log];
    shared.free[log] = freed;
}

bool shared_memory_holds(const void *at, size_t bytes)
{
    uintptr_t offset = (uintptr_t)at - (uintptr_t)shared.base;
    return shared.base != NULL && offset <= shared.size && bytes <= shared.size - offset;
}
