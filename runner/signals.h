/* signals.h: signals as events of the loop: forwarded to the command, or about our own children. */
#ifndef SSCAP_RUNNER_SIGNALS_H
#define SSCAP_RUNNER_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "runner/launch/inheritance.h"
#include "runner/loop.h"

struct process;

enum { SIGNALS_MAX = 65 }; /* NSIG */

/* Is told what signals bring. */
struct signals_observer {
    void *context;
    /* A child of ours, the command or an orphan of the tree, is a zombie. */
    struct process *(*child_ended)(void *context, pid_t pid);
    /* It has been waited for. `process` is what child_ended has returned. */
    void (*child_reaped)(void *context, pid_t pid, struct process *process, int status,
                         const struct rusage *usage);
    /* We are about to be stopped (^Z). */
    void (*stopping)(void *context);
    /* Somebody asks us to end, and there is no command any more. */
    void (*interrupted)(void *context);
};

struct signals {
    const struct signals_observer *observer;
    struct watch watch;
    struct loop *loop;
    struct watch orders; /* from the guardian */
    pid_t command;       /* to which signals are forwarded; 0: it has ended */
    int *command_status; /* wait4 writes it there */
    /* Bits: signals that somebody has sent to sscap, or that the terminal has sent to everyone. */
    uint64_t asked;
    uint64_t from_terminal; /* bits: of these, the terminal's */
    uint64_t interrupted;   /* now_ns of the terminal's last ^C or ^\ */
    struct {
        unsigned int count;
        int32_t sender;
    } direct[SIGNALS_MAX]; /* sent to us; it is not known yet whether to us alone */
    unsigned int asks;     /* questions that the guardian has not answered yet */
    struct timer direct_due;
};

/* Blocks all signals but those that are ignored, so that none is lost before the loop runs, and so
 * that nohup's stay without effect. Notes what the command is to get back. */
void signals_block(struct inheritance *ret_inheritance);

/* Receives signals from the loop. `orders` is the guardian's socket. Returns 0 or -errno. */
int signals_init(struct signals *signals, const struct signals_observer *observer,
                 struct loop *loop, int orders, int *command_status);

/* A signal's bit in a set of signals. */
static inline uint64_t signals_bit(int number)
{
    return number >= 1 && number < SIGNALS_MAX ? 1ull << (number - 1) : 0;
}

/* The signals by which a user ends everything: ^C, SIGTERM, ... */
uint64_t signals_that_end(void);

/* Whether the terminal's ^C or ^\ has ended the command, which has this status and ended now. */
bool signals_terminal_ended(const struct signals *signals, int command_status);

/* Whether any process of the tree lives. Orphans of the tree are our children, because we are its
 * subreaper. */
bool signals_has_children(void);

/* Lets signals act on us as on any program, except SIGPIPE, which stays ignored. For the time when
 * the loop does not run any more. */
void signals_unblock(void);

/* If the command died of the terminal's ^C or ^\, this process dies of the same, because a shell
 * ends its script only if what it waited for was killed by the signal: a status of 130 could mean
 * anything. Else it returns. `command_status` is as waitpid has it. */
void signals_die_alike(uint64_t from_terminal, int command_status);

#endif
