/* The program of fork, exec, wait: it does nothing, so that starting it is all there is to time. */
int main(void)
{
    return 0;
}
