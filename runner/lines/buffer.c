/* buffer.c: see buffer.h.
 *
 * Records lie one behind the other. None lies across the ring's end: where the next one does not
 * fit before the end, it goes to the beginning, and `wrap` says where reading goes over. */
#define _GNU_SOURCE
#include "runner/lines/buffer.h"

#include <errno.h>

enum { PLACE_SIZE = (sizeof(struct record) + sizeof(uint32_t) + 7) & ~(size_t)7 };

int buffer_init(struct buffer *buffer, size_t bytes, uint64_t lines, bool drop)
{
    size_t size = bytes + (size_t)PLACES_MAX * PLACE_SIZE;
    void *ring = shared_memory_alloc_forever(size);
    if (ring == NULL)
        return -ENOMEM;
    *buffer = (struct buffer){.ring = ring,
                              .size = size,
                              .lines_max = lines,
                              .bytes_max = bytes,
                              .drop = drop,
                              .wrap = size};
    return 0;
}

static struct record *record_at(const struct buffer *buffer, size_t offset)
{
    return (struct record *)(void *)(buffer->ring + offset);
}

static size_t after(const struct buffer *buffer, size_t offset)
{
    offset += record_at(buffer, offset)->size;
    return offset == buffer->wrap ? 0 : offset;
}

static bool is_line(const struct record *record)
{
    return record->who.end != LINE_PLACE;
}

static void count(struct buffer *buffer, const struct record *record, int sign)
{
    if (!is_line(record))
        return;
    buffer->lines += (uint64_t)sign;
    buffer->bytes += (size_t)sign * record->size;
}

void buffer_add_cursor(struct buffer *buffer, struct cursor *cursor, uint32_t streams)
{
    *cursor = (struct cursor){.at = buffer->first, .streams = streams, .next = buffer->cursors};
    buffer->cursors = cursor;
    buffer->unread = buffer->first.number;
}

void buffer_remove_cursor(struct buffer *buffer, struct cursor *cursor)
{
    for (struct cursor **at = &buffer->cursors; *at != NULL; at = &(*at)->next) {
        if (*at == cursor) {
            *at = cursor->next;
            return;
        }
    }
}

static void count_dropped(struct buffer *buffer, struct cursor *cursor, const struct record *record)
{
    if (!is_line(record))
        return;
    cursor->dropped_lines++;
    cursor->dropped_bytes += record->length;
    buffer->dropped_lines++;
}

/* Moves the cursors that stand on the oldest record past it. False: one has yet to read the record,
 * and may not drop it. */
static bool pass(struct buffer *buffer, const struct record *oldest, bool drop)
{
    uint64_t unread = buffer->next;
    for (struct cursor *cursor = buffer->cursors; cursor != NULL; cursor = cursor->next) {
        if (cursor->at.number == buffer->first.number) {
            bool wanted = (cursor->streams & 1u << oldest->who.stream) != 0;
            if (wanted && !drop)
                return false;
            if (wanted)
                count_dropped(buffer, cursor, oldest);
            buffer_advance(buffer, cursor);
        }
        if (cursor->at.number < unread)
            unread = cursor->at.number;
    }
    buffer->unread = unread;
    return true;
}

/* Takes the oldest record out. False: a cursor has yet to read it. */
static bool evict(struct buffer *buffer, bool drop)
{
    const struct record *oldest = record_at(buffer, ring_place_offset(&buffer->first));
    if (buffer->first.number >= buffer->unread && !pass(buffer, oldest, drop))
        return false;
    count(buffer, oldest, -1);
    size_t next = after(buffer, ring_place_offset(&buffer->first));
    ring_place_next(&buffer->first, next);
    if (next == 0) /* only now: until here `wrap` told where that lap ended */
        buffer->wrap = buffer->size;
    return true;
}

/* Moves the cursors that have read everything. */
static void move_waiting_cursors(const struct buffer *buffer, size_t offset)
{
    for (struct cursor *cursor = buffer->cursors; cursor != NULL; cursor = cursor->next)
        if (cursor->at.number == buffer->next)
            ring_place_move(&cursor->at, offset);
}

/* Finds an offset for a record of this size in the ring's free part. False: it does not fit there
 * in one piece. */
static bool place(struct buffer *buffer, size_t size, size_t *ret_offset)
{
    size_t tail = ring_place_offset(&buffer->first);
    if (buffer->first.number == buffer->next) { /* empty: begin anew */
        buffer->head = 0;
        buffer->wrap = buffer->size;
        ring_place_move(&buffer->first, 0);
        move_waiting_cursors(buffer, 0);
        *ret_offset = 0;
        return true;
    }
    if (buffer->head > tail) {
        /* Go back to the beginning as soon as it has as much room as lies behind, because memory
         * that is written again soon is still in the cache. */
        bool again = tail >= size && tail > buffer->head - tail;
        if (!again && buffer->size - buffer->head >= size) {
            *ret_offset = buffer->head;
            return true;
        }
        if (tail < size)
            return false;
        move_waiting_cursors(buffer, 0);
        buffer->wrap = buffer->head;
        *ret_offset = 0;
        return true;
    }
    *ret_offset = buffer->head;
    return tail - buffer->head >= size;
}

/* Whether a line of this size is within the bounds. */
static bool may_add_line(const struct buffer *buffer, size_t size)
{
    return buffer->lines < buffer->lines_max && buffer->bytes + size <= buffer->bytes_max;
}

static struct record *append(struct buffer *buffer, size_t length, bool line)
{
    size_t size = (sizeof(struct record) + length + 7) & ~(size_t)7;
    size_t offset;
    if (size > buffer->bytes_max)
        return NULL;
    while ((line && !may_add_line(buffer, size)) || !place(buffer, size, &offset))
        if (!evict(buffer, false) &&
            (buffer->make_room == NULL || !buffer->make_room(buffer->context)) &&
            (!buffer->drop || !evict(buffer, true)))
            return NULL;
    struct record *record = record_at(buffer, offset);
    record->size = (uint32_t)size;
    record->length = (uint32_t)length;
    return record;
}

struct record *buffer_append(struct buffer *buffer, size_t length)
{
    return append(buffer, length, true);
}

struct record *buffer_append_place(struct buffer *buffer)
{
    return append(buffer, sizeof(uint32_t), false);
}

void buffer_commit(struct buffer *buffer, const struct record *record)
{
    size_t end = (size_t)((const char *)record - buffer->ring) + record->size;
    buffer->head = end == buffer->size ? 0 : end;
    count(buffer, record, 1);
    HANDOVER_SET(buffer->next, buffer->next + 1);
}

const struct record *buffer_peek(struct buffer *buffer, struct cursor *cursor)
{
    while (cursor->at.number < buffer->next) {
        const struct record *record = record_at(buffer, ring_place_offset(&cursor->at));
        if (cursor->streams & 1u << record->who.stream)
            return record;
        buffer_advance(buffer, cursor);
    }
    return NULL;
}

void buffer_advance(struct buffer *buffer, struct cursor *cursor)
{
    ring_place_next(&cursor->at, after(buffer, ring_place_offset(&cursor->at)));
}

void buffer_seek_tail(struct buffer *buffer, struct cursor *cursor, uint64_t lines)
{
    uint64_t ahead = 0;
    size_t offset = ring_place_offset(&cursor->at);
    for (uint64_t number = cursor->at.number; number < buffer->next; number++) {
        ahead += is_line(record_at(buffer, offset));
        offset = after(buffer, offset);
    }
    for (; ahead > lines; buffer_advance(buffer, cursor))
        ahead -= is_line(record_at(buffer, ring_place_offset(&cursor->at)));
}
