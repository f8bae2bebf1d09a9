/* output.h: see output.c. */
#ifndef SSCAP_SHIM_CALLS_WRITE_H
#define SSCAP_SHIM_CALLS_WRITE_H

/* Remembers the calling thread as the main one. Called once, by the constructor. */
void write_init(void);

#endif
