/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tally.h"

void gauge_add(struct gauge *gauge, int64_t change) {
    if (change == 0)
        return;
    int64_t now = atomic_fetch_add(&gauge->now, change) + change;
    int64_t most = atomic_load(&gauge->most);
    while (now > most && !atomic_compare_exchange_weak(&gauge->most, &most, now))
        continue;
}

void gauge_reset(struct gauge *gauge) {
    atomic_store(&gauge->most, atomic_load(&gauge->now));
}

void origin_tally_add(struct tally_sum *sum, const struct tally *tally) {
    sum->connections += counter_read(&tally->connections);
    sum->requests += counter_read(&tally->requests);
    sum->refused += counter_read(&tally->refused);
    sum->handshakes += counter_read(&tally->handshakes);
    sum->resumed += counter_read(&tally->resumed);
    sum->handshakes_failed += counter_read(&tally->handshakes_failed);
    for (unsigned i = 0; i < TALLY_PATHS_MAX; i++)
        sum->paths[i] += counter_read(&tally->paths[i]);
}

void tally_sum_subtract(struct tally_sum *sum, const struct tally_sum *base) {
    sum->connections -= base->connections;
    sum->requests -= base->requests;
    sum->refused -= base->refused;
    sum->handshakes -= base->handshakes;
    sum->resumed -= base->resumed;
    sum->handshakes_failed -= base->handshakes_failed;
    for (unsigned i = 0; i < TALLY_PATHS_MAX; i++)
        sum->paths[i] -= base->paths[i];
}
