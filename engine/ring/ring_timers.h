/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_timers.h: the timer wheel behind ring_timer_set, private to this room and shared by both rings. It knows no clock:
 * whoever owns the wheel says what time it is. ring_timer_init, _stop and _is_set are implemented beside it; ring_timer_set
 * belongs to each ring.
 *
 * Eight levels of 64 lists, the lowest of 1 ms a list: setting and stopping cost the same whatever the number of timers.
 * A timer that is moved to a later time stays in its list until that comes up and is put off only then, for most timers
 * are put off with every request and never fire. Rejected: a heap, which is logarithmic where this is constant.
 */
#ifndef RING_RING_TIMERS_H
#define RING_RING_TIMERS_H

#include <stdint.h>

#include "base/list.h"
#include "ring/ring.h"

/* Eight levels of six bits reach beyond what 64 bits of nanoseconds can hold in milliseconds. */
enum { TIMER_LEVELS = 8, TIMER_LEVEL_BITS = 6, TIMER_LEVEL_LISTS = 1 << TIMER_LEVEL_BITS };

struct timer_wheel {
    uint64_t tick;                   /* milliseconds; what was due then has been taken out */
    uint64_t occupied[TIMER_LEVELS]; /* lists that may hold timers; stopping leaves its bit */
    struct link lists[TIMER_LEVELS][TIMER_LEVEL_LISTS];
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ns);
/* A time already past is due in the next timer_wheel_advance. */
void timer_wheel_set(struct timer_wheel *wheel, struct ring_timer *timer, uint64_t due_ns);
/* When timer_wheel_advance is needed next: never later than the first timer, maybe earlier, then without any firing.
 * UINT64_MAX when no timer is set. */
uint64_t timer_wheel_next_ns(struct timer_wheel *wheel);
/* Fires what is due, in order of milliseconds. Timers set meanwhile fire in the next call at the earliest, so that a call
 * ends. Returns how many fired. */
unsigned timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ns);

#endif
