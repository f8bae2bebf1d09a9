/* process.c: fork and its kin, and a process's names. A child announces itself before it returns to
 * the program. */
#define _GNU_SOURCE
#include "shim/calls/process_name.h"

#include <pthread.h>
#include <pty.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "shim/core/private_fd.h"
#include "shim/core/real.h"
#include "shim/core/send.h"
#include "shim/core/session.h"
#include "shim/seccomp/sandbox.h"

#include "shim/nolibc.h"

void process_name_of_path(char *name, const char *path)
{
    const char *base = nolibc_basename(path);
    size_t length = nolibc_length(base);
    if (length >= SSCAP_NAME_SIZE)
        length = SSCAP_NAME_SIZE - 1;
    nolibc_zero(name, SSCAP_NAME_SIZE);
    nolibc_copy(name, base, length);
}

void process_name_announce(enum sscap_event_type type, const char *name)
{
    struct sscap_event event = {.type = (uint16_t)type, .other = (int32_t)RAW_SYSCALL(SYS_getppid)};
    struct sscap_frame frame = send_frame_header(SSCAP_FRAME_IMAGE, SSCAP_NAME_SIZE, 0);
    nolibc_copy(event.name, name, SSCAP_NAME_SIZE);
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
        int seen = session_stream(fd);
        if (seen < 0 || event.streams & 1u << seen) /* the second of the two is the same (2>&1) */
            continue;
        int stream = send_frame(fd, &frame, event.name);
        if (stream >= 0)
            event.streams |= 1u << stream;
    }
    send_event(&event, NULL, 0);
}

void process_name_announce_own(void)
{
    char name[SSCAP_NAME_SIZE] = "";
    RAW_SYSCALL(SYS_prctl, PR_GET_NAME, name, 0, 0, 0);
    process_name_announce(SSCAP_EVENT_NAME, name);
}

/* In the child: touches as little memory as it can, for each page that it is first to touch after
 * fork costs about 1 us. */
static void announce_fork(int parent)
{
    struct sscap_event event = {.type = SSCAP_EVENT_FORK, .other = parent};
    private_fd_after_fork(true);
    /* Its own, for the parent's may be another by the time that this is read. */
    RAW_SYSCALL(SYS_prctl, PR_GET_NAME, event.name, 0, 0, 0);
    send_event(&event, NULL, 0);
}

static pid_t forked(pid_t (*real_fork)(void))
{
    if (!session.joined)
        return real_fork();
    int parent = nolibc_getpid();
    private_fd_before_fork();
    pid_t child = real_fork();
    if (child == 0)
        announce_fork(parent);
    else
        private_fd_after_fork(false);
    return child;
}

SSCAP_EXPORT pid_t fork(void)
{
    return forked(REAL(fork));
}

SSCAP_ALIAS(__fork, fork);
SSCAP_ALIAS(__libc_fork, fork);

/* Async-signal-safe in glibc: so is what we add. */
SSCAP_EXPORT pid_t _Fork(void)
{
    return forked(REAL(_Fork));
}

/* --- process groups: to whom a signal to a group goes --- */

/* `process`: 0: this one. */
static void announce_group(pid_t process, pid_t group)
{
    struct sscap_event event = {.type = SSCAP_EVENT_GROUP,
                                .other = process != 0 ? process : nolibc_getpid()};
    const struct sscap_group joined = {.group = group != 0 ? group : event.other};
    if (session.joined)
        send_event(&event, &joined, sizeof joined);
}

SSCAP_EXPORT int setpgid(pid_t process, pid_t group)
{
    int result = REAL(setpgid)(process, group);
    if (result == 0)
        announce_group(process, group);
    return result;
}

SSCAP_ALIAS(__setpgid, setpgid);

SSCAP_EXPORT int setpgrp(void)
{
    return setpgid(0, 0);
}

SSCAP_EXPORT pid_t setsid(void)
{
    pid_t session_id = REAL(setsid)();
    if (session_id > 0)
        announce_group(0, 0);
    return session_id;
}

/* --- libc's own --- */

/* These fork inside libc, past the wrapper above; the caller goes on as the child. */
SSCAP_EXPORT int daemon(int nochdir, int noclose)
{
    int parent = nolibc_getpid();
    int result = REAL(daemon)(nochdir, noclose);
    if (result == 0 && session.joined) {
        announce_fork(parent);
        announce_group(0, 0);
    }
    return result;
}

SSCAP_EXPORT int forkpty(int *master, char *name, const struct termios *termios,
                         const struct winsize *size)
{
    int parent = nolibc_getpid();
    int child = REAL(forkpty)(master, name, termios, size);
    if (child == 0 && session.joined) {
        announce_fork(parent);
        announce_group(0, 0);
    }
    return child;
}

/* --- names --- */

/* The kernel's name of a process is its main thread's: other threads' names are no affair of the
 * tag's. */
static bool is_main_thread(void)
{
    return RAW_SYSCALL(SYS_gettid) == nolibc_getpid();
}

SSCAP_EXPORT int prctl(int option, ...)
{
    va_list list;
    va_start(list, option);
    unsigned long a = va_arg(list,
                             unsigned long); /* libc, too, takes four whatever the option has */
    unsigned long b = va_arg(list, unsigned long);
    unsigned long c = va_arg(list, unsigned long);
    unsigned long d = va_arg(list, unsigned long);
    va_end(list);
    if (option == PR_SET_SECCOMP)
        sandbox_expect(a, (const void *)b);
    int result = REAL(prctl)(option, a, b, c, d);
    if (result == 0 && option == PR_SET_NAME && session.joined && is_main_thread())
        process_name_announce_own();
    return result;
}

SSCAP_EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
    int error = REAL(pthread_setname_np)(thread, name);
    if (error == 0 && session.joined && thread == pthread_self() && is_main_thread())
        process_name_announce_own();
    return error;
}
