/* frames.h: the library's frames, between the bytes of a captured stream (shim/wire.h). */
#ifndef SSCAP_RUNNER_CAPTURE_FRAMING_H
#define SSCAP_RUNNER_CAPTURE_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/wire.h"

/* What stands at a place in the stream. */
enum framing_found {
    FRAMING_NONE,  /* the program's own bytes */
    FRAMING_CUT,   /* what may be a frame, if it goes on like that */
    FRAMING_FOUND, /* a frame: the header of one of bytes, all of any other */
};

/* Looks at the `have` bytes at `bytes`, behind which there may be `more` that has not been read
 * yet. A frame is believed when its header is whole and has the session's nonce; it is copied to
 * *ret_frame. */
enum framing_found framing_look(const char *bytes, size_t have, bool more,
                                const uint8_t nonce[SSCAP_NONCE_SIZE],
                                struct sscap_frame *ret_frame);

/* Bytes that a frame adds to the stream: the header, and a payload that is not the program's own
 * bytes. */
size_t framing_size(const struct sscap_frame *frame);

/* Offset of the first place in [from, to) where a frame is found, or begins and is cut off; `to`
 * when there is none. */
size_t framing_seek(const char *bytes, size_t from, size_t to, bool more,
                    const uint8_t nonce[SSCAP_NONCE_SIZE]);

#endif
