/* waiting.h: whom a session waits for, and when it is over. */
#ifndef SSCAP_RUNNER_DEATHS_WAITING_H
#define SSCAP_RUNNER_DEATHS_WAITING_H

#include <stdbool.h>

struct runner;

/* Begins to look after those that are waited for (r->notice). */
void waiting_init(struct runner *r);

/* The command has ended: should others hold it up for long, that is said. */
void waiting_command_ended(struct runner *r, int status);

/* Waits for nobody any more, but still shows what was written until now. */
void waiting_leave(struct runner *r);

/* Whether everyone whom --wait names has ended, or has let go of the streams. */
bool waiting_is_over(struct runner *r);

/* All has been read: what processes left unfinished becomes lines, and the last lines go out. True
 * when nothing is left to be done. */
bool waiting_finish(struct runner *r);

/* Others hold the streams, and nobody waits for them any more: their lines go on to be shown, as
 * they would without sscap, by a child of ours. Returns in the parent alone when it is to end. */
void waiting_detach(struct runner *r);

#endif
