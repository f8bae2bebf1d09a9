/* static_line.c: linked statically, so the library cannot be loaded. It prints each argument as a
 * line.
 *
 *   static_line LINE... */
#include <stdio.h>

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        printf("%s\n", argv[i]);
    return 0;
}
