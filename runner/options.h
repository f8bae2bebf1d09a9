/* options.h: what the user asked for, from the command line and from SSCAP_* variables. */
#ifndef SSCAP_RUNNER_OPTIONS_H
#define SSCAP_RUNNER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum stderr_mode { STDERR_SPLIT, STDERR_MERGE, STDERR_PASS };
enum buffer_mode {
    BUFFER_KEEP,
    BUFFER_LINE,
    BUFFER_BLOCK,
    BUFFER_NONE
}; /* as SSCAP_FLAG_BUFFER_* */
enum wait_mode { WAIT_STREAMS, WAIT_COMMAND, WAIT_TREE };
enum full_mode { FULL_BLOCK, FULL_DROP };
enum errors_mode { ERRORS_CRASH, ERRORS_EXIT, ERRORS_NONE };
enum tty_mode { TTY_AUTO, TTY_ALWAYS, TTY_NEVER };
enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

enum { OK_EXITS_MAX = 64 };

/* Exit statuses that are normal for a program. */
struct ok_exit {
    char name[16];     /* as the kernel has it: cut at 15 bytes */
    uint64_t codes[4]; /* bits 0 to 255 */
};

struct options {
    uint64_t lines;      /* that the buffer keeps */
    uint64_t bytes;      /* that the buffer keeps, and as many again for unfinished lines */
    uint64_t line_max;   /* bytes; longer lines are split */
    uint64_t tail_lines; /* with tail: how many to print at the end */
    bool tail;           /* say nothing while running */
    bool timestamps;
    bool quiet;
    bool verbose;
    bool strict;       /* a failure anywhere in the tree shows in the exit status */
    bool tree;         /* print the process tree at the end */
    bool no_arguments; /* keep programs' arguments out of reports */
    int stderr_mode;   /* enum stderr_mode and so on; ints, because the table sets them */
    int buffer_mode;
    int wait_mode;
    int full_mode;
    int color_mode;
    int errors_mode;
    int tty_mode;
    struct ok_exit ok_exits[OK_EXITS_MAX];
    int ok_exit_count;
    const char *tag;   /* a template, or "none" */
    const char *image; /* file to execute with command as its argv; NULL: command[0], searched for
                          on PATH */
    char **command;    /* argv, NULL-terminated */
};

/* Fills options from the environment and then from argv, which overrides it. Prints help and exits
 * with 0 if the user asks for it. Says what is wrong and exits with 125 if something is. The
 * strings belong to argv and the environment. */
void options_read(struct options *options, int argc, char *argv[]);

/* Whether the user has named this exit status as normal for this program. */
bool options_exit_is_ok(const struct options *options, const char *name, int code);

#endif
