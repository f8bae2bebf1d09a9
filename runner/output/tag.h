/* tag.h: makes the tag before each line: the template, times, padding, colour. */
#ifndef SSCAP_RUNNER_OUTPUT_TAG_H
#define SSCAP_RUNNER_OUTPUT_TAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runner/lines/buffer.h"
#include "runner/tag_template.h"

enum { TAG_MAX = 1024 }; /* bytes of a finished tag; longer ones are cut */

struct tag {
    const char *template; /* NULL: no tags */
    bool timestamps;
    bool timed; /* the tag depends on the time of the line */
    bool color;
    uint64_t start; /* wall_ns, for {elapsed} */
    /* In columns: the widest tag of all outputs so far, to which all tags are padded. */
    size_t *width;
    struct writer who; /* the writer and the time that `text` was made for */
    uint64_t ms;
    size_t length;
    char text[TAG_MAX];
};

/* `width` is shared by all tags; the caller sets it to 0 once. */
void tag_init(struct tag *tag, const char *template, bool timestamps, bool color, size_t *width,
              uint64_t start);

/* Makes the tag of a record, with sign, mark and colour. The `*ret_length` bytes stay valid until
 * the next call. */
const char *tag_of(struct tag *tag, const struct record *record, size_t *ret_length);

#endif
