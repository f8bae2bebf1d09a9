/* buffer.c: see buffer.h.
 *
 * Records lie one behind the other in one ring, none of them across its end: where the next does
 * not fit before the end, it goes to the beginning, and `wrap` says where reading goes over. */
#define _GNU_SOURCE
#include "runner/lines/buffer.h"

#include <errno.h>

#include "runner/handover/shared_memory.h"

int buffer_init(struct buffer *buffer, size_t bytes, uint64_t lines, bool drop)
{
    void *ring = shared_memory_alloc(bytes);
    if (ring == NULL)
        return -ENOMEM;
    *buffer = (struct buffer){
        .ring = ring, .size = bytes, .lines_max = lines, .drop = drop, .wrap = bytes};
    return 0;
}

void buffer_clear(struct buffer *buffer)
{
    shared_memory_free(buffer->ring, buffer->size);
    *buffer = (struct buffer){0};
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

static size_t tail_of(const struct buffer *buffer)
{
    return buffer->tail[buffer->first & 1];
}

static size_t offset_of(const struct cursor *cursor)
{
    return cursor->offset[cursor->number & 1];
}

void buffer_add_cursor(struct buffer *buffer, struct cursor *cursor, uint32_t streams)
{
    *cursor = (struct cursor){.number = buffer->first, .streams = streams, .next = buffer->cursors};
    cursor->offset[cursor->number & 1] = tail_of(buffer);
    buffer->cursors = cursor;
    buffer->unread = buffer->first;
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

/* Moves the cursors that stand on the oldest record past it; false when one has yet to read it,
 * unless that is to be dropped. */
static bool pass(struct buffer *buffer, const struct record *oldest, bool drop)
{
    uint64_t unread = buffer->next;
    for (struct cursor *cursor = buffer->cursors; cursor != NULL; cursor = cursor->next) {
        if (cursor->number == buffer->first) {
            if (cursor->streams & 1u << oldest->who.stream) {
                if (!drop)
                    return false;
                cursor->dropped_lines++;
                cursor->dropped_bytes += oldest->length;
                buffer->dropped_lines++;
            }
            buffer_advance(buffer, cursor);
        }
        if (cursor->number < unread)
            unread = cursor->number;
    }
    buffer->unread = unread;
    return true;
}

/* Takes the oldest record out. False when a cursor has yet to read it. */
static bool evict(struct buffer *buffer, bool drop)
{
    const struct record *oldest = record_at(buffer, tail_of(buffer));
    if (buffer->first >= buffer->unread && !pass(buffer, oldest, drop))
        return false;
    size_t next = after(buffer, tail_of(buffer));
    buffer->tail[(buffer->first + 1) & 1] = next;
    SHARED_PUBLISH(buffer->first, buffer->first + 1);
    if (next == 0) /* not before the last of that lap is out: `wrap` says where it ends */
        buffer->wrap = buffer->size;
    return true;
}

/* Offset for a record of this size in the free part of the ring, in one piece; false when it does
 * not fit there. */
static bool place(struct buffer *buffer, size_t size, size_t *ret_offset)
{
    if (buffer->first == buffer->next) { /* empty: begin anew */
        buffer->head = buffer->tail[buffer->first & 1] = 0;
        buffer->wrap = buffer->size;
        for (struct cursor *cursor = buffer->cursors; cursor != NULL; cursor = cursor->next)
            cursor->offset[cursor->number & 1] = 0;
        *ret_offset = 0;
        return true;
    }
    size_t tail = tail_of(buffer);
    if (buffer->head > tail) {
        /* Back to the beginning as soon as there is as much room as lies behind: what is written
         * again is in the cache still. */
        bool again = tail >= size && tail > buffer->head - tail;
        if (!again && buffer->size - buffer->head >= size) {
            *ret_offset = buffer->head;
            return true;
        }
        if (tail < size)
            return false;
        /* To the beginning. Cursors that stood at the head, having read all, go along. */
        for (struct cursor *cursor = buffer->cursors; cursor != NULL; cursor = cursor->next)
            if (cursor->number == buffer->next)
                cursor->offset[cursor->number & 1] = 0;
        buffer->wrap = buffer->head;
        *ret_offset = 0;
        return true;
    }
    *ret_offset = buffer->head;
    return tail - buffer->head >= size;
}

struct record *buffer_append(struct buffer *buffer, size_t length)
{
    size_t size = (sizeof(struct record) + length + 7) & ~(size_t)7;
    size_t offset;
    if (size > buffer->size)
        return NULL;
    while (buffer->next - buffer->first >= buffer->lines_max || !place(buffer, size, &offset))
        if (!evict(buffer, false) &&
            (buffer->make_room == NULL || !buffer->make_room(buffer->context)) &&
            (!buffer->drop || !evict(buffer, true)))
            return NULL;
    struct record *record = record_at(buffer, offset);
    record->size = (uint32_t)size;
    record->length = (uint32_t)length;
    return record;
}

void buffer_commit(struct buffer *buffer, const struct record *record)
{
    size_t end = (size_t)((const char *)record - buffer->ring) + record->size;
    buffer->head = end == buffer->size ? 0 : end;
    SHARED_PUBLISH(buffer->next, buffer->next + 1);
}

const struct record *buffer_peek(struct buffer *buffer, struct cursor *cursor)
{
    while (cursor->number < buffer->next) {
        const struct record *record = record_at(buffer, offset_of(cursor));
        if (cursor->streams & 1u << record->who.stream)
            return record;
        buffer_advance(buffer, cursor);
    }
    return NULL;
}

void buffer_advance(struct buffer *buffer, struct cursor *cursor)
{
    cursor->offset[(cursor->number + 1) & 1] = after(buffer, offset_of(cursor));
    SHARED_PUBLISH(cursor->number, cursor->number + 1);
}

void buffer_seek_tail(struct buffer *buffer, struct cursor *cursor, uint64_t lines)
{
    uint64_t ahead = 0;
    size_t offset = offset_of(cursor);
    for (uint64_t number = cursor->number; number < buffer->next;
         number++, offset = after(buffer, offset))
        ahead += record_at(buffer, offset)->who.end != LINE_GROUP;
    for (; ahead > lines; buffer_advance(buffer, cursor))
        ahead -= record_at(buffer, offset_of(cursor))->who.end != LINE_GROUP;
}
