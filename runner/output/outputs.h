/* outputs.h: sscap's own stdout and stderr: the buffers of records, and the sinks that write
 * them. */
#ifndef SSCAP_RUNNER_OUTPUT_OUTPUTS_H
#define SSCAP_RUNNER_OUTPUT_OUTPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/lines/buffer.h"
#include "runner/loop.h"
#include "runner/options.h"
#include "runner/output/sink.h"
#include "runner/output/tag.h"

struct outputs {
    /* Each output has its own buffer, because a slow reader of one must not hold up the other. */
    struct buffer buffers[SSCAP_STREAMS];
    size_t buffer_count;
    struct tag tags[SSCAP_STREAMS];
    size_t tag_width;
    struct sink sinks[SSCAP_STREAMS];
    size_t sink_count;
    bool tail_started;
};

/* Makes the buffers. Returns 0 or -errno. */
int outputs_init(struct outputs *outputs, const struct options *options);
void outputs_clear(struct outputs *outputs);

/* Opens the outputs of these streams (bits). Returns 0 or -errno. */
int outputs_open(struct outputs *outputs, struct loop *loop, const struct options *options,
                 uint32_t streams, const struct sink_observer *observer);

/* The buffer for a stream's lines. */
struct buffer *outputs_buffer(struct outputs *outputs, enum sscap_stream stream);

/* Lets the sinks format and write what the buffers hold; with flush, all of it. Returns whether any
 * cursor has moved. */
bool outputs_pump(struct outputs *outputs, bool flush);

/* At the end of a session with --tail: begins to show the last `lines` lines that are kept. */
void outputs_start_tail(struct outputs *outputs, uint64_t lines);

/* Whether nothing is left to write. */
bool outputs_done(struct outputs *outputs);

uint64_t outputs_dropped(const struct outputs *outputs);

/* Whether escape sequences should be written to fd. */
bool outputs_want_color(const struct options *options, int fd);

#endif
