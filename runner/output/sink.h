/* sink_terminal.h: tagged lines to stdout and stderr, be they terminals, pipes, sockets or files.
 */
#ifndef SSCAP_RUNNER_OUTPUT_SINK_H
#define SSCAP_RUNNER_OUTPUT_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runner/lines/buffer.h"
#include "runner/loop.h"
#include "runner/output/tag.h"

/* How far it has come with the records that its cursor has passed. */
struct mark {
    size_t to;
    bool midline; /* the last thing formatted was a line without its newline, by: */
    struct writer mid;
};

/* One output. Where stdout and stderr are the same file, one sink serves both streams, and order is
 * kept. */
struct sink {
    struct loop *loop; /* NULL: the guardian's, which may block */
    struct buffer *buffer;
    struct cursor cursor;
    struct tag *tag;
    int fd;      /* never blocks; -1: has failed */
    bool socket; /* needs send(2) not to block */
    /* Blocks, its description not being ours alone: written to in small pieces, and only when
     * ready. */
    bool shared;
    bool live;  /* reads the buffer; else only at the end (--tail) */
    bool stuck; /* its reader is too slow: waits for EPOLLOUT */
    struct watch watch;
    /* formatted, of which [from, to) is not written yet, and [to, end) not whole; in shared memory
     */
    char *out;
    size_t from, end, capacity;
    struct mark mark[2];          /* by cursor.number, as the cursor's offsets */
    bool regular, appends;        /* a regular file, open with O_APPEND */
    bool writing;                 /* from `from` on, to such a file, */
    off_t start;                  /* in which out[0] is or would be here */
    void (*moved)(void *context); /* was stuck, and goes on */
    size_t (*describe)(
        void *context, const struct record *record, char *text,
        size_t size); /* what stands at an error group's place, its newline included; 0: nothing */
    void (*failed)(void *context, struct sink *sink,
                   int error); /* cannot write: gives its records up */
    void *context;
};

/* Makes an output of `fd` for the given streams (bits). With live, reads the buffer from now on.
 * Callbacks are the caller's to fill in before. Returns 0 or -errno. */
int sink_init(struct sink *sink, struct loop *loop, struct buffer *buffer, struct tag *tag, int fd,
              uint32_t streams, bool live);
void sink_clear(struct sink *sink);

/* Begins to read: the last `lines` records that are kept. */
void sink_start(struct sink *sink, uint64_t lines);

/* Formats what the buffer holds for it and writes full blocks; with flush, all. Returns whether its
 * cursor moved. */
bool sink_pump(struct sink *sink, bool flush);

/* The guardian's, once the runner is dead, before anything else is written to fd: how far the last
 * write of the runner has come. */
void sink_settle(struct sink *sink, int fd);

/* Then: writes to fd what the sink has in hand and what is left in the buffer (of --tail, the last
 * `lines`), without tags, and blocking. What the runner had just been writing may come twice, but
 * not to a regular file. */
void sink_take_over(struct sink *sink, int fd, struct tag *untagged, uint64_t lines,
                    void (*failed)(void *context, struct sink *sink, int error));

/* Whether nothing is left for it to write. */
bool sink_done(struct sink *sink);

#endif
