/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * heap.h: a binary heap of things that are due at a time, embedded in their owners. One thread. For what is counted in
 * thousands and moves often in time; the ring's timer wheel is for what is counted in millions.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct heap_item {
    uint64_t due_ns;
    uint32_t place; /* from 1; 0: not in a heap */
    bool second;    /* the owner's, to tell two types of owners apart */
};

struct heap {
    struct heap_item **item;
    uint32_t count, room;
};

void heap_deinit(struct heap *heap);
/* Adds it, or moves it when it is there already. */
void heap_set(struct heap *heap, struct heap_item *item, uint64_t due_ns);
/* Harmless when it is in no heap. */
void heap_remove(struct heap *heap, struct heap_item *item);
/* The earliest, or NULL. */
static inline struct heap_item *heap_first(const struct heap *heap) {
    return heap->count ? heap->item[0] : 0;
}

#endif
