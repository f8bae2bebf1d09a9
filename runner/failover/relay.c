/* relay.c: see relay.h. */
#define _GNU_SOURCE
#include "runner/failover/relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/capture/framing.h"
#include "runner/handover/handover.h"
#include "runner/kernel/recv_creds.h"
#include "runner/util.h"

/* One stream. Its bytes are in `chunk`, of which [0, have) is not passed on yet. */
struct relay {
    int from, to; /* descriptors; -1: the stream has ended */
    const uint8_t *nonce;
    int32_t writer; /* pid of the process that wrote the last bytes */
    uint32_t frame_left;
    size_t have;
    char chunk[INTAKE_CHUNK_SIZE];
};

/* --- writing --- */

static void complain(int fd, int error)
{
    if (error != EPIPE)
        say("cannot write to standard %s: %s", fd == STDOUT_FILENO ? "output" : "error",
            strerror(error));
}

/* Writing failed. We shut the stream down, so that its writers get SIGPIPE as from a pipe without a
 * reader. */
static void give_up(struct relay *relay, int error)
{
    complain(relay->to, error);
    shutdown(relay->from, SHUT_RD);
    close(relay->from);
    relay->from = -1;
}

static void write_out(struct relay *relay, const char *bytes, size_t n)
{
    int error = relay->from >= 0 ? write_all(relay->to, bytes, n) : 0;
    if (error != 0)
        give_up(relay, -error);
}

/* Passes the chunk on, without the library's frames. With `more`, bytes at the end that may begin a
 * frame stay in the chunk. */
static void pass(struct relay *relay, bool more)
{
    size_t at = 0;
    while (at < relay->have) {
        struct sscap_frame frame = {0};
        char *here = relay->chunk + at;
        size_t left = relay->have - at;
        size_t n = relay->frame_left < left ? relay->frame_left : left;
        if (n == 0)
            n = framing_seek(here, 0, left, more, relay->nonce);
        else
            relay->frame_left -= (uint32_t)n;
        write_out(relay, here, n);
        at += n;
        if (n > 0)
            continue;
        if (framing_look(here, left, more, relay->nonce, &frame) == FRAMING_CUT)
            break;
        at += framing_size(&frame);
        relay->frame_left = frame.type == SSCAP_FRAME_BYTES ? frame.length : 0;
    }
    relay->have -= at;
    memmove(relay->chunk, relay->chunk + at, relay->have);
}

/* --- what the runner has left --- */

/* Shows the beginnings of unfinished lines. The end of a line follows if its writer is the next one
 * to write. */
static void relay_unfinished(struct relay relays[SSCAP_STREAMS], const struct lines *lines)
{
    /* A damaged list may be a circle, but each line has at least one byte. */
    size_t most = lines->open_bytes;
    for (const struct link *link = lines->unfinished.first; link != NULL && most > 0; most--) {
        const struct assembler *a = LIST_OWNER(link, struct assembler, link);
        if (!shared_memory_holds(a, sizeof *a) || !shared_memory_holds(a->text, a->length) ||
            a->who.stream >= SSCAP_STREAMS)
            return;
        /* The output is closed if another relay has this stream. */
        if (lines_is_unfinished(lines, a))
            write_out(&relays[a->who.stream], a->text, a->length);
        link = link->next;
    }
}

/* Takes over bytes that the runner has received but not put into a line. */
static void take_chunk(struct relay *relay, const struct stream *stream, const struct lines *lines)
{
    size_t from = lines_taken(lines, stream->which, stream->from);
    size_t to = stream->kept + stream->message.msg_len;
    if (!shared_memory_holds(stream->chunk, INTAKE_CHUNK_SIZE) || from > to ||
        to > INTAKE_CHUNK_SIZE)
        return;
    relay->have = to - from;
    memcpy(relay->chunk, stream->chunk + from, relay->have);
    relay->writer = stream->pid;
    if (stream->frame_end > from)
        relay->frame_left = (uint32_t)(stream->frame_end - from);
    pass(relay, true);
}

static int output_of(const struct sink *sink)
{
    return sink->cursor.streams & 1u << SSCAP_OUT ? STDOUT_FILENO : STDERR_FILENO;
}

void relay_prepare(struct shared_state *state)
{
    for (size_t i = 0; i < state->outputs.sink_count && i < SSCAP_STREAMS; i++)
        sink_settle(&state->outputs.sinks[i], output_of(&state->outputs.sinks[i]));
}

static void sink_failed(void *context, struct sink *sink, int error)
{
    (void)context;
    complain(output_of(sink), error);
}

static void salvage_all(struct relay relays[SSCAP_STREAMS], struct shared_state *state,
                        uint32_t streams, uint64_t tail_lines)
{
    static struct tag untagged;
    static const struct sink_observer observer = {.failed = sink_failed};
    for (size_t i = 0; i < state->outputs.sink_count && i < SSCAP_STREAMS; i++) {
        struct sink *sink = &state->outputs.sinks[i];
        if (sink->cursor.streams & streams)
            sink_take_over(sink, output_of(sink), &observer, &untagged, tail_lines);
    }
    relay_unfinished(relays, &state->lines);
    for (int i = 0; i < SSCAP_STREAMS; i++)
        if (relays[i].from >= 0)
            take_chunk(&relays[i], &state->intake.streams[i], &state->lines);
}

/* --- what is still to come --- */

/* Reads once, after poll has said that there are bytes or that the stream has ended. */
static void move(struct relay *relay)
{
    int32_t writer;
    ssize_t n = recv_creds(relay->from, relay->chunk + relay->have,
                           sizeof relay->chunk - relay->have, 0, &writer, NULL);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0 && writer != relay->writer) {
        /* The kept bytes are no frame if another process writes the next ones, because a frame has
         * one writer. */
        size_t fresh = relay->have;
        relay->frame_left = 0;
        pass(relay, false);
        memmove(relay->chunk, relay->chunk + fresh, (size_t)n);
    }
    if (n > 0) {
        relay->writer = writer;
        relay->have += (size_t)n;
        pass(relay, relay->have == sizeof relay->chunk);
        return;
    }
    pass(relay, false);
    close(relay->from);
    relay->from = -1;
}

void relay_run(const struct channels *channels, struct shared_state *state, uint32_t streams,
               bool salvage, uint64_t tail_lines)
{
    static struct relay relays[SSCAP_STREAMS];
    for (int i = 0; i < SSCAP_STREAMS; i++) {
        relays[i].from = streams & 1u << i ? channels->stream[i] : -1;
        relays[i].to = STDOUT_FILENO + i;
        relays[i].nonce = channels->nonce;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (salvage)
        salvage_all(relays, state, streams, tail_lines);
    while (relays[SSCAP_OUT].from >= 0 || relays[SSCAP_ERR].from >= 0) {
        struct pollfd ends[SSCAP_STREAMS];
        for (int i = 0; i < SSCAP_STREAMS; i++)
            ends[i] = (struct pollfd){.fd = relays[i].from, .events = POLLIN};
        bool idle = poll(ends, SSCAP_STREAMS, 0) == 0;
        for (int i = 0; i < SSCAP_STREAMS; i++)
            if (streams & 1u << i)
                HANDOVER_SET(state->relay_idle[i], idle);
        if (idle) {
            poll(ends, SSCAP_STREAMS, -1);
            continue;
        }
        for (int i = 0; i < SSCAP_STREAMS; i++)
            if (ends[i].revents != 0 && relays[i].from >= 0)
                move(&relays[i]);
    }
}
