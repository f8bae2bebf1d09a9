/* buffering.h: see buffering.c. */
#ifndef SSCAP_SHIM_CALLS_STDIO_BUFFERING_H
#define SSCAP_SHIM_CALLS_STDIO_BUFFERING_H

/* Sets how this program's stdout is buffered, as the session's flags say. */
void stdio_buffering_init(void);

#endif
