/* exit.h: tells the runner a process's exit status. */
#ifndef SSCAP_SHIM_CALLS_EXIT_H
#define SSCAP_SHIM_CALLS_EXIT_H

/* Registers the exit handler. The constructor calls it. */
void exit_init(void);

#endif
