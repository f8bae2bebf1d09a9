/* read.h: read and its kin on captured streams. */
#ifndef SSCAP_SHIM_CALLS_READ_H
#define SSCAP_SHIM_CALLS_READ_H

/* Notes that the descriptor is new, or new under this number. Returns it. The constructor calls it
 * for fd 0. */
int read_note_stream(int fd);

#endif
