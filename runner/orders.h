/* orders.h: what the guardian and the runner tell each other, over a socket of their own. */
#ifndef SSCAP_RUNNER_ORDERS_H
#define SSCAP_RUNNER_ORDERS_H

#include <stdint.h>

/* The guardian tells the runner of a signal that somebody has sent to the guardian. With signal 0
 * the runner asks whether there are more, and the guardian answers with signal 0 once it has told
 * of all that it got. */
struct guardian_order {
    int signal;
    int32_t sender; /* pid; 0: not known */
};

#endif
