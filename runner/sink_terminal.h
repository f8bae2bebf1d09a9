/* sink_terminal.h: tagged lines to stdout and stderr, be they terminals, pipes, sockets or files. */
#ifndef SSCAP_RUNNER_SINK_TERMINAL_H
#define SSCAP_RUNNER_SINK_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runner/buffer.h"
#include "runner/loop.h"
#include "runner/tag.h"

/* One output. Where stdout and stderr are the same file, one sink serves both streams, and order is kept. */
struct sink {
    struct loop *loop;
    struct buffer *buffer;
    struct cursor cursor;
    struct tag *tag;
    int fd;      /* never blocks; -1: has failed */
    bool socket; /* needs send(2) not to block */
    bool
        shared; /* blocks, its description not being ours alone: written to in small pieces, and only when ready */
    bool live;  /* reads the buffer; else only at the end (--tail) */
    bool stuck; /* its reader is too slow: waits for EPOLLOUT */
    struct watch watch;
    char *out; /* formatted, of which [from, to) is not written yet */
    size_t from, to, capacity;
    bool midline; /* the last thing written was a line without its newline, by: */
    struct writer mid;
    uint64_t lines;               /* written out in full is more than can be known; formatted */
    void (*moved)(void *context); /* was stuck, and goes on */
    size_t (*describe)(
        void *context, const struct record *record, char *text,
        size_t size); /* what stands at an error group's place, its newline included; 0: nothing */
    void (*failed)(void *context, struct sink *sink, int error); /* cannot write: gives its records up */
    void *context;
};

/* Makes an output of `fd` for the given streams (bits). With live, reads the buffer from now on. Callbacks are the caller's to fill in
 * before. Returns 0 or -errno. */
int sink_init(struct sink *sink, struct loop *loop, struct buffer *buffer, struct tag *tag, int fd,
              uint32_t streams, bool live);
void sink_clear(struct sink *sink);

/* Begins to read: the last `lines` records that are kept. */
void sink_start(struct sink *sink, uint64_t lines);

/* Formats what the buffer holds for it and writes full blocks; with flush, all. Returns whether its cursor moved. */
bool sink_pump(struct sink *sink, bool flush);

/* Whether nothing is left for it to write. */
bool sink_done(struct sink *sink);

#endif
