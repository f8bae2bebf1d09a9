/* session.h: the session that this process belongs to, and which descriptors are its sockets. */
#ifndef SSCAP_SHIM_CORE_SESSION_H
#define SSCAP_SHIM_CORE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/wire.h"

struct session {
    bool joined; /* false: every wrapper passes through */
    int ctl;     /* the inherited number; it is our socket only while its cookie is ctl_cookie */
    int32_t runner;
    uint32_t flags;
    uint64_t cookie[SSCAP_STREAMS]; /* of the captured sockets; 0: not captured */
    uint64_t ctl_cookie;
    uint8_t nonce[SSCAP_NONCE_SIZE];
    char socket_name[sizeof SSCAP_SOCKET_PREFIX + 16];
    /* "SSCAP_SESSION=..." */
    char variable[sizeof SSCAP_ENV_SESSION + SSCAP_SESSION_LENGTH + SSCAP_CHECK_LENGTH + 1];
};

/* The constructor writes it. After that only session_forbid does, because a vfork child shares the
 * variable with its parent. */
extern struct session session;

/* Reads the value of the session variable. Returns false and leaves `session` alone if the value is
 * damaged or of another wire version. */
bool session_read(const char *value);

/* The suffix of the variable's value (SSCAP_SESSION_HIDDEN or SSCAP_BOTH_HIDDEN), or NUL. */
char session_suffix(const char *value);

/* Never makes these kinds of system calls again (bits of enum syscall_kind), neither in this
 * process, nor in its children, nor in the programs that they execute. */
void session_forbid(uint32_t kinds);

/* Whether this value of the session variable is our own from before session_forbid. */
bool session_is_outdated(const char *value);

/* SO_COOKIE of a socket, which no other socket of this kernel has. 0: fd is no socket. */
uint64_t session_cookie(int fd);

/* The captured stream with this cookie (enum sscap_stream), or -1. */
int session_stream_of(uint64_t cookie);

/* The captured stream that fd leads to (enum sscap_stream), or -1. */
int session_stream(int fd);

/* Whether the cookie belongs to one of the session's sockets. */
bool session_is_ours(uint64_t cookie);

/* Whether fd is the ctl socket, and not a descriptor of the program with the same number. */
bool session_is_ctl(int fd);

#endif
