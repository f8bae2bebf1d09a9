/* intake.c: see intake.h.
 *
 * A process sends its first event over ctl before its first byte. So we take in events before we
 * read bytes, and again if the bytes come from an unknown process. */
#define _GNU_SOURCE
#include "runner/capture/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "runner/capture/framing.h"
#include "runner/handover/handover.h"
#include "runner/kernel/pidfd.h"
#include "runner/kernel/recv_creds.h"
#include "runner/processes/process_name.h"
#include "runner/util.h"

enum {
    READS_PER_TURN = 8, /* then the other stream, signals and sinks get their turn */
    WRITERS_WAKE_NS = 50 * 1000,
    WRITERS_WAKE_TRIES = 100,
    WRITERS_QUIET = 20,
    NOT_FULL_BYTES = 64 * 1024, /* less than any stream's send buffer */
};

/* Finds the next header at or after `at`, and sets frame_at. */
static void seek_frame(struct stream *stream, size_t at)
{
    stream->frame_at = framing_seek(stream->chunk, at, stream->to, stream->cut,
                                    stream->intake->nonce);
}

/* --- taking a chunk in --- */

static void skip(struct stream *stream, size_t n)
{
    HANDOVER_SET(stream->from, stream->from + n);
    stream->position += n;
}

/* Makes a process that has sent no event, from /proc or with its pid alone. */
static struct process *new_process(struct stream *stream)
{
    struct processes *processes = stream->intake->processes;
    struct process *process = processes_discover(processes, stream->pid, stream->pidfd);
    if (process == NULL) {
        /* The process is dead and reaped, so its parent has already sent its event, if it sends
         * one. */
        ctl_drain(stream->intake->ctl);
        process = processes_find(processes, stream->pid, stream->which, stream->position);
        if (process != NULL)
            return process;
        int pidfd = stream->pidfd >= 0 ? stream->pidfd : PIDFD_GONE;
        process = processes_add(processes, stream->pid, 0, "?", pidfd);
    }
    if (process != NULL)
        stream->pidfd = PIDFD_NONE;
    return process;
}

/* The process that wrote the bytes at the stream's position. NULL: no memory. */
static struct process *process_of(struct stream *stream)
{
    struct intake *intake = stream->intake;
    struct process *process = processes_find(intake->processes, stream->pid, stream->which,
                                             stream->position);
    if (process == NULL) {
        ctl_drain(intake->ctl);
        process = processes_find(intake->processes, stream->pid, stream->which, stream->position);
    }
    return process != NULL ? process : new_process(stream);
}

static void drop_pidfd(struct stream *stream)
{
    if (stream->pidfd >= 0)
        close(stream->pidfd);
    stream->pidfd = PIDFD_NONE;
}

/* The writer of text, as tags show it. */
static struct writer writer_of(const struct stream *stream, struct process *process, uint32_t tid)
{
    struct writer who = {
        .pid = process->pid,
        .ppid = process->ppid,
        .tid = tid,
        .rank = stream->intake->ranks ? process_name_rank(process) : -1,
        .stream = (uint8_t)stream->which,
        .end = LINE_WHOLE,
    };
    memcpy(who.name, process->stream_name[stream->which], sizeof who.name);
    return who;
}

/* Takes in the text [from, end) of the chunk, as far as the buffer has room. False: the buffer is
 * full. */
static bool feed(struct stream *stream, struct process *process, uint32_t tid, size_t end)
{
    const size_t from = stream->from;
    const struct writer who = writer_of(stream, process, tid);
    lines_feed(stream->intake->lines, &process->source, &who, stream->chunk, &stream->from, end);
    stream->position += stream->from - from;
    return stream->from == end;
}

/* Takes in the frame at chunk[from]. False: the chunk ends within the frame. */
static bool take_frame(struct stream *stream, struct process *process)
{
    struct sscap_frame frame;
    if (framing_look(stream->chunk + stream->from, stream->to - stream->from, stream->cut,
                     stream->intake->nonce, &frame) != FRAMING_FOUND)
        return false;
    const char *payload = stream->chunk + stream->from + sizeof frame;
    if (frame.type == SSCAP_FRAME_IMAGE) {
        /* This takes in the event that belongs to the frame, and the events of the new program. */
        ctl_drain_inherited(stream->intake->ctl);
        process_name_frame(process, stream->which, payload);
    } else if (frame.type == SSCAP_FRAME_EVENT) {
        ctl_drain(stream->intake->ctl); /* what the process sent on other sockets is older */
        bool late = process->late;
        /* The end of the process may be known, but this frame was sent before. */
        process->late = true;
        ctl_take(stream->intake->ctl, stream->pid, payload, frame.length);
        process->late = late;
    }
    skip(stream, framing_size(&frame));
    if (frame.type == SSCAP_FRAME_BYTES) {
        stream->frame_end = stream->from + frame.length;
        stream->frame_tid = frame.tid;
    }
    seek_frame(stream, stream->frame_end > stream->from ? stream->frame_end : stream->from);
    return true;
}

/* Takes in [from, to). False: the buffer is full. */
static bool take(struct stream *stream)
{
    struct process *process = stream->from < stream->to ? process_of(stream) : NULL;
    drop_pidfd(stream);
    if (process == NULL) { /* no memory for the process, which is counted (processes.lost) */
        skip(stream, stream->to - stream->from);
        return true;
    }
    if (!process->has_library) /* false also if its IMAGE event has not been read yet */
        ctl_drain_inherited(stream->intake->ctl);
    process_name_refresh(process, stream->intake->lines->now);
    while (stream->from < stream->to) {
        if (stream->frame_end > stream->from) {
            if (!feed(stream, process, stream->frame_tid,
                      stream->frame_end < stream->to ? stream->frame_end : stream->to))
                return false;
        } else if (stream->frame_at > stream->from) {
            if (!feed(stream, process, (uint32_t)process->pid, stream->frame_at))
                return false;
        } else if (!take_frame(stream, process)) {
            break;
        }
    }
    return true;
}

/* --- receiving --- */

/* Keeps only the first `kept` bytes of the chunk. What is received next follows them. */
static void begin_chunk(struct stream *stream, size_t kept)
{
    const size_t end = stream->to;
    lines_new_chunk(stream->intake->lines, stream->which);
    HANDOVER_SET(stream->message.msg_len, 0); /* first, because it makes [from, to) empty */
    HANDOVER_SET(stream->kept, kept);
    HANDOVER_SET(stream->from, 0);
    stream->to = kept;
    stream->frame_end = stream->frame_end > end ? stream->frame_end - end : 0;
}

/* Moves a header that is cut off at the chunk's end to its beginning. The next bytes complete it if
 * they have the same writer. */
static size_t keep_cut(struct stream *stream)
{
    size_t kept = stream->to - stream->from;
    char byte;
    ssize_t n;
    int32_t pid;
    if (kept > 0)
        memmove(stream->chunk, stream->chunk + stream->from, kept);
    begin_chunk(stream, kept);
    if (kept == 0)
        return 0;
    n = recv_creds(stream->watch.fd, &byte, 1, MSG_PEEK, &pid, NULL);
    stream->frame_at = 0;
    if (n > 0 && pid == stream->pid)
        return kept;
    stream->cut = false; /* the bytes were text that looked like a header */
    seek_frame(stream, 0);
    return take(stream) ? 0 : kept;
}

static void end_stream(struct stream *stream)
{
    loop_unwatch(stream->intake->loop, &stream->watch);
    drop_pidfd(stream);
    close(stream->watch.fd);
    stream->watch.fd = -1;
    stream->open = false;
}

/* Reads once. False: there is nothing to read now. */
static bool read_chunk(struct stream *stream)
{
    struct intake *intake = stream->intake;
    ssize_t n;
    int32_t pid;
    size_t kept = keep_cut(stream);
    if (kept > 0 && !stream->cut)
        return false; /* the stream is stalled */
    /* A pidfd costs 4 us, so we ask for it only while there are processes without the library,
     * which do not announce their children. */
    bool wants_pidfd = intake->pidfds && intake->processes->no_library_live > 0;
    n = recv_creds_shared(stream->watch.fd, stream->chunk + kept, INTAKE_CHUNK_SIZE - kept, 0, &pid,
                          wants_pidfd ? &stream->pidfd : NULL, &stream->message);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0) { /* 0: no process has the other end open any more; ECONNRESET means the same */
        end_stream(stream);
        return false;
    }
    if (pid != stream->pid)
        stream->frame_end = 0;
    stream->pid = pid;
    stream->to = kept + (size_t)n;
    stream->cut = stream->to == INTAKE_CHUNK_SIZE;
    intake->lines->wall = wall_ns();
    intake->lines->now = now_ns();
    seek_frame(stream, stream->frame_end);
    return true;
}

/* Whether the chunk has bytes that can be taken in now, which a cut-off header cannot. */
static bool has_text(const struct stream *stream)
{
    return stream->open && stream->from < stream->to &&
           !(stream->cut && stream->frame_at == stream->from);
}

static void stream_ready(struct watch *watch, uint32_t events)
{
    struct stream *stream = watch->context;
    struct intake *intake = stream->intake;
    (void)events;
    ctl_drain_inherited(intake->ctl);
    for (int i = 0; i < READS_PER_TURN && stream->open && read_chunk(stream); i++)
        if (!take(stream))
            break;
    if (has_text(stream)) {
        stream->stalled = true;
        loop_unwatch(intake->loop, &stream->watch);
    }
}

void intake_resume(struct intake *intake)
{
    for (int i = 0; i < SSCAP_STREAMS; i++) {
        struct stream *stream = &intake->streams[i];
        if (!stream->stalled || !stream->open || (has_text(stream) && !take(stream)))
            continue;
        stream->stalled = false;
        loop_watch(intake->loop, &stream->watch, stream->watch.fd, EPOLLIN);
    }
}

/* --- opening and closing --- */

int intake_init(struct intake *intake, struct loop *loop, struct ctl *ctl,
                struct processes *processes, struct lines *lines, const int fds[SSCAP_STREAMS],
                const uint8_t nonce[SSCAP_NONCE_SIZE])
{
    *intake = (struct intake){.loop = loop, .ctl = ctl, .processes = processes, .lines = lines};
    memcpy(intake->nonce, nonce, sizeof intake->nonce);
    for (int i = 0; i < SSCAP_STREAMS; i++) {
        struct stream *stream = &intake->streams[i];
        *stream = (struct stream){.intake = intake,
                                  .which = (enum sscap_stream)i,
                                  .open = fds[i] >= 0,
                                  .pidfd = PIDFD_NONE};
        stream->watch = (struct watch){.ready = stream_ready, .context = stream, .fd = fds[i]};
        if (!stream->open)
            continue;
        intake->pidfds = processes->features.pass && pidfd_pass(fds[i]) == 0;
        stream->chunk = shared_memory_alloc(INTAKE_CHUNK_SIZE);
        if (stream->chunk == NULL)
            return -ENOMEM;
        int error = loop_watch(loop, &stream->watch, fds[i], EPOLLIN);
        if (error < 0)
            return error;
    }
    return 0;
}

void intake_clear(struct intake *intake)
{
    for (int i = 0; i < SSCAP_STREAMS; i++) {
        if (intake->streams[i].open)
            end_stream(&intake->streams[i]);
        shared_memory_free(intake->streams[i].chunk, INTAKE_CHUNK_SIZE);
    }
}

/* Discards what is in the socket now. It does not read what a fast writer adds meanwhile, because
 * it might never end. */
static void drain(struct stream *stream)
{
    int unread = 0;
    if (ioctl(stream->watch.fd, FIONREAD, &unread) < 0)
        return;
    int32_t pid;
    for (ssize_t n; unread > 0; unread -= (int)n) {
        n = recv_creds(stream->watch.fd, stream->chunk, INTAKE_CHUNK_SIZE, 0, &pid, NULL);
        if (n <= 0)
            return;
        stream->position += (uint64_t)n;
    }
}

/* A writer that is blocked when its stream is shut down gets EPIPE without SIGPIPE
 * (unix_stream_sendmsg in net/unix/af_unix.c). A pipe always raises SIGPIPE. So we empty the stream
 * and wait for a moment. If the stream then holds something, but not much, the writer that was
 * blocked is writing again. If it is empty time after time, no process is writing. */
static void settle_writers(struct stream *stream)
{
    const struct timespec moment = {.tv_nsec = WRITERS_WAKE_NS};
    int unread = 0;
    for (int i = 0, quiet = 0; i < WRITERS_WAKE_TRIES && quiet < WRITERS_QUIET; i++) {
        drain(stream);
        nanosleep(&moment, NULL);
        if (ioctl(stream->watch.fd, FIONREAD, &unread) == 0 && unread > 0 &&
            unread < NOT_FULL_BYTES)
            return;
        quiet += unread == 0;
    }
}

void intake_abandon(struct intake *intake, enum sscap_stream which)
{
    struct stream *stream = &intake->streams[which];
    if (!stream->open)
        return;
    skip(stream, stream->to - stream->from);
    settle_writers(stream);
    shutdown(stream->watch.fd, SHUT_RD);
    /* If bytes are unread, close(2) makes the writers' next call fail with ECONNRESET. */
    drain(stream);
    end_stream(stream);
}

uint64_t intake_position(const struct intake *intake, enum sscap_stream which)
{
    const struct stream *stream = &intake->streams[which];
    return stream->open ? stream->position : UINT64_MAX;
}

uint64_t intake_written(const struct intake *intake, enum sscap_stream which)
{
    const struct stream *stream = &intake->streams[which];
    int unread = 0;
    if (!stream->open)
        return stream->position;
    if (ioctl(stream->watch.fd, FIONREAD, &unread) < 0)
        unread = 0;
    return stream->position + (stream->to - stream->from) + (uint64_t)unread;
}

bool intake_open(const struct intake *intake)
{
    return intake->streams[SSCAP_OUT].open || intake->streams[SSCAP_ERR].open;
}
