/* static_die.c: die.c, linked statically and so without the library. */
#include "die.c"
