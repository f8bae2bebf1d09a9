/* shared.h: memory that the guardian sees, too: what the runner has in hand lies there, so that
 * nothing of it is lost when the runner is killed (guardian.h). One mapping, made before the runner
 * is forked; its blocks come back by size. */
#ifndef SSCAP_RUNNER_HANDOVER_SHARED_MEMORY_H
#define SSCAP_RUNNER_HANDOVER_SHARED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Makes the mapping, of which only touched pages cost anything; once per program. Returns 0 or
 * -ENOMEM. */
int shared_memory_init(size_t bytes);

/* A block of `bytes`, zeroed if it was never used before; NULL: none left. Given back with the same
 * `bytes`. */
void *shared_memory_alloc(size_t bytes);
void shared_memory_free(void *block, size_t bytes);

/* Whether [at, at + bytes) lies within: for those who read what a killed process has left. */
bool shared_memory_holds(const void *at, size_t bytes);

/* Sets what the guardian may read: at once, and after all that was written before. */
#define SHARED_PUBLISH(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELEASE)

#endif
