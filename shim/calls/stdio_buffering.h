/* stdio_buffering.h: how stdout is buffered. */
#ifndef SSCAP_SHIM_CALLS_STDIO_BUFFERING_H
#define SSCAP_SHIM_CALLS_STDIO_BUFFERING_H

/* Sets the buffering of stdout that the session's flags ask for. */
void stdio_buffering_init(void);

#endif
