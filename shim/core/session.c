/* session.c: reads the session variable and recognises the session's sockets. */
#define _GNU_SOURCE
#include "shim/core/session.h"

#include <sys/socket.h>

#include "shim/nolibc.h"

struct session session;

/* Reads a field of `digits` lower-case hexadecimal digits and the ':' that follows it. */
static bool read_field(const char **text, int digits, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (int i = 0; i < digits; i++) {
        char c = *(*text)++;
        if (c >= '0' && c <= '9')
            value = value * 16 + (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    if (*(*text)++ != ':')
        return false;
    *ret_value = value;
    return true;
}

static bool read_check(const char *value)
{
    const char *text = value + SSCAP_SESSION_LENGTH + 1;
    char terminated[SSCAP_CHECK_LENGTH] = ""; /* read_field needs a ':' at the end */
    nolibc_copy(terminated, text, SSCAP_CHECK_LENGTH - 1);
    terminated[SSCAP_CHECK_LENGTH - 1] = ':';
    const char *at = terminated;
    uint64_t check;
    return read_field(&at, 8, &check) && check == sscap_check(value, SSCAP_SESSION_LENGTH);
}

char session_suffix(const char *value)
{
    size_t length = nolibc_length(value);
    char last = length > 0 ? value[length - 1] : '\0';
    return last == SSCAP_SESSION_HIDDEN || last == SSCAP_BOTH_HIDDEN ? last : '\0';
}

bool session_read(const char *value)
{
    struct session s = {.joined = true};
    uint64_t version, ctl, runner, nonce[2], flags, name;
    const char *text = value;
    if (nolibc_length(value) - (session_suffix(value) != '\0') !=
            SSCAP_SESSION_LENGTH + SSCAP_CHECK_LENGTH ||
        value[SSCAP_SESSION_LENGTH] != ':')
        return false;
    if (!read_field(&text, 4, &version) || version != SSCAP_WIRE_VERSION || !read_check(value))
        return false;
    if (!read_field(&text, 8, &ctl) || !read_field(&text, 8, &runner) ||
        !read_field(&text, 16, &s.cookie[SSCAP_OUT]) ||
        !read_field(&text, 16, &s.cookie[SSCAP_ERR]) || !read_field(&text, 16, &s.ctl_cookie))
        return false;
    /* The nonce's two halves have no ':' between them. */
    char halves[2][17] = {"", ""};
    for (int i = 0; i < 2; i++) {
        nolibc_copy(halves[i], text + i * 16, 16);
        halves[i][16] = ':';
        const char *half = halves[i];
        if (!read_field(&half, 16, &nonce[i]))
            return false;
    }
    text += 33;
    if (!read_field(&text, 8, &flags) || !read_field(&text, 16, &name))
        return false;
    s.ctl = (int)ctl;
    s.runner = (int32_t)runner;
    s.flags = (uint32_t)flags;
    nolibc_copy(s.nonce, nonce, sizeof s.nonce);
    char *end = nolibc_copy(s.socket_name, SSCAP_SOCKET_PREFIX, sizeof SSCAP_SOCKET_PREFIX - 1);
    nolibc_copy(end, value + SSCAP_SESSION_LENGTH - 16, 16);
    end = nolibc_copy(s.variable, SSCAP_ENV_SESSION "=", sizeof SSCAP_ENV_SESSION);
    nolibc_copy(end, value, SSCAP_SESSION_LENGTH + SSCAP_CHECK_LENGTH);
    nolibc_copy(&session, &s, sizeof s);
    syscalls_forbidden = s.flags >> SSCAP_FLAG_FORBIDDEN_SHIFT;
    return true;
}

/* --- system calls that a seccomp filter forbids, in the session variable --- */

_Static_assert(SYSCALL_ALL <= UINT32_MAX >> SSCAP_FLAG_FORBIDDEN_SHIFT,
               "the flags have a bit for each kind");

enum {
    FLAGS_AT = SSCAP_SESSION_LENGTH - 16 - 1 - 8, /* the field before the name */
    CHECK_AT = SSCAP_SESSION_LENGTH + 1,
};

static void write_field(char *to, uint32_t value)
{
    for (int digit = 7; digit >= 0; digit--, value >>= 4)
        to[digit] = (char)((value & 15) < 10 ? '0' + (value & 15) : 'a' + (value & 15) - 10);
}

/* If another thread executes a program while we write, that program gets a variable with a wrong
 * check. It then runs outside the session. */
void session_forbid(uint32_t kinds)
{
    char *value = session.variable + sizeof SSCAP_ENV_SESSION;
    uint32_t all = __atomic_or_fetch(&syscalls_forbidden, kinds, __ATOMIC_SEQ_CST);
    session.flags |= all << SSCAP_FLAG_FORBIDDEN_SHIFT;
    write_field(value + FLAGS_AT, session.flags);
    write_field(value + CHECK_AT, sscap_check(value, SSCAP_SESSION_LENGTH));
}

bool session_is_outdated(const char *value)
{
    const char *own = session.variable + sizeof SSCAP_ENV_SESSION;
    size_t same = 0;
    while (own[same] != '\0' && own[same] == value[same])
        same++;
    return own[same] != '\0' && same >= FLAGS_AT && same < FLAGS_AT + 8;
}

uint64_t session_cookie(int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    if (RAW_SYSCALL(SYS_getsockopt, fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0)
        return 0;
    return cookie;
}

int session_stream_of(uint64_t cookie)
{
    if (cookie == 0)
        return -1;
    if (cookie == session.cookie[SSCAP_OUT])
        return SSCAP_OUT;
    return cookie == session.cookie[SSCAP_ERR] ? SSCAP_ERR : -1;
}

int session_stream(int fd)
{
    return session_stream_of(session_cookie(fd));
}

bool session_is_ours(uint64_t cookie)
{
    return cookie != 0 && (cookie == session.ctl_cookie || session_stream_of(cookie) >= 0);
}

bool session_is_ctl(int fd)
{
    return session.joined && fd == session.ctl && session_cookie(fd) == session.ctl_cookie;
}
