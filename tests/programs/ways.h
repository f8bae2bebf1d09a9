/* ways.h: a program with many ways to end, each in a function of its own (WAY).
 *
 *   PROGRAM list   lists all ways: the name and how it ends, a signal's number or `exit` and a
 * status PROGRAM WAY    goes this way, after a line of output and an unfinished line
 *
 * A way is called by way(), and that by main(). */
#ifndef SSCAP_TESTS_PROGRAMS_WAYS_H
#define SSCAP_TESTS_PROGRAMS_WAYS_H

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct way {
    const char *name;
    void (*go)(void);
    int ends; /* as waitpid(2) gives it */
};

/* The linker puts all ways into one section. */
extern const struct way __start_ways[], __stop_ways[];

#define EXIT(status) ((status) << 8)

/* Defines a way that ends by this signal, or with this EXIT. The function has a frame of its own:
 * LAST must be its last statement, because it prevents a tail call. */
#define WAY(name, ends)                                                                            \
    static void name(void);                                                                        \
    __attribute__((used, section("ways"),                                                          \
                   aligned(sizeof(void *)))) static const struct way way_##name = {#name, name,    \
                                                                                   ends};          \
    __attribute__((noinline)) static void name(void)
#define LAST __asm__ volatile("" ::: "memory")

static int list(void)
{
    for (const struct way *at = __start_ways; at < __stop_ways; at++)
        if (WIFSIGNALED(at->ends))
            printf("%s %d\n", at->name, WTERMSIG(at->ends));
        else
            printf("%s exit %d\n", at->name, WEXITSTATUS(at->ends));
    return 0;
}

__attribute__((noinline)) static int way(const char *program, const char *name)
{
    for (const struct way *at = __start_ways; at < __stop_ways; at++) {
        if (strcmp(at->name, name) == 0) {
            printf("going: %s\nno end", name);
            at->go();
            return 0;
        }
    }
    fprintf(stderr, "%s: no way '%s'\n", program, name);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    int status = strcmp(argv[1], "list") == 0 ? list() : way(argv[0], argv[1]);
    LAST;
    return status;
}

#endif
