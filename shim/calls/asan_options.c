/* asan_options.c: lets programs with gcc's AddressSanitizer start.
 *
 * Linked as a shared library, it refuses to start after another preloaded library ("ASan runtime
 * does not come first"), although it works there. It calls this function for the defaults of its
 * options. If the program defines the function, the program's is called. The variable ASAN_OPTIONS
 * takes precedence. */
#include "shim/nolibc.h"

const char *__asan_default_options(void);

SSCAP_EXPORT const char *__asan_default_options(void)
{
    return "verify_asan_link_order=0";
}
