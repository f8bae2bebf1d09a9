/* process_name.c: tells the runner what a process is called. */
#define _GNU_SOURCE
#include "shim/calls/process_name.h"

#include <pthread.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <unistd.h>

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
        if (seen < 0 || event.streams & 1u << seen) /* 2>&1: fd 2 is the same stream */
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

/* The kernel's name of a process is that of its main thread. The names of other threads are not
 * shown. */
static bool is_main_thread(void)
{
    return RAW_SYSCALL(SYS_gettid) == nolibc_getpid();
}

SSCAP_EXPORT int prctl(int option, ...)
{
    va_list list;
    va_start(list, option);
    /* libc takes four arguments for every option, too. */
    unsigned long a = va_arg(list, unsigned long);
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
