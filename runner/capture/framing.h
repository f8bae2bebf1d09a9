/* framing.h: finds the library's frames among the bytes of a captured stream (shim/wire.h). */
#ifndef SSCAP_RUNNER_CAPTURE_FRAMING_H
#define SSCAP_RUNNER_CAPTURE_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/wire.h"

/* What is found at a place in the stream. */
enum framing_found {
    FRAMING_NONE,  /* the program's own bytes */
    FRAMING_CUT,   /* the beginning of what may be a frame */
    FRAMING_FOUND, /* a frame: only the header if the frame announces bytes, else the whole frame */
};

/* Looks at the `have` bytes at `bytes`. With `more`, bytes that have not been read yet may follow.
 * A frame is accepted if its header is whole and has the session's nonce. It is copied to
 * *ret_frame. */
enum framing_found framing_look(const char *bytes, size_t have, bool more,
                                const uint8_t nonce[SSCAP_NONCE_SIZE],
                                struct sscap_frame *ret_frame);

/* Bytes that a frame adds to the stream: the header, and a payload that is not the program's own
 * bytes. */
size_t framing_size(const struct sscap_frame *frame);

/* The offset of the first place in [from, to) where a frame is found, or begins and is cut off.
 * Returns `to` if there is none. */
size_t framing_seek(const char *bytes, size_t from, size_t to, bool more,
                    const uint8_t nonce[SSCAP_NONCE_SIZE]);

#endif
