/* buffer.c: compares the ring (runner/lines/buffer.c) with a model, which is a plain array of all
 * records. Lengths, bounds and readers are random. Some records are places of error groups, which
 * are not counted as lines and not bounded. */
#include "runner/lines/buffer.h"

#include <string.h>

#include "runner/handover/shared_memory.h"
#include "tests/unit/check.h"

enum { RECORDS = 4000, READERS = 3 };

struct model {
    uint32_t length[RECORDS];
    uint8_t stream[RECORDS];
    bool is_line[RECORDS];
    uint64_t count, places;
};

/* The lines among the last `n` records. */
static uint64_t lines_of_last(const struct model *model, uint64_t n)
{
    uint64_t lines = 0;
    for (uint64_t i = model->count - n; i < model->count; i++)
        lines += model->is_line[i];
    return lines;
}

struct reader {
    struct cursor cursor;
    uint64_t next; /* the first record that the reader has not seen */
};

static char letter(uint64_t number)
{
    return (char)('a' + number % 26);
}

/* Reads one record. Every record between the last one seen and this one must be counted as dropped
 * or belong to the other stream. */
static void read_one(struct buffer *buffer, struct reader *reader, const struct model *model)
{
    const struct record *record = buffer_peek(buffer, &reader->cursor);
    uint64_t found = reader->cursor.at.number;
    uint64_t lines = 0;
    uint64_t bytes = 0;
    for (uint64_t i = reader->next; i < found; i++) {
        if (reader->cursor.streams & 1u << model->stream[i] && model->is_line[i]) {
            lines++;
            bytes += model->length[i];
        }
    }
    CHECK(lines == reader->cursor.dropped_lines && bytes == reader->cursor.dropped_bytes);
    reader->cursor.dropped_lines = reader->cursor.dropped_bytes = 0;
    reader->next = found;
    if (record == NULL) {
        CHECK(found == model->count);
        return;
    }
    CHECK(record->length == model->length[found] && record->who.stream == model->stream[found]);
    CHECK((record->who.end != LINE_PLACE) == model->is_line[found]);
    for (uint32_t i = 0; i < record->length; i++)
        CHECK(record->text[i] == letter(found));
    buffer_advance(buffer, &reader->cursor);
    reader->next++;
}

static bool append(struct buffer *buffer, struct model *model, uint64_t *seed, uint64_t length_max)
{
    uint32_t length = (uint32_t)random_below(seed, length_max + 1);
    uint8_t stream = (uint8_t)random_below(seed, SSCAP_STREAMS);
    bool is_line = model->places == PLACES_MAX || random_below(seed, 16) != 0;
    struct record *record = is_line ? buffer_append(buffer, length) : buffer_append_place(buffer);
    if (record == NULL)
        return false;
    length = record->length;
    record->who.stream = stream;
    record->who.end = is_line ? LINE_WHOLE : LINE_PLACE;
    model->places += !is_line;
    model->is_line[model->count] = is_line;
    memset(record->text, letter(model->count), length);
    buffer_commit(buffer, record);
    model->length[model->count] = length;
    model->stream[model->count++] = stream;
    return true;
}

static void run(uint64_t seed, bool drop)
{
    static struct model model;
    struct buffer buffer;
    struct reader readers[READERS] = {0};
    size_t bytes = 65536 + random_below(&seed, 65536) / 8 * 8;
    uint64_t lines = 1 + random_below(&seed, 300);
    uint64_t length_max = 1 + random_below(&seed, bytes / 4 - sizeof(struct record));
    model.count = model.places = 0;
    CHECK(buffer_init(&buffer, bytes, lines, drop) == 0);
    for (size_t i = 0; i < READERS; i++)
        buffer_add_cursor(&buffer, &readers[i].cursor, i == 0 ? 3 : (uint32_t)i);
    while (model.count < RECORDS) {
        struct reader *reader = &readers[random_below(&seed, READERS)];
        bool appended = random_below(&seed, 2) == 0 && append(&buffer, &model, &seed, length_max);
        CHECK(appended || !drop || reader != NULL);
        CHECK(buffer.lines <= lines && buffer.bytes <= bytes);
        CHECK(buffer.lines == lines_of_last(&model, buffer.next - buffer.first.number));
        if (!appended)
            read_one(&buffer, reader, &model);
        if (!drop)
            CHECK(buffer.dropped_lines == 0);
    }
    for (size_t i = 0; i < READERS; i++) {
        while (readers[i].next < model.count)
            read_one(&buffer, &readers[i], &model);
        buffer_remove_cursor(&buffer, &readers[i].cursor);
    }
    /* What is kept at the end, read as --tail does. */
    struct reader tail = {0};
    uint64_t want = 1 + random_below(&seed, 10);
    buffer_add_cursor(&buffer, &tail.cursor, 3);
    uint64_t kept = buffer.lines;
    buffer_seek_tail(&buffer, &tail.cursor, want);
    tail.next = tail.cursor.at.number;
    CHECK(lines_of_last(&model, model.count - tail.next) == (kept < want ? kept : want));
    while (tail.next < model.count)
        read_one(&buffer, &tail, &model);
}

int main(void)
{
    CHECK(shared_memory_init(64 << 20) == 0); /* each run takes a ring from it */
    for (uint64_t seed = 1; seed <= 100; seed++) {
        run(seed * 7919, false);
        run(seed * 104729, true);
    }
    return 0;
}
