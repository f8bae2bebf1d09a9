/* tiny.c: a program that does nothing, so that fork, exec and wait are all that is timed. */
int main(void)
{
    return 0;
}
