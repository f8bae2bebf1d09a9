/* signal_names.h: names of signals, and descriptions of their codes. */
#ifndef SSCAP_RUNNER_KERNEL_SIGNAL_NAMES_H
#define SSCAP_RUNNER_KERNEL_SIGNAL_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/wire.h"

/* Whether a program's own fault raises this signal: SIGSEGV, SIGABRT, ... */
bool signal_is_fault(int number);

/* "SIGSEGV", "SIGRTMIN+3". The text is valid until the next call. */
const char *signal_name(int number);

/* Describes si_code, with the address if it is meaningful: "address not mapped: 0x10". The text is
 * "" if there is nothing to add. */
void signal_reason(const struct sscap_crash *crash, char *text, size_t size);

#endif
