/* buffer.h: the bounded ring of records (lines, in the order in which they were finished), and
 * cursors that read it.
 *
 * Bounded in lines and in bytes, bookkeeping included. When it is full, the oldest record goes; one
 * that a cursor has yet to read goes only in `drop` mode, where it is counted for that cursor. In
 * `block` mode there is no room until cursors have moved on. */
#ifndef SSCAP_RUNNER_LINES_BUFFER_H
#define SSCAP_RUNNER_LINES_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shim/wire.h"

/* Why a line ended. */
enum line_end {
    LINE_WHOLE,      /* a newline, which is not part of the text */
    LINE_SPLIT,      /* longer than --max-line: it goes on in the next record of its writer */
    LINE_UNFINISHED, /* its process ended */
    LINE_IDLE,       /* shown before it is finished: it goes on in the next record of its writer */
    LINE_GROUP,      /* no line: the place of an error group, whose number (uint32_t) is the text */
};

/* Whose a record is, and what of: all that its tag is made from, but for the time. */
struct writer {
    int32_t pid;
    int32_t ppid;
    uint32_t tid;
    int32_t rank;      /* in its parallel job; -1 when that is not known or not asked for */
    uint8_t stream;    /* enum sscap_stream */
    uint8_t end;       /* enum line_end */
    uint8_t continues; /* the line that the writer's record before this one began */
    uint8_t unused[5]; /* 0 */
    char name[SSCAP_NAME_SIZE];
};

struct record {
    uint32_t size;   /* of the record in the ring, a multiple of 8 */
    uint32_t length; /* of the text */
    uint64_t time;   /* wall_ns at arrival */
    struct writer who;
    char text[];
};

/* Offsets that belong to a number lie in two slots, one for even numbers and one for odd: who is
 * killed at any moment has left a number and the offset that goes with it. */
struct cursor {
    size_t offset[2]; /* of the next record to read, by: */
    uint64_t number;  /* of that record, counted from the session's first */
    uint32_t streams; /* bits of enum sscap_stream that it reads; it passes over the others */
    uint64_t dropped_lines, dropped_bytes; /* since the reader last set them to 0 */
    struct cursor *next;
};

struct buffer {
    char *ring;
    size_t size; /* of the ring in bytes */
    uint64_t lines_max;
    bool drop;
    size_t head;          /* offset at which the next record goes */
    size_t tail[2];       /* offset of the oldest, by `first` */
    size_t wrap;          /* offset at which the ring's last lap ended, for reading past it */
    uint64_t first, next; /* numbers of the oldest record and of the one after the newest */
    uint64_t unread; /* no cursor is before this number: a lower bound, looked up again when it is
                        reached */
    uint64_t dropped_lines; /* in all, by all cursors */
    struct cursor *cursors;
    bool (*make_room)(void *context); /* full: let cursors move on now; false when none could */
    void *context;
};

/* Bytes and lines as the user bounds them; the ring lies in shared memory. Returns 0 or -ENOMEM. */
int buffer_init(struct buffer *buffer, size_t bytes, uint64_t lines, bool drop);
void buffer_clear(struct buffer *buffer);

/* A cursor on the oldest record; and one no longer: it holds nothing back any more. */
void buffer_add_cursor(struct buffer *buffer, struct cursor *cursor, uint32_t streams);
void buffer_remove_cursor(struct buffer *buffer, struct cursor *cursor);

/* A record with room for `length` bytes of text (at most a quarter of the bytes): the caller fills
 * in all but size and length. NULL when there is no room in `block` mode. It is there for cursors,
 * and for the guardian, once it is committed, before the next is appended. */
struct record *buffer_append(struct buffer *buffer, size_t length);
void buffer_commit(struct buffer *buffer, const struct record *record);

/* The next record for this cursor, or NULL when it has read all; stays valid until the next append.
 * buffer_advance goes past it. */
const struct record *buffer_peek(struct buffer *buffer, struct cursor *cursor);
void buffer_advance(struct buffer *buffer, struct cursor *cursor);

/* Moves a cursor so that at most `lines` lines are ahead of it, and what error groups have their
 * places among these. */
void buffer_seek_tail(struct buffer *buffer, struct cursor *cursor, uint64_t lines);

/* Equal in every byte: inline, as it is asked for every line. */
static inline bool writer_equal(const struct writer *a, const struct writer *b)
{
    uint64_t first[sizeof *a / sizeof(uint64_t)];
    uint64_t second[sizeof *a / sizeof(uint64_t)];
    uint64_t differ = 0;
    memcpy(first, a, sizeof first);
    memcpy(second, b, sizeof second);
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
        differ |= first[i] ^ second[i];
    return differ == 0;
}

#endif
