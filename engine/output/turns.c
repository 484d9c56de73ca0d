/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/turns.h"

#include <stdlib.h>

#include "base/assert.h"

enum { SLOTS_FIRST = 256 };

void turns_init(struct turns *turns) {
    turns->next = 1;
    turns->slot_count = SLOTS_FIRST;
    turns->slots = calloc(turns->slot_count, sizeof *turns->slots);
    CHECK(turns->slots);
}

void turns_deinit(struct turns *turns) {
    free(turns->slots);
}

static void **slot_of(const struct turns *turns, uint64_t n) {
    return &turns->slots[n & (turns->slot_count - 1)];
}

static void grow(struct turns *turns, uint64_t n) {
    struct turns larger = *turns;
    while (n - turns->next >= larger.slot_count)
        larger.slot_count *= 2;
    larger.slots = calloc(larger.slot_count, sizeof *larger.slots);
    CHECK(larger.slots);
    for (uint64_t i = turns->next; i < turns->next + turns->slot_count; i++)
        *slot_of(&larger, i) = *slot_of(turns, i);
    free(turns->slots);
    *turns = larger;
}

bool turns_end(struct turns *turns, uint64_t n, void *what) {
    if (n < turns->next)
        return false;
    if (n - turns->next >= turns->slot_count)
        grow(turns, n);
    void **slot = slot_of(turns, n);
    if (*slot)
        return false;
    *slot = what;
    return true;
}

void *turns_take(struct turns *turns) {
    void **slot = slot_of(turns, turns->next), *what = *slot;
    if (!what)
        return NULL;
    *slot = NULL;
    turns->next++;
    return what;
}

void *turns_take_rest(struct turns *turns) {
    for (size_t i = 0; i < turns->slot_count; i++) {
        void *what = turns_take(turns);
        if (what)
            return what;
        turns->next++;
    }
    return NULL;
}
