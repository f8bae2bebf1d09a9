/* handover.h: what the guardian needs in order to carry on when the runner is killed.
 *
 * The runner can be killed between any two instructions. Its bytes lie in shared memory
 * (shared_memory.h), and some facts about them belong together: a record's number and its offset in
 * the ring; a line in the ring and the bytes that it was made from; a line that was formatted and
 * the cursor that has passed it. Each function here prepares the new facts where nobody looks yet,
 * and makes all of them true with one store. So the guardian finds all facts old, or all new.
 *
 * The runner and the guardian never run this code at the same time, so no locks are needed. */
#ifndef SSCAP_RUNNER_HANDOVER_HANDOVER_H
#define SSCAP_RUNNER_HANDOVER_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runner/handover/shared_memory.h"

/* Sets a single fact, after everything that was written before. */
#define HANDOVER_SET(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELEASE)

/* --- a record's number and its offset --- */

/* Records are counted from the session's first. Even numbers have one slot for the offset, odd
 * numbers the other. */
struct ring_place {
    uint64_t number;
    size_t offset[2];
};

static inline size_t ring_place_offset(const struct ring_place *place)
{
    return place->offset[place->number & 1];
}

/* Moves a place that no record stands at yet. */
static inline void ring_place_move(struct ring_place *place, size_t offset)
{
    place->offset[place->number & 1] = offset;
}

/* Goes on to the next record, which stands at `offset`. */
static inline void ring_place_next(struct ring_place *place, size_t offset)
{
    place->offset[(place->number + 1) & 1] = offset;
    HANDOVER_SET(place->number, place->number + 1);
}

/* --- a received chunk and the lines made from it --- */

/* How far one stream's chunk has been taken in, beyond what the reader of the chunk has noted. */
struct chunk_progress {
    /* As soon as the ring's next record has this number or a higher one, */
    uint64_t number;
    size_t at;           /* the chunk is taken in up to here, */
    const void *emptied; /* and this unfinished line is in the ring. NULL: none was. */
    /* As soon as *kept_length is kept_value or more, the chunk is taken in up to kept_at. */
    const size_t *kept_length;
    size_t kept_value, kept_at;
};

/* A new chunk has come. */
static inline void chunk_begin(struct chunk_progress *progress)
{
    HANDOVER_SET(progress->at, 0);
    HANDOVER_SET(progress->kept_at, 0);
}

/* The record that is committed next gets the number before `number`. With it the chunk is taken in
 * up to `at`, and the unfinished line `emptied` is in the ring. */
static inline void chunk_line(struct chunk_progress *progress, uint64_t number, size_t at,
                              const void *emptied)
{
    HANDOVER_SET(progress->number, number);
    HANDOVER_SET(progress->at, at);
    progress->emptied = emptied;
}

/* Sets the length of an unfinished line, to which the chunk up to `at` was added. */
static inline void chunk_keep(struct chunk_progress *progress, size_t *length, size_t value,
                              size_t at)
{
    HANDOVER_SET(progress->kept_value, SIZE_MAX); /* no line is that long */
    HANDOVER_SET(progress->kept_length, length);
    HANDOVER_SET(progress->kept_at, at);
    HANDOVER_SET(progress->kept_value, value);
    HANDOVER_SET(*length, value);
}

/* Empties an unfinished line that chunk_line has named: nothing is to be known of it any more. */
static inline void chunk_empty(struct chunk_progress *progress, size_t *length)
{
    HANDOVER_SET(*length, 0);
    progress->emptied = NULL;
}

/* For the guardian. `next` is the number of the ring's next record. */

static inline size_t chunk_taken(const struct chunk_progress *progress, uint64_t next, size_t at)
{
    if (progress->number <= next && progress->at > at)
        at = progress->at;
    if (shared_memory_holds(progress->kept_length, sizeof *progress->kept_length) &&
        *progress->kept_length >= progress->kept_value && progress->kept_at > at)
        at = progress->kept_at;
    return at;
}

static inline bool chunk_is_in_ring(const struct chunk_progress *progress, uint64_t next,
                                    const void *unfinished)
{
    return progress->emptied == unfinished && progress->number <= next;
}

/* --- two versions of one thing --- */

/* Each version is valid from a number on. `from` holds both numbers. */

static inline unsigned int version_at(const uint64_t from[2], uint64_t number)
{
    unsigned int later = from[1] > from[0];
    return from[later] <= number ? later : !later;
}

/* Returns the version that is to be written, where `valid` is the valid one. version_ready makes it
 * valid from `number` on, once it is whole. */
static inline unsigned int version_prepare(uint64_t from[2], unsigned int valid)
{
    HANDOVER_SET(from[!valid], UINT64_MAX);
    return !valid;
}

static inline void version_ready(uint64_t from[2], unsigned int version, uint64_t number)
{
    HANDOVER_SET(from[version], number);
}

#endif
