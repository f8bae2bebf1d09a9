/* session.h: this process's place in a session: which sockets are captured, and how the runner is
 * told things. */
#ifndef SSCAP_SHIM_CORE_SESSION_H
#define SSCAP_SHIM_CORE_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "shim/wire.h"

struct session {
    bool joined; /* else every wrapper passes through */
    int ctl;     /* descriptor as inherited; it is ours only while its cookie is ctl_cookie */
    int32_t runner;
    uint32_t flags;
    uint64_t cookie[SSCAP_STREAMS]; /* of the captured sockets; 0: not captured */
    uint64_t ctl_cookie;
    uint8_t nonce[SSCAP_NONCE_SIZE];
    char socket_name[sizeof SSCAP_SOCKET_PREFIX + 16];
    char variable[sizeof SSCAP_ENV_SESSION + SSCAP_SESSION_LENGTH + SSCAP_CHECK_LENGTH +
                  1]; /* "SSCAP_SESSION=..." */
};

/* Written by the constructor alone, and constant from then on, but for session_forbid: a vfork
 * child shares it with its parent. */
extern struct session session;

/* Reads the session variable's value. False, and session untouched, when it is not one of ours,
 * whole and of our version. */
bool session_read(const char *value);

/* SSCAP_SESSION_HIDDEN or SSCAP_BOTH_HIDDEN behind the variable's value, or NUL: see
 * child_environment_hide. */
char session_mark(const char *value);

/* From here on none of these calls (bits of enum syscall_kind) is made by us, by forked children's,
 * and by the programs that these execute. */
void session_forbid(uint32_t kinds);

/* Whether this value of the session's variable is our own as it was before session_forbid. */
bool session_is_outdated(const char *value);

/* SO_COOKIE of a socket: no other socket of this kernel has it. 0: no socket. */
uint64_t session_cookie(int fd);

/* The captured stream with this cookie (enum sscap_stream), or -1. */
int session_stream_of(uint64_t cookie);

/* The captured stream that fd is an end of, or -1: it is the program's own affair. */
int session_stream(int fd);

/* Whether this is the cookie of any of the session's sockets. */
bool session_is_ours(uint64_t cookie);

/* Whether fd is the session's ctl socket, and not something of the program's under the same number.
 */
bool session_is_ctl(int fd);

/* Without these kinds of calls nothing can be sent (shim/syscalls.h). */
#define SESSION_NEEDS (SYSCALL_IDS | SYSCALL_COOKIE | SYSCALL_SEND)

/* Sends an event (type, other, streams and name filled in by the caller) and the `length` bytes
 * that its type has behind it to the runner, through ctl or, where the program closed that, through
 * the named socket, or else in a stream. Waits a little when the runner is behind; gives up in
 * silence when it cannot be reached. */
void session_send(struct sscap_event *event, const void *payload, uint32_t length);

/* Returns when the runner has read what was sent through ctl; but not for long, and where ctl is
 * lost, at once. */
void session_wait_for_runner(void);

/* Sends one frame to fd, if that is a captured stream, without blocking for long. Returns which
 * one; -1: it is none, or it did not take the frame. */
int session_send_frame(int fd, const struct sscap_frame *frame, const void *payload);

/* A frame's header for this session. */
struct sscap_frame session_frame(enum sscap_frame_type type, uint32_t length, uint32_t tid);

/* What a process used, in the wire's units. */
static inline struct sscap_usage session_usage(const struct rusage *usage)
{
    return (struct sscap_usage){
        .user_us = (uint64_t)usage->ru_utime.tv_sec * 1000000 + (uint64_t)usage->ru_utime.tv_usec,
        .system_us = (uint64_t)usage->ru_stime.tv_sec * 1000000 + (uint64_t)usage->ru_stime.tv_usec,
        .peak_kb = (uint64_t)usage->ru_maxrss,
    };
}

/* Tells the runner that this process runs a new program. */
void session_announce_image(int argc, char *const argv[], char *const envp[]);

#endif
