/* Linked statically: prints each of its arguments as a line. No library can be loaded into it.
 *
 *   static_line LINE...
 */
#include <stdio.h>

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        printf("%s\n", argv[i]);
    return 0;
}
