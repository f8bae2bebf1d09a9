/* forge.c: imitates the library. It writes frames with the session's own nonce, which it reads from
 * the environment, to stdout. Each frame is wrong in one way. Lines of random bytes follow.
 *
 *   forge SEED COUNT
 *
 * How sscap shows this program's lines does not matter, but the lines of all other processes must
 * be unharmed. The program ends with a newline and an ordinary line. */
#include "shim/wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t state;

static uint64_t rnd(uint64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % n;
}

static void nonce_of_session(uint8_t *nonce)
{
    const char *session = getenv(SSCAP_ENV_SESSION);
    unsigned long long high = 0, low = 0;
    char digits[17] = "";
    /* the seventh field */
    for (int i = 0; session && i < 6; i++)
        session = strchr(session, ':') ? strchr(session, ':') + 1 : NULL;
    if (session && strlen(session) > 32) {
        memcpy(digits, session, 16);
        high = strtoull(digits, NULL, 16);
        memcpy(digits, session + 16, 16);
        low = strtoull(digits, NULL, 16);
    }
    /* We try both byte orders of the nonce, because only the library knows which one it uses. */
    for (int i = 0; i < 8; i++) {
        int shift = rnd(2) ? 8 * i : 8 * (7 - i);
        nonce[i] = (uint8_t)(high >> shift);
        nonce[8 + i] = (uint8_t)(low >> shift);
    }
}

static void spoil(struct sscap_frame *frame)
{
    static const uint32_t lengths[] = {
        0,          1,         SSCAP_FRAME_PAYLOAD_MAX, SSCAP_FRAME_PAYLOAD_MAX + 1, 0x7fffffff,
        0x80000000, 0xffffffff};
    switch (rnd(8)) {
    case 0:
        frame->length = lengths[rnd(sizeof lengths / sizeof *lengths)];
        break;
    case 1:
        frame->type = (uint8_t)rnd(256);
        break;
    case 2:
        frame->version = (uint16_t)rnd(65536);
        break;
    case 3:
        frame->nonce[rnd(SSCAP_NONCE_SIZE)] ^= (uint8_t)(1 + rnd(255));
        break;
    case 4:
        frame->tid = (uint32_t)rnd(1ull << 32);
        break;
    case 5:
        frame->reserved = (uint32_t)rnd(1ull << 32);
        break;
    default:
        break; /* the frame is right, but its payload is not */
    }
}

static void put(const void *bytes, size_t n)
{
    if (write(1 + (int)rnd(2), bytes, n) < 0)
        exit(1);
}

static void forged_frame(void)
{
    uint8_t bytes[sizeof(struct sscap_frame) + 512];
    struct sscap_frame frame = {.lead = SSCAP_FRAME_LEAD,
                                .type = (uint8_t)(1 + rnd(2)),
                                .version = SSCAP_WIRE_VERSION,
                                .length = (uint32_t)rnd(600),
                                .tid = (uint32_t)getppid()};
    nonce_of_session(frame.nonce);
    spoil(&frame);
    memcpy(bytes, &frame, sizeof frame);
    for (size_t i = sizeof frame; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)rnd(256);
    put(bytes, 1 + rnd(sizeof bytes)); /* often cut short */
}

static void random_bytes(void)
{
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(rnd(4) ? rnd(256) : SSCAP_FRAME_LEAD);
    put(bytes, 1 + rnd(sizeof bytes));
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    state = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15u + 1;
    for (int i = atoi(argv[2]); i > 0; i--)
        rnd(3) ? forged_frame() : random_bytes();
    printf("\nforge[%d]: an honest line\n", getpid());
    return 0;
}
