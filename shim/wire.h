/* wire.h: everything that libsscap.so and the runner say to each other, and nothing else.
 *
 * Bump SSCAP_WIRE_VERSION whenever a struct, a field of the session variable or the meaning of either changes: library and runner of
 * different versions refuse each other (the program then runs unshimmed, and is still captured by the kernel's stamps alone).
 *
 * All numbers are in the machine's own byte order: both ends are always on the same kernel. Structs hold no pointers and no
 * padding, so that a 32-bit library can speak to a 64-bit runner.
 *
 * Three sockets connect a process to its runner:
 *   out, err  AF_UNIX SOCK_STREAM, in place of fd 1 and 2: the program's own bytes, and frames (below) in between
 *   ctl       AF_UNIX SOCK_SEQPACKET: one event (below) per message; inherited, or reached again through the named socket
 */
#ifndef SSCAP_SHIM_WIRE_H
#define SSCAP_SHIM_WIRE_H

#include <stdint.h>

#define SSCAP_WIRE_VERSION 1

/* Environment. */
#define SSCAP_ENV_SESSION  "SSCAP_SESSION" /* the session of this tree, as SSCAP_SESSION_FORMAT */
#define SSCAP_ENV_RUNNER   "SSCAP_RUNNER"  /* path of the runner, for LD_PRELOAD use without a session */
#define SSCAP_LIBRARY_NAME "libsscap.so"
#define SSCAP_RUNNER_NAME  "sscap"

/* What the library calls the runner with, in LD_PRELOAD use: sscap SSCAP_OPTION_IMAGE<program file> -- <the program's argv>. */
#define SSCAP_OPTION_IMAGE "--image="

/* The session variable, lower-case hexadecimal in fields of fixed width, so that damage shows:
 *   version:ctl fd:runner pid:out cookie:err cookie:ctl cookie:nonce:flags:name:check
 * Cookies are SO_COOKIE numbers, which no two sockets of a running kernel share; 0 stands for a stream that is not captured.
 * The named socket is abstract: NUL "sscap-" <name>. The check is sscap_check() of all the text before its ':'. */
#define SSCAP_SESSION_FORMAT "%04x:%08x:%08x:%016llx:%016llx:%016llx:%016llx%016llx:%08x:%016llx"
#define SSCAP_SESSION_LENGTH 132 /* of that text */
#define SSCAP_CHECK_LENGTH   9   /* of ':' and the check that follow it */
#define SSCAP_SOCKET_PREFIX  "sscap-"

/* Session flags. */
#define SSCAP_FLAG_BUFFER_MASK  0x3u /* how the programs' stdout is buffered: */
#define SSCAP_FLAG_BUFFER_KEEP  0x0u
#define SSCAP_FLAG_BUFFER_LINE  0x1u
#define SSCAP_FLAG_BUFFER_BLOCK 0x2u
#define SSCAP_FLAG_BUFFER_NONE  0x3u

/* Limits. */
#define SSCAP_NONCE_SIZE 16
#define SSCAP_NAME_SIZE  16 /* the kernel's TASK_COMM_LEN, with its NUL */
#define SSCAP_FRAME_PAYLOAD_MAX                                                                              \
    32768 /* one skb, so that a frame is never cut by another writer (unix_stream_sendmsg) */
#define SSCAP_EVENT_SIZE_MAX 4096

/* Streams, as indexes and as bits of sscap_event.streams. */
enum sscap_stream { SSCAP_OUT = 0, SSCAP_ERR = 1, SSCAP_STREAMS = 2 };

/* In the streams: what the kernel's stamp cannot say. A frame is its header and `length` bytes, sent in one call. */
#define SSCAP_FRAME_LEAD 0x16 /* ASCII SYN: rare in text, so that a search for it costs next to nothing */

enum sscap_frame_type {
    SSCAP_FRAME_BYTES = 1, /* payload: output of thread `tid` of the process */
    SSCAP_FRAME_IMAGE = 2, /* payload: char[SSCAP_NAME_SIZE], the name that the process has from here on */
};

struct sscap_frame {
    uint8_t lead; /* SSCAP_FRAME_LEAD */
    uint8_t type; /* enum sscap_frame_type */
    uint16_t version;
    uint8_t nonce[SSCAP_NONCE_SIZE];
    uint32_t length; /* of the payload, in bytes: 1 to SSCAP_FRAME_PAYLOAD_MAX */
    uint32_t tid;
    uint32_t reserved; /* 0 */
};

_Static_assert(sizeof(struct sscap_frame) == 32, "a frame's header has no padding");

/* On ctl: who processes are. The sender is whom the kernel's stamp names, never whom the message claims. */
enum sscap_event_type {
    SSCAP_EVENT_FORK = 1,  /* the sender is a new process, child of `other` */
    SSCAP_EVENT_IMAGE = 2, /* the sender runs a new program, `name`; `other` is its parent */
    SSCAP_EVENT_EXEC =
        3, /* the sender is about to become `name` (or stays `name`: exec failed); `streams` carry an IMAGE frame */
    SSCAP_EVENT_SPAWN = 4, /* the sender has spawned the process `other`, which runs `name` */
    SSCAP_EVENT_NAME =
        5, /* the sender calls itself `name` (or exec failed, and it stays `name`); `streams` as for EXEC */
};

struct sscap_event {
    uint16_t version;
    uint16_t type;   /* enum sscap_event_type */
    uint32_t length; /* of the whole message, in bytes */
    uint8_t nonce[SSCAP_NONCE_SIZE];
    int32_t pid;      /* the sender, as it sees itself: differs from the stamp in another pid namespace */
    int32_t other;    /* a pid as the sender sees it, by type; 0 where none */
    uint32_t streams; /* bits of enum sscap_stream */
    int32_t rank;     /* IMAGE: in its parallel job (MPI, SLURM, torchrun), by its environment; else -1 */
    char name[SSCAP_NAME_SIZE]; /* NUL-terminated; empty where none */
};

_Static_assert(sizeof(struct sscap_event) == 56, "an event has no padding");
_Static_assert(sizeof(struct sscap_event) <= SSCAP_EVENT_SIZE_MAX, "an event fits its limit");

/* Variables that hold a process's rank in a parallel job, the best first. */
#define SSCAP_RANK_VARIABLES                                                                                 \
    {                                                                                                        \
        "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID", "RANK"                              \
    }
enum { SSCAP_RANK_VARIABLES_COUNT = 5 };

/* FNV-1a: tells a damaged session variable from a whole one (it is no defence against forgery; the nonce is). */
static inline uint32_t sscap_check(const char *text, uint32_t length)
{
    uint32_t sum = 2166136261u;
    for (uint32_t i = 0; i < length; i++)
        sum = (sum ^ (uint8_t)text[i]) * 16777619u;
    return sum;
}

#endif
