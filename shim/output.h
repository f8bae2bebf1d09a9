/* output.h: see output.c. */
#ifndef SSCAP_SHIM_OUTPUT_H
#define SSCAP_SHIM_OUTPUT_H

/* Remembers the calling thread as the main one. Called once, by the constructor. */
void output_init(void);

#endif
