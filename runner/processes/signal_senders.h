/* signal_senders.h: who sent which signal to a process, one sender for each signal number. */
#ifndef SSCAP_RUNNER_PROCESSES_SIGNAL_SENDERS_H
#define SSCAP_RUNNER_PROCESSES_SIGNAL_SENDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/wire.h"

/* Signal numbers kept for each process. Beyond it, the one that was sent longest ago goes. */
enum { SIGNAL_SENDERS_MAX = 4 };

struct signal_sender {
    int number; /* of the signal; 0: none */
    int32_t pid;
    char name[SSCAP_NAME_SIZE]; /* the sender's at that time */
};

/* The newest comes first. */
struct signal_senders {
    struct signal_sender of[SIGNAL_SENDERS_MAX];
};

/* Notes that a signal was sent. Where the process was dead already when that became known, an
 * earlier sender of the same signal stays: its signal came first, and was enough. */
void signal_senders_note(struct signal_senders *senders, const struct signal_sender *sender,
                         bool process_is_dead);

/* The sender of this signal, or NULL when none is known. */
const struct signal_sender *signal_senders_of(const struct signal_senders *senders, int number);

/* The last signal that was sent, or NULL. */
const struct signal_sender *signal_senders_last(const struct signal_senders *senders);

#endif
