/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_timers.c: the hierarchical timer wheel that ring_timers.h describes. It belongs to one ring and its thread, and
 * takes no memory of its own: timers are linked into it.
 *
 * The level of a timer is that of the highest group of six bits in which its millisecond differs from the wheel's. So all
 * lists of a level lie ahead of the wheel, those of a higher level behind all of the lower ones, and the next list to look at
 * is the lowest bit of the lowest level. Stopping a timer can't reach the wheel, thus bits of lists that became empty are
 * cleared when they are met.
 */
#include "ring/ring_timers.h"

#include "base/clock.h"

/* Rounded up, as no timer may fire early. */
static uint64_t tick_of(uint64_t due_ns) {
    return due_ns / NS_PER_MS + (due_ns % NS_PER_MS != 0);
}

void ring_timer_init(struct ring_timer *timer, ring_timer_fn *fire) {
    list_init(&timer->link);
    timer->due_ns = 0;
    timer->fire = fire;
}

void ring_timer_stop(struct ring_timer *timer) {
    list_remove(&timer->link);
}

bool ring_timer_is_set(const struct ring_timer *timer) {
    return link_is_linked(&timer->link);
}

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ns) {
    wheel->tick = now_ns / NS_PER_MS;
    for (unsigned level = 0; level < TIMER_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (unsigned i = 0; i < TIMER_LEVEL_LISTS; i++)
            list_init(&wheel->lists[level][i]);
    }
}

static void place(struct timer_wheel *wheel, struct ring_timer *timer) {
    uint64_t tick = tick_of(timer->due_ns);
    if (tick < wheel->tick)
        tick = wheel->tick;
    uint64_t differing = (tick ^ wheel->tick) | (TIMER_LEVEL_LISTS - 1);
    unsigned level = (63U - (unsigned)__builtin_clzll(differing)) / TIMER_LEVEL_BITS;
    unsigned list = (unsigned)(tick >> level * TIMER_LEVEL_BITS) & (TIMER_LEVEL_LISTS - 1);
    list_push_back(&wheel->lists[level][list], &timer->link);
    wheel->occupied[level] |= UINT64_C(1) << list;
}

void timer_wheel_set(struct timer_wheel *wheel, struct ring_timer *timer, uint64_t due_ns) {
    /* Its list comes up no later than the time it had, hence before a later one. */
    bool is_put_off = ring_timer_is_set(timer) && due_ns >= timer->due_ns;
    timer->due_ns = due_ns;
    if (is_put_off)
        return;
    list_remove(&timer->link);
    place(wheel, timer);
}

struct next_list {
    uint64_t tick;
    unsigned level, list;
};

/* The first list that holds timers and the millisecond at which it begins. */
static bool find_next(struct timer_wheel *wheel, struct next_list *next) {
    for (unsigned level = 0; level < TIMER_LEVELS; level++) {
        while (wheel->occupied[level]) {
            unsigned list = (unsigned)__builtin_ctzll(wheel->occupied[level]);
            if (list_is_empty(&wheel->lists[level][list])) {
                wheel->occupied[level] &= ~(UINT64_C(1) << list);
                continue;
            }
            unsigned shift = level * TIMER_LEVEL_BITS;
            uint64_t above = (wheel->tick >> shift) & ~(uint64_t)(TIMER_LEVEL_LISTS - 1);
            *next = (struct next_list){.tick = (above | list) << shift, level, list};
            return true;
        }
    }
    return false;
}

uint64_t timer_wheel_next_ns(struct timer_wheel *wheel) {
    struct next_list next;
    if (!find_next(wheel, &next))
        return UINT64_MAX;
    uint64_t ns;
    return __builtin_mul_overflow(next.tick, NS_PER_MS, &ns) ? UINT64_MAX - 1 : ns;
}

/* Empties one list: what is due goes to `due`, the rest to lists further down. */
static void empty_list(struct timer_wheel *wheel, struct next_list from, struct link *due) {
    struct link *list = &wheel->lists[from.level][from.list], moved, *link;
    list_init(&moved);
    while ((link = list_pop_front(list)))
        list_push_back(&moved, link);
    wheel->occupied[from.level] &= ~(UINT64_C(1) << from.list);
    wheel->tick = from.tick;
    while ((link = list_pop_front(&moved))) {
        struct ring_timer *timer = LIST_ENTRY(link, struct ring_timer, link);
        if (tick_of(timer->due_ns) <= wheel->tick)
            list_push_back(due, link);
        else
            place(wheel, timer);
    }
}

unsigned timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ns) {
    uint64_t tick = now_ns / NS_PER_MS;
    struct next_list next;
    struct link due, *link;
    unsigned fired = 0;

    list_init(&due);
    while (find_next(wheel, &next) && next.tick <= tick)
        empty_list(wheel, next, &due);
    if (tick > wheel->tick)
        wheel->tick = tick;
    while ((link = list_pop_front(&due))) {
        struct ring_timer *timer = LIST_ENTRY(link, struct ring_timer, link);
        timer->fire(timer);
        fired++;
    }
    return fired;
}
