/* kernel.c: tests what runner/kernel/pidfd.c and runner/kernel/proc.c rely on: how the kernel
 * describes processes that have ended. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/kernel/pidfd.h"
#include "runner/kernel/proc.h"
#include "runner/kernel/recv_creds.h"
#include "tests/unit/check.h"

/* Makes a child that ends in this way, and returns when it is a zombie. */
static pid_t zombie(const char *name, int code, int number)
{
    siginfo_t info;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_NAME, name);
        if (number != 0) {
            signal(number, SIG_DFL);
            kill(getpid(), number);
        }
        _exit(code);
    }
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    return pid;
}

static int reap(pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

/* Process names may contain the separators of /proc/PID/stat. */
static void test_names(void)
{
    static const char *const names[] = {"plain", "a) R (b", ") Z 1 1", "((((", "a b c", "\n", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct proc_stat stat;
        pid_t pid = zombie(names[i], 3, 0);
        CHECK(proc_stat(pid, &stat));
        CHECK(strcmp(stat.name, names[i]) == 0);
        CHECK(stat.state == 'Z' && stat.ppid == getpid() && stat.group == getpgrp() &&
              stat.exiting);
        CHECK(reap(pid) == 3 << 8);
        CHECK(!proc_stat(pid, &stat));
    }
}

static void test_zombies(void)
{
    struct proc_stat stat;
    for (int code = 0; code < 256; code += 5) {
        pid_t pid = zombie("zombie", code, 0);
        CHECK(proc_zombie_status(pid, &stat) && stat.status == code << 8);
        CHECK(reap(pid) == stat.status);
        CHECK(!proc_zombie_status(pid, &stat));
    }
    pid_t pid = zombie("killed", 0, SIGKILL);
    CHECK(proc_zombie_status(pid, &stat) && stat.status == SIGKILL);
    CHECK(reap(pid) == SIGKILL);
    CHECK(proc_stat(getpid(), &stat) && !stat.exiting && stat.state == 'R');
    CHECK(!proc_zombie_status(getpid(), &stat)); /* not a zombie */
}

static void test_pidfds(void)
{
    struct pidfd_features features = pidfd_features();
    int status = -1;
    pid_t pid = zombie("pidfd", 42, 0);
    int pidfd = pidfd_of(pid);
    CHECK(pidfd >= 0);
    CHECK(pidfd_ended(pidfd));
    CHECK(pidfd_unreaped(pidfd));
    CHECK(!pidfd_status(pidfd, &status)); /* no kernel tells the status of a zombie */
    CHECK(reap(pid) == 42 << 8);
    CHECK(pidfd_ended(pidfd));
    CHECK(!pidfd_unreaped(pidfd));
    CHECK(pidfd_status(pidfd, &status) == features.info);
    CHECK(!features.info || status == 42 << 8);
    CHECK(pidfd_of(pid) == -ESRCH);
    close(pidfd);
    pidfd = pidfd_of(getpid());
    CHECK(pidfd >= 0 && !pidfd_ended(pidfd) && pidfd_unreaped(pidfd) &&
          !pidfd_status(pidfd, &status));
    close(pidfd);
}

/* A message's pidfd is the writer's, even if the writer is dead and reaped. */
static void test_passing(void)
{
    int pair[2];
    char byte;
    int32_t sender;
    int pidfd;
    int on = 1;
    int status = -1;
    if (!pidfd_features().pass)
        return;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    CHECK(pidfd_pass(pair[0]) == 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(write(pair[1], "x", 1) == 1 ? 17 : 1);
    CHECK(reap(pid) == 17 << 8);
    CHECK(recv_creds(pair[0], &byte, 1, 0, &sender, &pidfd) == 1);
    CHECK(sender == pid && pidfd >= 0);
    CHECK(pidfd_status(pidfd, &status) && status == 17 << 8);
    close(pidfd);
    close(pair[0]);
    close(pair[1]);
}

static void test_switches(void)
{
    CHECK(setenv("SSCAP_DEBUG", "no-pidfd-info,no-pass-pidfd", 1) == 0);
    CHECK(!pidfd_features().info && !pidfd_features().pass);
    CHECK(setenv("SSCAP_DEBUG", "no-pass-pidfd", 1) == 0);
    CHECK(!pidfd_features().pass);
    CHECK(setenv("SSCAP_DEBUG", "no-pass-pidfds,xno-pidfd-info", 1) == 0);
    struct pidfd_features all = pidfd_features();
    CHECK(unsetenv("SSCAP_DEBUG") == 0);
    CHECK(pidfd_features().info == all.info && pidfd_features().pass == all.pass);
}

static void test_texts(void)
{
    char text[4096];
    CHECK(proc_arguments(getpid(), text, sizeof text) > 0);
    CHECK(strstr(text, "kernel") != NULL);
    CHECK(proc_arguments(getpid(), text, 4) == 4); /* cut, with its NUL */
    CHECK(text[3] == '\0');
    size_t length = proc_directory(getpid(), text, sizeof text);
    CHECK(length > 0 && text[0] == '/');
    CHECK(proc_directory(getpid(), text, 1) == 0);
    CHECK(proc_arguments(-1, text, sizeof text) == 0 && proc_directory(-1, text, sizeof text) == 0);
}

int main(void)
{
    test_names();
    test_zombies();
    test_pidfds();
    test_passing();
    test_switches();
    test_texts();
    return 0;
}
