/* crash.h: evidence of a crash, from inside the process that crashes. */
#ifndef SSCAP_SHIM_CRASH_HANDLER_H
#define SSCAP_SHIM_CRASH_HANDLER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* With SSCAP_FLAG_CRASHES: from here on the signals that a crash raises, where their disposition is
 * the default, first tell the runner where the process stands and then do what they always did. */
void crash_handler_init(void);

/* Puts the defaults back, before any of the calls that a crash is told by is forbidden (bits of
 * enum syscall_kind). */
void crash_handler_disarm(uint32_t forbidden);

/* Whether a program that asks for this signal's default gets ours. */
bool crash_handler_watches(int signal);

/* The action that stands in for the default. */
struct sigaction crash_handler_action(int signal);

bool crash_handler_is_ours(void (*handler)(int));

/* The main thread's alternate stack, which stands in for none. SS_DISABLE: it has none of ours. */
stack_t crash_handler_alternate_stack(void);

#endif
