/* claim.h: lets one thread at a time report its crash. */
#ifndef SSCAP_SHIM_CRASH_CLAIM_H
#define SSCAP_SHIM_CRASH_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

struct claim_thread {
    int32_t pid, tid;
};

struct claim_thread claim_self(void);

/* Waits up to two seconds for another thread, which mostly ends the process meanwhile. Returns
 * false if that takes longer, or if this thread has reported a crash already and is about to die of
 * it. */
bool claim_take(struct claim_thread me);

/* The crash is reported. */
void claim_release(struct claim_thread me);

bool claim_is_mine(void);

/* Waits up to two seconds until no thread has the claim. */
bool claim_wait_until_free(void);

#endif
