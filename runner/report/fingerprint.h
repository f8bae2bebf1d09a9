/* fingerprint.h: what makes two failures the same, as a text (the basis) and its number. */
#ifndef SSCAP_RUNNER_REPORT_FINGERPRINT_H
#define SSCAP_RUNNER_REPORT_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

#include "runner/processes/process.h"
#include "runner/symbols/symbols.h"

/* Bump it when a basis is made differently: numbers of different versions are not to be compared.
 */
enum { FINGERPRINT_VERSION = 1, BASIS_SIZE = 512 };

/* Writes the basis of a process that failed: its name, how it ended, and where: the function at
 * fault and what that called last; without frames its last line of stderr, with what differs from
 * run to run masked. */
void fingerprint_basis(char basis[BASIS_SIZE], const struct process *process,
                       const struct symbol *frames, size_t n);

/* FNV-1a of the version and the basis. */
uint64_t fingerprint_number(const char *basis);

/* Masks numbers, addresses and directories of a line in place: "at 0x7f31 in /tmp/a/b.c:12" becomes
 * "at # in b.c:#". A line without a single letter is left as it is: its numbers are all it has to
 * say. */
void fingerprint_mask(char *line);

#endif
