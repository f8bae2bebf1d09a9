/* sanitizers.c: gcc's AddressSanitizer, linked as a shared library, refuses to start behind any
 * other preloaded one ("ASan runtime does not come first"), though it works there. It asks for its
 * options' defaults by this function, which the program may define, too: then the program's is
 * called. The environment's ASAN_OPTIONS go before it. */
#include "shim/nolibc.h"

const char *__asan_default_options(void);

SSCAP_EXPORT const char *__asan_default_options(void)
{
    return "verify_asan_link_order=0";
}
