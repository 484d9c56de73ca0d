/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plan_turn.c: a worker's place in the plan: whose turn it is, and its message. Entry i with the share w of all weights may take its turn
 * number k (from 0) when k / w turns were taken by all, and should have it when (k + 1) / w were; of those that may, the one that should first
 * gets it. With that no entry is ever a whole turn ahead of its share or behind it (R. Tijdeman, "The chairman assignment problem", 1980).
 * A worker's own; the clock is the count of turns.
 *
 * Rejected: plain stride scheduling (the earliest (k + 1) / w of all), which lets one heavy entry go first for as long as it takes until many
 * light ones are due together: right over a round, wrong within it. And random choice by weight, whose shares spread as a binomial's.
 */
#include <math.h>
#include <stdlib.h>

#include "base/assert.h"
#include "load/plan_private.h"

enum { STAGGER_MAX = 1 << 17 };
/* Tells the streams of this file from those of arrivals.c under the same seed. */
#define STREAM UINT64_C(0x7475726e)

struct slot {
    unsigned entry;
    double stride; /* 1 / w */
    double taken;
    double key; /* of the heap it is in: when it may, or when it should */
};

struct slots {
    struct slot **item;
    unsigned count;
};

struct plan_turn {
    struct plan *plan;
    struct random random;
    struct slot *slot; /* in the order added */
    unsigned slot_count;
    bool even;     /* all weights are equal: `next` goes round */
    unsigned next; /* slot */
    double turns;
    struct slots waiting, ready; /* heaps */
};

/* ---- heaps ------------------------------------------------------------------------------------------ */

/* Slots lie in the order added, which decides between equals. */
static bool goes_before(const struct slot *a, const struct slot *b) {
    return a->key < b->key || (a->key == b->key && a < b);
}

static void slots_add(struct slots *slots, struct slot *slot, double key) {
    unsigned place = slots->count++;
    slot->key = key;
    while (place && goes_before(slot, slots->item[(place - 1) / 2])) {
        slots->item[place] = slots->item[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    slots->item[place] = slot;
}

static struct slot *slots_take(struct slots *slots) {
    struct slot *first = slots->item[0], *last = slots->item[--slots->count];
    for (unsigned place = 0, child; slots->count; place = child) {
        child = 2 * place + 1;
        if (child + 1 < slots->count && goes_before(slots->item[child + 1], slots->item[child]))
            child++;
        if (child >= slots->count || !goes_before(slots->item[child], last)) {
            slots->item[place] = last;
            break;
        }
        slots->item[place] = slots->item[child];
    }
    return first;
}

/* ---- turns ------------------------------------------------------------------------------------------ */

/* Sums of floating-point shares miss whole numbers by a little, which must not make a turn late. */
static bool may_go(const struct plan_turn *turn, const struct slot *slot) {
    return slot->key <= turn->turns + 1e-6;
}

static void make_ready(struct plan_turn *turn) {
    struct slots *waiting = &turn->waiting;
    while (waiting->count && (may_go(turn, waiting->item[0]) || !turn->ready.count)) {
        struct slot *slot = slots_take(waiting);
        slots_add(&turn->ready, slot, (slot->taken + 1) * slot->stride);
    }
}

static struct slot *take_turn(struct plan_turn *turn) {
    if (turn->even) {
        struct slot *slot = &turn->slot[turn->next];
        turn->next = turn->next + 1 == turn->slot_count ? 0 : turn->next + 1;
        return slot;
    }
    make_ready(turn);
    struct slot *slot = slots_take(&turn->ready);
    slot->taken++;
    turn->turns++;
    slots_add(&turn->waiting, slot, slot->taken * slot->stride);
    return slot;
}

unsigned plan_turn_next(struct plan_turn *turn) {
    return take_turn(turn)->entry;
}

struct span plan_turn_message(struct plan_turn *turn, unsigned entry, struct bytes *into,
                              struct pool *pool) {
    const struct template *message = &turn->plan->entry[entry].message;
    uint64_t seq = 0;
    if (message->constant)
        return message->text;
    if (message->has_seq)
        seq = atomic_fetch_add_explicit(&turn->plan->shared.seq, 1, memory_order_relaxed) + 1;
    return template_fill(message, seq, &turn->random, into, pool);
}

/* ---- making one --------------------------------------------------------------------------------------- */

static void fill_slots(struct plan_turn *turn, uint8_t side) {
    const struct plan *plan = turn->plan;
    double total = 0, first = 0;
    turn->even = true;
    for (unsigned i = 0; i < plan->entry_count; i++) {
        if (plan->entry[i].side != side)
            continue;
        double weight = plan->entry[i].weight;
        turn->slot[turn->slot_count++] = (struct slot){.entry = i, .stride = weight};
        first = first > 0 ? first : weight;
        turn->even &= weight == first;
        total += weight;
    }
    for (unsigned i = 0; i < turn->slot_count; i++)
        turn->slot[i].stride = total / turn->slot[i].stride;
}

/* Each worker begins elsewhere in the same sequence. */
static void stagger(struct plan_turn *turn, unsigned worker, unsigned workers) {
    double round = turn->slot_count;
    for (unsigned i = 0; i < turn->slot_count; i++)
        round = fmax(round, turn->slot[i].stride);
    if (turn->even)
        round = turn->slot_count;
    uint64_t skipped = (uint64_t)(fmin(round, STAGGER_MAX) * worker / workers);
    for (uint64_t i = 0; i < skipped; i++)
        take_turn(turn);
}

static bool add_heaps(struct plan_turn *turn) {
    if (turn->even)
        return true;
    CHECK(turn->slot_count);
    turn->waiting.item = calloc(turn->slot_count, sizeof *turn->waiting.item);
    turn->ready.item = calloc(turn->slot_count, sizeof *turn->ready.item);
    if (!turn->waiting.item || !turn->ready.item)
        return false;
    for (unsigned i = 0; i < turn->slot_count; i++)
        slots_add(&turn->waiting, &turn->slot[i], 0);
    return true;
}

struct plan_turn *plan_turn_new(struct plan *plan, uint8_t side, unsigned worker, unsigned workers,
                                uint64_t seed) {
    struct plan_turn *turn = calloc(1, sizeof *turn);
    if (!turn)
        return NULL;
    CHECK(plan->has_side[side] && worker < workers);
    turn->plan = plan;
    turn->slot = calloc(plan->entry_count, sizeof *turn->slot);
    random_seed_stream(&turn->random, seed, STREAM << 32 | (uint64_t)side << 31 | worker);
    if (turn->slot)
        fill_slots(turn, side);
    if (!turn->slot || !add_heaps(turn)) {
        plan_turn_free(turn);
        return NULL;
    }
    stagger(turn, worker, workers);
    return turn;
}

void plan_turn_free(struct plan_turn *turn) {
    if (!turn)
        return;
    free(turn->slot);
    free(turn->waiting.item);
    free(turn->ready.item);
    free(turn);
}
