/* buffer.h: the bounded ring of records, and the cursors that read it.
 *
 * A record is a finished line, or the place of an error group among the lines. The ring is bounded
 * in lines and in bytes; bytes include the ring's own bookkeeping. When the ring is full, the
 * oldest record goes. In `block` mode a record that a cursor has yet to read stays, so there is no
 * room until that cursor has moved on. In `drop` mode the record goes and is counted for that
 * cursor.
 *
 * Places of error groups are not lines: they are in no bound and no count. */
#ifndef SSCAP_RUNNER_LINES_BUFFER_H
#define SSCAP_RUNNER_LINES_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "runner/handover/handover.h"
#include "shim/wire.h"

enum { PLACES_MAX = 256 }; /* error groups that get a place in a buffer's whole life */

/* Why a record ended. */
enum line_end {
    LINE_WHOLE,      /* a newline, which is not part of the text */
    LINE_SPLIT,      /* longer than --max-line: goes on in the writer's next record */
    LINE_UNFINISHED, /* the writer ended */
    LINE_IDLE,       /* shown before it is finished: goes on in the writer's next record */
    LINE_PLACE,      /* no line, but an error group's place: the text is its number (uint32_t) */
};

/* Who wrote a record and how it ended: everything that a tag is made from, but for the time. */
struct writer {
    int32_t pid;
    int32_t ppid;
    uint32_t tid;
    int32_t rank;      /* in its parallel job; -1: not known, or not asked for */
    uint8_t stream;    /* enum sscap_stream */
    uint8_t end;       /* enum line_end */
    uint8_t continues; /* the line that the writer's last record began */
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

struct cursor {
    struct ring_place at; /* the next record to read */
    uint32_t streams;     /* bits of enum sscap_stream that it reads; it passes over the others */
    uint64_t dropped_lines, dropped_bytes; /* since the reader last set them to 0 */
    struct cursor *next;
};

struct buffer {
    char *ring;
    size_t size; /* of the ring in bytes */
    uint64_t lines, lines_max;
    size_t bytes, bytes_max; /* of the lines' records */
    bool drop;
    size_t head;             /* offset at which the next record goes */
    size_t wrap;             /* offset at which the ring's last lap ended */
    struct ring_place first; /* the oldest record */
    uint64_t next;           /* number of the record after the newest */
    /* No cursor is before this number. It is a lower bound, looked up again when it is reached. */
    uint64_t unread;
    uint64_t dropped_lines; /* in all, by all cursors */
    struct cursor *cursors;
    /* Called when the ring is full: lets cursors move on now. False: none could. */
    bool (*make_room)(void *context);
    void *context;
};

/* Makes a ring for `bytes` of lines. It lies in shared memory and is never freed. Returns 0 or
 * -ENOMEM. */
int buffer_init(struct buffer *buffer, size_t bytes, uint64_t lines, bool drop);

/* Adds a cursor on the oldest record. A removed cursor holds nothing back any more. */
void buffer_add_cursor(struct buffer *buffer, struct cursor *cursor, uint32_t streams);
void buffer_remove_cursor(struct buffer *buffer, struct cursor *cursor);

/* Returns a record for a line with `length` bytes of text, which may be a quarter of the ring at
 * most, or for a place. The caller fills in all but size and length. NULL: there is no room in
 * `block` mode. Cursors and the guardian see the record once it is committed, which must be before
 * the next append. */
struct record *buffer_append(struct buffer *buffer, size_t length);
struct record *buffer_append_place(struct buffer *buffer);
void buffer_commit(struct buffer *buffer, const struct record *record);

/* Returns the next record for this cursor, or NULL when it has read all. The record stays valid
 * until the next append. buffer_advance goes past it. */
const struct record *buffer_peek(struct buffer *buffer, struct cursor *cursor);
void buffer_advance(struct buffer *buffer, struct cursor *cursor);

/* Moves a cursor so that at most `lines` lines are ahead of it, with the places among them. */
void buffer_seek_tail(struct buffer *buffer, struct cursor *cursor, uint64_t lines);

/* Whether two writers are equal in every byte. Inline, because it runs for every line. */
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
