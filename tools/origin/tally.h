/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tally.h: what the origin has counted. A worker counts requests in memory of its own, which
 * /stats adds up from any thread; what is held at once must be known exactly at its peak, so it is
 * shared, but told only once a turn of the ring and not with every request, which would bounce a
 * cache line between the cores.
 */
#ifndef ORIGIN_TALLY_H
#define ORIGIN_TALLY_H

#include <stdatomic.h>
#include <stdint.h>

enum { TALLY_PATHS_MAX = 40 };

/* A gauge that all workers share. */
struct gauge {
    _Atomic int64_t now, most;
};
void gauge_add(struct gauge *gauge, int64_t change);
/* The peak starts again at what is held now. */
void gauge_reset(struct gauge *gauge);

/* Written by one thread, read by all. */
struct counter {
    _Atomic uint64_t value;
};
static inline void counter_add(struct counter *counter, uint64_t count) {
    /* One writer: no need for the bus lock of an atomic addition. */
    uint64_t value = atomic_load_explicit(&counter->value, memory_order_relaxed);
    atomic_store_explicit(&counter->value, value + count, memory_order_relaxed);
}
static inline uint64_t counter_read(const struct counter *counter) {
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

/* One worker's. */
struct tally {
    struct counter connections, requests, refused;         /* refused: malformed ones */
    struct counter handshakes, resumed, handshakes_failed; /* resumed: of the handshakes */
    struct counter paths[TALLY_PATHS_MAX];                 /* by index in the table of endpoints */
    int64_t connections_now, in_flight_now;                /* the worker's own */
    int64_t connections_told, in_flight_told;              /* of these, what the gauges know */
};

/* The sum over workers, less what was there at the last reset. */
struct tally_sum {
    uint64_t connections, requests, refused, handshakes, resumed, handshakes_failed;
    uint64_t paths[TALLY_PATHS_MAX];
};
void origin_tally_add(struct tally_sum *sum, const struct tally *tally);
void tally_sum_subtract(struct tally_sum *sum, const struct tally_sum *base);

#endif
