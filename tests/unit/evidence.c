/* evidence.c: compares the last lines (runner/lines/tail.c) with a model, and tests how
 * fingerprints are masked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner/lines/tail.h"
#include "runner/report/fingerprint.h"
#include "tests/unit/check.h"

/* The text kept is always the end of the text added, and long enough. */
static void test_tail(unsigned int seed)
{
    static char all[1 << 16];
    size_t length = 0;
    struct tails tails = {.max = 1 << 20};
    struct tail tail = {0};
    srand(seed);
    while (length < sizeof all - 5000) {
        size_t n = (size_t)rand() % (rand() % 8 == 0 ? 5000 : 90) + 1;
        for (size_t i = 0; i < n; i++)
            all[length + i] = (char)(i + 1 == n ? '\n' : 'a' + rand() % 26);
        tail_add(&tails, &tail, all + length, n);
        length += n;
        CHECK(tail.length <= tail.capacity && tails.used == tail.capacity);
        CHECK(tail.capacity <= 2 * TAIL_SIZE);
        CHECK(tail.length <= length &&
              memcmp(tail.text, all + length - tail.length, tail.length) == 0);
        CHECK(tail.length == length || tail.cut);
        CHECK(tail.length >= (length < TAIL_SIZE ? length : TAIL_SIZE));
    }
    tail_clear(&tails, &tail);
    CHECK(tails.used == 0 && tail.text == NULL);
}

static void check_last(const char *text, bool cut, unsigned int lines, const char *expected)
{
    char copy[256];
    size_t length;
    snprintf(copy, sizeof copy, "%s", text);
    const struct tail tail = {.text = copy, .length = (uint32_t)strlen(text), .cut = cut};
    const char *found = tail_last(&tail, lines, &length);
    CHECK(length == strlen(expected) && memcmp(found, expected, length) == 0);
}

static void test_last(void)
{
    check_last("", false, 3, "");
    check_last("one\n", false, 3, "one\n");
    check_last("one\ntwo\nthree\n", false, 2, "two\nthree\n");
    check_last("one\ntwo\nthree\n", false, 3, "one\ntwo\nthree\n");
    check_last("one\ntwo\nthr", false, 2, "two\nthr");
    check_last("one\n\n\n", false, 2, "\n\n");
    check_last("ne\ntwo\n", true, 5, "two\n"); /* the first line is cut at its beginning */
    check_last("a line without an end", true, 5, "a line without an end");
}

static void test_bound(void)
{
    struct tails tails = {.max = 300};
    struct tail first = {0};
    struct tail second = {0};
    tail_add(&tails, &first, "x\n", 2);
    tail_add(&tails, &second, "y\n", 2);
    CHECK(first.length == 2 && second.length == 0 && tails.refused == 1 && tails.used <= tails.max);
    char long_line[1000];
    memset(long_line, 'z', sizeof long_line);
    /* A tail can always use the room that it has. */
    tail_add(&tails, &first, long_line, sizeof long_line);
    CHECK(tails.used <= tails.max && first.length > 0 && first.text[first.length - 1] == 'z');
    tail_clear(&tails, &first);
    tail_clear(&tails, &second);
    CHECK(tails.used == 0);
}

static void test_masks(void)
{
    static const char *const masks[][2] = {
        {"plain words", "plain words"},
        {"worker 17 failed", "worker # failed"},
        {"at 0x7ffd1234 in f", "at # in f"},
        {"cannot open /tmp/abc123/x.txt", "cannot open x.txt"},
        {"src/a.c:12:5: error", "src/a.c:#:#: error"},
        {"id deadbeef01 gone", "id # gone"},
        {"feed the dead cat",
         "feed the dead cat"}, /* words of these letters without a digit stay */
        {"a1b2", "a#b#"},
        {"12345", "12345"}, /* the numbers are all the content */
        {"-1 / 2.5", "-1 / 2.5"},
        {"took 3.25 s", "took #.# s"},
        {"/ is full", "/ is full"},
        {"\xc3\xa4 7", "\xc3\xa4 #"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        char line[128];
        snprintf(line, sizeof line, "%s", masks[i][0]);
        fingerprint_mask(line);
        if (strcmp(line, masks[i][1]) != 0)
            fprintf(stderr, "'%s' became '%s', not '%s'\n", masks[i][0], line, masks[i][1]);
        CHECK(strcmp(line, masks[i][1]) == 0);
    }
    CHECK(fingerprint_number("a") != fingerprint_number("b") &&
          fingerprint_number("a") == fingerprint_number("a"));
}

int main(void)
{
    for (unsigned int seed = 1; seed <= 20; seed++)
        test_tail(seed);
    test_last();
    test_bound();
    test_masks();
    return 0;
}
