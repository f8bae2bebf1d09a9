/* shared_memory.h: memory that the runner shares with the guardian.
 *
 * Everything that the runner has in hand lies there, so that nothing is lost when the runner is
 * killed (handover.h, failover/). One mapping is made before the runner is forked. */
#ifndef SSCAP_RUNNER_HANDOVER_SHARED_MEMORY_H
#define SSCAP_RUNNER_HANDOVER_SHARED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Makes the mapping. Call it once. Only touched pages cost memory. Returns 0 or -ENOMEM. */
int shared_memory_init(size_t bytes);

/* Returns a block of `bytes`, zeroed if it was never used before, or NULL when none is left.
 * shared_memory_free takes the same `bytes`. */
void *shared_memory_alloc(size_t bytes);
void shared_memory_free(void *block, size_t bytes);

/* The same for a block that is never freed. It takes no more than `bytes`. */
void *shared_memory_alloc_forever(size_t bytes);

/* Whether [at, at + bytes) lies in the mapping. The guardian checks every pointer that a killed
 * runner has left. */
bool shared_memory_holds(const void *at, size_t bytes);

#endif
