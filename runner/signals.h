/* signals.h: signals as events of the loop: forwarded to the command, or about our own stops and children. */
#ifndef SSCAP_RUNNER_SIGNALS_H
#define SSCAP_RUNNER_SIGNALS_H

#include <stdbool.h>
#include <sys/types.h>

#include "runner/launch.h"
#include "runner/loop.h"

struct signals {
    struct watch watch;
    uint64_t from_terminal; /* bits: signals that the terminal has sent */
    pid_t command;          /* to which signals are forwarded; 0: it has ended */
    void (*reaped)(void *context, pid_t pid,
                   int status);      /* a child of ours has ended: the command, or an orphan of the tree */
    void (*stopping)(void *context); /* we are about to be stopped (^Z) */
    void (*interrupted)(void *context, int signal); /* asked to end while there is no command any more */
    void *context;
};

/* Blocks all signals but those that were ignored (so that none is lost before the loop runs, and nohup's stays without effect), and
 * remembers what the command is to get back. */
void signals_block(struct inheritance *ret_inheritance);

/* Receives them from the loop on. The callbacks are the caller's to fill in before. Returns 0 or -errno. */
int signals_init(struct signals *signals, struct loop *loop);

/* ^C and ^\ reach sscap and the command alike. If the command died of it (status as waitpid has it), so does sscap: a shell ends its script
 * or loop only when what it waited for was killed by the signal, for a status of 130 could be anything. Else returns. */
void signals_die_alike(const struct signals *signals, int command_status);

#endif
