/* tail.h: the last lines of one process on one stream, whatever others print meanwhile. Bounded
 * each, and all together. */
#ifndef SSCAP_RUNNER_LINES_TAIL_H
#define SSCAP_RUNNER_LINES_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TAIL_SIZE = 2048 }; /* bytes kept of each */

struct tail {
    char
        *text; /* whole lines with their newlines, and at the end maybe an unfinished one without */
    uint32_t length, capacity;
    bool cut; /* its first line has lost its beginning */
};

/* What all of them may take together. */
struct tails {
    size_t used, max;
    uint64_t refused; /* lines not kept for want of room */
};

/* Adds whole lines, or a part of one. */
void tail_add(struct tails *tails, struct tail *tail, const char *text, size_t length);
void tail_clear(struct tails *tails, struct tail *tail);

/* Takes the text out, which the caller frees. It leaves the room of all tails. */
struct tail tail_take(struct tails *tails, struct tail *tail);

/* Where the last `lines` lines begin, and that the first of them is whole. */
const char *tail_last(const struct tail *tail, unsigned int lines, size_t *ret_length);

#endif
