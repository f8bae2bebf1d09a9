/* sink.h: writes tagged lines to stdout or stderr, which may be a terminal, a pipe, a socket or a
 * file. */
#ifndef SSCAP_RUNNER_OUTPUT_SINK_H
#define SSCAP_RUNNER_OUTPUT_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runner/lines/buffer.h"
#include "runner/loop.h"
#include "runner/output/tag.h"

struct sink;

/* Callbacks to the sink's owner. */
struct sink_observer {
    void *context;
    void (*moved)(void *context); /* the sink was stuck and can write again */
    /* The sink cannot write (errno in `error`), so it drops its records. */
    void (*failed)(void *context, struct sink *sink, int error);
    /* Writes the text for an error group's place, with a newline. Returns the bytes; 0: nothing. */
    size_t (*describe)(void *context, const struct record *record, char *text, size_t size);
};

/* How far the sink has come with the records before its cursor. */
struct mark {
    size_t to;    /* out[0, to) is whole */
    bool midline; /* the formatted bytes end in an unfinished line, by the writer: */
    struct writer mid;
};

/* One output. If stdout and stderr are the same file, one sink serves both streams, which keeps
 * their order. */
struct sink {
    const struct sink_observer *observer;
    struct loop *loop; /* NULL in the guardian, which may block */
    struct buffer *buffer;
    struct cursor cursor;
    struct tag *tag;
    int fd;      /* does not block; -1: writing has failed */
    bool socket; /* needs send(2) in order not to block */
    /* The description is shared with other processes, so it may block: we write little at a time,
     * and only when it is ready. */
    bool shared;
    bool live;  /* reads the buffer while the session runs; else only at the end (--tail) */
    bool stuck; /* the reader is too slow, so the sink waits for EPOLLOUT */
    struct watch watch;
    /* Formatted bytes, in shared memory. [from, mark.to) is whole and not written yet. [mark.to,
     * end) is being formatted. */
    char *out;
    size_t from, end, capacity;
    struct mark mark[2]; /* two versions, each valid from a number of the cursor on */
    uint64_t mark_from[2];
    unsigned int version;  /* the valid one; the guardian must look it up */
    bool regular, appends; /* a regular file, and open with O_APPEND */
    bool writing;          /* a write of [from, ...) to a regular file is under way, */
    off_t start;           /* and out[0] goes to this offset */
};

/* Makes an output of `fd` for the given streams (bits). With `live` it reads the buffer from now
 * on. Returns 0 or -errno. */
int sink_init(struct sink *sink, const struct sink_observer *observer, struct loop *loop,
              struct buffer *buffer, struct tag *tag, int fd, uint32_t streams, bool live);
void sink_clear(struct sink *sink);

/* Begins to read with the last `lines` lines that are kept. */
void sink_start(struct sink *sink, uint64_t lines);

/* Formats what the buffer holds for this sink and writes full blocks; with `flush`, everything.
 * Returns whether the cursor has moved. */
bool sink_pump(struct sink *sink, bool flush);

/* Whether the sink has nothing left to write. */
bool sink_done(struct sink *sink);

/* For the guardian, when the runner is dead. sink_settle must be called before anything else is
 * written to fd; it finds out how far the runner's last write has come. sink_take_over writes,
 * blocking and without tags, what the sink had formatted and what is left in the buffer (with
 * --tail, the last `lines`). A pipe or terminal may get the runner's last write twice; a regular
 * file does not. */
void sink_settle(struct sink *sink, int fd);
void sink_take_over(struct sink *sink, int fd, const struct sink_observer *observer,
                    struct tag *untagged, uint64_t lines);

#endif
