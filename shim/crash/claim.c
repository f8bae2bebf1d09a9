/* claim.c: lets one thread at a time report its crash. */
#define _GNU_SOURCE
#include "shim/crash/claim.h"

#include <time.h>

#include "shim/nolibc.h"

enum {
    WAIT_NS = 10 * 1000 * 1000,
    WAITS = 200,
    WAITS_STALE = 20, /* for a claim of another process: our parent's, or a vfork child's */
};

/* The thread that has the claim, as pid and tid. 0: none. A vfork child shares both variables with
 * its parent, a forked child has copies. */
static uint64_t owner;

/* The thread that has reported its crash and whose process is about to die of it. */
static uint64_t reported;

static uint64_t word_of(struct claim_thread thread)
{
    return (uint64_t)(uint32_t)thread.pid << 32 | (uint32_t)thread.tid;
}

static int32_t pid_of(uint64_t word)
{
    return (int32_t)(word >> 32);
}

static void wait_a_little(void)
{
    struct timespec limit = {.tv_nsec = WAIT_NS};
    RAW_SYSCALL(SYS_ppoll, NULL, 0, &limit, NULL, 0);
}

struct claim_thread claim_self(void)
{
    return (struct claim_thread){.pid = nolibc_getpid(), .tid = (int32_t)RAW_SYSCALL(SYS_gettid)};
}

static bool is_stale(uint64_t word, struct claim_thread me, int waits)
{
    if (pid_of(word) != me.pid)
        return waits >= WAITS_STALE;
    return RAW_SYSCALL(SYS_tgkill, me.pid, (int32_t)word, 0) == -ESRCH;
}

bool claim_take(struct claim_thread me)
{
    for (int waits = 0; waits <= WAITS; waits++) {
        uint64_t last = __atomic_load_n(&reported, __ATOMIC_ACQUIRE);
        uint64_t word = __atomic_load_n(&owner, __ATOMIC_ACQUIRE);
        if (last == word_of(me) || word == word_of(me))
            return false;
        if (pid_of(last) != me.pid && (word == 0 || is_stale(word, me, waits)) &&
            __atomic_compare_exchange_n(&owner, &word, word_of(me), false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            return true;
        wait_a_little();
    }
    return false;
}

void claim_release(struct claim_thread me)
{
    __atomic_store_n(&reported, word_of(me), __ATOMIC_RELEASE);
    __atomic_store_n(&owner, 0, __ATOMIC_RELEASE);
}

bool claim_is_mine(void)
{
    return __atomic_load_n(&owner, __ATOMIC_ACQUIRE) == word_of(claim_self());
}

bool claim_wait_until_free(void)
{
    int waits = 0;
    while (__atomic_load_n(&owner, __ATOMIC_ACQUIRE) != 0 && waits++ < WAITS)
        wait_a_little();
    return waits <= WAITS;
}
