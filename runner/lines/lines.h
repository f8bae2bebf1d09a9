/* lines.h: bytes into lines, by process, stream and thread. */
#ifndef SSCAP_RUNNER_LINES_LINES_H
#define SSCAP_RUNNER_LINES_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runner/lines/buffer.h"
#include "runner/lines/tail.h"
#include "shim/wire.h"

struct process;

/* An unfinished line of one thread; in shared memory, as its text. */
struct assembler {
    struct process *process;
    uint32_t tid;
    uint8_t stream;
    bool continues;             /* a record with the beginning of this line is in the buffer */
    char name[SSCAP_NAME_SIZE]; /* the process's when the line began */
    char *text;
    size_t length, capacity;
    uint64_t touched;                            /* now_ns of its last bytes, for idling */
    struct assembler *next;                      /* of the same process and stream */
    struct assembler *open_previous, *open_next; /* all with bytes, by `touched` */
};

/* What becomes true of a stream the moment that a record is committed to the buffer, or that bytes
 * are set aside: for the guardian, should the runner be killed before it comes to say so in the
 * places themselves. */
struct promise {
    uint64_t next;               /* true as soon as the buffer's `next` is this or more: */
    size_t at;                   /* the chunk is taken in up to here at least, */
    struct assembler *assembler; /* and its bytes are in the buffer; NULL: nobody's */
    struct {
        struct assembler *assembler;
        size_t length; /* true as soon as its length is this or more: */
        size_t at;
    } aside;
};

struct lines {
    struct buffer *buffer[SSCAP_STREAMS]; /* where each stream's lines go: two, or the same */
    struct promise promise[SSCAP_STREAMS];
    size_t line_max;
    size_t open_max;    /* bytes of all unfinished lines together: beyond it the one that grows is
                           split */
    size_t open_bytes;  /* allocated */
    struct tails tails; /* last lines of each process */
    bool ranks;         /* records are to have their rank */
    uint64_t wall;      /* time of the bytes in hand */
    uint64_t now;
    uint64_t lines, bytes;             /* in all */
    uint32_t idle_streams;             /* bits: those that are shown on a terminal */
    uint64_t idle;                     /* ns after which an unfinished line is shown; 0: never */
    struct assembler *oldest, *newest; /* with bytes, by `touched` */
};

void lines_init(struct lines *lines, struct buffer *out, struct buffer *err, size_t line_max,
                size_t open_max);

/* Feeds chunk[*at, end), which thread `tid` (0: not told apart) of the process wrote. *at grows
 * with what is taken, line by line, as the guardian may look at it. False: it has not come to the
 * end, as the buffer is full; then the rest is to be offered again. */
bool lines_feed(struct lines *lines, struct process *process, enum sscap_stream stream,
                uint32_t tid, const char *chunk, size_t *at, size_t end);

/* Another chunk comes: nothing of it has been taken in. */
void lines_new_chunk(struct lines *lines, enum sscap_stream stream);

/* The guardian's, when the runner was killed at any moment: how far the chunk has been taken in, if
 * `at` is what lines_feed said; whether the assembler's bytes are still in no record. */
size_t lines_taken(const struct lines *lines, enum sscap_stream stream, size_t at);
bool lines_unfinished(const struct lines *lines, const struct assembler *assembler);

/* The process wrote its last: what it left unfinished becomes lines. False when the buffer is full;
 * to be called again. */
bool lines_end(struct lines *lines, struct process *process);

/* Shows unfinished lines that have been idle for long enough. Returns when (now_ns) to come again,
 * 0: not before more bytes came. */
uint64_t lines_show_idle(struct lines *lines, uint64_t now);

#endif
