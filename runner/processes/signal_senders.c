/* signal_senders.c: see signal_senders.h. */
#include "runner/processes/signal_senders.h"

#include <stddef.h>
#include <string.h>

static size_t index_of(const struct signal_senders *senders, int number)
{
    size_t i = 0;
    while (i < SIGNAL_SENDERS_MAX && senders->of[i].number != number)
        i++;
    return i;
}

void signal_senders_note(struct signal_senders *senders, const struct signal_sender *sender,
                         bool process_is_dead)
{
    size_t at = index_of(senders, sender->number);
    if (at < SIGNAL_SENDERS_MAX && process_is_dead)
        return;
    if (at == SIGNAL_SENDERS_MAX)
        at--;
    memmove(&senders->of[1], &senders->of[0], at * sizeof senders->of[0]);
    senders->of[0] = *sender;
}

const struct signal_sender *signal_senders_of(const struct signal_senders *senders, int number)
{
    size_t at = number > 0 ? index_of(senders, number) : SIGNAL_SENDERS_MAX;
    return at < SIGNAL_SENDERS_MAX ? &senders->of[at] : NULL;
}

const struct signal_sender *signal_senders_last(const struct signal_senders *senders)
{
    return senders->of[0].number != 0 ? &senders->of[0] : NULL;
}
