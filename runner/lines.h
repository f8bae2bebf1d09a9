/* lines.h: bytes into lines, by process, stream and thread. */
#ifndef SSCAP_RUNNER_LINES_H
#define SSCAP_RUNNER_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runner/buffer.h"
#include "runner/tail.h"
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

struct lines {
    struct buffer *buffer[SSCAP_STREAMS]; /* where each stream's lines go: two, or the same */
    size_t line_max;
    size_t open_max;    /* bytes of all unfinished lines together: beyond it the one that grows is split */
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

/* Feeds bytes that thread `tid` (0: not told apart) of the process wrote. *ret_taken says how many were taken, at any moment, as the
 * guardian may look at it. False: fewer than n, as the buffer is full; then the rest is to be offered again. */
bool lines_feed(struct lines *lines, struct process *process, enum sscap_stream stream, uint32_t tid,
                const char *bytes, size_t n, size_t *ret_taken);

/* The process wrote its last: what it left unfinished becomes lines. False when the buffer is full; to be called again. */
bool lines_end(struct lines *lines, struct process *process);

/* Shows unfinished lines that have been idle for long enough. Returns when (now_ns) to come again, 0: not before more bytes came. */
uint64_t lines_show_idle(struct lines *lines, uint64_t now);

#endif
