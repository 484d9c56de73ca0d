/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_load_merge.c: adds up what the workers hand in: to each side's totals at once, to its blocks and seconds
 * when a block is complete. Workers are not in step, so there may be several blocks under way, and one that stands still for a
 * while must not cost memory for each block that the others go ahead: only a block's own figures wait for it, not
 * tallies. The conductor's; pure, and lossless: histograms are added bucket by bucket.
 */
#include <stdlib.h>

#include "engine_load.h"

/* ---- beginning and end ----------------------------------------------------------------------------- */

static bool init_side(struct load_side *side, const struct load_merge_options *options) {
    struct rf_histogram *always[] = {&side->latency, &side->first_byte, &side->connect, &side->tls};
    struct rf_histogram *open[] = {&side->raw, &side->slip};
    bool well = true;
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        well = histogram_try_init(&always[i]->histogram, LOAD_HIGHEST_NS) && well;
    for (size_t i = 0; options->open_loop && i < sizeof open / sizeof *open; i++)
        well = histogram_try_init(&open[i]->histogram, LOAD_HIGHEST_NS) && well;
    well = load_period_init(&side->block) && well;
    well = load_period_init(&side->second) && well;
    well = load_blocks_init(&side->blocks, options->blocks_room) && well;
    return load_seconds_init(&side->seconds, options->seconds_room) && well;
}

static void deinit_side(struct load_side *side) {
    struct rf_histogram *all[] = {&side->latency, &side->first_byte, &side->connect,
                                  &side->tls,     &side->raw,        &side->slip};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        histogram_deinit(&all[i]->histogram);
    load_period_deinit(&side->block);
    load_period_deinit(&side->second);
    load_blocks_deinit(&side->blocks);
    load_seconds_deinit(&side->seconds);
}

bool load_merge_init(struct load_merge *merge, const struct load_merge_options *options) {
    *merge = (struct load_merge){
        .workers = options->workers,
        .sides = options->sides,
        .open_loop = options->open_loop,
        .origin_ns = UINT64_MAX,
        .hand = calloc(options->workers, sizeof *merge->hand),
    };
    list_init(&merge->slots);
    list_init(&merge->spare);
    bool well = load_period_init(&merge->sample) && merge->hand;
    for (unsigned i = 0; i < options->sides; i++)
        well = init_side(&merge->side[i], options) && well;
    return well;
}

static void free_slots(struct link *list) {
    for (struct link *link; list->next && (link = list_pop_front(list));) {
        struct load_slot *slot = LIST_ENTRY(link, struct load_slot, link);
        load_period_deinit(&slot->period);
        free(slot);
    }
}

void load_merge_deinit(struct load_merge *merge) {
    free_slots(&merge->slots);
    free_slots(&merge->spare);
    load_period_deinit(&merge->sample);
    for (unsigned i = 0; i < merge->sides; i++)
        deinit_side(&merge->side[i]);
    free(merge->hand);
    *merge = (struct load_merge){0};
}

/* How long an order's blocks are meant to be; 0: as it comes. */
static uint64_t nominal_block(const struct load_order *order) {
    uint64_t whole_ns = order->stop_ns == UINT64_MAX ? 0 : order->stop_ns - order->start_ns;
    return order->block_ns == UINT64_MAX ? whole_ns : order->block_ns;
}

void load_merge_begin(struct load_merge *merge, const struct load_order *order) {
    CHECK(list_is_empty(&merge->slots));
    merge->order = order->number;
    merge->order_side = order->side;
    merge->counted = order->counted;
    merge->block_ns = nominal_block(order);
    merge->has_block = false;
    merge->asked_stop_ns = order->stop_ns;
    merge->start_ns = UINT64_MAX;
    merge->stop_ns = 0;
    if (order->counted && merge->origin_ns == UINT64_MAX)
        merge->origin_ns = order->start_ns;
    for (unsigned i = 0; i < merge->workers; i++) {
        merge->hand[i].next = 0;
        merge->hand[i].over = false;
    }
}

/* ---- blocks under way ------------------------------------------------------------------------------- */

static struct load_slot *take_slot(struct load_merge *merge) {
    struct link *link = list_pop_front(&merge->spare);
    if (link)
        return LIST_ENTRY(link, struct load_slot, link);
    struct load_slot *slot = malloc(sizeof *slot);
    if (slot && !load_period_init(&slot->period)) {
        load_period_deinit(&slot->period);
        free(slot);
        return NULL;
    }
    if (slot)
        list_init(&slot->link);
    return slot;
}

/* The slot of a block, made in its place if there is none. Looked for from the end: it is the last one or near. */
static struct load_slot *slot_of(struct load_merge *merge, uint64_t block) {
    struct link *at = merge->slots.prev;
    while (at != &merge->slots && LIST_ENTRY(at, struct load_slot, link)->block > block)
        at = at->prev;
    if (at != &merge->slots && LIST_ENTRY(at, struct load_slot, link)->block == block)
        return LIST_ENTRY(at, struct load_slot, link);
    struct load_slot *slot = take_slot(merge);
    if (slot) {
        slot->block = block;
        list_push_front(at, &slot->link);
    }
    return slot;
}

/* Workers hand in their blocks in order, so what lies before everybody's next one is complete. */
static uint64_t complete_before(const struct load_merge *merge) {
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < merge->workers; i++)
        if (!merge->hand[i].over && merge->hand[i].next < least)
            least = merge->hand[i].next;
    return least;
}

static void close_second(struct load_side *side) {
    if (side->second.parts == 0)
        return;
    double start_s = (double)side->second_index * side->seconds.stride;
    struct rf_load_second second = load_period_second(&side->second, start_s);
    load_seconds_add(&side->seconds, &second);
    load_period_reset(&side->second);
}

/* A block belongs to the second in which it begins. A microsecond is forgiven, as blocks follow one another to the
 * nanosecond only where nobody was late. */
static void add_to_second(struct load_merge *merge, struct load_side *side,
                          const struct load_period *part) {
    uint64_t since = part->start_ns > merge->origin_ns ? part->start_ns - merge->origin_ns : 0;
    uint64_t index = (since + 1000) / (NS_PER_S * side->seconds.stride);
    if (side->second.parts && index != side->second_index) {
        close_second(side);
        index = (since + 1000) / (NS_PER_S * side->seconds.stride);
    }
    if (side->second.parts == 0)
        side->second_index = index;
    load_period_add_part(&side->second, part);
}

/* What an order's end cut short, and what came after it, waits in `side->block` for more. */
static void add_to_block(struct load_merge *merge, struct load_side *side,
                         const struct load_period *part) {
    bool is_whole = part->length_ns > 0 && part->length_ns >= merge->block_ns / 2;
    load_period_add_part(&side->block, part);
    if (!is_whole)
        return;
    merge->last_block = load_period_block(part, merge->origin_ns);
    merge->has_block = true;
    if (side->block.parts < side->blocks.stride)
        return;
    struct rf_load_block block = load_period_block(&side->block, merge->origin_ns);
    load_blocks_add(&side->blocks, &block);
    load_period_reset(&side->block);
}

static void close_slot(struct load_merge *merge, struct load_slot *slot) {
    struct load_side *side = &merge->side[merge->order_side];
    list_remove(&slot->link);
    if (merge->counted) {
        add_to_second(merge, side, &slot->period);
        add_to_block(merge, side, &slot->period);
    }
    load_period_reset(&slot->period);
    list_push_back(&merge->spare, &slot->link);
}

static void close_complete(struct load_merge *merge) {
    uint64_t before = complete_before(merge);
    for (struct link *link; (link = list_first(&merge->slots));) {
        struct load_slot *slot = LIST_ENTRY(link, struct load_slot, link);
        if (slot->block >= before)
            return;
        close_slot(merge, slot);
    }
}

/* ---- totals ----------------------------------------------------------------------------------------- */

static void add_histogram(struct rf_histogram *into, const struct histogram *from) {
    if (from->highest == 0 || into->histogram.highest == 0)
        return;
    bool fits = histogram_merge(&into->histogram, from);
    CHECK(fits);
}

static void add_counted(struct load_side *side, const struct load_tally *tally) {
    side->requests += tally->requests;
    side->late += tally->late;
    side->errors += tally->errors;
    side->received_bytes += tally->received_bytes;
    side->sent_bytes += tally->sent_bytes;
    side->body_bytes += tally->body_bytes;
    side->cpu_user_ns += tally->cpu_user_ns;
    side->cpu_system_ns += tally->cpu_system_ns;
    for (unsigned i = 0; i < RF_STATUS_MAX; i++)
        side->status[i] += tally->status[i];
    for (unsigned i = 0; i < RF_KINDS_MAX; i++)
        side->kind[i] += tally->kind[i];
    add_histogram(&side->latency, &tally->latency);
    add_histogram(&side->first_byte, &tally->first_byte);
    add_histogram(&side->raw, &tally->raw);
    add_histogram(&side->slip, &tally->slip);
}

/* Of a worker that had nothing to tell before it dropped them, what it had at most. */
static unsigned connections_of(const struct load_merge *merge, const struct load_hand *hand,
                               const struct load_tally *tally) {
    if (!merge->dropping)
        return tally->connections;
    return hand->connections_max[tally->side] ? hand->connections[tally->side]
                                              : tally->connections_max;
}

static void add_hand(struct load_merge *merge, struct load_hand *hand,
                     const struct load_tally *tally) {
    hand->next = tally->block + 1;
    hand->over = hand->over || tally->last;
    hand->connections[tally->side] = connections_of(merge, hand, tally);
    if (tally->connections_max > hand->connections_max[tally->side])
        hand->connections_max[tally->side] = tally->connections_max;
    if (!merge->counted)
        return;
    if (tally->outstanding_max > hand->outstanding_max[tally->side])
        hand->outstanding_max[tally->side] = tally->outstanding_max;
    hand->cpu_ns += tally->cpu_user_ns + tally->cpu_system_ns;
    if (tally->stop_ns > tally->start_ns)
        hand->length_ns += tally->stop_ns - tally->start_ns;
}

void load_merge_reset_sample(struct load_merge *merge) {
    load_period_reset(&merge->sample);
    merge->sample_worker_ns = 0;
}

static void add_sample(struct load_merge *merge, const struct load_tally *tally) {
    if (merge->sample_side != tally->side)
        load_merge_reset_sample(merge);
    merge->sample_side = tally->side;
    if (tally->stop_ns > tally->start_ns)
        merge->sample_worker_ns += tally->stop_ns - tally->start_ns;
    load_period_add_tally(&merge->sample, tally, UINT64_MAX);
}

/* That many requests were under way in the warm-up says nothing of the measured part; that ports ran out does. */
static unsigned limits_of(const struct load_merge *merge, const struct load_tally *tally) {
    return merge->counted ? tally->limits : tally->limits & ~(unsigned)LOAD_LIMIT_OUTSTANDING;
}

bool load_merge_add(struct load_merge *merge, const struct load_tally *tally) {
    if (tally->order != merge->order || tally->worker >= merge->workers)
        return true; /* of an order that was given up */
    struct load_side *side = &merge->side[tally->side];
    merge->limits |= limits_of(merge, tally);
    side->connects += tally->connects;
    side->resumed += tally->resumed;
    add_histogram(&side->connect, &tally->connect);
    add_histogram(&side->tls, &tally->tls);
    if (tally->start_ns < merge->start_ns)
        merge->start_ns = tally->start_ns;
    if (tally->stop_ns > merge->stop_ns)
        merge->stop_ns = tally->stop_ns;
    if (merge->counted)
        add_counted(side, tally);
    else
        side->warm_requests += tally->requests - tally->late;
    struct load_slot *slot = slot_of(merge, tally->block);
    struct load_hand *hand = &merge->hand[tally->worker];
    add_hand(merge, hand, tally);
    if (slot) {
        load_period_add_tally(&slot->period, tally, merge->asked_stop_ns);
        slot->period.connections += hand->connections[tally->side];
    }
    add_sample(merge, tally);
    close_complete(merge);
    return slot;
}

void load_merge_drop(struct load_merge *merge) {
    merge->dropping = true;
}

bool load_merge_is_over(const struct load_merge *merge) {
    for (unsigned i = 0; i < merge->workers; i++)
        if (!merge->hand[i].over)
            return false;
    return true;
}

/* An order's time ends when it was to stop; what comes later waits for answers only. */
static uint64_t order_length(const struct load_merge *merge, bool whole) {
    uint64_t stop_ns = merge->asked_stop_ns;
    if (!whole && merge->stop_ns < stop_ns)
        stop_ns = merge->stop_ns;
    return stop_ns > merge->start_ns ? stop_ns - merge->start_ns : 0;
}

void load_merge_end(struct load_merge *merge, bool whole) {
    struct load_side *side = &merge->side[merge->order_side];
    for (struct link *link; (link = list_first(&merge->slots));)
        close_slot(merge, LIST_ENTRY(link, struct load_slot, link));
    uint64_t length_ns = order_length(merge, whole);
    if (!merge->counted) {
        side->warm_ns += length_ns;
        return;
    }
    side->length_ns += length_ns;
}

void load_merge_finish(struct load_merge *merge) {
    for (unsigned i = 0; i < merge->sides; i++) {
        struct load_side *side = &merge->side[i];
        close_second(side);
        if (side->block.parts == 0)
            continue;
        struct rf_load_block rest = load_period_block(&side->block, merge->origin_ns);
        load_blocks_add_rest(&side->blocks, &rest);
        load_period_reset(&side->block);
    }
}
