/* fork_places WAY: forks, vforks and clones in unusual places (threads, signal handlers, fork
 * handlers) and prints the results, one write for each line. The lines of children of threads and
 * handlers come in any order. Nothing else depends on time. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/programs/newer_libc.h"
#include "tests/programs/say.h"

static void run(const char *command)
{
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(98);
}

/* --- threads and handlers --- */

static void *thread(void *unused)
{
    for (int way = 0; way < 4; way++) {
        pid_t child = fork();
        if (child == 0) {
            say("child %d of a thread\n", way);
            if (way == 1)
                raise(SIGSEGV);
            if (way == 2)
                pthread_exit(NULL);
            if (way == 3)
                run("echo a shell from a thread; exit 7");
            exit(way + 3);
        }
        reap("thread", child);
    }
    return unused;
}

static void from_thread(void)
{
    pthread_t id;
    pthread_create(&id, NULL, thread, NULL);
    pthread_join(id, NULL);
}

static int depth;

static void fork_within(const char *where)
{
    say("in %s\n", where);
    if (depth++ == 0) {
        pid_t child = fork();
        if (child == 0) {
            say("child of %s\n", where);
            _exit(7);
        }
        reap(where, child);
    }
    depth--;
}

static void prepare(void)
{
    fork_within("prepare");
}

static void in_parent(void)
{
    fork_within("the parent's handler");
}

static void in_child(void)
{
    fork_within("the child's handler");
}

static void from_atfork(void)
{
    pthread_atfork(prepare, in_parent, in_child);
    pid_t child = fork();
    if (child == 0) {
        say("the child itself\n");
        exit(4);
    }
    reap("atfork", child);
}

static volatile sig_atomic_t handled;

static void on_signal(int signal)
{
    int saved = errno, status;
    pid_t child = fork();
    if (child == 0)
        _exit(signal);
    while (waitpid(child, &status, 0) < 0)
        ;
    if (WEXITSTATUS(status) != signal)
        _exit(97);
    handled++;
    errno = saved;
}

/* A handler forks while the thread may be in malloc, stdio or write. */
static void from_handler(void)
{
    signal(SIGUSR1, on_signal);
    pid_t self = getpid(), killer = fork();
    if (killer == 0)
        for (;; usleep(500))
            if (getppid() != self || kill(self, SIGUSR1) < 0)
                _exit(0);
    while (handled < 50) {
        FILE *file = fopen("/dev/null", "w");
        void *room = malloc(100 + (size_t)handled);
        if (file != NULL)
            fclose(file);
        free(room);
        say("busy\n");
    }
    kill(killer, SIGKILL);
    signal(SIGUSR1, SIG_IGN);
    reap("killer", killer);
}

/* The child continues the write that the handler has interrupted. */
static volatile sig_atomic_t writing, interrupted;
static pid_t copy;

static void on_write(int signal)
{
    (void)signal;
    if (writing && !interrupted) {
        interrupted = 1;
        copy = fork();
    }
}

static void *writer(void *unused)
{
    enum { LINE = 64, SIZE = 1 << 20 };
    static char bytes[SIZE];
    memset(bytes, 'x', SIZE);
    for (int i = LINE - 1; i < SIZE; i += LINE)
        bytes[i] = '\n';
    while (!interrupted)
        for (ssize_t n, done = 0; done < SIZE; done += n) {
            writing = 1;
            n = write(STDOUT_FILENO, bytes + done, (size_t)(SIZE - done));
            writing = 0;
            if (n <= 0)
                _exit(96);
        }
    if (copy == 0)
        _exit(5);
    return unused;
}

static void from_write(void)
{
    struct sigaction action = {.sa_handler = on_write, .sa_flags = SA_RESTART};
    pthread_t id;
    sigaction(SIGUSR1, &action, NULL);
    pthread_create(&id, NULL, writer, NULL);
    while (!interrupted)
        if (writing)
            pthread_kill(id, SIGUSR1);
    pthread_join(id, NULL);
    reap("copy", copy);
}

/* Counts descriptors that are not the program's own few and not sscap's one. */
static int strays(void)
{
    int n = 0;
    for (int fd = 10; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static volatile sig_atomic_t enough;

static void *write_on(void *unused)
{
    while (!enough)
        say("writing\n");
    return unused;
}

static void beside_writers(void)
{
    enum { THREADS = 4, CHILDREN = 200 };
    pthread_t ids[THREADS];
    int before = strays(), more = 0;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&ids[i], NULL, write_on, NULL);
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        pid_t child = fork();
        if (child == 0)
            _exit(strays() - before);
        waitpid(child, &status, 0);
        more += WEXITSTATUS(status);
    }
    enough = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    say("%d descriptors inherited by %d children\n", more, CHILDREN);
}

/* --- vfork: a child in its parent's memory --- */

static void end_vfork(int way)
{
    pid_t child = vfork();
    if (child == 0) {
        if (way == 0)
            _exit(5);
        if (way == 1)
            raise(SIGKILL);
        if (way == 2)
            raise(SIGSEGV);
        say("a vfork child prints\n");
        execl("/nonexistent", "nonexistent", (char *)NULL);
        _exit(errno);
    }
    reap("vfork", child);
}

static void from_vfork(void)
{
    pid_t child = vfork();
    if (child == 0) {
        close(STDIN_FILENO);
        for (int fd = 3; fd < 1024; fd++)
            close(fd);
        run("echo all closed; exit 3");
    }
    reap("vfork, close, exec", child);
    int ends[2];
    char text[64] = "";
    if (pipe(ends) < 0)
        _exit(95);
    child = vfork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        run("echo to the pipe; exit 4");
    }
    close(ends[1]);
    reap("vfork, dup2, exec", child);
    say("from the pipe: %.*s", (int)read(ends[0], text, sizeof text), text);
    for (int way = 0; way < 4; way++)
        end_vfork(way);
    child = fork();
    if (child == 0)
        raise(SIGABRT);
    reap("fork after all that", child);
}

/* --- clone, which no wrapper sees --- */

static char stack[64 << 10] __attribute__((aligned(64)));

static int print(void *name)
{
    say("cloned: %s\n", (const char *)name);
    return 6;
}

static int fork_again(void *name)
{
    pid_t child = fork();
    if (child == 0) {
        say("grandchild: %s\n", (const char *)name);
        _exit(1);
    }
    reap(name, child);
    return 5;
}

static int crash(void *name)
{
    say("to crash: %s\n", (const char *)name);
    raise(SIGSEGV);
    return 4;
}

static int start_shell(void *name)
{
    (void)name;
    run("echo a shell by clone; exit 3");
    return 2;
}

static void clone_with(const char *name, int flags, int (*what)(void *))
{
    reap(name, clone(what, stack + sizeof stack, flags, (void *)(uintptr_t)name));
}

static void from_clone(void)
{
    static const struct {
        const char *name;
        int flags;
    } kinds[] = {
        {"plain", SIGCHLD},
        {"VM", CLONE_VM | SIGCHLD},
        {"VM VFORK", CLONE_VM | CLONE_VFORK | SIGCHLD},
        {"FILES", CLONE_FILES | SIGCHLD},
        {"FS", CLONE_FS | SIGCHLD},
        {"VM SIGHAND", CLONE_VM | CLONE_SIGHAND | SIGCHLD},
        {"VM SIGHAND FILES FS", CLONE_VM | CLONE_SIGHAND | CLONE_FILES | CLONE_FS | SIGCHLD},
        {"no signal", 0},
        {"another signal", SIGWINCH},
        {"UNTRACED", CLONE_UNTRACED | SIGCHLD},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        clone_with(kinds[i].name, kinds[i].flags, print);
        clone_with(kinds[i].name, kinds[i].flags, fork_again);
        clone_with(kinds[i].name, kinds[i].flags, start_shell);
        /* Otherwise the default action, set for the child, would also be the parent's. */
        if (!(kinds[i].flags & CLONE_SIGHAND))
            clone_with(kinds[i].name, kinds[i].flags, crash);
    }
    pid_t middle = fork();
    if (middle == 0) {
        clone(print, stack + sizeof stack, CLONE_PARENT | SIGCHLD, (void *)(uintptr_t) "PARENT");
        _exit(2);
    }
    int status, ends = 0;
    while (wait(&status) > 0)
        ends += status;
    say("PARENT: %x\n", (unsigned)ends);
}

static void from_system_calls(void)
{
    int pidfd = -1;
    struct clone_args args = {.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
                              .pidfd = (uintptr_t)&pidfd,
                              .exit_signal = SIGCHLD};
    pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (child == 0)
        _exit(fork_again("clone3"));
    siginfo_t info = {.si_pid = 0};
    waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED);
    say("clone3: descriptor %d, status %d\n", pidfd, info.si_status);
    child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(fork_again("clone"));
    reap("clone", child);
    child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(crash("clone"));
    reap("clone", child);
}

/* Works as root; else it is refused as without sscap. */
static void from_namespaces(void)
{
    static const int kinds[] = {CLONE_NEWPID, CLONE_NEWNS,   CLONE_NEWNET,   CLONE_NEWUTS,
                                CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWCGROUP};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        clone_with("namespace", kinds[i] | SIGCHLD, print);
        clone_with("namespace", kinds[i] | SIGCHLD, fork_again);
        clone_with("namespace", kinds[i] | SIGCHLD, start_shell);
        clone_with("namespace", kinds[i] | SIGCHLD, crash);
    }
}

int main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        void (*run)(void);
    } ways[] = {
        {"thread", from_thread}, {"atfork", from_atfork},        {"handler", from_handler},
        {"write", from_write},   {"beside", beside_writers},     {"vfork", from_vfork},
        {"clone", from_clone},   {"syscall", from_system_calls}, {"namespaces", from_namespaces},
    };
    for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof *ways; i++)
        if (strcmp(argv[1], ways[i].name) == 0) {
            ways[i].run();
            return 0;
        }
    return 2;
}
