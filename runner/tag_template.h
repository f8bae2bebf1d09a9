/* tag_template.h: the language of --tag: text with {placeholders}. */
#ifndef SSCAP_RUNNER_TAG_TEMPLATE_H
#define SSCAP_RUNNER_TAG_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

enum { TAG_TEMPLATE_MAX = 256 }; /* bytes */

enum tag_placeholder {
    TAG_NAME,
    TAG_PID,
    TAG_TID,
    TAG_PPID,
    TAG_TIME,
    TAG_ELAPSED,
    TAG_STREAM,
    TAG_RANK,
    TAG_PLACEHOLDERS
};

/* Returns what is wrong with a template, or NULL. */
const char *tag_template_check(const char *template);

/* Whether a template has this placeholder, e.g. "rank". */
bool tag_template_has(const char *template, const char *placeholder);

/* The placeholder at the beginning of `text` (enum tag_placeholder), and its length with the
 * braces. -1: none. */
int tag_template_placeholder(const char *text, size_t *ret_length);

#endif
