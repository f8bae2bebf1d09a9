/* own_handlers.c: ways to meet a crash with a handler of the program's own (see ways.h). The
 * handler recovers, gives up or exits. Other ways test what a program sees when it asks for its
 * handlers. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/programs/ways.h"

/* Volatile, so that the compiler knows nothing about it. */
static void *volatile nothing;
static volatile int zero;
static volatile int sum;

__attribute__((noinline)) static void null_read(void)
{
    sum += *(volatile int *)nothing;
    LAST;
}

__attribute__((noinline)) static int deeper(int depth)
{
    volatile char page[512];
    if (depth < 0)
        return depth;
    page[depth % 512] = (char)depth;
    return deeper(depth + 1) + page[(depth + 1) % 512];
}

static sigjmp_buf back;

static void recover(int signal)
{
    siglongjmp(back, signal);
}

WAY(own_recovers, EXIT(0))
{
    struct sigaction action = {.sa_handler = recover}, old;
    if (sigaction(SIGSEGV, &action, &old) != 0 || old.sa_handler != SIG_DFL || old.sa_flags != 0)
        exit(9);
    for (int i = 0; i < 100; i++)
        if (sigsetjmp(back, 1) == 0)
            null_read();
    if (sigaction(SIGSEGV, &old, &action) != 0 || action.sa_handler != recover)
        exit(9);
    exit(0);
}

/* Recovers from a stack overflow too, on an alternate stack of its own. */
WAY(own_recovers_overflow, EXIT(0))
{
    struct sigaction action = {.sa_handler = recover, .sa_flags = SA_ONSTACK};
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536}, old,
            none = {.ss_flags = SS_DISABLE}, now;
    if (sigaltstack(NULL, &old) != 0 || (old.ss_flags & SS_DISABLE) == 0 ||
        sigaltstack(&stack, &old) != 0 || (old.ss_flags & SS_DISABLE) == 0 ||
        sigaction(SIGSEGV, &action, NULL) != 0)
        exit(9);
    if (sigsetjmp(back, 1) == 0)
        sum += deeper(zero);
    if (sigaltstack(&none, &old) != 0 || old.ss_sp != stack.ss_sp || sigaltstack(NULL, &now) != 0 ||
        (now.ss_flags & SS_DISABLE) == 0)
        exit(9);
    exit(0);
}

static void leave(int signal)
{
    static const char text[] = "own handler\n";
    sum += (int)write(2, text, sizeof text - 1);
    _exit(signal == SIGSEGV ? 3 : 9);
}

WAY(own_exits, EXIT(3))
{
    if (signal(SIGSEGV, leave) != SIG_DFL)
        exit(9);
    null_read();
    LAST;
}

static void give_up(int signal_number)
{
    signal(signal_number, SIG_DFL);
}

WAY(own_gives_up, SIGSEGV)
{
    if (signal(SIGSEGV, give_up) != SIG_DFL)
        exit(9);
    null_read();
    LAST;
}

static void raise_again(int signal_number)
{
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

WAY(own_raises_again, SIGABRT)
{
    signal(SIGABRT, raise_again);
    abort();
}

WAY(own_once, SIGSEGV)
{
    struct sigaction action = {.sa_handler = raise_again, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGSEGV, &action, NULL);
    null_read();
    LAST;
}

WAY(own_ignores, EXIT(0))
{
    if (signal(SIGABRT, SIG_IGN) != SIG_DFL || signal(SIGABRT, SIG_IGN) != SIG_IGN)
        exit(9);
    raise(SIGABRT);
    exit(0);
}

/* All calls that get and set handlers, as a program sees them. */
WAY(own_view, EXIT(0))
{
    struct sigaction old;
    static const int signals[] = {SIGSEGV, SIGBUS,  SIGILL, SIGFPE,
                                  SIGABRT, SIGTRAP, SIGSYS, SIGUSR1};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        int number = signals[i];
        if (sigaction(number, NULL, &old) != 0 || old.sa_handler != SIG_DFL ||
            signal(number, leave) != SIG_DFL || signal(number, SIG_DFL) != leave ||
            signal(number, SIG_DFL) != SIG_DFL || ssignal(number, leave) != SIG_DFL ||
            sysv_signal(number, SIG_DFL) != leave || sysv_signal(number, SIG_IGN) != SIG_DFL ||
            ssignal(number, SIG_DFL) != SIG_IGN || sigaction(number, NULL, &old) != 0 ||
            old.sa_handler != SIG_DFL)
            exit(10 + (int)i);
    }
    exit(sigaction(1000, &old, NULL) == -1 && errno == EINVAL ? 0 : 9);
}
