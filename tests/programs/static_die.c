/* static_die: die.c without the library. */
#include "die.c"
