/* foreign_children.c: see foreign_children.h. */
#include "runner/processes/foreign_children.h"

#include <stdio.h>
#include <unistd.h>

void foreign_children_note(struct foreign_children *children)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    FILE *file = fopen(path, "re");
    while (file != NULL && children->count < FOREIGN_CHILDREN_MAX &&
           fscanf(file, "%d", &children->pid[children->count]) == 1)
        children->count++;
    if (file != NULL)
        fclose(file);
}

bool foreign_children_take(struct foreign_children *children, int32_t pid)
{
    for (size_t i = 0; i < children->count; i++) {
        if (children->pid[i] == pid) {
            children->pid[i] = children->pid[--children->count];
            return true;
        }
    }
    return false;
}
