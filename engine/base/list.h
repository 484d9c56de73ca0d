/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * list.h: a circular doubly linked list whose links live in their owners. A list is a `struct link` that stands
 * for both ends; an unlinked link points at itself.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/assert.h"

struct link {
    struct link *prev, *next;
};

static inline void list_init(struct link *list) {
    list->prev = list->next = list;
}

static inline bool list_is_empty(const struct link *list) {
    return list->next == list;
}

/* Also: whether a member is linked anywhere. */
static inline bool link_is_linked(const struct link *link) {
    return link->next != link;
}

static inline void list_push_back(struct link *list, struct link *link) {
    link->prev = list->prev;
    link->next = list;
    list->prev->next = link;
    list->prev = link;
}

static inline void list_push_front(struct link *list, struct link *link) {
    list_push_back(list->next, link);
}

static inline void list_remove(struct link *link) {
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

static inline struct link *list_first(const struct link *list) {
    return list->next == list ? NULL : list->next;
}

static inline struct link *list_last(const struct link *list) {
    return list->prev == list ? NULL : list->prev;
}

static inline struct link *list_pop_front(struct link *list) {
    struct link *link = list_first(list);
    if (link)
        list_remove(link);
    return link;
}

#define LIST_ENTRY(link, type, member) CONTAINER_OF(link, type, member)

#endif
