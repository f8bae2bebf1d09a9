/* sandbox.h: adapts the library to the seccomp filters that the program installs. */
#ifndef SSCAP_SHIM_SECCOMP_SANDBOX_H
#define SSCAP_SHIM_SECCOMP_SANDBOX_H

/* Call before prctl(PR_SET_SECCOMP, mode, program). From then on, the library makes no system call
 * that the filter would punish. */
void sandbox_expect(unsigned long mode, const void *program);

#endif
