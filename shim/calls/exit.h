/* exit.h: see exit.c. */
#ifndef SSCAP_SHIM_CALLS_EXIT_H
#define SSCAP_SHIM_CALLS_EXIT_H

/* Begins to watch for this program's exit. */
void exit_init(void);

#endif
