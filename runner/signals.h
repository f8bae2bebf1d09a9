/* signals.h: signals as events of the loop: forwarded to the command, or about our own stops and
 * children. */
#ifndef SSCAP_RUNNER_SIGNALS_H
#define SSCAP_RUNNER_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "runner/launch/channels.h"
#include "runner/loop.h"

struct process;

enum { SIGNALS_MAX = 65 }; /* NSIG */

struct signals {
    struct watch watch;
    struct loop *loop;
    struct watch orders; /* from the guardian; its fd is the caller's to fill in */
    pid_t command;       /* to which signals are forwarded; 0: it has ended */
    int *command_status; /* wait4 writes it there */
    uint64_t asked;      /* bits: signals that somebody has sent to sscap, or the terminal to all */
    struct {
        unsigned int count;
        int32_t sender;
    } direct[SIGNALS_MAX]; /* came to us, but it is not known yet whether to us alone */
    unsigned int asks;     /* that the guardian has not answered yet */
    struct timer direct_due;
    struct process *(*ended)(
        void *context,
        pid_t pid); /* a child of ours, the command or an orphan of the tree, is a zombie */
    void (*reaped)(
        void *context, pid_t pid, struct process *process, int status,
        const struct rusage *usage); /* and no more; `process` as ended has returned it */
    void (*stopping)(void *context); /* we are about to be stopped (^Z) */
    void (*interrupted)(void *context,
                        int signal); /* asked to end while there is no command any more */
    void *context;
};

/* Blocks all signals but those that were ignored (so that none is lost before the loop runs, and
 * nohup's stays without effect), and remembers what the command is to get back. */
void signals_block(struct inheritance *ret_inheritance);

/* Receives them from the loop on. The callbacks and command_status are the caller's to fill in
 * before. Returns 0 or -errno. */
int signals_init(struct signals *signals, struct loop *loop);

/* A signal's bit in a set of them. */
static inline uint64_t signals_bit(int number)
{
    return number >= 1 && number < SIGNALS_MAX ? 1ull << (number - 1) : 0;
}

/* The bits of `asked` by which somebody wants the whole to end: ^C, SIGTERM, ... */
uint64_t signals_that_end(void);

/* Whether any process of the tree lives: those whose parent has ended are our children
 * (PR_SET_CHILD_SUBREAPER), the others theirs. */
bool signals_has_children(void);

/* Lets signals act on us as on any program, but for SIGPIPE, which is ignored: the loop does not
 * run any more. */
void signals_unblock(void);

/* ^C and ^\ reach sscap and the command alike. If the command died of it (status as waitpid has
 * it), so does sscap: a shell ends its script or loop only when what it waited for was killed by
 * the signal, for a status of 130 could be anything. Else returns. */
void signals_die_alike(uint64_t from_terminal, int command_status);

#endif
