/* sandbox.h: seccomp filters that the program puts itself under, and the library with it. */
#ifndef SSCAP_SHIM_SECCOMP_SANDBOX_H
#define SSCAP_SHIM_SECCOMP_SANDBOX_H

/* Before prctl(PR_SET_SECCOMP, mode, program): from here on nothing is done that would be punished.
 */
void sandbox_expect(unsigned long mode, const void *program);

#endif
