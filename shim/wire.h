/* wire.h: everything that libsscap.so and the runner say to each other, and nothing else.
 *
 * Bump SSCAP_WIRE_VERSION whenever a struct, a field of the session variable or the meaning of
 * either changes: library and runner of different versions refuse each other (the program then runs
 * unshimmed, and is still captured by the kernel's stamps alone).
 *
 * All numbers are in the machine's own byte order: both ends are always on the same kernel. Structs
 * hold no pointers and no padding, so that a 32-bit library can speak to a 64-bit runner.
 *
 * Three sockets connect a process to its runner:
 *   out, err  AF_UNIX SOCK_STREAM, in place of fd 1 and 2: the program's own bytes, and frames
 * (below) in between ctl       AF_UNIX SOCK_SEQPACKET: one event (below) per message; inherited, or
 * reached again through the named socket
 */
#ifndef SSCAP_SHIM_WIRE_H
#define SSCAP_SHIM_WIRE_H

#include <stdint.h>

#define SSCAP_WIRE_VERSION 2

/* Environment. */
/* Behind the variable's value, no hexadecimal digits: the program does not get to see it, or it and
 * the library's part of LD_PRELOAD. */
#define SSCAP_SESSION_HIDDEN 's'
#define SSCAP_BOTH_HIDDEN    'p'

#define SSCAP_ENV_SESSION "SSCAP_SESSION" /* the session of this tree, as SSCAP_SESSION_FORMAT */
#define SSCAP_ENV_RUNNER                                                                           \
    "SSCAP_RUNNER" /* path of the runner, for LD_PRELOAD use without a session */
#define SSCAP_LIBRARY_NAME "libsscap.so"
#define SSCAP_RUNNER_NAME  "sscap"

/* What the library calls the runner with, in LD_PRELOAD use: sscap SSCAP_OPTION_IMAGE<program file>
 * -- <the program's argv>. */
#define SSCAP_OPTION_IMAGE "--image="

/* The session variable, lower-case hexadecimal in fields of fixed width, so that damage shows:
 *   version:ctl fd:runner pid:out cookie:err cookie:ctl cookie:nonce:flags:name:check
 * Cookies are SO_COOKIE numbers, which no two sockets of a running kernel share; 0 stands for a
 * stream that is not captured. The named socket is abstract: NUL "sscap-" <name>. The check is
 * sscap_check() of all the text before its ':'. */
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
#define SSCAP_FLAG_EXITS                                                                           \
    0x4u /* processes say with what they exit: the kernel cannot tell the runner afterwards */
#define SSCAP_FLAG_CRASHES 0x8u  /* processes say where they crash */
#define SSCAP_FLAG_ARGS    0x10u /* processes say with what arguments they were started */
#define SSCAP_FLAG_TTY_OUT 0x20u /* the captured stream claims to be a terminal */
#define SSCAP_FLAG_TTY_ERR 0x40u

/* From here up, in the variable that one program hands on to the next: what a filter of theirs
 * forbids (shim/sandbox.c). */
#define SSCAP_FLAG_FORBIDDEN_SHIFT 8

/* Limits. */
#define SSCAP_NONCE_SIZE 16
#define SSCAP_NAME_SIZE  16 /* the kernel's TASK_COMM_LEN, with its NUL */
#define SSCAP_FRAME_PAYLOAD_MAX                                                                    \
    32768 /* one skb, so that a frame is never cut by another writer (unix_stream_sendmsg) */
#define SSCAP_EVENT_SIZE_MAX 16384
#define SSCAP_ARGV_MAX                                                                             \
    1024 /* bytes of arguments, each with its NUL; what does not fit is left out */
#define SSCAP_CWD_MAX      512
#define SSCAP_FRAMES_MAX   64
#define SSCAP_MODULES_MAX  24
#define SSCAP_PATH_MAX     256  /* of a module's file */
#define SSCAP_LEFT_MAX     4096 /* bytes in stdio's buffer at a crash: the last of them */
#define SSCAP_BUILD_ID_MAX 20

/* Streams, as indexes and as bits of sscap_event.streams. */
enum sscap_stream { SSCAP_OUT = 0, SSCAP_ERR = 1, SSCAP_STREAMS = 2 };

/* In the streams: what the kernel's stamp cannot say. A frame is its header and `length` bytes,
 * sent in one call. */
#define SSCAP_FRAME_LEAD                                                                           \
    0x16 /* ASCII SYN: rare in text, so that a search for it costs next to nothing */

enum sscap_frame_type {
    SSCAP_FRAME_BYTES = 1, /* payload: output of thread `tid` of the process */
    SSCAP_FRAME_IMAGE =
        2, /* payload: char[SSCAP_NAME_SIZE], the name that the process has from here on */
    SSCAP_FRAME_EVENT = 3, /* payload: an event with all that its type has behind it, of a process
                              that has no descriptor left for it */
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

/* On ctl: who processes are. The sender is whom the kernel's stamp names, never whom the message
 * claims. */
enum sscap_event_type {
    SSCAP_EVENT_FORK = 1, /* the sender is a new process, child of `other` */
    SSCAP_EVENT_IMAGE =
        2, /* the sender runs a new program, `name`; `other` is its parent. struct sscap_image */
    SSCAP_EVENT_EXEC = 3,  /* the sender, a child of `other`, is about to become `name` (or stays
                              `name`: exec failed); `streams` carry an IMAGE frame */
    SSCAP_EVENT_SPAWN = 4, /* the sender has spawned the process `other`, which runs `name` */
    SSCAP_EVENT_NAME = 5,  /* the sender, a child of `other`, calls itself `name` (or exec failed,
                              and it stays `name`); `streams` as for EXEC */
    SSCAP_EVENT_EXIT = 6,  /* the sender, a child of `other`, is about to exit. struct sscap_exit.
                              More than one: the last counts */
    SSCAP_EVENT_CRASH =
        7, /* a signal is about to end the sender, a child of `other`. struct sscap_crash */
    SSCAP_EVENT_REAPED = 8, /* the sender has waited for `other` (0: a child that libc started and
                               did not name). struct sscap_reaped */
    SSCAP_EVENT_SIGNAL = 9, /* the sender is about to send a signal to `other`, as kill(2) has it.
                               struct sscap_signal */
    SSCAP_EVENT_GROUP = 10, /* the process `other` is now in a process group. struct sscap_group */
    SSCAP_EVENT_SILENT =
        11, /* the last one of the sender, a child of `other`: a filter is to forbid more */
};

struct sscap_event {
    uint16_t version;
    uint16_t type;   /* enum sscap_event_type */
    uint32_t length; /* of the whole message, in bytes */
    uint8_t nonce[SSCAP_NONCE_SIZE];
    int32_t
        pid; /* the sender, as it sees itself: differs from the stamp in another pid namespace */
    int32_t other;    /* a pid as the sender sees it, by type; 0 where none */
    uint32_t streams; /* bits of enum sscap_stream */
    int32_t
        rank; /* IMAGE: in its parallel job (MPI, SLURM, torchrun), by its environment; else -1 */
    char name[SSCAP_NAME_SIZE]; /* NUL-terminated; empty where none */
};

_Static_assert(sizeof(struct sscap_event) == 56, "an event has no padding");

/* What follows an event's header, by type; nothing where none is named above. */

struct sscap_image {
    uint32_t argc;        /* of how many arguments `argv_length` bytes hold the first */
    uint32_t argv_length; /* 0 without SSCAP_FLAG_ARGS */
    uint32_t cwd_length;  /* without a NUL; 0: not known */
    uint32_t reserved;    /* 0 */
    /* then the arguments, each with its NUL, then the working directory */
};

struct sscap_usage {
    uint64_t user_us, system_us; /* processor time */
    uint64_t peak_kb;            /* resident memory */
};

struct sscap_exit {
    int32_t code; /* 0 to 255 */
    uint32_t reserved;
    struct sscap_usage usage;
};

#define SSCAP_REAPED_USAGE 0x1u /* `usage` is filled in */
#define SSCAP_REAPED_TRACER                                                                        \
    0x2u /* by a wait that sees traced processes and threads, too: maybe no child, maybe no        \
            process */

struct sscap_reaped {
    int32_t status; /* as waitpid has it; never stopped or continued */
    uint32_t flags; /* SSCAP_REAPED_* */
    struct sscap_usage usage;
};

struct sscap_signal {
    int32_t signal;
    uint32_t reserved;
};

struct sscap_group {
    int32_t group; /* as the sender sees it */
    uint32_t reserved;
};

struct sscap_crash {
    int32_t signal;
    int32_t code;     /* si_code */
    uint64_t address; /* si_addr; SIGSYS: the system call's number */
    int32_t sender;   /* si_pid where si_code says that somebody sent it, else 0 */
    uint32_t tid;
    uint32_t frames;      /* program counters, the innermost first, at most SSCAP_FRAMES_MAX */
    uint32_t modules;     /* at most SSCAP_MODULES_MAX */
    uint32_t left_length; /* bytes that stand in stdout's stdio buffer, at most SSCAP_LEFT_MAX */
    uint32_t reserved;
    uint64_t exact; /* bit i: frame i stood at that instruction; else it is a return address */
    /* then uint64_t[frames], then the modules, each struct sscap_module and its path, then the
     * bytes left in the buffer */
};

struct sscap_module {
    uint64_t start,
        end; /* where its file is mapped: from its first byte to the end of its last mapping */
    uint32_t path_length; /* without a NUL and without padding, at most SSCAP_PATH_MAX */
    uint32_t build_id_length;
    uint8_t build_id[SSCAP_BUILD_ID_MAX];
    uint32_t reserved;
};

_Static_assert(sizeof(struct sscap_image) == 16, "no padding");
_Static_assert(sizeof(struct sscap_exit) == 32, "no padding");
_Static_assert(sizeof(struct sscap_reaped) == 32, "no padding");
_Static_assert(sizeof(struct sscap_signal) == 8, "no padding");
_Static_assert(sizeof(struct sscap_group) == 8, "no padding");
_Static_assert(sizeof(struct sscap_crash) == 48, "no padding");
_Static_assert(sizeof(struct sscap_module) == 48, "no padding");
_Static_assert(sizeof(struct sscap_event) + sizeof(struct sscap_crash) +
                       SSCAP_FRAMES_MAX * sizeof(uint64_t) +
                       SSCAP_MODULES_MAX * (sizeof(struct sscap_module) + SSCAP_PATH_MAX) +
                       SSCAP_LEFT_MAX <=
                   SSCAP_EVENT_SIZE_MAX,
               "the largest event fits its limit");

/* Variables that hold a process's rank in a parallel job, the best first. */
#define SSCAP_RANK_VARIABLES                                                                       \
    {                                                                                              \
        "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID", "RANK"                    \
    }
enum { SSCAP_RANK_VARIABLES_COUNT = 5 };

/* FNV-1a: tells a damaged session variable from a whole one (it is no defence against forgery; the
 * nonce is). */
static inline uint32_t sscap_check(const char *text, uint32_t length)
{
    uint32_t sum = 2166136261u;
    for (uint32_t i = 0; i < length; i++)
        sum = (sum ^ (uint8_t)text[i]) * 16777619u;
    return sum;
}

#endif
