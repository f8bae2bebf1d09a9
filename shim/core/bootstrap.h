/* bootstrap.h: see bootstrap.c. */
#ifndef SSCAP_SHIM_CORE_BOOTSTRAP_H
#define SSCAP_SHIM_CORE_BOOTSTRAP_H

/* Runs the runner in this process's place. Returns only where that cannot be done: then the program
 * runs as ever. */
void bootstrap(int argc, char *const argv[], char *const envp[]);

#endif
