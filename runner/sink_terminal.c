/* sink_terminal.c: see sink_terminal.h.
 *
 * A write here must not block: the loop has signals to forward and events to take in. O_NONBLOCK on stdout itself would be set for every
 * other process that shares it (the shell), so a pipe or terminal is opened anew, through /proc, for a description of our own. */
#define _GNU_SOURCE
#include "runner/sink_terminal.h"

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

#include "runner/shared.h"
#include "runner/util.h"

enum { WRITE_SIZE = 256 * 1024, NOTICE_SIZE = 128, GROUP_SIZE = 256 };

/* A description of our own for what fd is open on; fd itself (a copy) where there is none to be had or none is needed. */
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

int sink_init(struct sink *sink, struct loop *loop, struct buffer *buffer, struct tag *tag, int fd,
              uint32_t streams, bool live)
{
    sink->loop = loop;
    sink->buffer = buffer;
    sink->tag = tag;
    sink->cursor.streams = streams;
    sink->watch = (struct watch){.ready = ready, .context = sink};
    sink->capacity = WRITE_SIZE * 2;
    sink->out = shared_alloc(sink->capacity);
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
    sink->from = sink->to = sink->end = 0;
}

void sink_clear(struct sink *sink)
{
    stop(sink);
    shared_free(sink->out, sink->capacity);
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
    char *out = shared_alloc(capacity);
    if (out == NULL)
        return false;
    char *old = sink->out;
    memcpy(out, old, sink->to);
    SHARED_PUBLISH(sink->out, out);
    shared_free(old, sink->capacity);
    sink->capacity = capacity;
    return true;
}

static void put(struct sink *sink, const char *bytes, size_t n)
{
    memcpy(sink->out + sink->end, bytes, n);
    sink->end += n;
}

/* What was put together counts from now on. */
static void commit(struct sink *sink)
{
    SHARED_PUBLISH(sink->to, sink->end);
}

/* Whether this record goes on in the line that stands unfinished on the output. */
static bool goes_on(const struct sink *sink, const struct record *record)
{
    const struct writer *who = &record->who;
    return sink->midline && who->continues && who->pid == sink->mid.pid && who->tid == sink->mid.tid &&
           who->stream == sink->mid.stream;
}

static bool format_group(struct sink *sink, const struct record *record)
{
    char text[GROUP_SIZE];
    size_t n = sink->describe != NULL ? sink->describe(sink->context, record, text, sizeof text) : 0;
    if (n == 0)
        return true;
    if (!reserve(sink, n + 1))
        return false;
    if (sink->midline)
        sink->out[sink->end++] = '\n';
    put(sink, text, n);
    sink->midline = false;
    return true;
}

/* Puts a record together behind `out`; false: no memory to do so now. With tags, every record but a prompt ends its line; without, the bytes are
 * left as they were written, and a newline comes only between an unfinished line and another writer's. */
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
    if (sink->midline && !joined)
        sink->out[sink->end++] = '\n';
    if (tag != NULL)
        put(sink, tag, tag_length);
    put(sink, record->text, record->length);
    bool newline = record->who.end == LINE_WHOLE ||
                   (sink->tag->template != NULL && record->who.end != LINE_IDLE);
    if (newline)
        sink->out[sink->end++] = '\n';
    sink->midline = !newline;
    if (!newline)
        sink->mid = record->who;
    return true;
}

static void format_dropped(struct sink *sink)
{
    char text[NOTICE_SIZE];
    int n = snprintf(text, sizeof text, "%ssscap: %llu line%s (%llu byte%s) dropped here\n",
                     sink->midline ? "\n" : "", (unsigned long long)sink->cursor.dropped_lines,
                     plural(sink->cursor.dropped_lines), (unsigned long long)sink->cursor.dropped_bytes,
                     plural(sink->cursor.dropped_bytes));
    if (!reserve(sink, (size_t)n))
        return;
    put(sink, text, (size_t)n);
    commit(sink);
    sink->midline = false;
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

/* How far a regular file has been written; -1: it is none. */
static off_t position(const struct sink *sink)
{
    struct stat status;
    if (!sink->appends)
        return sink->regular ? lseek(sink->fd, 0, SEEK_CUR) : -1;
    return fstat(sink->fd, &status) == 0 ? status.st_size : -1;
}

/* Writes [from, to) as far as it goes. False: stuck, or failed. */
static bool write_out(struct sink *sink)
{
    while (sink->from < sink->to) {
        const char *bytes = sink->out + sink->from;
        size_t n = sink->to - sink->from;
        sink->position = position(sink);
        SHARED_PUBLISH(sink->writing, true);
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
        if (sink->failed != NULL)
            sink->failed(sink->context, sink, error);
        return false;
    }
    SHARED_PUBLISH(sink->to, 0); /* first: from > to is nothing */
    SHARED_PUBLISH(sink->from, 0);
    sink->end = 0;
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
        if (sink->to - sink->from >= WRITE_SIZE && !write_out(sink))
            break;
        sink->end = sink->to;
        if (sink->cursor.dropped_lines > 0)
            format_dropped(sink);
        record = buffer_peek(sink->buffer, &sink->cursor);
        if (record == NULL || !format(sink, record))
            break;
        commit(sink);
        buffer_advance(sink->buffer, &sink->cursor);
    }
    if (flush && sink->live && !sink->stuck)
        write_out(sink);
    return sink->cursor.number != before || !sink->live;
}

bool sink_done(struct sink *sink)
{
    return !sink->live || (sink->from == sink->to && buffer_peek(sink->buffer, &sink->cursor) == NULL &&
                           sink->cursor.dropped_lines == 0);
}

void sink_take_over(struct sink *sink, int fd, struct tag *untagged, uint64_t lines)
{
    size_t have = sink->from < sink->to && sink->to <= sink->capacity ? sink->to - sink->from : 0;
    sink->fd = fd;
    if (sink->writing && have > 0) {
        off_t written = position(sink) - sink->position;
        if (sink->regular && written > 0 && (size_t)written <= have)
            sink->from += (size_t)written;
    }
    sink->loop = NULL;
    sink->tag = untagged;
    sink->describe = NULL;
    sink->failed = NULL;
    sink->watch.active = false;
    sink->shared = true; /* blocking, unlike the dead runner's */
    sink->stuck = false;
    if (!sink->live)
        sink_start(sink, lines);
    sink_pump(sink, true);
}
