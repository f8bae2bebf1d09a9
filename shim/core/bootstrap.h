/* bootstrap.h: starts the runner for LD_PRELOAD=libsscap.so PROGRAM without a session. */
#ifndef SSCAP_SHIM_CORE_BOOTSTRAP_H
#define SSCAP_SHIM_CORE_BOOTSTRAP_H

/* Executes the runner in place of the program. Returns only if that fails. The program then runs
 * without us. */
void bootstrap(int argc, char *const argv[], char *const envp[]);

#endif
