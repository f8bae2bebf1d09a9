/* check.h: for unit tests and for test programs that check results themselves: an assertion that
 * NDEBUG does not remove, and pseudo-random numbers that are the same in each run. */
#ifndef SSCAP_TESTS_UNIT_CHECK_H
#define SSCAP_TESTS_UNIT_CHECK_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s (%s)\n", __FILE__, __LINE__, #condition,          \
                    strerror(errno));                                                              \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* xorshift64: a number from 0 to below - 1. */
static inline uint64_t random_below(uint64_t *state, uint64_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state % below;
}

#endif
