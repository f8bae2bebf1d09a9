/* real.h: the functions that our own stand in front of, as the next library in line defines them (libc, or another preload). */
#ifndef SSCAP_SHIM_REAL_H
#define SSCAP_SHIM_REAL_H

#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* X(result, name, parameters) for each. sendmsg and on_exit are not replaced, but needed. */
#define REAL_FUNCTIONS(X)                                                                                    \
    X(ssize_t, write, (int, const void *, size_t))                                                           \
    X(ssize_t, writev, (int, const struct iovec *, int))                                                     \
    X(ssize_t, pwritev, (int, const struct iovec *, int, off_t))                                             \
    X(ssize_t, pwritev64, (int, const struct iovec *, int, off64_t))                                         \
    X(ssize_t, pwritev2, (int, const struct iovec *, int, off_t, int))                                       \
    X(ssize_t, pwritev64v2, (int, const struct iovec *, int, off64_t, int))                                  \
    X(ssize_t, sendmsg, (int, const struct msghdr *, int))                                                   \
    X(pid_t, fork, (void))                                                                                   \
    X(pid_t, _Fork, (void))                                                                                  \
    X(int, setpgid, (pid_t, pid_t))                                                                          \
    X(pid_t, setsid, (void))                                                                                 \
    X(int, daemon, (int, int))                                                                               \
    X(int, forkpty, (int *, char *, const struct termios *, const struct winsize *))                         \
    X(int, prctl, (int, unsigned long, unsigned long, unsigned long, unsigned long))                         \
    X(int, pthread_setname_np, (pthread_t, const char *))                                                    \
    X(int, execve, (const char *, char *const[], char *const[]))                                             \
    X(int, execvpe, (const char *, char *const[], char *const[]))                                            \
    X(int, fexecve, (int, char *const[], char *const[]))                                                     \
    X(int, execveat, (int, const char *, char *const[], char *const[], int))                                 \
    X(int, posix_spawn,                                                                                      \
      (pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[],  \
       char *const[]))                                                                                       \
    X(int, posix_spawnp,                                                                                     \
      (pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[],  \
       char *const[]))                                                                                       \
    X(int, system, (const char *))                                                                           \
    X(FILE *, popen, (const char *, const char *))                                                           \
    X(int, pclose, (FILE *))                                                                                 \
    X(pid_t, wait4, (pid_t, int *, int, struct rusage *))                                                    \
    X(int, waitid, (idtype_t, id_t, siginfo_t *, int))                                                       \
    X(void, _exit, (int))                                                                                    \
    X(void, quick_exit, (int))                                                                               \
    X(int, on_exit, (void (*)(int, void *), void *))                                                         \
    X(int, kill, (pid_t, int))                                                                               \
    X(int, killpg, (pid_t, int))                                                                             \
    X(int, tgkill, (pid_t, pid_t, int))                                                                      \
    X(int, sigqueue, (pid_t, int, union sigval))                                                             \
    X(int, raise, (int))                                                                                     \
    X(int, pthread_kill, (pthread_t, int))                                                                   \
    X(int, pthread_sigqueue, (pthread_t, int, union sigval))                                                 \
    X(int, pidfd_send_signal, (int, int, siginfo_t *, unsigned int))                                         \
    X(int, sigaction, (int, const struct sigaction *, struct sigaction *))                                   \
    X(sighandler_t, signal, (int, sighandler_t))                                                             \
    X(sighandler_t, sysv_signal, (int, sighandler_t))                                                        \
    X(sighandler_t, sigset, (int, sighandler_t))                                                             \
    X(int, sigaltstack, (const stack_t *, stack_t *))                                                        \
    X(int, close, (int))                                                                                     \
    X(int, close_range, (unsigned int, unsigned int, int))                                                   \
    X(void, closefrom, (int))                                                                                \
    X(int, dup2, (int, int))                                                                                 \
    X(int, dup3, (int, int, int))

struct real {
#define REAL_MEMBER(result, name, parameters) result(*name) parameters;
    REAL_FUNCTIONS(REAL_MEMBER)
#undef REAL_MEMBER
};

extern struct real real_functions;

/* Looks them all up. In the constructor, not at each first use: dlsym takes the loader's lock, and may allocate when it fails. */
void real_find(void);

/* Other libraries' constructors may come before ours where they, too, are marked initfirst. */
static inline const struct real *real(void)
{
    if (real_functions.dup3 == NULL)
        real_find();
    return &real_functions;
}

#endif
