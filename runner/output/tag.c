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

static const char *const placeholders[] = {"name", "pid",     "tid",    "ppid",
                                           "time", "elapsed", "stream", "rank"};
enum placeholder { NAME, PID, TID, PPID, TIME, ELAPSED, STREAM, RANK, PLACEHOLDERS };

enum { PALETTE = 12 };

/* The placeholder at text ("{name}"), its length with braces; -1: none. */
static int placeholder_at(const char *text, size_t *ret_length)
{
    for (int i = 0; i < PLACEHOLDERS; i++) {
        size_t length = strlen(placeholders[i]);
        if (text[0] == '{' && strncmp(text + 1, placeholders[i], length) == 0 &&
            text[1 + length] == '}') {
            *ret_length = length + 2;
            return i;
        }
    }
    return -1;
}

const char *tag_check(const char *template)
{
    size_t length;
    if (*template == '\0')
        return "is empty (none: no tags)";
    if (strlen(template) > TAG_MAX / 4)
        return "is too long";
    for (const char *c = template; *c != '\0'; c++) {
        if (*c == '\n')
            return "has a newline in it";
        if (*c == '{' && placeholder_at(c, &length) < 0)
            return "has a placeholder that is none of {name} {pid} {tid} {ppid} {time} {elapsed} "
                   "{stream} "
                   "{rank}";
    }
    return NULL;
}

bool tag_has(const char *template, const char *placeholder)
{
    size_t length;
    for (const char *c = template; *c != '\0'; c++) {
        int found = placeholder_at(c, &length);
        if (found >= 0 && strcmp(placeholders[found], placeholder) == 0)
            return true;
    }
    return false;
}

void tag_init(struct tag *tag, const char *template, bool timestamps, bool color, size_t *width,
              uint64_t start)
{
    *tag = (struct tag){.template = strcmp(template, "none") == 0 ? NULL : template,
                        .timestamps = timestamps,
                        .timed = timestamps || tag_has(template, "time") ||
                                 tag_has(template, "elapsed"),
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

static int format_placeholder(const struct tag *tag, enum placeholder which,
                              const struct record *record, char *text, size_t size)
{
    switch (which) {
    case NAME:
        return snprintf(text, size, "%.*s", SSCAP_NAME_SIZE, record->who.name);
    case PID:
        return snprintf(text, size, "%d", record->who.pid);
    case TID:
        return snprintf(text, size, "%u", record->who.tid);
    case PPID:
        return snprintf(text, size, "%d", record->who.ppid);
    case TIME:
        return format_time(text, size, record->time);
    case ELAPSED: {
        uint64_t elapsed = record->time > tag->start ? record->time - tag->start : 0;
        return snprintf(text, size, "%llu.%03llu", (unsigned long long)(elapsed / NS_PER_S),
                        (unsigned long long)(elapsed % NS_PER_S / NS_PER_MS));
    }
    case STREAM:
        return snprintf(text, size, "%s", record->who.stream == SSCAP_OUT ? "stdout" : "stderr");
    case RANK:
        return record->who.rank < 0 ? snprintf(text, size, "-")
                                    : snprintf(text, size, "%d", record->who.rank);
    case PLACEHOLDERS:
        break;
    }
    return 0;
}

/* The template filled in. */
static size_t fill(const struct tag *tag, const struct record *record, char *text, size_t size)
{
    size_t n = 0;
    size_t length;
    for (const char *c = tag->template; *c != '\0' && n < size - 1;) {
        int which = placeholder_at(c, &length);
        if (which < 0) {
            text[n++] = *c++;
            continue;
        }
        int printed = format_placeholder(tag, (enum placeholder)which, record, text + n, size - n);
        n += printed < 0 ? 0 : (size_t)printed;
        if (n > size - 1)
            n = size - 1;
        c += length;
    }
    return n;
}

/* One of PALETTE colours, the same for a name at all times. */
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
