/* crash_event.h: collects the evidence of a crash and sends it to the runner.
 *
 * For handlers of fatal signals. Only the thread that has the claim (claim.h) may use it. */
#ifndef SSCAP_SHIM_CRASH_CRASH_EVENT_H
#define SSCAP_SHIM_CRASH_CRASH_EVENT_H

#include <signal.h>
#include <stdbool.h>
#include <ucontext.h>

/* The signals that a crash raises. The kernel does not raise the last two again when a handler
 * returns. They must be sent again, and a pid namespace's init would not die of that. */
enum { CRASH_EVENT_SIGNALS = 7, CRASH_EVENT_SIGNALS_OF_INIT = CRASH_EVENT_SIGNALS - 2 };
extern const int crash_event_signals[CRASH_EVENT_SIGNALS];

/* Sends SSCAP_EVENT_CRASH. While it collects, `on_nested` handles the signals of a crash.
 * Afterwards all signals are blocked, and the dispositions are as before. */
void crash_event_send(int signal, siginfo_t *info, ucontext_t *context,
                      void (*on_nested)(int, siginfo_t *, void *));

/* Whether the caller interrupted this thread while it collects. */
bool crash_event_is_collecting(void);

/* The timer has expired. What takes long is left out. */
void crash_event_hurry(void);

#endif
