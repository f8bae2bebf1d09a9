/* intake.h: reads the captured streams. The kernel names the writer of the bytes, and the library's
 * frames are between them. */
#ifndef SSCAP_RUNNER_CAPTURE_INTAKE_H
#define SSCAP_RUNNER_CAPTURE_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "runner/lines/lines.h"
#include "runner/loop.h"
#include "runner/processes/ctl.h"
#include "runner/processes/processes.h"

enum { INTAKE_CHUNK_SIZE = 256 * 1024 };

struct intake;

struct stream {
    struct intake *intake;
    enum sscap_stream which;
    bool open;
    bool stalled; /* the buffer is full, so the stream is not read until intake_resume */
    struct watch watch;
    /* The bytes received last, in shared memory. [from, to) is not taken in yet. */
    char *chunk;
    size_t from, to;
    size_t kept;            /* bytes of it that were there before the last read */
    struct mmsghdr message; /* msg_len is the number of bytes that the last read has brought */
    size_t frame_at;        /* the next frame's header in the chunk; `to`: none */
    /* If this is greater than from, the chunk is a frame's payload up to here, which may be after
     * the chunk. */
    size_t frame_end;
    bool cut;          /* the chunk filled its room, so a frame at its end may be cut off */
    int32_t pid;       /* of the writer */
    int pidfd;         /* the writer's, or -1 */
    uint64_t position; /* of chunk[from], in bytes from the session's beginning */
    uint32_t frame_tid;
};

struct intake {
    struct loop *loop;
    struct ctl *ctl;
    struct processes *processes;
    struct lines *lines;
    uint8_t nonce[SSCAP_NONCE_SIZE];
    struct stream streams[SSCAP_STREAMS];
    bool pidfds; /* the kernel can pass them with the bytes */
    bool ranks;  /* the tag shows the writer's rank */
};

/* Takes ownership of the runner's ends of the streams (-1: not captured). Returns 0 or -errno. */
int intake_init(struct intake *intake, struct loop *loop, struct ctl *ctl,
                struct processes *processes, struct lines *lines, const int fds[SSCAP_STREAMS],
                const uint8_t nonce[SSCAP_NONCE_SIZE]);
void intake_clear(struct intake *intake);

/* Tells the intake that the buffer has room again. */
void intake_resume(struct intake *intake);

/* The stream's output has no reader any more, so the stream's writers get SIGPIPE, as from a pipe
 * without a reader. */
void intake_abandon(struct intake *intake, enum sscap_stream which);

/* The number of bytes that have been taken in, and that have been written, so far. */
uint64_t intake_position(const struct intake *intake, enum sscap_stream which);
uint64_t intake_written(const struct intake *intake, enum sscap_stream which);

/* Whether a process may still have a stream open, because its end has not been read yet. */
bool intake_open(const struct intake *intake);

#endif
