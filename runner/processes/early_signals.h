/* early_signals.h: signals sent to processes that are not known yet.
 *
 * The target's first event may still be on its way, or the target died before it could send one. */
#ifndef SSCAP_RUNNER_PROCESSES_EARLY_SIGNALS_H
#define SSCAP_RUNNER_PROCESSES_EARLY_SIGNALS_H

#include <stdint.h>

#include "runner/processes/signal_senders.h"

enum { EARLY_SIGNALS_MAX = 32 };

struct early_signal {
    int32_t target; /* 0: none */
    struct signal_sender sender;
    uint64_t when; /* now_ns */
};

struct early_signals {
    struct early_signal of[EARLY_SIGNALS_MAX];
    unsigned int next; /* the one to be overwritten */
};

void early_signals_add(struct early_signals *early, int32_t target,
                       const struct signal_sender *sender);

/* Notes in `senders` what was sent to this pid not long before `begun` (now_ns). */
void early_signals_take(const struct early_signals *early, int32_t pid, uint64_t begun,
                        struct signal_senders *senders);

#endif
