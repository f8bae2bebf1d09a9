/* report.c: see report.h. */
#define _GNU_SOURCE
#include "runner/report/report.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/report/report_group.h"
#include "runner/util.h"

enum { GROUPS_SHOWN = 20 /* without -v */ };

/* --- the whole report --- */

static void print_heading(const struct report *report)
{
    const struct error_groups *errors = report->errors;
    const struct totals *totals = report->totals;
    uint64_t failed = errors->signals + errors->exits;
    fprintf(report->file, "sscap: ");
    if (failed > 0)
        fprintf(report->file, "%llu of %llu process%s failed", (unsigned long long)failed,
                (unsigned long long)totals->processes, plural_es(totals->processes));
    else
        fprintf(report->file, "%llu process%s", (unsigned long long)totals->processes,
                plural_es(totals->processes));
    if (errors->signals > 0)
        fprintf(report->file, ", %llu killed by signals", (unsigned long long)errors->signals);
    if (errors->vanished > 0)
        fprintf(report->file, ", %llu vanished", (unsigned long long)errors->vanished);
    fprintf(report->file, "; %llu line%s, %.3f s\n", (unsigned long long)totals->lines,
            plural(totals->lines), report_after(report, totals->now));
}

/* Whether the report would only repeat the exit status and what the command has printed itself. */
static bool is_plain(const struct report *report)
{
    const struct error_group *only = report->count == 1 ? report->sorted[0] : NULL;
    return only != NULL && only->kind == GROUP_EXIT && only->count == 1 &&
           only->pid == report->totals->command && !report->errors->options->verbose;
}

static void print_plain(const struct report *report)
{
    char title[200];
    error_groups_title(report->sorted[0], title, sizeof title);
    fprintf(report->file, "sscap: ");
    report_put_safe(report->file, title, strlen(title));
    fprintf(report->file, "; %llu process%s, %llu line%s, %.3f s\n",
            (unsigned long long)report->totals->processes, plural_es(report->totals->processes),
            (unsigned long long)report->totals->lines, plural(report->totals->lines),
            report_after(report, report->totals->now));
}

static void print_groups(const struct report *report)
{
    const struct error_groups *errors = report->errors;
    size_t shown = errors->options->verbose || report->count < GROUPS_SHOWN ? report->count
                                                                            : GROUPS_SHOWN;
    for (size_t i = 0; i < shown; i++)
        report_group(report, i + 1);
    if (shown < report->count)
        fprintf(report->file, "\nand %zu more kinds of failure (-v shows all)\n",
                report->count - shown);
    if (errors->not_grouped > 0)
        fprintf(report->file, "\nand %llu more failures of further kinds (at most %d are kept)\n",
                (unsigned long long)errors->not_grouped, GROUPS_MAX);
    if (errors->without_evidence > 0)
        fprintf(report->file, "\nno details were kept of %llu of these (no more room)\n",
                (unsigned long long)errors->without_evidence);
}

char *report_format(struct error_groups *errors, const struct process_tree *tree,
                    const struct totals *totals, bool color, size_t *ret_size)
{
    char *text = NULL;
    struct report report = {.errors = errors, .totals = totals, .color = color};
    report.count = error_groups_sorted(errors, report.sorted);
    if (report.count == 0 && errors->not_grouped == 0 && !tree->kept)
        return NULL;
    report.file = open_memstream(&text, ret_size);
    if (report.file == NULL)
        return NULL;
    report.utf8 = setlocale(LC_CTYPE, "") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (is_plain(&report)) {
        print_plain(&report);
    } else {
        print_heading(&report);
        print_groups(&report);
    }
    if (tree->kept) {
        fputs(report.count > 0 ? "\n" : "", report.file);
        process_tree_print(tree, report.file, report.utf8, totals->now);
    }
    if (fclose(report.file) == 0)
        return text;
    free(text);
    return NULL;
}

void report_print(struct error_groups *errors, const struct process_tree *tree,
                  const struct totals *totals, bool color)
{
    size_t size;
    char *text = report_format(errors, tree, totals, color, &size);
    if (text != NULL)
        (void)write_all(STDERR_FILENO, text, size); /* nowhere is left to say that it fails */
    free(text);
}
