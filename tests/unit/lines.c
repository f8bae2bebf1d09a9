/* lines.c: compares runner/lines/lines.c with a model. Text of several writers is fed in random
 * pieces. It must come out whole, in order and with the right marks, even if the buffer is often
 * full. */
#include "runner/lines/lines.h"

#include <string.h>

#include "runner/handover/shared_memory.h"
#include "tests/unit/check.h"

enum { WRITERS = 4, TEXT_SIZE = 20000, LINE_MAX_BYTES = 100 };

struct model {
    struct source source; /* a process's first thread holds it */
    struct writer who;
    char text[TEXT_SIZE];
    size_t fed;
    char seen[TEXT_SIZE * 2]; /* the text of the records, joined */
    size_t seen_length;
};

static void make_text(struct model *writer, uint64_t *seed)
{
    for (size_t i = 0; i < TEXT_SIZE; i++) {
        uint64_t kind = random_below(seed, 40);
        writer->text[i] = kind == 0 ? '\n' : kind == 1 ? '\0' : (char)random_below(seed, 256);
    }
}

static struct model *writer_of(struct model *writers, const struct record *record)
{
    for (size_t i = 0; i < WRITERS; i++)
        if (writers[i].who.pid == record->who.pid && writers[i].who.tid == record->who.tid)
            return &writers[i];
    CHECK(!"a record of an unknown writer");
    return NULL;
}

static void read_all(struct buffer *buffer, struct cursor *cursor, struct model *writers)
{
    const struct record *record;
    while ((record = buffer_peek(buffer, cursor)) != NULL) {
        struct model *writer = writer_of(writers, record);
        CHECK(record->length <= LINE_MAX_BYTES);
        CHECK(record->who.end != LINE_SPLIT || record->length == LINE_MAX_BYTES);
        CHECK(memchr(record->text, '\n', record->length) == NULL);
        CHECK(strcmp(record->who.name, "writer") == 0);
        memcpy(writer->seen + writer->seen_length, record->text, record->length);
        writer->seen_length += record->length;
        if (record->who.end == LINE_WHOLE)
            writer->seen[writer->seen_length++] = '\n';
        buffer_advance(buffer, cursor);
    }
}

static void run(uint64_t seed)
{
    static struct model writers[WRITERS];
    struct buffer buffer;
    struct cursor cursor;
    struct lines lines;
    size_t done = 0;
    memset(writers, 0, sizeof writers);
    CHECK(buffer_init(&buffer, 65536, 1 + random_below(&seed, 50), false) == 0);
    buffer_add_cursor(&buffer, &cursor, 3);
    lines_init(&lines, &buffer, &buffer, LINE_MAX_BYTES, 65536);
    for (int i = 0; i < WRITERS; i++) { /* two processes of two threads each */
        writers[i].who = (struct writer){.pid = 100 + i / 2, .stream = SSCAP_OUT};
        strcpy(writers[i].who.name, "writer");
        writers[i].who.tid = (uint32_t)(i % 2 == 0 ? 100 + i / 2 : 500 + i);
        make_text(&writers[i], &seed);
    }
    while (done < WRITERS) {
        struct model *writer = &writers[random_below(&seed, WRITERS)];
        struct source *source = &writers[(writer - writers) / 2 * 2].source;
        size_t left = TEXT_SIZE - writer->fed;
        size_t n = 1 + random_below(&seed, 300);
        if (left == 0)
            continue;
        n = n < left ? n : left;
        size_t end = writer->fed + n;
        bool all = lines_feed(&lines, source, &writer->who, writer->text, &writer->fed, end);
        CHECK(all ? writer->fed == end : writer->fed < end);
        if (!all)
            read_all(&buffer, &cursor, writers);
        done += writer->fed == TEXT_SIZE;
    }
    for (int i = 0; i < WRITERS; i += 2)
        while (!lines_end(&lines, &writers[i].source))
            read_all(&buffer, &cursor, writers);
    read_all(&buffer, &cursor, writers);
    for (int i = 0; i < WRITERS; i++) {
        CHECK(writers[i].seen_length == TEXT_SIZE);
        CHECK(memcmp(writers[i].seen, writers[i].text, TEXT_SIZE) == 0);
    }
    CHECK(lines.open_bytes == 0 && lines.unfinished.first == NULL &&
          lines.bytes == (uint64_t)WRITERS * TEXT_SIZE);
    for (int i = 0; i < WRITERS; i += 2)
        lines_release(&lines, &writers[i].source);
    CHECK(lines.tails.used == 0);
}

int main(void)
{
    CHECK(shared_memory_init(64 << 20) == 0);
    for (uint64_t seed = 1; seed <= 60; seed++)
        run(seed * 15485863);
    return 0;
}
