/* foreign_children.h: our children from before the session.
 *
 * With LD_PRELOAD alone, the runner is executed in place of the program. A program that was itself
 * executed in place of another one may have children that do not belong to the session. */
#ifndef SSCAP_RUNNER_PROCESSES_FOREIGN_CHILDREN_H
#define SSCAP_RUNNER_PROCESSES_FOREIGN_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FOREIGN_CHILDREN_MAX = 64 };

struct foreign_children {
    int32_t pid[FOREIGN_CHILDREN_MAX];
    size_t count;
};

/* Notes the children that there are now. */
void foreign_children_note(struct foreign_children *children);

/* Whether the process is one of them. It is none any more afterwards, because another process may
 * get its pid. */
bool foreign_children_take(struct foreign_children *children, int32_t pid);

#endif
