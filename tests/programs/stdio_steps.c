/* stdio_steps.c: writes by stdio and by write(2), so that the order of the bytes shows how stdout
 * is buffered:
 *
 *   by lines    line, raw, piece end
 *   by blocks   raw, line, piece end
 *   not at all  line, piece raw, end
 *
 * Between "raw" and "end" it waits for the end of its stdin.
 *
 *   stdio_steps [own]    with "own", the program itself asks for blocks */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        setvbuf(stdout, NULL, _IOFBF, 4096);
    printf("line\n");
    printf("piece ");
    if (write(1, "raw\n", 4) != 4)
        return 1;
    while (getchar() != EOF)
        ;
    printf("end\n");
    return 0;
}
