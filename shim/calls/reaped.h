/* reaped.h: tells the runner how a child ended. */
#ifndef SSCAP_SHIM_CALLS_REAPED_H
#define SSCAP_SHIM_CALLS_REAPED_H

#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* `child`: 0 if libc does not say which child it was. `usage` may be NULL. */
void reaped_announce(pid_t child, int status, uint32_t flags, const struct rusage *usage);

#endif
