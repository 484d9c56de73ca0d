/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/heap.h"

#include <stdlib.h>

#include "base/assert.h"

static void put(struct heap *heap, uint32_t index, struct heap_item *item) {
    heap->item[index] = item;
    item->place = index + 1;
}

static void sift_up(struct heap *heap, uint32_t index) {
    struct heap_item *item = heap->item[index];
    while (index) {
        uint32_t parent = (index - 1) / 2;
        if (heap->item[parent]->due_ns <= item->due_ns)
            break;
        put(heap, index, heap->item[parent]);
        index = parent;
    }
    put(heap, index, item);
}

static void sift_down(struct heap *heap, uint32_t index) {
    struct heap_item *item = heap->item[index];
    for (uint32_t child; (child = 2 * index + 1) < heap->count; index = child) {
        if (child + 1 < heap->count && heap->item[child + 1]->due_ns < heap->item[child]->due_ns)
            child++;
        if (heap->item[child]->due_ns >= item->due_ns)
            break;
        put(heap, index, heap->item[child]);
    }
    put(heap, index, item);
}

void heap_set(struct heap *heap, struct heap_item *item, uint64_t due_ns) {
    item->due_ns = due_ns;
    if (!item->place) {
        if (heap->count == heap->room) {
            heap->room = heap->room ? heap->room * 2 : 64;
            heap->item = realloc(heap->item, heap->room * sizeof(void *));
            CHECK(heap->item);
        }
        put(heap, heap->count++, item);
    }
    sift_up(heap, item->place - 1);
    sift_down(heap, item->place - 1);
}

void heap_remove(struct heap *heap, struct heap_item *item) {
    if (!item->place)
        return;
    uint32_t index = item->place - 1;
    struct heap_item *last = heap->item[--heap->count];
    item->place = 0;
    if (last == item)
        return;
    put(heap, index, last);
    sift_up(heap, index);
    sift_down(heap, last->place - 1);
}

void heap_deinit(struct heap *heap) {
    CHECK(heap->count == 0);
    free(heap->item);
    *heap = (struct heap){0};
}
