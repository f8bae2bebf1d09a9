/* input.h: what a program reads from the streams that it is to write to. */
#ifndef SSCAP_SHIM_CALLS_READ_H
#define SSCAP_SHIM_CALLS_READ_H

/* The descriptor is new, or new under this number; returns it. Asked of fd 0 by the constructor,
 * too. */
int read_note_stream(int fd);

#endif
