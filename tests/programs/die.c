/* die WAY NUMBER [HOW]: ends with status NUMBER, or by signal NUMBER. The processes around the one
 * that dies exit with 0. The program is also built as static_die.
 *
 *   WAY  return exit _exit _Exit quick_exit syscall kill raise
 *        atexit      exits with another code, and a handler calls _exit
 *   HOW  (none)      the program itself dies
 *        child       a child of a child, and its parent waits for it
 *        sigign      a child, and SIGCHLD is ignored
 *        nocldwait   a child, with SA_NOCLDWAIT
 *        orphan      a grandchild whose parent has ended before
 *        daemon      the process after daemon(3)
 *        vfork       a child by vfork
 *        spawn       a child by posix_spawn
 *        clone       a child by a bare clone, which no wrapper sees
 *        waitid wait3 wait4 wait    a child that the parent waits for by this call
 *        system popen               a shell's child, and the shell with it */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int number;

static void leave_otherwise(void)
{
    _exit(number);
}

static int die(const char *way)
{
    const struct rlimit no_core = {0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (strcmp(way, "exit") == 0)
        exit(number);
    if (strcmp(way, "_exit") == 0)
        _exit(number);
    if (strcmp(way, "_Exit") == 0)
        _Exit(number);
    if (strcmp(way, "quick_exit") == 0)
        quick_exit(number);
    if (strcmp(way, "syscall") == 0)
        syscall(SYS_exit_group, number);
    if (strcmp(way, "atexit") == 0) {
        atexit(leave_otherwise);
        exit(99);
    }
    if (strcmp(way, "kill") == 0)
        kill(getpid(), number);
    if (strcmp(way, "raise") == 0)
        raise(number);
    return number;
}

static int in_child(const char *way, const char *how)
{
    int status;
    siginfo_t info;
    pid_t pid = strcmp(how, "clone") == 0 ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
    if (pid < 0)
        return 98;
    if (pid == 0)
        exit(die(way));
    if (strcmp(how, "waitid") == 0)
        return waitid(P_PID, (id_t)pid, &info, WEXITED) == 0 ? 0 : 97;
    if (strcmp(how, "wait") == 0)
        return wait(NULL) == pid ? 0 : 97;
    if (strcmp(how, "wait3") == 0)
        return wait3(&status, 0, NULL) == pid ? 0 : 97;
    if (strcmp(how, "wait4") == 0)
        return wait4(pid, &status, 0, NULL) == pid ? 0 : 97;
    /* With SIGCHLD ignored, waitpid fails with ECHILD when all children have ended. */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return 0;
}

static int spawned(char *argv[])
{
    char *const again[] = {argv[0], argv[1], argv[2], NULL};
    pid_t pid;
    if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, again, environ) != 0)
        return 98;
    return waitpid(pid, NULL, 0) == pid ? 0 : 97;
}

static int vforked(char *argv[])
{
    char *const again[] = {argv[0], argv[1], argv[2], NULL};
    pid_t pid = vfork();
    if (pid == 0) {
        execv("/proc/self/exe", again);
        _exit(96);
    }
    return waitpid(pid, NULL, 0) == pid ? 0 : 97;
}

static int by_shell(char *argv[], int opened)
{
    char command[4096];
    snprintf(command, sizeof command, "exec %s %s %s", argv[0], argv[1], argv[2]);
    if (!opened)
        return system(command) == -1 ? 97 : 0;
    FILE *pipe = popen(command, "r");
    if (pipe == NULL)
        return 98;
    while (getc(pipe) != EOF)
        ;
    return pclose(pipe) == -1 ? 97 : 0;
}

static int orphaned(const char *way)
{
    int gone[2];
    char byte;
    if (pipe(gone) < 0)
        return 98;
    pid_t pid = fork();
    if (pid == 0) {
        close(gone[1]);
        if (fork() != 0)
            _exit(0);
        /* Blocks until the grandparent has waited for the parent. */
        if (read(gone[0], &byte, 1) < 0)
            _exit(98);
        exit(die(way));
    }
    close(gone[0]);
    waitpid(pid, NULL, 0);
    close(gone[1]);
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc < 3)
        return 95;
    const char *how = argc > 3 ? argv[3] : "";
    number = atoi(argv[2]);
    if (*how == '\0')
        return die(argv[1]);
    if (strcmp(how, "sigign") == 0)
        signal(SIGCHLD, SIG_IGN);
    if (strcmp(how, "nocldwait") == 0) {
        struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
        sigaction(SIGCHLD, &action, NULL);
    }
    if (strcmp(how, "orphan") == 0)
        return orphaned(argv[1]);
    if (strcmp(how, "spawn") == 0)
        return spawned(argv);
    if (strcmp(how, "vfork") == 0)
        return vforked(argv);
    if (strcmp(how, "system") == 0 || strcmp(how, "popen") == 0)
        return by_shell(argv, how[0] == 'p');
    if (strcmp(how, "daemon") == 0)
        return daemon(1, 1) == 0 ? die(argv[1]) : 98;
    return in_child(argv[1], how);
}
