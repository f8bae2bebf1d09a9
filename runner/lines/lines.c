/* lines.c: see lines.h.
 *
 * A whole line by a writer that has no unfinished line goes straight from the received bytes into
 * the ring. That is the common case. All other bytes go by way of an assembler. */
#include "runner/lines/lines.h"

#include <string.h>

#include "runner/util.h"

enum {
    CAPACITY_MIN = 256,
    CAPACITY_KEPT = 4096,
    /* Unfinished lines of one process. They are searched one by one, so a process with many threads
     * (or one that forges thread numbers) must not make that slow for all others. */
    OPEN_COUNT_MAX = 256,
};

void lines_init(struct lines *lines, struct buffer *out, struct buffer *err, size_t line_max,
                size_t open_max)
{
    *lines = (struct lines){.buffer = {out, err}, .line_max = line_max, .open_max = open_max};
    lines->tails.max = open_max / 4;
}

/* --- records --- */

static void keep_tail(struct lines *lines, struct source *source, const struct record *record)
{
    struct tail *tail = &source->tail[record->who.stream];
    bool midline = tail->length > 0 && tail->text[tail->length - 1] != '\n';
    if (midline && !record->who.continues) /* another thread's */
        tail_add(&lines->tails, tail, "\n", 1);
    tail_add(&lines->tails, tail, record->text, record->length);
    if (record->who.end == LINE_WHOLE)
        tail_add(&lines->tails, tail, "\n", 1);
}

/* Commits a record. With it the chunk is taken in up to `at`, and so is the unfinished line (NULL:
 * there was none). */
static void commit(struct lines *lines, const struct record *record, size_t at,
                   const struct assembler *unfinished)
{
    struct buffer *buffer = lines->buffer[record->who.stream];
    chunk_line(&lines->progress[record->who.stream], buffer->next + 1, at, unfinished);
    buffer_commit(buffer, record);
}

/* Bytes that end a line, or a part of one. */
struct piece {
    const char *bytes;
    size_t length;
    enum line_end end;
    size_t at; /* with them the chunk is taken in up to here; 0: they are not of the chunk */
};

/* Appends a record of an unfinished line (NULL: there is none) and a piece. False: no room. */
static bool append(struct lines *lines, struct source *source, const struct writer *who,
                   const struct assembler *a, const struct piece *piece)
{
    size_t head = a != NULL ? a->length : 0;
    struct record *record = buffer_append(lines->buffer[who->stream], head + piece->length);
    if (record == NULL)
        return false;
    record->time = lines->wall;
    record->who = *who;
    record->who.end = (uint8_t)piece->end;
    record->who.continues = a != NULL && a->continues;
    if (head > 0) {
        memcpy(record->who.name, a->who.name, sizeof record->who.name);
        memcpy(record->text, a->text, head);
    }
    if (piece->length > 0)
        memcpy(record->text + head, piece->bytes, piece->length);
    commit(lines, record, piece->at, a);
    bool whole = piece->end == LINE_WHOLE || piece->end == LINE_UNFINISHED;
    lines->lines += whole;
    source->lines += whole;
    keep_tail(lines, source, record);
    return true;
}

/* --- unfinished lines --- */

static struct assembler *find(const struct source *source, const struct writer *who)
{
    struct assembler *a = source->open[who->stream];
    while (a != NULL && a->who.tid != who->tid)
        a = a->next;
    return a;
}

static struct assembler *find_or_make(struct source *source, const struct writer *who)
{
    struct assembler *a = find(source, who);
    if (a != NULL)
        return a;
    a = source->open_count < OPEN_COUNT_MAX ? shared_memory_alloc(sizeof *a) : NULL;
    if (a == NULL)
        return NULL;
    *a = (struct assembler){.source = source, .who = *who, .next = source->open[who->stream]};
    source->open[who->stream] = a;
    source->open_count++;
    return a;
}

static void free_text(struct lines *lines, struct assembler *a)
{
    lines->open_bytes -= a->capacity;
    shared_memory_free(a->text, a->capacity);
    a->text = NULL;
    a->capacity = 0;
}

static void free_assembler(struct lines *lines, struct assembler *a)
{
    struct assembler **at = &a->source->open[a->who.stream];
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    a->source->open_count--;
    free_text(lines, a);
    shared_memory_free(a, sizeof *a);
}

/* Its bytes are in a record. The main thread's assembler stays, because the next line is likely to
 * need it; others go, because a process may have any number of threads in its life. */
static void empty(struct lines *lines, struct assembler *a, bool continues)
{
    if (a->length > 0)
        list_remove(&lines->unfinished, &a->link);
    chunk_empty(&lines->progress[a->who.stream], &a->length);
    a->continues = continues;
    if (!continues && a->who.tid != (uint32_t)a->who.pid)
        free_assembler(lines, a);
    else if (a->capacity > CAPACITY_KEPT)
        free_text(lines, a);
}

/* Makes room for n more bytes. False: there is none within the bounds. */
static bool reserve(struct lines *lines, struct assembler *a, size_t n)
{
    size_t want = a->length + n;
    if (a->text != NULL && want <= a->capacity)
        return true;
    size_t capacity = a->capacity < CAPACITY_MIN ? CAPACITY_MIN : a->capacity;
    while (capacity < want)
        capacity *= 2;
    if (lines->open_bytes - a->capacity + capacity > lines->open_max)
        return false;
    char *text = shared_memory_alloc(capacity);
    if (text == NULL)
        return false;
    if (a->text != NULL)
        memcpy(text, a->text, a->length);
    char *old = a->text;
    HANDOVER_SET(a->text, text);
    shared_memory_free(old, a->capacity);
    lines->open_bytes += capacity - a->capacity;
    a->capacity = capacity;
    return true;
}

/* Keeps the beginning of a line until the rest comes. Where there is no memory for one more
 * unfinished line, the bytes go to the buffer, marked as split. False: the buffer is full. */
static bool keep(struct lines *lines, struct source *source, const struct writer *who,
                 const struct piece *piece)
{
    struct assembler *a = find_or_make(source, who);
    if (a == NULL || !reserve(lines, a, piece->length)) {
        if (!append(lines, source, who, a, piece))
            return false;
        if (a != NULL)
            empty(lines, a, true);
        return true;
    }
    bool listed = a->length > 0;
    if (!listed)
        a->who = *who;
    memcpy(a->text + a->length, piece->bytes, piece->length);
    a->touched = lines->now;
    if (listed && &a->link != lines->unfinished.last)
        list_remove(&lines->unfinished, &a->link);
    if (!listed || &a->link != lines->unfinished.last)
        list_append(&lines->unfinished, &a->link);
    chunk_keep(&lines->progress[who->stream], &a->length, a->length + piece->length, piece->at);
    return true;
}

/* --- feeding --- */

/* Finishes a line, or a part of one, with its last bytes. */
static bool finish(struct lines *lines, struct source *source, const struct writer *who,
                   const struct piece *piece)
{
    struct assembler *a = find(source, who);
    if (!append(lines, source, who, a, piece))
        return false;
    if (a != NULL)
        empty(lines, a, piece->end == LINE_SPLIT);
    else if (piece->end == LINE_SPLIT && (a = find_or_make(source, who)) != NULL)
        a->continues = true;
    return true;
}

/* Takes whole lines of a writer that has no unfinished one. It stops before any other case. */
static void feed_whole(struct lines *lines, struct source *source, const struct writer *who,
                       const char *chunk, size_t *at, size_t end)
{
    const size_t from = *at;
    size_t done = from;
    const char *newline;
    while (done < end && (newline = memchr(chunk + done, '\n', end - done)) != NULL) {
        size_t length = (size_t)(newline - chunk) - done;
        struct record *record = length <= lines->line_max
                                    ? buffer_append(lines->buffer[who->stream], length)
                                    : NULL;
        if (record == NULL)
            break;
        record->time = lines->wall;
        record->who = *who;
        memcpy(record->text, chunk + done, length);
        done += length + 1;
        commit(lines, record, done, NULL);
        HANDOVER_SET(*at, done);
        source->lines++;
        lines->lines++;
    }
    if (done > from)
        tail_add(&lines->tails, &source->tail[who->stream], chunk + from, done - from);
}

/* Takes one line, a part of one, or the beginning of one. It may take no byte where the line has as
 * many as it may have. False: the buffer is full. */
static bool feed_step(struct lines *lines, struct source *source, const struct writer *who,
                      const char *chunk, size_t *at, size_t end)
{
    const struct assembler *open = find(source, who);
    size_t head = open != NULL ? open->length : 0;
    struct piece piece = {.bytes = chunk + *at};
    const char *newline = memchr(piece.bytes, '\n', end - *at);
    piece.length = newline != NULL ? (size_t)(newline - piece.bytes) : end - *at;
    piece.at = *at + piece.length + (newline != NULL);
    bool taken;
    if (head + piece.length > lines->line_max) {
        piece.length = lines->line_max - head;
        piece.at = *at + piece.length;
        piece.end = LINE_SPLIT;
        taken = finish(lines, source, who, &piece);
    } else if (newline != NULL) {
        piece.end = LINE_WHOLE;
        taken = finish(lines, source, who, &piece);
    } else {
        piece.end = LINE_SPLIT; /* where it cannot be kept */
        taken = keep(lines, source, who, &piece);
    }
    if (taken)
        HANDOVER_SET(*at, piece.at);
    return taken;
}

bool lines_feed(struct lines *lines, struct source *source, const struct writer *who,
                const char *chunk, size_t *at, size_t end)
{
    const size_t from = *at;
    while (*at < end) {
        const struct assembler *open = find(source, who);
        if (open == NULL || (open->length == 0 && !open->continues))
            feed_whole(lines, source, who, chunk, at, end);
        if (*at == end || !feed_step(lines, source, who, chunk, at, end))
            break;
    }
    lines->bytes += *at - from;
    return *at == end;
}

void lines_new_chunk(struct lines *lines, enum sscap_stream stream)
{
    chunk_begin(&lines->progress[stream]);
}

/* --- the guardian's --- */

static uint64_t next_record(const struct lines *lines, enum sscap_stream stream)
{
    return lines->buffer[stream] != NULL ? lines->buffer[stream]->next : 0;
}

size_t lines_taken(const struct lines *lines, enum sscap_stream stream, size_t at)
{
    return chunk_taken(&lines->progress[stream], next_record(lines, stream), at);
}

bool lines_is_unfinished(const struct lines *lines, const struct assembler *assembler)
{
    enum sscap_stream stream = (enum sscap_stream)assembler->who.stream;
    return !chunk_is_in_ring(&lines->progress[stream], next_record(lines, stream), assembler);
}

/* --- ends --- */

bool lines_end(struct lines *lines, struct source *source)
{
    const struct piece nothing = {.end = LINE_UNFINISHED};
    for (int stream = 0; stream < SSCAP_STREAMS; stream++) {
        struct assembler *a;
        while ((a = source->open[stream]) != NULL) {
            if (a->length > 0) {
                if (!append(lines, source, &a->who, a, &nothing))
                    return false;
                list_remove(&lines->unfinished, &a->link);
                chunk_empty(&lines->progress[stream], &a->length);
            }
            free_assembler(lines, a);
        }
    }
    return true;
}

void lines_release(struct lines *lines, struct source *source)
{
    for (int stream = 0; stream < SSCAP_STREAMS; stream++)
        tail_clear(&lines->tails, &source->tail[stream]);
}

uint64_t lines_show_idle(struct lines *lines, uint64_t now)
{
    const struct piece nothing = {.end = LINE_IDLE};
    struct link *next;
    for (struct link *link = lines->unfinished.first; lines->idle != 0 && link != NULL;
         link = next) {
        struct assembler *a = LIST_OWNER(link, struct assembler, link);
        next = link->next;
        if (!(lines->idle_streams & 1u << a->who.stream))
            continue;
        if (a->touched + lines->idle > now)
            return a->touched + lines->idle;
        if (!append(lines, a->source, &a->who, a, &nothing))
            return now + lines->idle;
        empty(lines, a, true);
    }
    return 0;
}
