/* handler.h: the handlers of the signals that a crash raises. */
#ifndef SSCAP_SHIM_CRASH_HANDLER_H
#define SSCAP_SHIM_CRASH_HANDLER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* With SSCAP_FLAG_CRASHES: handles those signals of a crash whose disposition is the default. The
 * handler sends the evidence, and then the process dies as it would without us. */
void crash_handler_init(void);

/* Restores the default dispositions if a handler needs one of the system calls that are about to be
 * forbidden (bits of enum syscall_kind). */
void crash_handler_disarm(uint32_t forbidden);

/* Whether a program that sets this signal's default disposition gets our handler. */
bool crash_handler_watches(int signal);

/* The disposition that replaces the default. */
struct sigaction crash_handler_action(int signal);

bool crash_handler_is_ours(void (*handler)(int));

/* The alternate stack that we gave to the main thread. SS_DISABLE: we gave it none. */
stack_t crash_handler_alternate_stack(void);

#endif
