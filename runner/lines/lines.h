/* lines.h: bytes into lines, by process, stream and thread. */
#ifndef SSCAP_RUNNER_LINES_LINES_H
#define SSCAP_RUNNER_LINES_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runner/handover/handover.h"
#include "runner/lines/buffer.h"
#include "runner/lines/tail.h"
#include "runner/list.h"
#include "shim/wire.h"

/* An unfinished line of one thread. It lies in shared memory, as does its text. */
struct assembler {
    struct source *source;
    struct writer who; /* as of the line's beginning */
    bool continues;    /* a record with the beginning of this line is in the buffer */
    char *text;
    size_t length, capacity;
    uint64_t touched;       /* now_ns of its last bytes */
    struct assembler *next; /* of the same source and stream */
    struct link link;       /* in lines.unfinished, if it has bytes */
};

/* What lines keep of one process. */
struct source {
    struct assembler *open[SSCAP_STREAMS]; /* its unfinished lines, by thread */
    unsigned int open_count;
    struct tail tail[SSCAP_STREAMS]; /* its last lines */
    uint64_t lines;                  /* in all */
};

struct lines {
    struct buffer *buffer[SSCAP_STREAMS]; /* where a stream's lines go: two buffers, or one */
    struct chunk_progress progress[SSCAP_STREAMS];
    size_t line_max;
    size_t open_max;    /* bytes of all unfinished lines together */
    size_t open_bytes;  /* allocated */
    struct tails tails; /* last lines of all processes */
    uint64_t wall;      /* time of the bytes that are fed now */
    uint64_t now;
    uint64_t lines, bytes;  /* in all */
    uint32_t idle_streams;  /* bits: streams that are shown on a terminal */
    uint64_t idle;          /* ns after which an unfinished line is shown; 0: never */
    struct list unfinished; /* assemblers with bytes, by `touched` */
};

/* Longer lines than line_max are split; so is the line that grows beyond open_max. */
void lines_init(struct lines *lines, struct buffer *out, struct buffer *err, size_t line_max,
                size_t open_max);

/* Feeds chunk[*at, end), which `who` wrote; who->end is LINE_WHOLE. *at grows line by line. False:
 * the buffer is full; the rest is to be offered again. */
bool lines_feed(struct lines *lines, struct source *source, const struct writer *who,
                const char *chunk, size_t *at, size_t end);

/* Another chunk comes, and nothing of it has been taken in. */
void lines_new_chunk(struct lines *lines, enum sscap_stream stream);

/* For the guardian: how far the chunk has been taken in, if `at` is what lines_feed has set; and
 * whether an unfinished line is in no record yet. */
size_t lines_taken(const struct lines *lines, enum sscap_stream stream, size_t at);
bool lines_is_unfinished(const struct lines *lines, const struct assembler *assembler);

/* The process has written its last: its unfinished lines become records. False: the buffer is full;
 * to be called again. */
bool lines_end(struct lines *lines, struct source *source);

/* Frees the last lines. lines_end must have returned true, or nobody reads the buffer any more. */
void lines_release(struct lines *lines, struct source *source);

/* Shows unfinished lines that have been idle for long enough. Returns when (now_ns) to come again;
 * 0: not before more bytes have come. */
uint64_t lines_show_idle(struct lines *lines, uint64_t now);

#endif
