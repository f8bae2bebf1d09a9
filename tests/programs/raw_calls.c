/* raw_calls: checks that syscall(), which the library wraps, behaves as libc's: all arguments,
 * results and errno, in threads, handlers, forked children, and before any constructor has run. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/check.h"

#ifdef SYS_mmap2
enum { MAP = SYS_mmap2, UNIT = 4096 };
#else
enum { MAP = SYS_mmap, UNIT = 1 };
#endif

/* The loader calls this when it relocates the program. */
static long early_pid, early_error;

static void answer(void) {}

/* Old compilers do not see that the attribute below uses this function. */
__attribute__((used)) static void (*resolve(void))(void)
{
    early_pid = syscall(SYS_getpid);
    early_error = syscall(SYS_close, -1);
    return answer;
}

void resolved(void) __attribute__((ifunc("resolve")));

static void six_arguments(void)
{
    long page = sysconf(_SC_PAGESIZE);
    FILE *file = tmpfile();
    CHECK(file != NULL && ftruncate(fileno(file), 3 * page) == 0);
    CHECK(pwrite(fileno(file), "second page", 11, page) == 11);
    char *map = (char *)syscall(MAP, NULL, page, PROT_READ, MAP_PRIVATE, fileno(file), page / UNIT);
    CHECK(map != MAP_FAILED && memcmp(map, "second page", 11) == 0);
    CHECK(syscall(SYS_munmap, map, page) == 0);
    fclose(file);
}

static void results(void)
{
    errno = 77;
    CHECK(syscall(SYS_getpid) == getpid() && errno == 77);
    CHECK(syscall(SYS_close, -1) == -1 && errno == EBADF);
    CHECK(syscall(-1) == -1 && errno == ENOSYS);
    char name[16] = "";
    CHECK(syscall(SYS_prctl, PR_SET_NAME, "raw", 0, 0, 0) == 0);
    CHECK(syscall(SYS_prctl, PR_GET_NAME, name, 0, 0, 0) == 0 && strcmp(name, "raw") == 0);
    CHECK(syscall(SYS_prctl, -1, 0, 0, 0, 0) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_seccomp, 99, 0, NULL) == -1 && errno == EINVAL);
}

static void *in_thread(void *unused)
{
    CHECK(syscall(SYS_gettid) != getpid());
    six_arguments();
    return unused;
}

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
    handled = syscall(SYS_getpid) == getpid() ? number : -1;
}

static void children(void)
{
    int status;
    long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        syscall(SYS_exit_group, 3);
    CHECK(waitpid((pid_t)pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
    pid = vfork();
    if (pid == 0) {
        syscall(SYS_setpgid, 0, 0);
        syscall(SYS_exit_group, 4);
    }
    CHECK(waitpid((pid_t)pid, &status, 0) == pid && WEXITSTATUS(status) == 4);
}

int main(void)
{
    pthread_t thread;
    resolved();
    CHECK(early_pid == getpid() && early_error == -1);
    results();
    six_arguments();
    CHECK(pthread_create(&thread, NULL, in_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
    signal(SIGUSR1, on_signal);
    CHECK(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1) == 0 && handled == SIGUSR1);
    children();
    puts("all as said");
    return 0;
}
