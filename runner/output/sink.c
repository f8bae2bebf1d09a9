/* sink.c: see sink.h.
 *
 * A write here must not block, because the loop has signals to forward and events to take in.
 * O_NONBLOCK on stdout itself would also affect every other process that shares the description,
 * such as the shell. So we open a pipe or a terminal again through /proc, which gives a description
 * of our own. */
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

/* Opens a description of our own for the file behind fd. Duplicates fd if that is impossible or not
 * needed. Returns a descriptor or -errno. */
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
        *ret_shared = true; /* EACCES: the file belongs to another user */
    }
    *ret_socket = S_ISSOCK(status.st_mode);
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return copy < 0 ? -errno : copy;
}

static void ready(struct watch *watch, uint32_t events);

/* --- marks --- */

static struct mark *mark_of(struct sink *sink)
{
    return &sink->mark[sink->version];
}

/* Moves the cursor past a record. With the same store, the formatted bytes of the record become
 * whole. */
static void advance(struct sink *sink, bool midline, const struct writer *mid)
{
    unsigned int version = version_prepare(sink->mark_from, sink->version);
    struct mark *mark = &sink->mark[version];
    mark->to = sink->end;
    mark->midline = midline;
    if (midline)
        mark->mid = *mid;
    version_ready(sink->mark_from, version, sink->cursor.at.number + 1);
    buffer_advance(sink->buffer, &sink->cursor);
    sink->version = version;
}

/* Changes the mark without passing a record. */
static void set_whole(struct sink *sink, size_t to)
{
    HANDOVER_SET(mark_of(sink)->to, to);
    sink->end = to;
}

/* --- opening and failing --- */

int sink_init(struct sink *sink, const struct sink_observer *observer, struct loop *loop,
              struct buffer *buffer, struct tag *tag, int fd, uint32_t streams, bool live)
{
    struct stat status;
    *sink = (struct sink){.observer = observer,
                          .loop = loop,
                          .buffer = buffer,
                          .tag = tag,
                          .cursor = {.streams = streams},
                          .watch = {.ready = ready, .context = sink},
                          .capacity = WRITE_SIZE * 2};
    sink->out = shared_memory_alloc(sink->capacity);
    if (sink->out == NULL)
        return -ENOMEM;
    sink->fd = open_own(fd, &sink->socket, &sink->shared);
    if (sink->fd < 0)
        return sink->fd;
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
    set_whole(sink, 0);
    mark_of(sink)->midline = false;
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
    HANDOVER_SET(sink->out, out);
    shared_memory_free(old, sink->capacity);
    sink->capacity = capacity;
    return true;
}

static void put(struct sink *sink, const char *bytes, size_t n)
{
    memcpy(sink->out + sink->end, bytes, n);
    sink->end += n;
}

/* Whether this record continues the unfinished line at the end of the output. */
static bool goes_on(struct sink *sink, const struct record *record)
{
    const struct writer *who = &record->who;
    const struct mark *mark = mark_of(sink);
    return mark->midline && who->continues && who->pid == mark->mid.pid &&
           who->tid == mark->mid.tid && who->stream == mark->mid.stream;
}

static bool format_group(struct sink *sink, const struct record *record)
{
    char text[GROUP_SIZE];
    const struct sink_observer *observer = sink->observer;
    size_t n = observer->describe != NULL
                   ? observer->describe(observer->context, record, text, sizeof text)
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

/* Whether no later record continues this record's line on the output. */
static bool ends_line(const struct sink *sink, const struct record *record)
{
    return record->who.end == LINE_WHOLE || record->who.end == LINE_PLACE ||
           (sink->tag->template != NULL && record->who.end != LINE_IDLE);
}

/* Formats a record at `end`. False: there is no memory now.
 *
 * With tags, every record except a prompt ends its line. Without tags, the bytes stay as they were
 * written; a newline is added only between an unfinished line and the bytes of another writer. */
static bool format(struct sink *sink, const struct record *record)
{
    size_t tag_length = 0;
    const char *tag = NULL;
    bool joined = goes_on(sink, record);
    if (record->who.end == LINE_PLACE)
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
    set_whole(sink, sink->end);
    mark_of(sink)->midline = false;
    sink->cursor.dropped_lines = sink->cursor.dropped_bytes = 0;
}

/* --- writing --- */

/* Writes once without blocking; -1 with EAGAIN if it would block. */
static ssize_t write_some(const struct sink *sink, const char *bytes, size_t n)
{
    struct pollfd ready_now = {.fd = sink->fd, .events = POLLOUT};
    if (sink->loop == NULL) /* the guardian may block, because it has nothing else to do */
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

/* The offset up to which a regular file has been written. -1: not known. */
static off_t position(const struct sink *sink)
{
    struct stat status;
    if (!sink->appends)
        return lseek(sink->fd, 0, SEEK_CUR);
    return fstat(sink->fd, &status) == 0 ? status.st_size : -1;
}

/* Writes [from, to) as far as the output takes it. False: the sink is stuck, or writing failed. */
static bool write_out(struct sink *sink)
{
    while (sink->from < mark_of(sink)->to) {
        const char *bytes = sink->out + sink->from;
        size_t n = mark_of(sink)->to - sink->from;
        off_t before = sink->regular ? position(sink) : -1;
        sink->start = before - (off_t)sink->from;
        HANDOVER_SET(sink->writing, before >= 0);
        ssize_t written = write_some(sink, bytes, n);
        if (written >= 0)
            HANDOVER_SET(sink->from, sink->from + (size_t)written);
        HANDOVER_SET(sink->writing, false);
        if (written >= 0 || errno == EINTR || (errno == EAGAIN && sink->loop == NULL))
            continue;
        if (errno == EAGAIN &&
            (sink->watch.active || loop_watch(sink->loop, &sink->watch, sink->fd, EPOLLOUT) == 0)) {
            sink->stuck = true;
            return false;
        }
        int error = errno;
        stop(sink);
        sink->observer->failed(sink->observer->context, sink, error);
        return false;
    }
    set_whole(sink, 0); /* first, because [from, 0) is nothing */
    HANDOVER_SET(sink->from, 0);
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
    sink->observer->moved(sink->observer->context);
}

bool sink_pump(struct sink *sink, bool flush)
{
    const struct record *record;
    uint64_t before = sink->cursor.at.number;
    while (sink->live && !sink->stuck) {
        if (mark_of(sink)->to - sink->from >= WRITE_SIZE && !write_out(sink))
            break;
        struct mark *mark = mark_of(sink);
        sink->end = mark->to;
        if (sink->cursor.dropped_lines > 0)
            format_dropped(sink);
        record = buffer_peek(sink->buffer, &sink->cursor);
        if (record == NULL || !format(sink, record))
            break;
        if (sink->end == mark->to)
            advance(sink, mark->midline, &mark->mid);
        else
            advance(sink, !ends_line(sink, record), &record->who);
    }
    if (flush && sink->live && !sink->stuck)
        write_out(sink);
    return sink->cursor.at.number != before || !sink->live;
}

bool sink_done(struct sink *sink)
{
    return !sink->live ||
           (sink->from == mark_of(sink)->to && buffer_peek(sink->buffer, &sink->cursor) == NULL &&
            sink->cursor.dropped_lines == 0);
}

/* --- in the guardian --- */

void sink_settle(struct sink *sink, int fd)
{
    sink->version = version_at(sink->mark_from, sink->cursor.at.number);
    if (sink->fd < 0 || !sink->writing)
        return;
    sink->fd = fd;
    off_t written = position(sink) - sink->start;
    if (written > (off_t)sink->from && written <= (off_t)mark_of(sink)->to)
        sink->from = (size_t)written;
    sink->writing = false;
}

void sink_take_over(struct sink *sink, int fd, const struct sink_observer *observer,
                    struct tag *untagged, uint64_t lines)
{
    if (sink->fd < 0) /* nothing can be written any more, or nothing is left */
        return;
    sink->fd = fd;
    sink->loop = NULL;
    sink->tag = untagged;
    sink->observer = observer;
    sink->watch.active = false;
    sink->shared = true; /* this descriptor blocks, unlike the runner's */
    sink->stuck = false;
    if (!sink->live)
        sink_start(sink, lines);
    sink_pump(sink, true);
}
