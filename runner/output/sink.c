/* sink_terminal.c: see sink_terminal.h.
 *
 * A write here must not block: the loop has signals to forward and events to take in. O_NONBLOCK on
 * stdout itself would be set for every other process that shares it (the shell), so a pipe or
 * terminal is opened anew, through /proc, for a description of our own. */
#define _GNU_SOURCE
#include "runner/output/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/handover/shared_memory.h"
#include "runner/util.h"

enum { WRITE_SIZE = 256 * 1024, NOTICE_SIZE = 128, GROUP_SIZE = 256 };

/* A description of our own for what fd is open on; fd itself (a copy) where there is none to be had
 * or none is needed. */
static int open_own(int fd, bool *ret_socket, bool *ret_shared)
{
    char path[64];
    struct stat status;
    *ret_socket = *ret_shared = false;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (S_ISFIFO(status.st_mode) || (S_ISCHR(status.st_mode) && isatty(fd))) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (own >= 0)
            return own;
        *ret_shared = true; /* EACCES: another user's */
    }
    *ret_socket = S_ISSOCK(status.st_mode);
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return copy < 0 ? -errno : copy;
}

static void ready(struct watch *watch, uint32_t events);

static const struct mark *mark_of(const struct sink *sink)
{
    return &sink->mark[sink->cursor.number & 1];
}

static void set_mark(struct mark *mark, size_t to, bool midline, const struct writer *mid)
{
    SHARED_PUBLISH(mark->to, to);
    mark->midline = midline;
    if (midline && mid != &mark->mid)
        mark->mid = *mid;
}

/* For both: the cursor may go past records that are dropped, or not for us. First the one that
 * counts. */
static void set_marks(struct sink *sink, size_t to, bool midline, const struct writer *mid)
{
    set_mark(&sink->mark[sink->cursor.number & 1], to, midline, mid);
    set_mark(&sink->mark[(sink->cursor.number + 1) & 1], to, midline, mid);
    sink->end = to;
}

int sink_init(struct sink *sink, struct loop *loop, struct buffer *buffer, struct tag *tag, int fd,
              uint32_t streams, bool live)
{
    sink->loop = loop;
    sink->buffer = buffer;
    sink->tag = tag;
    sink->cursor.streams = streams;
    sink->watch = (struct watch){.ready = ready, .context = sink};
    sink->capacity = WRITE_SIZE * 2;
    sink->out = shared_memory_alloc(sink->capacity);
    if (sink->out == NULL)
        return -ENOMEM;
    sink->fd = open_own(fd, &sink->socket, &sink->shared);
    if (sink->fd < 0)
        return sink->fd;
    struct stat status;
    sink->regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    sink->appends = sink->regular && fcntl(fd, F_GETFL) & O_APPEND;
    if (live)
        sink_start(sink, UINT64_MAX);
    return 0;
}

void sink_start(struct sink *sink, uint64_t lines)
{
    sink->live = true;
    buffer_add_cursor(sink->buffer, &sink->cursor, sink->cursor.streams);
    buffer_seek_tail(sink->buffer, &sink->cursor, lines);
}

static void stop(struct sink *sink)
{
    loop_unwatch(sink->loop, &sink->watch);
    if (sink->live)
        buffer_remove_cursor(sink->buffer, &sink->cursor);
    if (sink->fd >= 0)
        close(sink->fd);
    sink->fd = -1;
    sink->live = sink->stuck = false;
    set_marks(sink, 0, false, NULL);
    sink->from = 0;
}

void sink_clear(struct sink *sink)
{
    stop(sink);
    shared_memory_free(sink->out, sink->capacity);
    sink->out = NULL;
}

/* --- formatting --- */

static bool reserve(struct sink *sink, size_t n)
{
    if (sink->end + n <= sink->capacity)
        return true;
    size_t capacity = sink->capacity;
    while (capacity < sink->end + n)
        capacity *= 2;
    char *out = shared_memory_alloc(capacity);
    if (out == NULL)
        return false;
    char *old = sink->out;
    memcpy(out, old, sink->end);
    SHARED_PUBLISH(sink->out, out);
    shared_memory_free(old, sink->capacity);
    sink->capacity = capacity;
    return true;
}

static void put(struct sink *sink, const char *bytes, size_t n)
{
    memcpy(sink->out + sink->end, bytes, n);
    sink->end += n;
}

/* Whether this record goes on in the line that stands unfinished on the output. */
static bool goes_on(const struct sink *sink, const struct record *record)
{
    const struct writer *who = &record->who;
    const struct mark *mark = mark_of(sink);
    return mark->midline && who->continues && who->pid == mark->mid.pid &&
           who->tid == mark->mid.tid && who->stream == mark->mid.stream;
}

static bool format_group(struct sink *sink, const struct record *record)
{
    char text[GROUP_SIZE];
    size_t n = sink->describe != NULL ? sink->describe(sink->context, record, text, sizeof text)
                                      : 0;
    if (n == 0)
        return true;
    if (!reserve(sink, n + 1))
        return false;
    if (mark_of(sink)->midline)
        sink->out[sink->end++] = '\n';
    put(sink, text, n);
    return true;
}

/* Whether nothing of this record's line can follow on the output. */
static bool ends_line(const struct sink *sink, const struct record *record)
{
    return record->who.end == LINE_WHOLE || record->who.end == LINE_GROUP ||
           (sink->tag->template != NULL && record->who.end != LINE_IDLE);
}

/* Puts a record together behind `out`; false: no memory to do so now. With tags, every record but a
 * prompt ends its line; without, the bytes are left as they were written, and a newline comes only
 * between an unfinished line and another writer's. */
static bool format(struct sink *sink, const struct record *record)
{
    size_t tag_length = 0;
    const char *tag = NULL;
    bool joined = goes_on(sink, record);
    if (record->who.end == LINE_GROUP)
        return format_group(sink, record);
    if (sink->tag->template != NULL && !joined)
        tag = tag_of(sink->tag, record, &tag_length);
    if (!reserve(sink, tag_length + record->length + 2))
        return false;
    if (mark_of(sink)->midline && !joined)
        sink->out[sink->end++] = '\n';
    if (tag != NULL)
        put(sink, tag, tag_length);
    put(sink, record->text, record->length);
    if (ends_line(sink, record))
        sink->out[sink->end++] = '\n';
    return true;
}

static void format_dropped(struct sink *sink)
{
    char text[NOTICE_SIZE];
    int n = snprintf(
        text, sizeof text, "%ssscap: %llu line%s (%llu byte%s) dropped here\n",
        mark_of(sink)->midline ? "\n" : "", (unsigned long long)sink->cursor.dropped_lines,
        plural(sink->cursor.dropped_lines), (unsigned long long)sink->cursor.dropped_bytes,
        plural(sink->cursor.dropped_bytes));
    if (!reserve(sink, (size_t)n))
        return;
    put(sink, text, (size_t)n);
    set_marks(sink, sink->end, false, NULL);
    sink->cursor.dropped_lines = sink->cursor.dropped_bytes = 0;
}

/* --- writing --- */

/* One write that does not block; -1 with EAGAIN where it would. */
static ssize_t write_some(const struct sink *sink, const char *bytes, size_t n)
{
    struct pollfd ready_now = {.fd = sink->fd, .events = POLLOUT};
    if (sink->loop == NULL) /* the guardian's: it has nothing else to do */
        poll(&ready_now, 1, -1);
    if (sink->socket)
        return send(sink->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (!sink->shared)
        return write(sink->fd, bytes, n);
    /* A pipe that is ready has room for PIPE_BUF bytes (pipe(7)); a terminal for some. */
    if (poll(&ready_now, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(sink->fd, bytes, n < PIPE_BUF ? n : PIPE_BUF);
}

/* How far a regular file has been written; -1: that is not known. */
static off_t position(const struct sink *sink)
{
    struct stat status;
    if (!sink->appends)
        return lseek(sink->fd, 0, SEEK_CUR);
    return fstat(sink->fd, &status) == 0 ? status.st_size : -1;
}

/* Writes [from, to) as far as it goes. False: stuck, or failed. */
static bool write_out(struct sink *sink)
{
    while (sink->from < mark_of(sink)->to) {
        const char *bytes = sink->out + sink->from;
        size_t n = mark_of(sink)->to - sink->from;
        off_t before = sink->regular ? position(sink) : -1;
        sink->start = before - (off_t)sink->from;
        SHARED_PUBLISH(sink->writing, before >= 0);
        ssize_t written = write_some(sink, bytes, n);
        if (written >= 0)
            SHARED_PUBLISH(sink->from, sink->from + (size_t)written);
        SHARED_PUBLISH(sink->writing, false);
        if (written >= 0 || errno == EINTR || (errno == EAGAIN && sink->loop == NULL))
            continue;
        if (errno == EAGAIN &&
            (sink->watch.active || loop_watch(sink->loop, &sink->watch, sink->fd, EPOLLOUT) == 0)) {
            sink->stuck = true;
            return false;
        }
        int error = errno;
        stop(sink);
        sink->failed(sink->context, sink, error);
        return false;
    }
    set_marks(sink, 0, mark_of(sink)->midline,
              &mark_of(sink)->mid); /* first: from > to is nothing */
    SHARED_PUBLISH(sink->from, 0);
    return true;
}

static void ready(struct watch *watch, uint32_t events)
{
    struct sink *sink = watch->context;
    (void)events;
    if (!write_out(sink))
        return;
    sink->stuck = false;
    loop_unwatch(sink->loop, &sink->watch);
    sink->moved(sink->context);
}

bool sink_pump(struct sink *sink, bool flush)
{
    const struct record *record;
    uint64_t before = sink->cursor.number;
    while (sink->live && !sink->stuck) {
        if (mark_of(sink)->to - sink->from >= WRITE_SIZE && !write_out(sink))
            break;
        sink->end = mark_of(sink)->to;
        if (sink->cursor.dropped_lines > 0)
            format_dropped(sink);
        record = buffer_peek(sink->buffer, &sink->cursor);
        if (record == NULL || !format(sink, record))
            break;
        const struct mark *mark = mark_of(sink);
        bool nothing = sink->end == mark->to;
        bool midline = nothing ? mark->midline : !ends_line(sink, record);
        const struct writer *mid = nothing ? &mark->mid : &record->who;
        /* True once the cursor has gone on. */
        set_mark(&sink->mark[(sink->cursor.number + 1) & 1], sink->end, midline, mid);
        buffer_advance(sink->buffer, &sink->cursor);
        set_mark(&sink->mark[(sink->cursor.number + 1) & 1], sink->end, midline, mid);
    }
    if (flush && sink->live && !sink->stuck)
        write_out(sink);
    return sink->cursor.number != before || !sink->live;
}

bool sink_done(struct sink *sink)
{
    return !sink->live ||
           (sink->from == mark_of(sink)->to && buffer_peek(sink->buffer, &sink->cursor) == NULL &&
            sink->cursor.dropped_lines == 0);
}

void sink_settle(struct sink *sink, int fd)
{
    if (sink->fd < 0 || !sink->writing)
        return;
    sink->fd = fd;
    off_t written = position(sink) - sink->start;
    if (written > (off_t)sink->from && written <= (off_t)mark_of(sink)->to)
        sink->from = (size_t)written;
    sink->writing = false;
}

void sink_take_over(struct sink *sink, int fd, struct tag *untagged, uint64_t lines,
                    void (*failed)(void *context, struct sink *sink, int error))
{
    if (sink->fd < 0) /* nothing can be written any more, or nothing is left */
        return;
    sink->fd = fd;
    sink->loop = NULL;
    sink->tag = untagged;
    sink->describe = NULL;
    sink->failed = failed;
    sink->watch.active = false;
    sink->shared = true; /* blocking, unlike the dead runner's */
    sink->stuck = false;
    if (!sink->live)
        sink_start(sink, lines);
    sink_pump(sink, true);
}
