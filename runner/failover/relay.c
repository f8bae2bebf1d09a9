/* passage.c: see passage.h. */
#define _GNU_SOURCE
#include "runner/failover/relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/capture/framing.h"
#include "runner/handover/shared_memory.h"
#include "runner/kernel/recv_creds.h"
#include "runner/util.h"

/* One stream. Its bytes lie in `chunk`, of which [0, have) is not passed on yet. */
struct relay {
    int from, to; /* descriptors; -1: ended */
    const uint8_t *nonce;
    int32_t writer; /* pid of the last bytes' */
    uint32_t frame_left;
    size_t have;
    char chunk[INTAKE_CHUNK_SIZE];
};

/* --- out --- */

static void complain(int fd, int error)
{
    if (error != EPIPE)
        say("cannot write to standard %s: %s", fd == STDOUT_FILENO ? "output" : "error",
            strerror(error));
}

/* The output takes no more: its writers are to meet what they would meet without us. */
static void give_up(struct relay *passage, int error)
{
    complain(passage->to, error);
    shutdown(passage->from, SHUT_RD);
    close(passage->from);
    passage->from = -1;
}

static void write_all(struct relay *passage, const char *bytes, size_t n)
{
    while (n > 0 && passage->from >= 0) {
        struct pollfd room = {.fd = passage->to, .events = POLLOUT};
        ssize_t written = write(passage->to, bytes, n);
        if (written >= 0) {
            bytes += written;
            n -= (size_t)written;
        } else if (errno == EAGAIN) { /* somebody else has made it so */
            poll(&room, 1, -1);
        } else if (errno != EINTR) {
            give_up(passage, errno);
        }
    }
}

/* Passes on the program's own bytes of the chunk, and the library's frames without their headers.
 * What may be the beginning of a frame stays if there is `more` to come. */
static void pass(struct relay *passage, bool more)
{
    size_t at = 0;
    while (at < passage->have) {
        struct sscap_frame frame = {0};
        char *here = passage->chunk + at;
        size_t left = passage->have - at;
        size_t n = passage->frame_left < left ? passage->frame_left : left;
        if (n == 0)
            n = framing_seek(here, 0, left, more, passage->nonce);
        else
            passage->frame_left -= (uint32_t)n;
        write_all(passage, here, n);
        at += n;
        if (n > 0)
            continue;
        if (framing_look(here, left, more, passage->nonce, &frame) == FRAMING_CUT)
            break;
        at += framing_size(&frame);
        passage->frame_left = frame.type == SSCAP_FRAME_BYTES ? frame.length : 0;
    }
    passage->have -= at;
    memmove(passage->chunk, passage->chunk + at, passage->have);
}

/* --- what the runner had in hand --- */

/* Beginnings of lines. Their ends follow, if their writer is the only one that was in the midst of
 * a line. */
static void relay_unfinished(struct relay passages[SSCAP_STREAMS], const struct lines *lines)
{
    size_t most = lines->open_bytes; /* each has at least one: should the list go round, it ends */
    for (const struct assembler *a = lines->oldest; a != NULL && most > 0;
         a = a->open_next, most--) {
        if (!shared_memory_holds(a, sizeof *a) || !shared_memory_holds(a->text, a->length) ||
            a->stream >= SSCAP_STREAMS)
            return;
        if (lines_unfinished(lines, a)) /* nothing, where the stream is not ours */
            write_all(&passages[a->stream], a->text, a->length);
    }
}

/* What was received and is in no line yet. */
static void take_chunk(struct relay *passage, const struct stream *stream,
                       const struct lines *lines)
{
    size_t from = lines_taken(lines, stream->which, stream->from);
    size_t to = stream->kept + stream->message.msg_len;
    if (!shared_memory_holds(stream->chunk, INTAKE_CHUNK_SIZE) || from > to ||
        to > INTAKE_CHUNK_SIZE)
        return;
    passage->have = to - from;
    memcpy(passage->chunk, stream->chunk + from, passage->have);
    passage->writer = stream->pid;
    if (stream->frame_end > from)
        passage->frame_left = (uint32_t)(stream->frame_end - from);
    pass(passage, true);
}

static int output_of(const struct sink *sink)
{
    return sink->cursor.streams & 1u << SSCAP_OUT ? STDOUT_FILENO : STDERR_FILENO;
}

void relay_prepare(struct shared_state *flow)
{
    for (size_t i = 0; i < flow->outputs.sink_count && i < SSCAP_STREAMS; i++)
        sink_settle(&flow->outputs.sinks[i], output_of(&flow->outputs.sinks[i]));
}

static void sink_failed(void *context, struct sink *sink, int error)
{
    (void)context;
    complain(output_of(sink), error);
}

static void salvage_all(struct relay passages[SSCAP_STREAMS], struct shared_state *flow,
                        uint32_t streams, uint64_t tail_lines)
{
    static struct tag untagged;
    for (size_t i = 0; i < flow->outputs.sink_count && i < SSCAP_STREAMS; i++) {
        struct sink *sink = &flow->outputs.sinks[i];
        if (sink->cursor.streams & streams)
            sink_take_over(sink, output_of(sink), &untagged, tail_lines, sink_failed);
    }
    relay_unfinished(passages, &flow->lines);
    for (int i = 0; i < SSCAP_STREAMS; i++)
        if (passages[i].from >= 0)
            take_chunk(&passages[i], &flow->intake.streams[i], &flow->lines);
}

/* --- what is still to come --- */

/* One read. It may wait, but for the end or for bytes, as poll says. */
static void move(struct relay *passage)
{
    int32_t writer;
    ssize_t n = recv_creds(passage->from, passage->chunk + passage->have,
                           sizeof passage->chunk - passage->have, 0, &writer, NULL);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0 && writer != passage->writer) {
        /* Then it was no frame: a frame is one writer's. */
        size_t fresh = passage->have;
        passage->frame_left = 0;
        pass(passage, false);
        memmove(passage->chunk, passage->chunk + fresh, (size_t)n);
    }
    if (n > 0) {
        passage->writer = writer;
        passage->have += (size_t)n;
        pass(passage, passage->have == sizeof passage->chunk);
        return;
    }
    pass(passage, false);
    close(passage->from);
    passage->from = -1;
}

void relay_run(const struct channels *channels, struct shared_state *flow, uint32_t streams,
               bool salvage, uint64_t tail_lines)
{
    static struct relay passages[SSCAP_STREAMS];
    for (int i = 0; i < SSCAP_STREAMS; i++) {
        passages[i].from = streams & 1u << i ? channels->stream[i] : -1;
        passages[i].to = STDOUT_FILENO + i;
        passages[i].nonce = channels->nonce;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (salvage)
        salvage_all(passages, flow, streams, tail_lines);
    while (passages[SSCAP_OUT].from >= 0 || passages[SSCAP_ERR].from >= 0) {
        struct pollfd ends[SSCAP_STREAMS];
        for (int i = 0; i < SSCAP_STREAMS; i++)
            ends[i] = (struct pollfd){.fd = passages[i].from, .events = POLLIN};
        bool idle = poll(ends, SSCAP_STREAMS, 0) == 0;
        for (int i = 0; i < SSCAP_STREAMS; i++)
            if (streams & 1u << i)
                SHARED_PUBLISH(flow->relay_idle[i], idle);
        if (idle) {
            poll(ends, SSCAP_STREAMS, -1);
            continue;
        }
        for (int i = 0; i < SSCAP_STREAMS; i++)
            if (ends[i].revents != 0 && passages[i].from >= 0)
                move(&passages[i]);
    }
}
