/* real.h: the functions that ours stand in front of, as the next object defines them (libc, or
 * another preloaded library): REAL(write)(fd, bytes, n).
 *
 * Most are looked up at their first use, because symbol tables are not in memory when a program
 * starts, and most programs use few of these functions. The early ones are looked up in the
 * constructor, because they are called in vfork children, in signal handlers, or by an allocator
 * that begins. sendmsg and on_exit are needed although we do not replace them. */
#ifndef SSCAP_SHIM_CORE_REAL_H
#define SSCAP_SHIM_CORE_REAL_H

#include <stdbool.h>
#include <stddef.h>

/* clang-format off */
#define REAL_EARLY(X) \
    X(syscall) X(write) X(fork) X(_Fork) X(execve) X(wait4) X(_exit) X(kill) X(raise) \
    X(sigaction) X(close) X(dup) X(dup2) X(read) X(open) X(open64) X(openat) X(openat64) X(fcntl) \
    X(fcntl64) X(ioctl) X(readdir) X(readdir64) X(dirfd)

#define REAL_LATE(X) \
    X(writev) X(pwritev) X(pwritev64) X(pwritev2) X(pwritev64v2) X(sendmsg) X(setpgid) X(setsid) \
    X(daemon) X(forkpty) X(prctl) X(pthread_setname_np) X(execvpe) X(fexecve) X(execveat) \
    X(posix_spawn) X(posix_spawnp) X(posix_spawn_file_actions_addopen) X(system) X(popen) \
    X(pclose) X(waitid) X(quick_exit) X(on_exit) X(killpg) X(tgkill) X(sigqueue) X(pthread_kill) \
    X(pthread_sigqueue) X(pidfd_send_signal) X(signal) X(sysv_signal) X(sigset) X(sigaltstack) \
    X(close_range) X(closefrom) X(dup3) X(__open_2) X(__open64_2) X(__openat_2) X(__openat64_2) \
    X(creat) X(creat64) X(fopen) X(fopen64) X(freopen) X(freopen64) X(shutdown) X(isatty) \
    X(tcgetattr) X(tcsetattr) X(tcgetpgrp) X(tcsetpgrp) X(tcgetsid) X(tcdrain) X(tcflush) \
    X(tcflow) X(ttyname) X(ttyname_r) X(setvbuf) X(fstat) X(stat) X(fstatat) X(statx) X(__fxstat) \
    X(__xstat) X(__fxstatat) X(readv) X(__read_chk) X(pipe) X(pipe2) X(socket) X(socketpair) \
    X(listen) X(accept) X(accept4) X(readdir_r) X(readdir64_r) X(getdents64) X(scandir) \
    X(scandir64) X(scandirat) X(scandirat64) X(setrlimit) X(setrlimit64) X(prlimit) X(prlimit64)
/* clang-format on */

enum real_function {
#define REAL_ENUM(name) REAL_##name,
    REAL_EARLY(REAL_ENUM) REAL_EARLY_COUNT,
    REAL_BEFORE_LATE = REAL_EARLY_COUNT - 1,
    REAL_LATE(REAL_ENUM)
#undef REAL_ENUM
        REAL_COUNT
};

extern void *real_functions[REAL_COUNT];

/* Looks up the early ones. The constructor calls it. */
void real_init(void);

/* Looks one up and keeps its address. If the function is missing, the address is that of one which
 * fails with ENOSYS. */
void *real_find(enum real_function function);

/* Whether the function is not missing. */
bool real_exists(enum real_function function);

/* Two threads may look up the same function at the same time. A vfork child does so for its parent,
 * too. */
static inline void *real_get(enum real_function function)
{
    void *found = __atomic_load_n(&real_functions[function], __ATOMIC_RELAXED);
    return found != NULL ? found : real_find(function);
}

/* Has the type that it has in libc's header. The caller includes that. */
#define REAL(name) ((__typeof__(&(name)))real_get(REAL_##name))

#endif
