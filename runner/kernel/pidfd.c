/* pidfd.c: see pidfd.h. Debian 12's headers lack these definitions. They are from
 * include/uapi/linux/pidfd.h and include/uapi/asm-generic/socket.h of Linux 6.16. */
#define _GNU_SOURCE
#include "runner/kernel/pidfd.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/kernel/recv_creds.h"
#include "runner/util.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SO_PEERPIDFD 77
#endif

/* struct pidfd_info, in its first version (PIDFD_INFO_SIZE_VER0). */
struct info {
    uint64_t mask;
    uint64_t cgroup;
    uint32_t pid, tgid, ppid;
    uint32_t ids[8];
    int32_t exit_code;
};

_Static_assert(sizeof(struct info) == 64, "as the kernel has it");

#define GET_INFO  _IOWR(0xFF, 11, struct info)
#define INFO_EXIT (1u << 3)

int pidfd_of(int32_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : fd;
}

bool pidfd_ended(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    return poll(&end, 1, 0) > 0;
}

bool pidfd_unreaped(int pidfd)
{
    return syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0 || errno == EPERM;
}

bool pidfd_status(int pidfd, int *ret_status)
{
    struct info info = {.mask = INFO_EXIT};
    if (ioctl(pidfd, GET_INFO, &info) < 0 || !(info.mask & INFO_EXIT))
        return false;
    *ret_status = info.exit_code;
    return true;
}

int pidfd_pass(int socket)
{
    int on = 1;
    return setsockopt(socket, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on) < 0 ? -errno : 0;
}

int pidfd_peer(int socket)
{
    int fd = -1;
    socklen_t size = sizeof fd;
    return getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) < 0 ? -errno : fd;
}

/* Tries the calls on a child, because a version test is not enough. Kernels from 6.13 know
 * PIDFD_GET_INFO but do not give exit statuses, and kernels from 6.5 know SO_PASSPIDFD but fail for
 * writers that are gone. The child is made by vfork, which takes 40 us where fork takes 150. */
static struct pidfd_features try(int reader, int writer)
{
    struct pidfd_features features = {.pass = pidfd_pass(reader) == 0};
    int status = 0;
    pid_t child = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): the child does next
                              to nothing */
    if (child == 0)
        _exit(write(writer, "", 1) != 1); /* NOLINT(clang-analyzer-unix.Vfork) */
    if (child < 0)
        return (struct pidfd_features){0};
    int fd = pidfd_of(child);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    int32_t sender;
    int passed = -1;
    char byte;
    (void)recv_creds(reader, &byte, 1, 0, &sender, &passed);
    features.info = fd >= 0 && pidfd_status(fd, &status);
    features.pass &= passed >= 0 && pidfd_status(passed, &status);
    if (fd >= 0)
        close(fd);
    if (passed >= 0)
        close(passed);
    return features;
}

struct pidfd_features pidfd_features(void)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return (struct pidfd_features){0};
    struct pidfd_features features = try(pair[0], pair[1]);
    close(pair[0]);
    close(pair[1]);
    const char *off = getenv("SSCAP_DEBUG");
    features.info &= !list_has(off, "no-pidfd-info");
    features.pass &= !list_has(off, "no-pass-pidfd");
    return features;
}
