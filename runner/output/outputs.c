/* outputs.c: see outputs.h. */
#define _GNU_SOURCE
#include "runner/output/outputs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/util.h"

static bool same_file(int a, int b)
{
    struct stat first, second;
    return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino && first.st_rdev == second.st_rdev;
}

bool outputs_want_color(const struct options *options, int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    if (options->color_mode != COLOR_AUTO)
        return options->color_mode == COLOR_ALWAYS;
    if (no_color != NULL && *no_color != '\0') /* no-color.org */
        return false;
    return isatty(fd) && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static bool make_room(void *context)
{
    return outputs_pump(context, false);
}

int outputs_init(struct outputs *outputs, const struct options *options)
{
    /* One buffer serves both streams if they go to the same file, which keeps their order. --tail
     * needs one buffer too, because it prints the last lines of both. */
    outputs->buffer_count = options->tail || same_file(STDOUT_FILENO, STDERR_FILENO)
                                ? 1
                                : SSCAP_STREAMS;
    for (size_t i = 0; i < outputs->buffer_count; i++) {
        int error = buffer_init(&outputs->buffers[i], options->bytes / outputs->buffer_count,
                                options->lines, options->full_mode == FULL_DROP);
        if (error != 0)
            return error;
        outputs->buffers[i].make_room = make_room;
        outputs->buffers[i].context = outputs;
    }
    return 0;
}

void outputs_clear(struct outputs *outputs)
{
    for (size_t i = 0; i < outputs->sink_count; i++)
        sink_clear(&outputs->sinks[i]);
}

struct buffer *outputs_buffer(struct outputs *outputs, enum sscap_stream stream)
{
    return &outputs->buffers[stream == SSCAP_ERR ? outputs->buffer_count - 1 : 0];
}

static int add_sink(struct outputs *outputs, struct loop *loop, const struct options *options,
                    int fd, uint32_t streams, const struct sink_observer *observer)
{
    struct sink *sink = &outputs->sinks[outputs->sink_count];
    struct tag *tag = &outputs->tags[outputs->sink_count];
    enum sscap_stream stream = streams == 1u << SSCAP_ERR ? SSCAP_ERR : SSCAP_OUT;
    tag_init(tag, options->tag, options->timestamps, outputs_want_color(options, fd),
             &outputs->tag_width, wall_ns());
    int error = sink_init(sink, observer, loop, outputs_buffer(outputs, stream), tag, fd, streams,
                          !options->tail);
    if (error == 0)
        outputs->sink_count++;
    return error;
}

int outputs_open(struct outputs *outputs, struct loop *loop, const struct options *options,
                 uint32_t streams, const struct sink_observer *observer)
{
    const uint32_t out = 1u << SSCAP_OUT;
    const uint32_t err = 1u << SSCAP_ERR;
    if (streams == (out | err) && same_file(STDOUT_FILENO, STDERR_FILENO))
        return add_sink(outputs, loop, options, STDOUT_FILENO, streams, observer);
    int error = streams & out ? add_sink(outputs, loop, options, STDOUT_FILENO, out, observer) : 0;
    return error == 0 && streams & err
               ? add_sink(outputs, loop, options, STDERR_FILENO, err, observer)
               : error;
}

bool outputs_pump(struct outputs *outputs, bool flush)
{
    bool moved = false;
    for (size_t i = 0; i < outputs->sink_count; i++)
        moved |= sink_pump(&outputs->sinks[i], flush);
    return moved;
}

void outputs_start_tail(struct outputs *outputs, uint64_t lines)
{
    for (size_t i = 0; i < outputs->sink_count && !outputs->tail_started; i++)
        if (outputs->sinks[i].fd >= 0)
            sink_start(&outputs->sinks[i], lines);
    outputs->tail_started = true;
}

bool outputs_done(struct outputs *outputs)
{
    for (size_t i = 0; i < outputs->sink_count; i++)
        if (!sink_done(&outputs->sinks[i]))
            return false;
    return true;
}

uint64_t outputs_dropped(const struct outputs *outputs)
{
    return outputs->buffers[0].dropped_lines + outputs->buffers[1].dropped_lines;
}
