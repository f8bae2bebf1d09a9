/* tail.c: see tail.h. */
#define _GNU_SOURCE
#include "runner/lines/tail.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 256, CAPACITY_MAX = 2 * TAIL_SIZE };

/* Room for as many bytes as are to be kept and again as many before they are moved: each byte is
 * moved once. */
static bool grow(struct tails *tails, struct tail *tail, size_t want)
{
    size_t capacity = tail->capacity < CAPACITY_MIN ? CAPACITY_MIN : tail->capacity;
    while (capacity < want && capacity < CAPACITY_MAX)
        capacity *= 2;
    if (capacity == tail->capacity)
        return true;
    if (tails->used - tail->capacity + capacity > tails->max)
        return tail->capacity > 0;
    char *text = realloc(tail->text, capacity);
    if (text == NULL)
        return tail->capacity > 0;
    tails->used += capacity - tail->capacity;
    tail->text = text;
    tail->capacity = (uint32_t)capacity;
    return true;
}

void tail_add(struct tails *tails, struct tail *tail, const char *text, size_t length)
{
    if (!grow(tails, tail, tail->length + length)) {
        tails->refused++;
        return;
    }
    if (tail->length + length > tail->capacity) {
        size_t keep = tail->capacity / 2;
        if (length >= keep) {
            text += length - keep;
            length = keep;
            tail->length = 0;
        } else if (tail->length + length > keep) {
            size_t kept = keep - length;
            memmove(tail->text, tail->text + tail->length - kept, kept);
            tail->length = (uint32_t)kept;
        }
        tail->cut = true;
    }
    memcpy(tail->text + tail->length, text, length);
    tail->length += (uint32_t)length;
}

void tail_clear(struct tails *tails, struct tail *tail)
{
    tails->used -= tail->capacity;
    free(tail->text);
    *tail = (struct tail){0};
}

struct tail tail_take(struct tails *tails, struct tail *tail)
{
    struct tail taken = *tail;
    tails->used -= tail->capacity;
    *tail = (struct tail){0};
    return taken;
}

const char *tail_last(const struct tail *tail, unsigned int lines, size_t *ret_length)
{
    size_t from = tail->length;
    if (tail->text == NULL) {
        *ret_length = 0;
        return "";
    }
    if (from > 0 && tail->text[from - 1] == '\n')
        from--;
    for (; from > 0; from--)
        if (tail->text[from - 1] == '\n' && --lines == 0)
            break;
    if (from == 0 && tail->cut) { /* the line that stands here has lost its beginning */
        const char *newline = memchr(tail->text, '\n', tail->length);
        if (newline != NULL && newline + 1 < tail->text + tail->length)
            from = (size_t)(newline - tail->text) + 1;
    }
    *ret_length = tail->length - from;
    return tail->text + from;
}
