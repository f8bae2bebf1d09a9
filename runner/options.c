/* options.c: the table of options, and its interpreter (see options.h). One row says everything
 * about an option: the command line, the variable, --help and the checks of the value come from
 * it. */
#define _GNU_SOURCE
#include "runner/options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/tag_template.h"
#include "runner/util.h"
#include "shim/wire.h"

/* The Makefile's VERSION. Fuzzers and checkers compile without it. */
#ifndef SSCAP_VERSION
#define SSCAP_VERSION "0.0.0"
#endif

enum kind {
    KIND_FLAG,
    KIND_COUNT,
    KIND_SIZE,
    KIND_CHOICE,
    KIND_TEMPLATE,
    KIND_TAIL,
    KIND_TEXT,
    KIND_OK_EXIT,
    KIND_HELP,
    KIND_VERSION
};

struct option_row {
    const char *name;
    char letter; /* or 0 */
    enum kind kind;
    const char *argument; /* as --help prints it */
    const char *choices;  /* KIND_CHOICE: words in the order of their enum, separated by '|' */
    size_t offset;        /* of its member of struct options */
    uint64_t min, max;    /* KIND_COUNT and KIND_SIZE */
    const char *help;     /* NULL: --help does not print the option */
};

#define AT(member)      offsetof(struct options, member)
#define COUNT_MAX       1000000000
#define SIZE_MAX_OPTION (1ull << 40)
#define VARIABLE_PREFIX "SSCAP_"

enum { VARIABLE_MAX = 64 };

static const struct option_row rows[] = {
    {"lines", 'n', KIND_COUNT, "N", NULL, AT(lines), 1, COUNT_MAX,
     "keep at most N lines in the buffer (default 10000)"},
    {"bytes", 0, KIND_SIZE, "SIZE", NULL, AT(bytes), 65536, SIZE_MAX_OPTION,
     "keep at most SIZE bytes in the buffer (default 16M)"},
    {"max-line", 0, KIND_SIZE, "SIZE", NULL, AT(line_max), 16, SIZE_MAX_OPTION,
     "split lines longer than SIZE (default 1M)"},
    {"tail", 0, KIND_TAIL, "N", NULL, AT(tail_lines), 1, COUNT_MAX,
     "print nothing until the end, then the last N kept lines (default: all kept lines)"},
    {"tag", 't', KIND_TEMPLATE, "FORMAT", NULL, AT(tag), 0, 0,
     "text before each line, with {name} {pid} {tid} {ppid} {time} {elapsed} {stream} {rank}; or "
     "none (default {name}[{pid}])"},
    {"timestamps", 'T', KIND_FLAG, NULL, NULL, AT(timestamps), 0, 0,
     "print the local time before each tag"},
    {"stderr", 0, KIND_CHOICE, "WHERE", "split|merge|pass", AT(stderr_mode), 0, 0,
     "capture stderr separately (default), together with stdout in exact order, or not at all"},
    {"buffer", 0, KIND_CHOICE, "HOW", "keep|line|block|none", AT(buffer_mode), 0, 0,
     "how the programs buffer stdout: as without sscap, by lines (default), by blocks, or not at "
     "all"},
    {"tty", 0, KIND_CHOICE, "WHEN", "auto|always|never", AT(tty_mode), 0, 0,
     "whether captured streams look like a terminal to the programs (default auto: those that "
     "sscap prints to a terminal)"},
    {"wait", 0, KIND_CHOICE, "FOR", "streams|command|tree", AT(wait_mode), 0, 0,
     "end when no process holds a captured stream (default), when COMMAND has ended, or when all "
     "processes have ended"},
    {"on-full", 0, KIND_CHOICE, "WHAT", "block|drop", AT(full_mode), 0, 0,
     "when the reader of the output is slow: block the writers (default), or drop the oldest lines "
     "and say how many"},
    {"errors", 0, KIND_CHOICE, "WHICH", "crash|exit|none", AT(errors_mode), 0, 0,
     "what counts as a failure: death by a signal; also an exit status other than 0 (default); or "
     "nothing"},
    {"ok-exit", 0, KIND_OK_EXIT, "NAME=CODE[,CODE]", NULL, AT(ok_exits), 0, 0,
     "exit codes that are not failures of program NAME, as in grep=1; may be given several times"},
    {"strict", 0, KIND_FLAG, NULL, NULL, AT(strict), 0, 0,
     "exit with 123 if COMMAND succeeds but one of its processes fails"},
    {"tree", 0, KIND_FLAG, NULL, NULL, AT(tree), 0, 0,
     "print the tree of all processes at the end"},
    {"no-args", 0, KIND_FLAG, NULL, NULL, AT(no_arguments), 0, 0,
     "leave the programs' arguments out of the report"},
    {"color", 0, KIND_CHOICE, "WHEN", "auto|always|never", AT(color_mode), 0, 0,
     "colour the tags and the report (default auto: on a terminal)"},
    {"quiet", 'q', KIND_FLAG, NULL, NULL, AT(quiet), 0, 0, "print no notices and no report"},
    {"verbose", 'v', KIND_FLAG, NULL, NULL, AT(verbose), 0, 0,
     "print totals and the full report at the end"},
    {"help", 'h', KIND_HELP, NULL, NULL, 0, 0, 0, "print this help and exit"},
    {"version", 'V', KIND_VERSION, NULL, NULL, 0, 0, 0, "print the version and exit"},
    {"image", 0, KIND_TEXT, "FILE", NULL, AT(image), 0, 0, NULL}, /* wire.h: SSCAP_OPTION_IMAGE */
};

enum {
    ROWS = sizeof rows / sizeof rows[0],
    LETTERS_MAX = 2 * ROWS + 3,
    HELP_COLUMN = 25,
    HELP_WIDTH = 79
};

/* Prints text from HELP_COLUMN to HELP_WIDTH, broken at blanks. */
static void print_wrapped(const char *text)
{
    int column = HELP_COLUMN;
    while (*text != '\0') {
        int word = (int)strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + word > HELP_WIDTH) {
            printf("\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            putchar(' ');
            column++;
        }
        printf("%.*s", word, text);
        column += word;
        text += word + (text[word] == ' ');
    }
    putchar('\n');
}

static void print_help(void)
{
    puts("Usage: sscap [OPTIONS] [--] COMMAND [ARG...]\n"
         "Runs COMMAND and shows what each of its processes prints, line by whole line,\n"
         "under the name of the process that wrote it. At the end, sscap reports which\n"
         "processes failed, and how.\n");
    for (size_t i = 0; i < ROWS; i++) {
        const struct option_row *row = &rows[i];
        char left[80];
        if (row->help == NULL)
            continue;
        const char *argument = row->choices != NULL ? row->choices : row->argument;
        int length = snprintf(left, sizeof left, "  %c%c%c --%s", row->letter ? '-' : ' ',
                              row->letter ? row->letter : ' ', row->letter ? ',' : ' ', row->name);
        if (argument != NULL)
            length += snprintf(left + length, sizeof left - (size_t)length,
                               row->kind == KIND_TAIL ? "[=%s]" : "=%s", argument);
        if (length >= HELP_COLUMN - 1)
            printf("%s\n%*s", left, HELP_COLUMN, "");
        else
            printf("%-*s", HELP_COLUMN, left);
        print_wrapped(row->help);
    }
    puts("\nSIZE is in bytes and may end in K, M or G. A variable can set each option, too:\n"
         "SSCAP_LINES=500, SSCAP_ON_FULL=drop, SSCAP_TIMESTAMPS=1. Where you cannot put\n"
         "sscap before a command, preload its library; only variables set options then:\n"
         "  LD_PRELOAD=libsscap.so COMMAND [ARG...]\n\n"
         "Exit status: that of COMMAND; 128+N if signal N killed it; 123: see --strict;\n"
         "125: sscap failed; 126: COMMAND cannot be executed; 127: COMMAND not found.");
}

/* Ends after --help or --version. A failed write (a full disk) must not look like success. */
__attribute__((noreturn)) static void end_output(void)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        die("cannot write to standard output: %s", strerror(errno));
    exit(0);
}

/* Says what is wrong with an option's value and exits. `source` names the option as the user wrote
 * it (--lines or SSCAP_LINES). */
__attribute__((noreturn)) static void refuse(const char *source, const char *value, const char *why)
{
    die("%s: '%s' %s", source, value, why);
}

static uint64_t read_number(const struct option_row *row, const char *source, const char *value)
{
    char *end;
    char why[128];
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    unsigned int shift = 0;
    if (row->kind == KIND_SIZE && *end != '\0') {
        const char *units = "KMG";
        const char *unit = strchr(units, *end & ~0x20);
        shift = unit != NULL && *unit != '\0' ? 10 * (unsigned int)(unit - units + 1) : 0;
        end += shift != 0;
    }
    bool digits = value[0] >= '0' && value[0] <= '9' && *end == '\0' && errno == 0;
    if (digits && number <= UINT64_MAX >> shift && number << shift >= row->min &&
        number << shift <= row->max)
        return number << shift;
    snprintf(why, sizeof why, "is not a %s from %llu to %llu",
             row->kind == KIND_SIZE ? "size" : "number", (unsigned long long)row->min,
             (unsigned long long)row->max);
    refuse(source, value, why);
}

static int read_choice(const struct option_row *row, const char *source, const char *value)
{
    char why[128];
    const char *word = row->choices;
    for (int i = 0;; i++) {
        size_t length = strcspn(word, "|");
        if (strlen(value) == length && strncmp(value, word, length) == 0)
            return i;
        if (word[length] == '\0')
            break;
        word += length + 1;
    }
    snprintf(why, sizeof why, "is none of %s", row->choices);
    refuse(source, value, why);
}

static bool read_flag(const char *source, const char *value)
{
    if (strcmp(value, "1") != 0 && strcmp(value, "0") != 0)
        refuse(source, value, "is not 0 or 1");
    return value[0] == '1';
}

/* Reads codes from 1 to 255, separated by ','. */
static bool read_codes(const char *text, struct ok_exit *ok)
{
    for (;;) {
        char *end;
        unsigned long code = strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || code < 1 || code > 255)
            return false;
        ok->codes[code / 64] |= 1ull << code % 64;
        if (*end == '\0')
            return true;
        if (*end != ',')
            return false;
        text = end + 1;
    }
}

/* Reads NAME=CODE[,CODE]. The variable may have several, separated by blanks. */
static void read_ok_exits(struct options *options, const char *source, const char *value)
{
    char *copy = strdup(value);
    char *rest = copy;
    char *word;
    if (copy == NULL)
        die("no memory");
    while ((word = strsep(&rest, " ")) != NULL) {
        struct ok_exit *ok = &options->ok_exits[options->ok_exit_count];
        char *codes = strrchr(word, '=');
        if (*word == '\0')
            continue;
        if (options->ok_exit_count == OK_EXITS_MAX)
            refuse(source, value, "exceeds the limit of 64 such values");
        memset(ok, 0, sizeof *ok);
        if (codes == NULL || codes == word || !read_codes(codes + 1, ok))
            refuse(source, value, "is not NAME=CODE[,CODE...] with codes from 1 to 255");
        *codes = '\0';
        const char *slash = strrchr(word, '/');
        const char *name = slash != NULL ? slash + 1 : word;
        if (*name == '\0')
            refuse(source, value, "has no name before the '='");
        snprintf(ok->name, sizeof ok->name, "%s", name);
        options->ok_exit_count++;
    }
    free(copy);
}

bool options_exit_is_ok(const struct options *options, const char *name, int code)
{
    for (int i = 0; i < options->ok_exit_count; i++) {
        const struct ok_exit *ok = &options->ok_exits[i];
        if (strcmp(ok->name, name) == 0 && code > 0 && code < 256 &&
            ok->codes[code / 64] >> code % 64 & 1)
            return true;
    }
    return false;
}

static void set(struct options *options, const struct option_row *row, const char *source,
                const char *value)
{
    void *member = (char *)options + row->offset;
    switch (row->kind) {
    case KIND_FLAG:
        *(bool *)member = value == NULL || read_flag(source, value);
        break;
    case KIND_TAIL:
        options->tail = true;
        if (value == NULL || *value == '\0')
            break;
        /* fall through */
    case KIND_COUNT:
    case KIND_SIZE:
        *(uint64_t *)member = read_number(row, source, value);
        break;
    case KIND_CHOICE:
        *(int *)member = read_choice(row, source, value);
        break;
    case KIND_TEMPLATE: {
        const char *wrong = tag_template_check(value);
        if (wrong != NULL)
            refuse(source, value, wrong);
        *(const char **)member = value;
        break;
    }
    case KIND_TEXT:
        *(const char **)member = value;
        break;
    case KIND_OK_EXIT:
        read_ok_exits(options, source, value);
        break;
    case KIND_HELP:
        print_help();
        end_output();
    case KIND_VERSION:
        puts("sscap " SSCAP_VERSION);
        end_output();
    }
}

/* Makes SSCAP_ON_FULL from on-full. */
static bool variable_of(const struct option_row *row, char name[VARIABLE_MAX])
{
    size_t length = sizeof VARIABLE_PREFIX - 1;
    memcpy(name, VARIABLE_PREFIX, length);
    if (row->help == NULL || row->kind == KIND_HELP || row->kind == KIND_VERSION)
        return false;
    for (const char *c = row->name; *c != '\0'; c++)
        name[length++] = (char)(*c == '-' ? '_' : *c & ~0x20);
    name[length] = '\0';
    return true;
}

/* Variables that are not options. */
static const char *const other_variables[] = {SSCAP_ENV_SESSION, SSCAP_ENV_RUNNER, "SSCAP_LIBRARY",
                                              "SSCAP_DEBUG"};

/* `name` ends at '='. */
static bool is_variable(const char *name, size_t length)
{
    char known[VARIABLE_MAX];
    for (size_t i = 0; i < ROWS; i++)
        if (variable_of(&rows[i], known) && strlen(known) == length &&
            memcmp(known, name, length) == 0)
            return true;
    for (size_t i = 0; i < sizeof other_variables / sizeof other_variables[0]; i++)
        if (strlen(other_variables[i]) == length && memcmp(other_variables[i], name, length) == 0)
            return true;
    return false;
}

/* An unknown variable is not an error, because the environment may be made for a later version of
 * sscap. */
static void warn_of_unknown_variables(void)
{
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        size_t length = strcspn(*entry, "=");
        bool ours = strncmp(*entry, VARIABLE_PREFIX, sizeof VARIABLE_PREFIX - 1) == 0;
        char name[VARIABLE_MAX];
        if (!ours || is_variable(*entry, length))
            continue;
        snprintf(name, sizeof name, "%.*s", (int)length, *entry);
        make_safe(name);
        say("variable %s is ignored, because no option has that name (see sscap --help)", name);
    }
}

static void read_environment(struct options *options)
{
    char name[VARIABLE_MAX];
    for (size_t i = 0; i < ROWS; i++) {
        const char *value = variable_of(&rows[i], name) ? getenv(name) : NULL;
        if (value != NULL)
            set(options, &rows[i], name, value);
    }
}

/* Says what getopt_long refused: the letter if it was one of several in a word, else the word. */
static void bad_option(bool lacks_value, const char *word)
{
    const char letter[] = {'-', (char)optopt, '\0'};
    const char *name = optopt > 0 && optopt < 256 ? letter : word;
    /* A long option of ours, with a value that it does not take. */
    if (!lacks_value && optopt >= 256)
        die("option takes no value: '%s' (see sscap --help)", word);
    die("%s '%s' (see sscap --help)", lacks_value ? "value missing for option" : "unknown option",
        name);
}

void options_read(struct options *options, int argc, char *argv[])
{
    struct option table[ROWS + 1] = {0};
    /* '+': options end at the first word that is not an option; ':': a missing value is returned as
     * ':'. */
    char letters[LETTERS_MAX] = "+:";
    size_t n = 2;
    *options = (struct options){.lines = 10000,
                                .bytes = 16 << 20,
                                .line_max = 1 << 20,
                                .tail_lines = COUNT_MAX,
                                .tag = "{name}[{pid}]",
                                .buffer_mode = BUFFER_LINE,
                                .errors_mode = ERRORS_EXIT};
    read_environment(options);
    for (int i = 0; i < ROWS; i++) {
        int argument = rows[i].kind == KIND_TAIL  ? optional_argument
                       : rows[i].argument != NULL ? required_argument
                                                  : no_argument;
        table[i] = (struct option){rows[i].name, argument, NULL, 256 + i};
        if (rows[i].letter == 0)
            continue;
        letters[n++] = rows[i].letter;
        if (argument == required_argument)
            letters[n++] = ':';
    }
    opterr = 0;
    for (int found; (found = getopt_long(argc, argv, letters, table, NULL)) != -1;) {
        const struct option_row *row = NULL;
        char source[64];
        if (found == '?' || found == ':')
            bad_option(found == ':', argv[optind - 1]);
        for (size_t i = 0; i < ROWS; i++)
            if (found == (int)(256 + i) || found == rows[i].letter)
                row = &rows[i];
        if (row == NULL)
            continue;
        snprintf(source, sizeof source, "--%s", row->name);
        set(options, row, source, optarg);
    }
    if (optind >= argc)
        die("no command given (see sscap --help)");
    options->command = argv + optind;
    if (!options->quiet)
        warn_of_unknown_variables();
    if (options->line_max > options->bytes / 4)
        options->line_max = options->bytes / 4; /* several must fit into the buffer */
}
