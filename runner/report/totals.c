/* totals.c: see totals.h. */
#include "runner/report/totals.h"

#include "runner/util.h"

typedef unsigned long long number;

void totals_say(const struct totals *t)
{
    say("%llu process%s (%llu without the library), %llu line%s, %llu bytes", (number)t->processes,
        plural_es(t->processes), (number)t->without_library, (number)t->lines, plural(t->lines),
        (number)t->bytes);
    if (t->functions_not_looked > 0 || t->last_lines_cut > 0)
        say("for want of room or time: last lines cut short %llu time%s, functions not looked up "
            "%llu time%s",
            (number)t->last_lines_cut, plural(t->last_lines_cut), (number)t->functions_not_looked,
            plural(t->functions_not_looked));
    if (t->lines_dropped > 0 || t->processes_lost > 0 || t->messages_refused > 0)
        say("%llu line%s dropped, %llu process%s not recorded for want of memory, %llu invalid "
            "message%s refused",
            (number)t->lines_dropped, plural(t->lines_dropped), (number)t->processes_lost,
            plural_es(t->processes_lost), (number)t->messages_refused, plural(t->messages_refused));
}
