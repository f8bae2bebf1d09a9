/* fingerprint.h: a text (the basis) and its hash, which are equal for failures of the same kind. */
#ifndef SSCAP_RUNNER_REPORT_FINGERPRINT_H
#define SSCAP_RUNNER_REPORT_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

#include "runner/processes/process.h"
#include "runner/symbols/symbols.h"

/* Raise the version when a basis is made differently, because hashes of different versions must not
 * be compared. */
enum { FINGERPRINT_VERSION = 1, BASIS_SIZE = 512 };

/* Writes the basis of a process that failed: its name, how it ended, and where. The place is the
 * function at fault and the function that it called last. Without frames it is the sender of the
 * signal or the lack of memory, if one of them is known, else the last line of stderr, masked. If
 * an unknown sender killed the process, the basis has no place. */
void fingerprint_basis(char basis[BASIS_SIZE], const struct process *process,
                       const struct symbol *frames, size_t n);

/* FNV-1a of the version and the basis. */
uint64_t fingerprint_number(const char *basis);

/* Masks what differs from run to run, in place: numbers, addresses and directories. "at 0x7f31 in
 * /tmp/a/b.c:12" becomes "at # in b.c:#". A line without letters stays as it is, because its
 * numbers are all its content. */
void fingerprint_mask(char *line);

#endif
