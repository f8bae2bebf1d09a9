/* wire.h: what libsscap.so and the runner send to each other.
 *
 * Increase SSCAP_WIRE_VERSION whenever a struct, a field of the session variable or the meaning of
 * either changes. A library and a runner of different versions refuse each other. The program then
 * runs without the library, and the kernel alone tells who wrote what.
 *
 * All numbers are in the machine's byte order, because both ends are on the same kernel. Structs
 * have no pointers and no padding, so a 32-bit library can talk to a 64-bit runner.
 *
 * Three sockets connect a process with its runner:
 *
 *   out, err   AF_UNIX SOCK_STREAM, in place of fd 1 and 2. They carry the program's own bytes,
 *              and stream frames between them.
 *   ctl        AF_UNIX SOCK_SEQPACKET. One event per message. Inherited, or reached through the
 *              named socket.
 */
#ifndef SSCAP_SHIM_WIRE_H
#define SSCAP_SHIM_WIRE_H

#include <stdint.h>

#define SSCAP_WIRE_VERSION 3

/* --- environment --- */

/* The session variable is text of fixed width in lower-case hexadecimal, so that damage shows:
 *
 *   SSCAP_SESSION=0002:000002bc:00001f3a:0000000000001001:0000000000001002:0000000000001003:
 *                 |    |        |        |                |                |
 *                 |    ctl fd   |        cookie of out    cookie of err    cookie of ctl
 *                 version       pid of the runner
 *
 *                 00112233445566778899aabbccddeeff:0000003d:0123456789abcdef:89abcdef[s|p]
 *                 |                                |        |                |        |
 *                 nonce                            flags    |                check    suffix
 *                                                           name of the socket
 *
 * It is one line. A cookie is a socket's SO_COOKIE, which no other socket of the running kernel
 * has; 0 means that the stream is not captured. The named socket is abstract: NUL "sscap-" <name>.
 * The check is sscap_check() of all the text before its ':'. */
#define SSCAP_ENV_SESSION    "SSCAP_SESSION"
#define SSCAP_SESSION_FORMAT "%04x:%08x:%08x:%016llx:%016llx:%016llx:%016llx%016llx:%08x:%016llx"
#define SSCAP_SESSION_LENGTH 132 /* of the text in this format */
#define SSCAP_CHECK_LENGTH   9   /* of the ':' and the check that follow */
#define SSCAP_SOCKET_PREFIX  "sscap-"

/* Optional suffix of the value. `s`: hide SSCAP_SESSION from the program; `p`: hide our LD_PRELOAD
 * entry as well. */
#define SSCAP_SESSION_HIDDEN 's'
#define SSCAP_BOTH_HIDDEN    'p'

/* Path of the runner, for LD_PRELOAD without a session. */
#define SSCAP_ENV_RUNNER   "SSCAP_RUNNER"
#define SSCAP_LIBRARY_NAME "libsscap.so"
#define SSCAP_RUNNER_NAME  "sscap"

/* How the library starts the runner then: sscap --image=<program file> -- <the program's argv>. */
#define SSCAP_OPTION_IMAGE "--image="

/* Flags of the session. */
#define SSCAP_FLAG_BUFFER_MASK  0x3u /* how programs buffer their stdout: */
#define SSCAP_FLAG_BUFFER_KEEP  0x0u
#define SSCAP_FLAG_BUFFER_LINE  0x1u
#define SSCAP_FLAG_BUFFER_BLOCK 0x2u
#define SSCAP_FLAG_BUFFER_NONE  0x3u
#define SSCAP_FLAG_EXITS        0x4u  /* send SSCAP_EVENT_EXIT: the kernel does not tell */
#define SSCAP_FLAG_CRASHES      0x8u  /* send SSCAP_EVENT_CRASH */
#define SSCAP_FLAG_ARGS         0x10u /* send the arguments with SSCAP_EVENT_IMAGE */
#define SSCAP_FLAG_TTY_OUT      0x20u /* the captured stdout claims to be a terminal */
#define SSCAP_FLAG_TTY_ERR      0x40u /* the same for stderr */

/* The flags from here up are set by a program for the programs that it executes. They say which
 * system calls its seccomp filter forbids (enum syscall_kind in shim/syscalls.h). */
#define SSCAP_FLAG_FORBIDDEN_SHIFT 8

/* --- limits --- */

#define SSCAP_NONCE_SIZE        16
#define SSCAP_NAME_SIZE         16 /* the kernel's TASK_COMM_LEN, with its NUL */
/* The kernel takes it as one unit, so another writer cannot interrupt it (shim/core/send.c). */
#define SSCAP_FRAME_PAYLOAD_MAX 32768
#define SSCAP_EVENT_SIZE_MAX    16384
#define SSCAP_ARGV_MAX          1024 /* bytes of arguments, each with its NUL */
#define SSCAP_CWD_MAX           512
#define SSCAP_FRAMES_MAX        64 /* stack frames of a crash */
#define SSCAP_MODULES_MAX       24
#define SSCAP_PATH_MAX          256  /* of a module's file */
#define SSCAP_LEFT_MAX          4096 /* the last bytes in stdio's buffer at a crash */
#define SSCAP_BUILD_ID_MAX      20

/* --- stream frames --- */

/* Streams, as indexes and as bits of sscap_event.streams. */
enum sscap_stream { SSCAP_OUT = 0, SSCAP_ERR = 1, SSCAP_STREAMS = 2 };

/* A stream frame says what the kernel's credentials (SCM_CREDENTIALS) cannot say. It is sent in one
 * call:
 *
 *     0      1      2         4                20       24       28       32
 *     +------+------+---------+----------------+--------+--------+--------+-------------------+
 *     | lead | type | version | nonce          | length | tid    | 0      | `length` bytes    |
 *     +------+------+---------+----------------+--------+--------+--------+-------------------+
 *       0x16                    16 bytes                                    payload, by type
 *
 * The lead is ASCII SYN, which is rare in text, so that a search for it costs little. */
#define SSCAP_FRAME_LEAD 0x16

enum sscap_frame_type {
    SSCAP_FRAME_BYTES = 1, /* payload: output of thread `tid` of the process */
    SSCAP_FRAME_IMAGE = 2, /* payload: char[SSCAP_NAME_SIZE], the process's name from here on */
    SSCAP_FRAME_EVENT = 3, /* payload: an event and what its type carries, if ctl and the named
                              socket cannot be used */
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

/* --- events --- */

/* The sender of an event is the process that the kernel's credentials name. What the message claims
 * does not count. */
enum sscap_event_type {
    SSCAP_EVENT_FORK = 1,    /* the sender is a new process, child of `other` */
    SSCAP_EVENT_IMAGE = 2,   /* the sender, a child of `other`, runs a new program, `name`. struct
                                sscap_image */
    SSCAP_EVENT_EXEC = 3,    /* the sender, a child of `other`, is about to execute `name`. The
                                `streams` carry an IMAGE frame */
    SSCAP_EVENT_SPAWN = 4,   /* the sender has started the process `other`, which runs `name` */
    SSCAP_EVENT_NAME = 5,    /* the sender, a child of `other`, is called `name` from now on, or
                                again, because exec failed. The `streams` carry an IMAGE frame */
    SSCAP_EVENT_EXIT = 6,    /* the sender, a child of `other`, is about to exit. struct sscap_exit.
                                The last such event counts */
    SSCAP_EVENT_CRASH = 7,   /* a signal is about to end the sender, a child of `other`. struct
                                sscap_crash */
    SSCAP_EVENT_REAPED = 8,  /* the sender has waited for `other`. 0: libc started the child and did
                                not return its pid. struct sscap_reaped */
    SSCAP_EVENT_SIGNAL = 9,  /* the sender is about to send a signal to `other`, which is a pid as
                                for kill(2). struct sscap_signal */
    SSCAP_EVENT_GROUP = 10,  /* the process `other` is now in a process group. struct sscap_group */
    SSCAP_EVENT_SILENT = 11, /* the sender, a child of `other`, sends no more events, because its
                                seccomp filter forbids that */
    SSCAP_EVENT_LIMITS = 12, /* the process `other` has other limits now. struct sscap_limits */
};

struct sscap_event {
    uint16_t version;
    uint16_t type;   /* enum sscap_event_type */
    uint32_t length; /* of the whole message, in bytes */
    uint8_t nonce[SSCAP_NONCE_SIZE];
    int32_t pid;      /* the sender's, as it sees it; another one in another pid namespace */
    int32_t other;    /* a pid as the sender sees it, by type; 0: none */
    uint32_t streams; /* bits of enum sscap_stream */
    int32_t rank; /* IMAGE: in a parallel job (MPI, SLURM, torchrun), by its environment; else -1 */
    char name[SSCAP_NAME_SIZE]; /* NUL-terminated; empty: none */
};

_Static_assert(sizeof(struct sscap_event) == 56, "an event has no padding");

/* What an event carries after its header, if its type names a struct above. */

/* Limits at which the kernel kills (getrlimit(2)); SSCAP_UNLIMITED: none. */
struct sscap_limits {
    uint64_t cpu_soft, cpu_hard; /* seconds */
    uint64_t file_size;          /* bytes */
};

#define SSCAP_UNLIMITED UINT64_MAX

#define SSCAP_IMAGE_RUNNER 0x1u /* the program is sscap itself, which reports its own tree */

struct sscap_image {
    struct sscap_limits limits;
    uint32_t argc;        /* how many arguments there are; `argv_length` bytes hold the first */
    uint32_t argv_length; /* 0 without SSCAP_FLAG_ARGS */
    uint32_t cwd_length;  /* without a NUL; 0: not known */
    uint32_t flags;       /* SSCAP_IMAGE_* */
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
    0x2u /* by a wait that also returns for traced processes and threads (__WALL, __WCLONE) */

struct sscap_reaped {
    int32_t status; /* as from waitpid; never stopped or continued */
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
    int32_t sender;   /* si_pid if si_code says that a process sent the signal, else 0 */
    uint32_t tid;
    uint32_t frames;      /* program counters, the innermost first, at most SSCAP_FRAMES_MAX */
    uint32_t modules;     /* at most SSCAP_MODULES_MAX */
    uint32_t left_length; /* bytes in stdout's stdio buffer, at most SSCAP_LEFT_MAX */
    uint32_t reserved;
    uint64_t exact; /* bit i: counter i is the address of an instruction; else a return address */
    /* then uint64_t[frames], then the modules, each struct sscap_module and its path, then the
     * bytes left in the buffer */
};

struct sscap_module {
    uint64_t start, end;  /* from the file's first byte to the end of its last mapping */
    uint32_t path_length; /* without a NUL and without padding, at most SSCAP_PATH_MAX */
    uint32_t build_id_length;
    uint8_t build_id[SSCAP_BUILD_ID_MAX];
    uint32_t reserved;
};

_Static_assert(sizeof(struct sscap_limits) == 24, "no padding");
_Static_assert(sizeof(struct sscap_image) == 40, "no padding");
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

/* --- helpers --- */

/* Variables with a process's rank in a parallel job. The first one that is set counts. */
#define SSCAP_RANK_VARIABLES                                                                       \
    {                                                                                              \
        "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID", "RANK"                    \
    }
enum { SSCAP_RANK_VARIABLES_COUNT = 5 };

/* FNV-1a. It detects a damaged session variable. It does not detect forgery; that is what the nonce
 * is for. */
static inline uint32_t sscap_check(const char *text, uint32_t length)
{
    uint32_t sum = 2166136261u;
    for (uint32_t i = 0; i < length; i++)
        sum = (sum ^ (uint8_t)text[i]) * 16777619u;
    return sum;
}

#endif
