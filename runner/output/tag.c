/* tag.c: see tag.h.
 *
 *     cc1[4711]   | whole line of stdout
 *     cc1[4711]   ! of stderr
 *     cc1[4711]   |+first part of one that was split      |~unfinished
 */
#define _GNU_SOURCE
#include "runner/output/tag.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "runner/util.h"

enum { PALETTE = 12 };

void tag_init(struct tag *tag, const char *template, bool timestamps, bool color, size_t *width,
              uint64_t start)
{
    *tag = (struct tag){.template = strcmp(template, "none") == 0 ? NULL : template,
                        .timestamps = timestamps,
                        .timed = timestamps || tag_template_has(template, "time") ||
                                 tag_template_has(template, "elapsed"),
                        .color = color,
                        .width = width,
                        .start = start};
}

static int format_time(char *text, size_t size, uint64_t wall)
{
    time_t seconds = (time_t)(wall / NS_PER_S);
    struct tm local;
    localtime_r(&seconds, &local);
    return snprintf(text, size, "%02d:%02d:%02d.%03d", local.tm_hour, local.tm_min, local.tm_sec,
                    (int)(wall % NS_PER_S / NS_PER_MS));
}

static int format_placeholder(const struct tag *tag, enum tag_placeholder which,
                              const struct record *record, char *text, size_t size)
{
    switch (which) {
    case TAG_NAME:
        return snprintf(text, size, "%.*s", SSCAP_NAME_SIZE, record->who.name);
    case TAG_PID:
        return snprintf(text, size, "%d", record->who.pid);
    case TAG_TID:
        return snprintf(text, size, "%u", record->who.tid);
    case TAG_PPID:
        return snprintf(text, size, "%d", record->who.ppid);
    case TAG_TIME:
        return format_time(text, size, record->time);
    case TAG_ELAPSED: {
        uint64_t elapsed = record->time > tag->start ? record->time - tag->start : 0;
        return snprintf(text, size, "%llu.%03llu", (unsigned long long)(elapsed / NS_PER_S),
                        (unsigned long long)(elapsed % NS_PER_S / NS_PER_MS));
    }
    case TAG_STREAM:
        return snprintf(text, size, "%s", record->who.stream == SSCAP_OUT ? "stdout" : "stderr");
    case TAG_RANK:
        return record->who.rank < 0 ? snprintf(text, size, "-")
                                    : snprintf(text, size, "%d", record->who.rank);
    case TAG_PLACEHOLDERS:
        break;
    }
    return 0;
}

/* Fills in the template. */
static size_t fill(const struct tag *tag, const struct record *record, char *text, size_t size)
{
    size_t n = 0;
    size_t length;
    for (const char *c = tag->template; *c != '\0' && n < size - 1;) {
        int which = tag_template_placeholder(c, &length);
        if (which < 0) {
            text[n++] = *c++;
            continue;
        }
        int printed = format_placeholder(tag, (enum tag_placeholder)which, record, text + n,
                                         size - n);
        n += printed < 0 ? 0 : (size_t)printed;
        if (n > size - 1)
            n = size - 1;
        c += length;
    }
    return n;
}

/* One of PALETTE colours; a name always has the same one. */
static int color_of(const char *name)
{
    static const unsigned char palette[PALETTE] = {32, 33, 34, 35, 36, 31, 92, 93, 94, 95, 96, 91};
    unsigned int sum = 0;
    for (size_t i = 0; i < SSCAP_NAME_SIZE && name[i] != '\0'; i++)
        sum = sum * 31 + (unsigned char)name[i];
    return palette[sum % PALETTE];
}

const char *tag_of(struct tag *tag, const struct record *record, size_t *ret_length)
{
    char words[TAG_MAX / 2];
    char clock[16] = "";
    char paint[16] = "";
    uint64_t ms = tag->timed ? record->time / NS_PER_MS : 0;
    *ret_length = tag->length;
    if (tag->length > 0 && tag->ms == ms && writer_equal(&tag->who, &record->who))
        return tag->text;
    size_t n = fill(tag, record, words, sizeof words);
    if (n > *tag->width)
        *tag->width = n;
    if (tag->timestamps)
        format_time(clock, sizeof clock, record->time);
    if (tag->color)
        snprintf(paint, sizeof paint, "\033[%dm", color_of(record->who.name));
    static const char marks[] = {
        [LINE_WHOLE] = ' ', [LINE_SPLIT] = '+', [LINE_UNFINISHED] = '~', [LINE_IDLE] = '~'};
    int length = snprintf(tag->text, sizeof tag->text, "%s%s%s%-*.*s %c%s%c", paint, clock,
                          tag->timestamps ? " " : "", (int)*tag->width, (int)n, words,
                          record->who.stream == SSCAP_OUT ? '|' : '!', tag->color ? "\033[0m" : "",
                          marks[record->who.end]);
    tag->length = length < 0 ? 0 : (size_t)length;
    tag->who = record->who;
    tag->ms = ms;
    *ret_length = tag->length;
    return tag->text;
}
