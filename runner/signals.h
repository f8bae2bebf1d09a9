/* signals.h: signals as events of the loop: forwarded to the command, or about our own stops and children. */
#ifndef SSCAP_RUNNER_SIGNALS_H
#define SSCAP_RUNNER_SIGNALS_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "runner/launch.h"
#include "runner/loop.h"

struct process;

struct signals {
    struct watch watch;
    uint64_t from_terminal; /* bits: signals that the terminal has sent */
    pid_t command;          /* to which signals are forwarded; 0: it has ended */
    uint64_t asked;         /* bits: signals that somebody has sent to sscap, or the terminal to all */
    struct process *(*ended)(
        void *context, pid_t pid); /* a child of ours, the command or an orphan of the tree, is a zombie */
    void (*reaped)(void *context, pid_t pid, struct process *process, int status,
                   const struct rusage *usage);     /* and no more; `process` as ended has returned it */
    void (*stopping)(void *context);                /* we are about to be stopped (^Z) */
    void (*interrupted)(void *context, int signal); /* asked to end while there is no command any more */
    void *context;
};

/* Blocks all signals but those that were ignored (so that none is lost before the loop runs, and nohup's stays without effect), and
 * remembers what the command is to get back. */
void signals_block(struct inheritance *ret_inheritance);

/* Receives them from the loop on. The callbacks are the caller's to fill in before. Returns 0 or -errno. */
int signals_init(struct signals *signals, struct loop *loop);

/* The bits of `asked` by which somebody wants the whole to end: ^C, SIGTERM, ... */
uint64_t signals_that_end(void);

/* Lets signals act on us as on any program, but for SIGPIPE, which is ignored: the loop does not run any more. */
void signals_unblock(void);

/* ^C and ^\ reach sscap and the command alike. If the command died of it (status as waitpid has it), so does sscap: a shell ends its script
 * or loop only when what it waited for was killed by the signal, for a status of 130 could be anything. Else returns. */
void signals_die_alike(const struct signals *signals, int command_status);

#endif
