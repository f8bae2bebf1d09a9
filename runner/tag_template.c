/* tag_template.c: see tag_template.h. */
#include "runner/tag_template.h"

#include <string.h>

static const char *const placeholders[TAG_PLACEHOLDERS] = {"name", "pid",     "tid",    "ppid",
                                                           "time", "elapsed", "stream", "rank"};

int tag_template_placeholder(const char *text, size_t *ret_length)
{
    for (int i = 0; i < TAG_PLACEHOLDERS; i++) {
        size_t length = strlen(placeholders[i]);
        if (text[0] == '{' && strncmp(text + 1, placeholders[i], length) == 0 &&
            text[1 + length] == '}') {
            *ret_length = length + 2;
            return i;
        }
    }
    return -1;
}

const char *tag_template_check(const char *template)
{
    size_t length;
    if (*template == '\0')
        return "is empty (none: no tags)";
    if (strlen(template) > TAG_TEMPLATE_MAX)
        return "is too long";
    for (const char *c = template; *c != '\0'; c++) {
        if (*c == '\n')
            return "has a newline in it";
        if (*c == '{' && tag_template_placeholder(c, &length) < 0)
            return "has a placeholder that is none of {name} {pid} {tid} {ppid} {time} {elapsed} "
                   "{stream} "
                   "{rank}";
    }
    return NULL;
}

bool tag_template_has(const char *template, const char *placeholder)
{
    size_t length;
    for (const char *c = template; *c != '\0'; c++) {
        int found = tag_template_placeholder(c, &length);
        if (found >= 0 && strcmp(placeholders[found], placeholder) == 0)
            return true;
    }
    return false;
}
