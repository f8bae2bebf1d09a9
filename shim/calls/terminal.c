/* terminal.c: makes captured streams look like sscap's own terminal (--tty).
 *
 * Each call opens the terminal that sscap's stdout or stderr is, and makes the request there. Sizes
 * are therefore the real ones, and follow SIGWINCH. If sscap has no terminal (--tty=always), we
 * answer for one of 80 by 24. Calls that change the terminal change it, if the kernel allows it.
 * node, for example, ends with an assertion if it cannot set what it has read. */
#define _GNU_SOURCE
#include "shim/calls/terminal.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

enum {
    DEFAULT_ROWS = 24,
    DEFAULT_COLUMNS = 80,
    /* struct termios of asm-generic/termbits.h: four words, c_line, 19 characters. libc's begins
     * with the same. */
    KERNEL_TERMIOS_SIZE = 36,
};

/* Whether the descriptor is a captured stream that claims to be a terminal, and which stream. */
static bool claims(int fd, int *ret_stream)
{
    if (!session.joined || (session.flags & (SSCAP_FLAG_TTY_OUT | SSCAP_FLAG_TTY_ERR)) == 0)
        return false;
    int stream = session_stream(fd);
    *ret_stream = stream;
    return (stream == SSCAP_OUT && session.flags & SSCAP_FLAG_TTY_OUT) ||
           (stream == SSCAP_ERR && session.flags & SSCAP_FLAG_TTY_ERR);
}

/* "/proc/RUNNER/fd/N", where N is the descriptor that sscap writes this stream to. */
static void link_of(int stream, char path[40])
{
    char *to = nolibc_copy(path, "/proc/", sizeof "/proc/" - 1);
    nolibc_decimal(to, (unsigned int)session.runner);
    to = nolibc_copy(path + nolibc_length(path), "/fd/", sizeof "/fd/" - 1);
    nolibc_decimal(to, (unsigned int)(STDOUT_FILENO + stream));
}

bool terminal_claims(int fd)
{
    int stream;
    return claims(fd, &stream);
}

/* Negative: sscap has no terminal, or we may not open it. */
static int open_terminal(int stream)
{
    char path[40];
    struct termios unused;
    link_of(stream, path);
    int fd = (int)RAW_SYSCALL(SYS_openat, AT_FDCWD, path,
                              O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd >= 0 && RAW_SYSCALL(SYS_ioctl, fd, TCGETS, &unused) < 0) {
        RAW_SYSCALL(SYS_close, fd);
        return -1;
    }
    return fd;
}

int terminal_open(int fd)
{
    int stream;
    return claims(fd, &stream) ? open_terminal(stream) : -1;
}

/* Makes the request on the real terminal. Returns -errno; -ENOTTY if there is none. */
static long ask(int stream, unsigned long request, void *argument)
{
    int fd = open_terminal(stream);
    if (fd < 0)
        return -ENOTTY;
    long result = RAW_SYSCALL(SYS_ioctl, fd, request, argument);
    RAW_SYSCALL(SYS_close, fd);
    return result;
}

/* The kernel's default, tty_std_termios. */
static void default_termios(struct termios *termios)
{
    static const cc_t characters[] = {
        [VINTR] = 3,     [VQUIT] = 28,   [VERASE] = 127, [VKILL] = 21, [VEOF] = 4,
        [VMIN] = 1,      [VSTART] = 17,  [VSTOP] = 19,   [VSUSP] = 26, [VREPRINT] = 18,
        [VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22};
    nolibc_zero(termios, sizeof *termios);
    termios->c_iflag = ICRNL | IXON;
    termios->c_oflag = OPOST | ONLCR;
    termios->c_cflag = B38400 | CS8 | CREAD | HUPCL;
    termios->c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    nolibc_copy(termios->c_cc, characters, sizeof characters);
    termios->c_ispeed = termios->c_ospeed = B38400;
}

/* The kernel's struct termios differs from libc's in the number of control characters and in the
 * speeds, so we call libc's function. */
static bool ask_termios(int stream, struct termios *ret_termios)
{
    int fd = open_terminal(stream);
    if (fd < 0)
        return false;
    bool answered = REAL(tcgetattr)(fd, ret_termios) == 0;
    RAW_SYSCALL(SYS_close, fd);
    return answered;
}

static bool set_termios(int stream, int actions, const struct termios *termios, int *ret_result)
{
    int fd = open_terminal(stream);
    if (fd < 0)
        return false;
    *ret_result = REAL(tcsetattr)(fd, actions, termios);
    RAW_SYSCALL(SYS_close, fd);
    return true;
}

/* --- calls --- */

SSCAP_EXPORT int isatty(int fd)
{
    int stream;
    return claims(fd, &stream) ? 1 : REAL(isatty)(fd);
}

SSCAP_EXPORT int tcgetattr(int fd, struct termios *termios)
{
    int stream;
    if (!claims(fd, &stream))
        return REAL(tcgetattr)(fd, termios);
    if (!ask_termios(stream, termios))
        default_termios(termios);
    return 0;
}

SSCAP_EXPORT int tcsetattr(int fd, int actions, const struct termios *termios)
{
    int stream;
    int result = 0;
    if (!claims(fd, &stream))
        return REAL(tcsetattr)(fd, actions, termios);
    (void)set_termios(stream, actions, termios, &result); /* without a terminal: succeeds */
    return result;
}

/* The path that the link leads to. False: it leads to no terminal. */
static bool name_of(int stream, char *name, size_t size)
{
    char path[40];
    int fd = open_terminal(stream);
    if (fd < 0)
        return false;
    RAW_SYSCALL(SYS_close, fd);
    link_of(stream, path);
    long length = RAW_SYSCALL(SYS_readlinkat, AT_FDCWD, path, name, size - 1);
    if (length <= 0)
        return false;
    name[length] = '\0';
    return true;
}

SSCAP_EXPORT int ttyname_r(int fd, char *name, size_t size)
{
    char found[PATH_MAX];
    int stream;
    if (!claims(fd, &stream) || !name_of(stream, found, sizeof found))
        return REAL(ttyname_r)(fd, name, size);
    size_t length = nolibc_length(found) + 1;
    if (length > size)
        return ERANGE;
    nolibc_copy(name, found, length);
    return 0;
}

SSCAP_EXPORT char *ttyname(int fd)
{
    static char name[PATH_MAX]; /* the next call overwrites it, as with libc's */
    int stream;
    return claims(fd, &stream) && name_of(stream, name, sizeof name) ? name : REAL(ttyname)(fd);
}

/* The runner has what was written, so there is nothing to wait for. */
SSCAP_EXPORT int tcdrain(int fd)
{
    int stream;
    return claims(fd, &stream) ? 0 : REAL(tcdrain)(fd);
}

SSCAP_EXPORT int tcflush(int fd, int queue)
{
    int stream;
    return claims(fd, &stream) ? 0 : REAL(tcflush)(fd, queue);
}

SSCAP_EXPORT int tcflow(int fd, int action)
{
    int stream;
    return claims(fd, &stream) ? 0 : REAL(tcflow)(fd, action);
}

/* Returns 0, or -EFAULT as the kernel does for a bad address. */
static long give(void *to, const void *from, size_t n)
{
    return nolibc_write_memory(to, from, n) ? 0 : -EFAULT;
}

static bool answer(int stream, unsigned long request, void *argument, long *ret_result)
{
    switch (request) {
    case TIOCGWINSZ:
        *ret_result = ask(stream, request, argument);
        if (*ret_result == -ENOTTY) {
            const struct winsize size = {.ws_row = DEFAULT_ROWS, .ws_col = DEFAULT_COLUMNS};
            *ret_result = give(argument, &size, sizeof size);
        }
        return true;
    case TCGETS:
        *ret_result = ask(stream, request, argument);
        if (*ret_result == -ENOTTY) {
            struct termios termios;
            default_termios(&termios);
            *ret_result = give(argument, &termios, KERNEL_TERMIOS_SIZE);
        }
        return true;
    case TIOCGPGRP:
    case TIOCGSID:
    case TIOCOUTQ:
    case TIOCGETD:
    case TIOCSPGRP:
        *ret_result = ask(stream, request, argument);
        return *ret_result != -ENOTTY;
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        *ret_result = ask(stream, request, argument);
        if (*ret_result == -ENOTTY) /* succeeds, as tcsetattr */
            *ret_result = 0;
        return true;
    case TIOCGPTN:
        /* Only the master of a pseudo-terminal answers this request. For a slave, libuv would open
         * the path that ttyname returns, and write there instead of to the captured stream. */
        *ret_result = give(argument, &(unsigned int){0}, sizeof(unsigned int));
        return true;
    case TIOCSWINSZ:
    case TIOCSTI:
        *ret_result = -EIO;
        return true;
    default:
        return false;
    }
}

bool terminal_ioctl(int fd, unsigned long request, void *argument, int *ret_result)
{
    int stream;
    long result;
    /* Terminal requests are 0x54XX (asm-generic/ioctls.h). TIOCGPTN also has bits for its size. */
    if (((request & 0xffff) >> 8) != 'T' || !claims(fd, &stream) ||
        !answer(stream, request, argument, &result))
        return false;
    *ret_result = (int)result;
    if (result < 0) {
        errno = (int)-result;
        *ret_result = -1;
    }
    return true;
}

/* libc makes these requests by an ioctl inside libc. */

SSCAP_EXPORT pid_t tcgetpgrp(int fd)
{
    int result;
    pid_t group = 0;
    if (!terminal_ioctl(fd, TIOCGPGRP, &group, &result))
        return REAL(tcgetpgrp)(fd);
    return result < 0 ? -1 : group;
}

SSCAP_EXPORT int tcsetpgrp(int fd, pid_t group)
{
    int result;
    return terminal_ioctl(fd, TIOCSPGRP, &group, &result) ? result : REAL(tcsetpgrp)(fd, group);
}

SSCAP_EXPORT pid_t tcgetsid(int fd)
{
    int result;
    pid_t id = 0;
    if (!terminal_ioctl(fd, TIOCGSID, &id, &result))
        return REAL(tcgetsid)(fd);
    return result < 0 ? -1 : id;
}
