/* list.h: doubly linked lists whose links are embedded in the things that are listed. */
#ifndef SSCAP_RUNNER_LIST_H
#define SSCAP_RUNNER_LIST_H

#include <stddef.h>

struct link {
    struct link *previous, *next;
};

struct list {
    struct link *first, *last;
};

/* The thing that a link is embedded in. */
#define LIST_OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void list_append(struct list *list, struct link *link)
{
    link->previous = list->last;
    link->next = NULL;
    *(list->last != NULL ? &list->last->next : &list->first) = link;
    list->last = link;
}

static inline void list_remove(struct list *list, struct link *link)
{
    *(link->previous != NULL ? &link->previous->next : &list->first) = link->next;
    *(link->next != NULL ? &link->next->previous : &list->last) = link->previous;
}

#endif
