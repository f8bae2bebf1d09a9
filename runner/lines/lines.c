/* lines.c: see lines.h.
 *
 * The common case, a whole line by a writer that left nothing unfinished, goes from the bytes as
 * received straight into the ring. */
#include "runner/lines/lines.h"

#include <string.h>

#include "runner/handover/shared_memory.h"
#include "runner/processes/names.h"
#include "runner/processes/processes.h"
#include "runner/util.h"

enum { CAPACITY_MIN = 256, CAPACITY_KEPT = 4096 };

void lines_init(struct lines *lines, struct buffer *out, struct buffer *err, size_t line_max,
                size_t open_max)
{
    *lines = (struct lines){.buffer = {out, err}, .line_max = line_max, .open_max = open_max};
    lines->tails.max = open_max / 4;
}

/* --- records --- */

static struct writer writer_of(const struct lines *lines, struct process *process,
                               enum sscap_stream stream, uint32_t tid)
{
    struct writer who = {
        .pid = process->pid,
        .ppid = process->ppid,
        .tid = tid != 0 ? tid : (uint32_t)process->pid,
        .rank = lines->ranks ? names_rank(process) : -1,
        .stream = (uint8_t)stream,
    };
    memcpy(who.name, process->stream_name[stream], sizeof who.name);
    return who;
}

static void keep_tail(struct lines *lines, struct process *process, const struct record *record)
{
    struct tail *tail = &process->tail[record->who.stream];
    bool midline = tail->length > 0 && tail->text[tail->length - 1] != '\n';
    if (midline && !record->who.continues) /* another thread's */
        tail_add(&lines->tails, tail, "\n", 1);
    tail_add(&lines->tails, tail, record->text, record->length);
    if (record->who.end == LINE_WHOLE)
        tail_add(&lines->tails, tail, "\n", 1);
}

/* Commits a record with which the chunk is taken in up to `at`, and what was set aside, too (NULL:
 * there was nothing). */
static void commit(struct lines *lines, enum sscap_stream stream, const struct record *record,
                   size_t at, struct assembler *assembler)
{
    struct promise *promise = &lines->promise[stream];
    /* First the number, of which nothing is true yet. */
    SHARED_PUBLISH(promise->next, lines->buffer[stream]->next + 1);
    SHARED_PUBLISH(promise->at, at);
    promise->assembler = assembler;
    buffer_commit(lines->buffer[stream], record);
}

/* Appends a record of what was set aside and of `rest`, with which the chunk is taken in up to `at`
 * (0: this is not of the chunk). False when there is no room. */
static bool append(struct lines *lines, struct process *process, enum sscap_stream stream,
                   uint32_t tid, struct assembler *assembler, const char *rest, size_t rest_length,
                   enum line_end end, size_t at)
{
    size_t head_length = assembler != NULL ? assembler->length : 0;
    struct record *record = buffer_append(lines->buffer[stream], head_length + rest_length);
    if (record == NULL)
        return false;
    record->time = lines->wall;
    record->who = writer_of(lines, process, stream, tid);
    record->who.end = (uint8_t)end;
    record->who.continues = assembler != NULL && assembler->continues;
    if (head_length > 0) {
        memcpy(record->who.name, assembler->name, sizeof record->who.name);
        memcpy(record->text, assembler->text, head_length);
    }
    if (rest_length > 0)
        memcpy(record->text + head_length, rest, rest_length);
    commit(lines, stream, record, at, assembler);
    bool whole = end == LINE_WHOLE || end == LINE_UNFINISHED;
    lines->lines += whole;
    process->lines += whole;
    keep_tail(lines, process, record);
    return true;
}

/* --- unfinished lines --- */

static void list_remove(struct lines *lines, struct assembler *a)
{
    *(a->open_previous != NULL ? &a->open_previous->open_next : &lines->oldest) = a->open_next;
    *(a->open_next != NULL ? &a->open_next->open_previous : &lines->newest) = a->open_previous;
}

static void list_append(struct lines *lines, struct assembler *a)
{
    a->open_previous = lines->newest;
    a->open_next = NULL;
    *(lines->newest != NULL ? &lines->newest->open_next : &lines->oldest) = a;
    lines->newest = a;
}

/* Its bytes have been appended. */
static void empty(struct lines *lines, struct assembler *a)
{
    if (a->length > 0)
        list_remove(lines, a);
    SHARED_PUBLISH(a->length, 0);
    lines->promise[a->stream].assembler = NULL;
    if (a->capacity > CAPACITY_KEPT) {
        lines->open_bytes -= a->capacity;
        shared_memory_free(a->text, a->capacity);
        a->text = NULL;
        a->capacity = 0;
    }
}

static struct assembler *find(const struct process *process, enum sscap_stream stream, uint32_t tid)
{
    struct assembler *a = process->open[stream];
    while (a != NULL && a->tid != tid)
        a = a->next;
    return a;
}

static struct assembler *find_or_make(struct process *process, enum sscap_stream stream,
                                      uint32_t tid)
{
    struct assembler *a = find(process, stream, tid);
    if (a != NULL)
        return a;
    a = shared_memory_alloc(sizeof *a);
    if (a == NULL)
        return NULL;
    *a = (struct assembler){
        .process = process, .stream = (uint8_t)stream, .tid = tid, .next = process->open[stream]};
    process->open[stream] = a;
    return a;
}

/* Room for n more bytes; false when there is none to be had within the bounds. */
static bool reserve(struct lines *lines, struct assembler *a, size_t n)
{
    size_t want = a->length + n;
    if (want <= a->capacity)
        return true;
    size_t capacity = a->capacity < CAPACITY_MIN ? CAPACITY_MIN : a->capacity;
    while (capacity < want)
        capacity *= 2;
    if (lines->open_bytes - a->capacity + capacity > lines->open_max)
        return false;
    char *text = shared_memory_alloc(capacity);
    if (text == NULL)
        return false;
    if (a->length > 0)
        memcpy(text, a->text, a->length);
    char *old = a->text;
    SHARED_PUBLISH(a->text, text);
    shared_memory_free(old, a->capacity);
    lines->open_bytes += capacity - a->capacity;
    a->capacity = capacity;
    return true;
}

/* Sets the beginning of a line aside until the rest comes. False when the buffer was needed for it
 * and is full: where there is no memory for more unfinished lines, they go to the buffer as they
 * are, marked as split. */
static bool set_aside(struct lines *lines, struct process *process, enum sscap_stream stream,
                      uint32_t tid, const char *bytes, size_t n, size_t at)
{
    struct assembler *a = find_or_make(process, stream, tid);
    if (a == NULL || !reserve(lines, a, n)) {
        if (!append(lines, process, stream, tid, a, bytes, n, LINE_SPLIT, at))
            return false;
        if (a != NULL) {
            empty(lines, a);
            a->continues = true;
        }
        return true;
    }
    bool listed = a->length > 0;
    if (!listed)
        memcpy(a->name, process->stream_name[stream], sizeof a->name);
    memcpy(a->text + a->length, bytes, n);
    a->touched = lines->now;
    if (listed && a != lines->newest)
        list_remove(lines, a);
    if (!listed || a != lines->newest)
        list_append(lines, a);
    struct promise *promise = &lines->promise[stream];
    SHARED_PUBLISH(promise->aside.length, SIZE_MAX); /* not true */
    SHARED_PUBLISH(promise->aside.assembler, a);
    SHARED_PUBLISH(promise->aside.at, at);
    SHARED_PUBLISH(promise->aside.length, a->length + n);
    SHARED_PUBLISH(a->length, a->length + n);
    return true;
}

/* --- feeding --- */

/* Finishes a line with its last bytes. */
static bool finish(struct lines *lines, struct process *process, enum sscap_stream stream,
                   uint32_t tid, const char *bytes, size_t n, enum line_end end, size_t at)
{
    struct assembler *a = find(process, stream, tid);
    if (!append(lines, process, stream, tid, a, bytes, n, end, at))
        return false;
    if (a != NULL) {
        empty(lines, a);
        a->continues = end == LINE_SPLIT || end == LINE_IDLE;
    }
    return true;
}

/* The common case: whole lines of a writer that left nothing unfinished. What follows those that
 * were taken is some other case. */
static void feed_whole(struct lines *lines, struct process *process, enum sscap_stream stream,
                       uint32_t tid, const char *chunk, size_t *at, size_t end)
{
    const size_t from = *at;
    size_t done = from;
    const struct writer who = writer_of(lines, process, stream, tid);
    const char *newline;
    while (done < end && (newline = memchr(chunk + done, '\n', end - done)) != NULL) {
        size_t length = (size_t)(newline - chunk) - done;
        struct record *record = length <= lines->line_max
                                    ? buffer_append(lines->buffer[stream], length)
                                    : NULL;
        if (record == NULL)
            break;
        record->time = lines->wall;
        record->who = who; /* its end: LINE_WHOLE */
        memcpy(record->text, chunk + done, length);
        done += length + 1;
        commit(lines, stream, record, done, NULL);
        SHARED_PUBLISH(*at, done);
        process->lines++;
        lines->lines++;
    }
    if (done > from)
        tail_add(&lines->tails, &process->tail[stream], chunk + from, done - from);
}

/* One step of all other cases: at least a newline is taken (or nothing, where a line was as long as
 * may be already). False: the buffer is full. */
static bool feed_step(struct lines *lines, struct process *process, enum sscap_stream stream,
                      uint32_t tid, const char *chunk, size_t *at, size_t end)
{
    const struct assembler *open = find(process, stream, tid);
    size_t head = open != NULL ? open->length : 0;
    const char *bytes = chunk + *at;
    const char *newline = memchr(bytes, '\n', end - *at);
    size_t length = newline != NULL ? (size_t)(newline - bytes) : end - *at;
    size_t then = *at + length + (newline != NULL);
    bool taken;
    if (head + length > lines->line_max) {
        struct assembler *rest = find_or_make(process, stream, tid);
        then = *at + lines->line_max - head;
        taken = finish(lines, process, stream, tid, bytes, lines->line_max - head, LINE_SPLIT,
                       then);
        if (taken && rest != NULL)
            rest->continues = true;
    } else if (newline != NULL) {
        taken = finish(lines, process, stream, tid, bytes, length, LINE_WHOLE, then);
    } else {
        taken = set_aside(lines, process, stream, tid, bytes, length, then);
    }
    if (taken)
        SHARED_PUBLISH(*at, then);
    return taken;
}

bool lines_feed(struct lines *lines, struct process *process, enum sscap_stream stream,
                uint32_t tid, const char *chunk, size_t *at, size_t end)
{
    const size_t from = *at;
    while (*at < end) {
        const struct assembler *open = find(process, stream, tid);
        if (open == NULL || (open->length == 0 && !open->continues))
            feed_whole(lines, process, stream, tid, chunk, at, end);
        if (*at == end || !feed_step(lines, process, stream, tid, chunk, at, end))
            break;
    }
    lines->bytes += *at - from;
    return *at == end;
}

void lines_new_chunk(struct lines *lines, enum sscap_stream stream)
{
    SHARED_PUBLISH(lines->promise[stream].at, 0);
    SHARED_PUBLISH(lines->promise[stream].aside.at, 0);
}

static bool is_committed(const struct lines *lines, enum sscap_stream stream)
{
    const struct buffer *buffer = lines->buffer[stream];
    return buffer != NULL && lines->promise[stream].next <= buffer->next;
}

size_t lines_taken(const struct lines *lines, enum sscap_stream stream, size_t at)
{
    const struct promise *promise = &lines->promise[stream];
    const struct assembler *aside = promise->aside.assembler;
    if (is_committed(lines, stream) && promise->at > at)
        at = promise->at;
    if (shared_memory_holds(aside, sizeof *aside) && aside->length >= promise->aside.length &&
        promise->aside.at > at)
        at = promise->aside.at;
    return at;
}

bool lines_unfinished(const struct lines *lines, const struct assembler *assembler)
{
    enum sscap_stream stream = (enum sscap_stream)assembler->stream;
    return lines->promise[stream].assembler != assembler || !is_committed(lines, stream);
}

bool lines_end(struct lines *lines, struct process *process)
{
    for (int stream = 0; stream < SSCAP_STREAMS; stream++) {
        struct assembler *a;
        while ((a = process->open[stream]) != NULL) {
            if (a->length > 0 && !append(lines, process, (enum sscap_stream)stream, a->tid, a, NULL,
                                         0, LINE_UNFINISHED, 0))
                return false;
            empty(lines, a);
            process->open[stream] = a->next;
            lines->open_bytes -= a->capacity;
            shared_memory_free(a->text, a->capacity);
            shared_memory_free(a, sizeof *a);
        }
    }
    return true;
}

uint64_t lines_show_idle(struct lines *lines, uint64_t now)
{
    for (struct assembler *a = lines->oldest, *next; lines->idle != 0 && a != NULL; a = next) {
        next = a->open_next;
        if (!(lines->idle_streams & 1u << a->stream))
            continue;
        if (a->touched + lines->idle > now)
            return a->touched + lines->idle;
        if (!append(lines, a->process, (enum sscap_stream)a->stream, a->tid, a, NULL, 0, LINE_IDLE,
                    0))
            return now + lines->idle;
        empty(lines, a);
        a->continues = true;
    }
    return 0;
}
