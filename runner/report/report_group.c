/* report_group.c: see report_group.h. */
#define _GNU_SOURCE
#include "runner/report/report_group.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/kernel/signal_names.h"
#include "runner/report/stack.h"
#include "runner/symbols/addr2line.h"
#include "runner/util.h"

enum {
    WIDTH = 79,
    LABEL_COLUMN = 3,
    TEXT_COLUMN = 12,
    LINES_SHOWN = 8,      /* of stderr, if no signal tells the reason */
    LINES_SHOWN_FEW = 4,  /* of stdout, and of stderr after a signal */
    FRAMES_SHOWN = 12,    /* without -v */
    PLACE_MIN = 24,       /* columns of a source file's name */
    LINE_BYTES_MAX = 400, /* of one line that a process printed */
};

/* --- pieces --- */

static const char *style(const struct report *report, const char *sequence)
{
    return report->color ? sequence : "";
}

#define BOLD_RED(report) style(report, "\033[1;31m")
#define YELLOW(report)   style(report, "\033[33m")
#define DIM(report)      style(report, "\033[2m")
#define PLAIN(report)    style(report, "\033[0m")

static void label(const struct report *report, const char *word)
{
    fprintf(report->file, "%*s%s%-*s%s", LABEL_COLUMN, "", DIM(report), TEXT_COLUMN - LABEL_COLUMN,
            word, PLAIN(report));
}

__attribute__((format(printf, 3, 4))) static void item(const struct report *report,
                                                       const char *word, const char *format, ...)
{
    va_list list;
    label(report, word);
    va_start(list, format);
    vfprintf(report->file, format, list);
    va_end(list);
    fputc('\n', report->file);
}

void report_put_safe(FILE *file, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\t')
            fputc(' ', file);
        else if (c < 0x20 || c == 0x7f)
            fprintf(file, "^%c", c ^ 0x40);
        else
            fputc(c, file);
    }
}

static double seconds(uint64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

double report_after(const struct report *report, uint64_t moment)
{
    return seconds(moment > report->totals->begun ? moment - report->totals->begun : 0);
}

/* --- the parts of a group --- */

static void print_times(const struct report *report, const struct error_group *group)
{
    double first = report_after(report, group->first);
    label(report, "when");
    if (group->count == 1)
        fprintf(report->file, "after %.3f s, having run %.3f s", first, seconds(group->longest));
    else
        fprintf(report->file, "after %.3f s to %.3f s, having run %.3f s to %.3f s", first,
                report_after(report, group->last), seconds(group->shortest),
                seconds(group->longest));
    fputc('\n', report->file);
}

static void print_pids(const struct report *report, const struct error_group *group)
{
    uint64_t shown = group->count < GROUP_PIDS_MAX ? group->count : GROUP_PIDS_MAX;
    if (group->count == 1)
        return;
    label(report, "pids");
    for (uint64_t i = 0; i < shown; i++)
        fprintf(report->file, "%s%d", i > 0 ? " " : "", group->pids[i]);
    if (group->count > shown)
        fprintf(report->file, " and %llu more", (unsigned long long)(group->count - shown));
    fputc('\n', report->file);
}

static void print_parents(const struct report *report, const struct error_group *group)
{
    if (group->ancestors[0].pid == 0)
        return;
    label(report, "started by");
    fputc(' ', report->file);
    for (int i = 0; i < ANCESTORS_MAX && group->ancestors[i].pid != 0; i++) {
        fputs(i > 0 ? " < " : "", report->file);
        report_put_safe(report->file, group->ancestors[i].name, strlen(group->ancestors[i].name));
        fprintf(report->file, "[%d]", group->ancestors[i].pid);
    }
    fputc('\n', report->file);
}

static bool needs_quotes(const char *word)
{
    return *word == '\0' ||
           strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                        "_-+=./,:@%^") != strlen(word);
}

/* Quotes a word for a shell. Returns the length, which the caller takes for columns. */
static size_t quote(const char *word, char *text, size_t size)
{
    size_t n = 0;
    bool quoted = needs_quotes(word);
    if (quoted)
        text[n++] = '\'';
    for (; *word != '\0' && n + 6 < size; word++) {
        if (*word == '\'')
            n += (size_t)snprintf(text + n, size - n, "'\\''");
        else
            text[n++] = *word;
    }
    if (quoted)
        text[n++] = '\'';
    text[n] = '\0';
    return n;
}

static void print_command(const struct report *report, const struct image *image)
{
    size_t column = TEXT_COLUMN;
    uint32_t shown = 0;
    if (image == NULL || image->argv_length == 0)
        return;
    label(report, "command");
    for (const char *word = image->text; word < image->text + image->argv_length; shown++) {
        char text[2 * SSCAP_ARGV_MAX];
        size_t length = strnlen(word, (size_t)(image->text + image->argv_length - word));
        char copy[SSCAP_ARGV_MAX + 1];
        memcpy(copy, word, length);
        copy[length] = '\0';
        size_t columns = quote(copy, text, sizeof text);
        if (column > TEXT_COLUMN && column + 1 + columns > WIDTH) {
            fprintf(report->file, " \\\n%*s", TEXT_COLUMN + 2, "");
            column = TEXT_COLUMN + 2;
        } else if (column > TEXT_COLUMN) {
            fputc(' ', report->file);
            column++;
        }
        report_put_safe(report->file, text, columns);
        column += columns;
        word += length + 1;
    }
    if (image->argc > shown)
        fprintf(report->file, " ... (%u more)", image->argc - shown);
    fputc('\n', report->file);
}

/* Prints the working directory, unless it is also sscap's, because then it tells nothing new. */
static void print_directory(const struct report *report, const struct image *image)
{
    char own[SSCAP_CWD_MAX];
    if (image == NULL || image->cwd_length == 0)
        return;
    const char *directory = image->text + image->argv_length;
    if (getcwd(own, sizeof own) != NULL && strlen(own) == image->cwd_length &&
        memcmp(own, directory, image->cwd_length) == 0)
        return;
    label(report, "in");
    report_put_safe(report->file, directory, image->cwd_length);
    fputc('\n', report->file);
}

static void print_usage(const struct report *report, const struct ending *ending)
{
    const struct sscap_usage *usage = &ending->usage;
    if (!ending->usage_known ||
        (usage->user_us == 0 && usage->system_us == 0 && usage->peak_kb == 0))
        return;
    label(report, "used");
    fprintf(report->file, "%.3f s user, %.3f s system", (double)usage->user_us / 1e6,
            (double)usage->system_us / 1e6);
    if (usage->peak_kb > 0)
        fprintf(report->file, ", %.1f MB at most", (double)usage->peak_kb / 1024);
    fputc('\n', report->file);
}

/* Prints the limit that the process reached. False: it reached none. */
static bool print_limit(const struct report *report, const struct ending *ending)
{
    const struct sscap_limits *limits = &ending->limits;
    switch (exit_status_limit(ending)) {
    case EXIT_LIMIT_CPU_SOFT:
        item(report, "why", "sent by the kernel: CPU time limit of %llu s (RLIMIT_CPU)",
             (unsigned long long)limits->cpu_soft);
        return true;
    case EXIT_LIMIT_CPU_HARD:
        item(report, "why", "sent by the kernel: hard CPU time limit of %llu s (RLIMIT_CPU)",
             (unsigned long long)limits->cpu_hard);
        return true;
    case EXIT_LIMIT_FILE_SIZE:
        item(report, "why", "sent by the kernel: file size limit of %llu bytes (RLIMIT_FSIZE)",
             (unsigned long long)limits->file_size);
        return true;
    case EXIT_LIMIT_NONE:
        break;
    }
    return false;
}

static void print_sender(const struct report *report, const struct error_group *group)
{
    const struct ending *ending = &group->ending;
    const struct signal_sender *named;
    int32_t sender = exit_status_sender(ending, &named);
    if (ending->oom_kills > 0) {
        label(report, "why");
        fputs("out of memory: its memory cgroup ", report->file);
        if (ending->oom_cgroup != NULL)
            report_put_safe(report->file, ending->oom_cgroup, strlen(ending->oom_cgroup));
        fprintf(report->file, " counts %llu such kill%s\n", (unsigned long long)ending->oom_kills,
                plural(ending->oom_kills));
    } else if (sender == group->pid) {
        item(report, "why",
             WTERMSIG(group->status) == SIGABRT ? "it called abort"
                                                : "it sent the signal to itself");
    } else if (sender > 0 && named != NULL) {
        label(report, "why");
        fputs("sent by ", report->file);
        report_put_safe(report->file, named->name, strnlen(named->name, SSCAP_NAME_SIZE));
        fprintf(report->file, "[%d]\n", sender);
    } else if (sender > 0) {
        item(report, "why", "sent by process %d, outside this tree", sender);
    } else if (print_limit(report, ending)) {
        return;
    } else if (!signal_is_fault(WTERMSIG(group->status))) {
        item(report, "why", "unknown: no process of this tree sent it");
    }
}

static void print_reason(const struct report *report, const struct error_group *group)
{
    const struct sscap_crash *crash = group->ending.crash;
    char text[160] = "";
    const struct signal_sender *last = signal_senders_last(&group->ending.senders);
    if (group->kind == GROUP_VANISHED && last != NULL)
        item(report, "clue", "the last signal sent to it was %s, by %s[%d]",
             signal_name(last->number), last->name, last->pid);
    if (group->kind != GROUP_SIGNAL)
        return;
    if (crash != NULL && crash->signal == WTERMSIG(group->status))
        signal_reason(crash, text, sizeof text);
    if (text[0] != '\0')
        item(report, "why", "%s", text);
    else
        print_sender(report, group);
}

/* Prints file and line. We cut a long path at its beginning, because its end tells more. */
static void print_place(const struct report *report, const struct symbol *frame, size_t column)
{
    char line[16];
    size_t length = strlen(frame->file);
    size_t digits = (size_t)snprintf(line, sizeof line, ":%u", frame->line);
    size_t room = WIDTH > column + digits + 3 ? WIDTH - column - digits - 3 : 0;
    if (room < PLACE_MIN)
        room = PLACE_MIN;
    bool cut = length > room;
    const char *from = cut ? frame->file + length - room + 3 : frame->file;
    fprintf(report->file, " (%s", cut ? "..." : "");
    report_put_safe(report->file, from, strlen(from));
    fprintf(report->file, "%s)", line);
}

static void print_frame(const struct report *report, const struct symbol *frame, size_t number)
{
    int column = TEXT_COLUMN + fprintf(report->file, "#%zu ", number);
    if (frame->function[0] != '\0')
        column += fprintf(report->file, "%s", frame->function);
    else if (frame->module[0] != '\0')
        column += fprintf(report->file, "%s+0x%llx", frame->module,
                          (unsigned long long)frame->vaddr);
    else
        column += fprintf(report->file, "0x%llx, in no file", (unsigned long long)frame->vaddr);
    if (frame->file[0] != '\0' && frame->line > 0)
        print_place(report, frame, (size_t)column);
    else if (frame->function[0] != '\0')
        fprintf(report->file, "+0x%llx (%s)", (unsigned long long)frame->offset, frame->module);
    fputc('\n', report->file);
}

static bool same_place(const struct symbol *a, const struct symbol *b)
{
    return a->vaddr == b->vaddr && strcmp(a->module, b->module) == 0;
}

/* Prints the stack. Equal frames in a row are printed once, because an infinite recursion fills the
 * stack with them. We look up the frames again, because addr2line_add needs frames that have just
 * been looked up. */
static void print_stack(const struct report *report, struct error_group *group)
{
    if (group->frame_count == 0 || group->ending.crash == NULL)
        return;
    if (group->ending.crash->tid != (uint32_t)group->pid)
        item(report, "thread", "%u, not the main one", group->ending.crash->tid);
    group->frame_count = stack_frames(report->errors->symbols, group->ending.crash, group->frames,
                                      GROUP_FRAMES_MAX);
    addr2line_add(report->errors->symbols, group->frames, group->frame_count);
    size_t shown = 0;
    for (size_t i = 0; i < group->frame_count; shown++) {
        size_t same = 1;
        if (shown == FRAMES_SHOWN && !report->errors->options->verbose) {
            fprintf(report->file, "%*sand %zu more (-v shows them)\n", TEXT_COLUMN, "",
                    group->frame_count - i);
            return;
        }
        while (i + same < group->frame_count &&
               same_place(&group->frames[i], &group->frames[i + same]))
            same++;
        if (i == 0)
            label(report, "stack");
        else
            fprintf(report->file, "%*s", TEXT_COLUMN, "");
        print_frame(report, &group->frames[i], i);
        if (same > 1)
            fprintf(report->file, "%*sand %zu more frame%s like it\n", TEXT_COLUMN, "", same - 1,
                    plural(same - 1));
        i += same;
    }
    if (group->ending.crash->frames > GROUP_FRAMES_MAX)
        fprintf(report->file, "%*sand more\n", TEXT_COLUMN, "");
}

static void print_lines(const struct report *report, const char *word, char sign,
                        const struct tail *tail, unsigned int lines)
{
    size_t length;
    const char *text = tail_last(tail, lines, &length);
    while (length > 0) {
        const char *newline = memchr(text, '\n', length);
        size_t line = newline != NULL ? (size_t)(newline - text) : length;
        size_t shown = line < LINE_BYTES_MAX ? line : LINE_BYTES_MAX;
        fprintf(report->file, "%*s%s%-7s%c%s ", LABEL_COLUMN, "", DIM(report), word, sign,
                PLAIN(report));
        report_put_safe(report->file, text, shown);
        fputs(shown < line ? "...\n" : newline == NULL ? "~\n" : "\n", report->file);
        if (newline == NULL)
            break;
        length -= line + 1;
        text = newline + 1;
        word = "";
    }
}

/* Prints what was in stdout's stdio buffer, because the process crashed before it could write that
 * out. */
static void print_left(const struct report *report, const struct error_group *group)
{
    size_t length;
    if (group->ending.crash == NULL || group->ending.crash->left_length == 0)
        return;
    const char *text = stack_left(group->ending.crash, &length);
    struct tail tail = {.text = (char *)(uintptr_t)text, .length = (uint32_t)length};
    print_lines(report, "unsent", '|', &tail, LINES_SHOWN_FEW);
}

/* Prints the basis and its hash, which all members of the group have in common. */
static void print_fingerprint(const struct report *report, const struct error_group *group)
{
    label(report, "group");
    fprintf(report->file, "v%d:%016llx ", FINGERPRINT_VERSION,
            (unsigned long long)group->fingerprint);
    report_put_safe(report->file, group->basis, strlen(group->basis));
    fputc('\n', report->file);
}

static size_t position_of(const struct report *report, uint32_t number)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->sorted[i]->number == number)
            return i + 1;
    return 0;
}

void report_group(const struct report *report, size_t position)
{
    struct error_group *group = report->errors->groups[report->sorted[position - 1]->number - 1];
    char title[200];
    size_t cause = group->cause != group->number ? position_of(report, group->cause) : 0;
    /* After an exit the last lines of stderr tell the reason, so we leave the rest out. */
    bool all = group->kind == GROUP_SIGNAL || report->errors->options->verbose;
    error_groups_title(group, title, sizeof title);
    fprintf(report->file, "\n%s%zu. ",
            group->kind == GROUP_SIGNAL ? BOLD_RED(report) : YELLOW(report), position);
    report_put_safe(report->file, title, strlen(title));
    fputs(group->kind == GROUP_SIGNAL && WCOREDUMP(group->status) ? " (core dumped)" : "",
          report->file);
    if (group->count > 1)
        fprintf(report->file, ", %llu times", (unsigned long long)group->count);
    fprintf(report->file, "%s\n", PLAIN(report));
    print_reason(report, group);
    if (cause != 0)
        item(report, "after", "a child of it failed, see %zu.", cause);
    print_stack(report, group);
    if (all || group->tail[SSCAP_ERR].length == 0) {
        print_lines(report, "stdout", '|', &group->tail[SSCAP_OUT], LINES_SHOWN_FEW);
        print_left(report, group);
    }
    print_lines(report, "stderr", '!', &group->tail[SSCAP_ERR],
                group->kind == GROUP_SIGNAL ? LINES_SHOWN_FEW : LINES_SHOWN);
    print_command(report, group->image);
    print_directory(report, group->image);
    print_parents(report, group);
    print_times(report, group);
    print_pids(report, group);
    if (all)
        print_usage(report, &group->ending);
    if (report->errors->options->verbose)
        print_fingerprint(report, group);
}
