/* early_signals.c: see early_signals.h. */
#include "runner/processes/early_signals.h"

#include <stddef.h>

#include "runner/util.h"

/* How long a process's first event may come after a signal to it. */
#define EARLY_NS (1 * NS_PER_S)

void early_signals_add(struct early_signals *early, int32_t target,
                       const struct signal_sender *sender)
{
    early->of[early->next++ % EARLY_SIGNALS_MAX] = (struct early_signal){
        .target = target, .sender = *sender, .when = now_ns()};
}

void early_signals_take(const struct early_signals *early, int32_t pid, uint64_t begun,
                        struct signal_senders *senders)
{
    for (size_t i = 0; i < EARLY_SIGNALS_MAX; i++) {
        const struct early_signal *signal = &early->of[i];
        if (signal->target == pid && pid > 0 && signal->when + EARLY_NS > begun)
            signal_senders_note(senders, &signal->sender, false);
    }
}
