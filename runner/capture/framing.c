/* framing.c: see framing.h. */
#define _GNU_SOURCE
#include "runner/capture/framing.h"

#include <string.h>

size_t framing_size(const struct sscap_frame *frame)
{
    return sizeof *frame + (frame->type == SSCAP_FRAME_BYTES ? 0 : frame->length);
}

enum framing_found framing_look(const char *bytes, size_t have, bool more,
                                const uint8_t nonce[SSCAP_NONCE_SIZE],
                                struct sscap_frame *ret_frame)
{
    const size_t nonce_at = offsetof(struct sscap_frame, nonce);
    struct sscap_frame frame = {0};
    memcpy(&frame, bytes, have < sizeof frame ? have : sizeof frame);
    size_t nonce_have = have > nonce_at ? have - nonce_at : 0;
    if (nonce_have > SSCAP_NONCE_SIZE)
        nonce_have = SSCAP_NONCE_SIZE;
    if (frame.lead != SSCAP_FRAME_LEAD || memcmp(frame.nonce, nonce, nonce_have) != 0)
        return FRAMING_NONE;
    if (have < sizeof frame)
        return more ? FRAMING_CUT : FRAMING_NONE;
    bool text = frame.type == SSCAP_FRAME_BYTES && frame.length >= 1 &&
                frame.length <= SSCAP_FRAME_PAYLOAD_MAX;
    bool image = frame.type == SSCAP_FRAME_IMAGE && frame.length == SSCAP_NAME_SIZE;
    bool event = frame.type == SSCAP_FRAME_EVENT && frame.length >= sizeof(struct sscap_event) &&
                 frame.length <= SSCAP_EVENT_SIZE_MAX;
    if (frame.version != SSCAP_WIRE_VERSION || (!text && !image && !event))
        return FRAMING_NONE;
    if (have < framing_size(&frame))
        return more ? FRAMING_CUT : FRAMING_NONE;
    *ret_frame = frame;
    return FRAMING_FOUND;
}

size_t framing_seek(const char *bytes, size_t from, size_t to, bool more,
                    const uint8_t nonce[SSCAP_NONCE_SIZE])
{
    struct sscap_frame unused;
    while (from < to) {
        const char *lead = memchr(bytes + from, SSCAP_FRAME_LEAD, to - from);
        if (lead == NULL)
            break;
        from = (size_t)(lead - bytes);
        if (framing_look(lead, to - from, more, nonce, &unused) != FRAMING_NONE)
            return from;
        from++;
    }
    return to;
}
