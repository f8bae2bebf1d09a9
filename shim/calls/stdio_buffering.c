/* stdio_buffering.c: makes a captured stdout line buffered.
 *
 * stdio buffers whole blocks if stdout is no terminal. Lines would then appear late, and be lost in
 * a crash. A redirected stdout stays as it is. setvbuf without a buffer allocates nothing in glibc,
 * so it works before libc's own constructors. */
#define _GNU_SOURCE
#include "shim/calls/stdio_buffering.h"

#include <stdio.h>

#include "shim/core/real.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

/* For --buffer=block. Static, because setvbuf would allocate. Untouched pages cost nothing. */
static char block[65536];

void stdio_buffering_init(void)
{
    uint32_t mode = session.flags & SSCAP_FLAG_BUFFER_MASK;
    if (mode == SSCAP_FLAG_BUFFER_KEEP || session_stream(STDOUT_FILENO) < 0)
        return;
    if (mode == SSCAP_FLAG_BUFFER_LINE)
        REAL(setvbuf)(stdout, NULL, _IOLBF, 0);
    else if (mode == SSCAP_FLAG_BUFFER_NONE)
        REAL(setvbuf)(stdout, NULL, _IONBF, 0);
    else
        REAL(setvbuf)(stdout, block, _IOFBF, sizeof block);
}
