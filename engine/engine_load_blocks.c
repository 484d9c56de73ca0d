/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_load_blocks.c: how a run of two sides is cut into blocks, and which side each of them is for. The
 * conductor's; pure. Why a toss for each pair, and why 100 ms: docs/decisions/0011-ab-statistics.md.
 */
#include "engine_load.h"

/* What lies between blocks, waiting for the last answers, is time too: so much of it is left for that. */
#define SHARE_UNDER_LOAD 0.95

uint64_t load_block_length(const struct rf_load_settings *settings, double slower_rps) {
    if (settings->block_s > 0)
        return (uint64_t)(settings->block_s * 1e9);
    double length_s = (double)LOAD_BLOCK_NS / 1e9;
    if (slower_rps > 0 && slower_rps * length_s < LOAD_BLOCK_REQUESTS)
        length_s = LOAD_BLOCK_REQUESTS / slower_rps;
    if (settings->requests == 0) {
        double longest_s = settings->duration_s * SHARE_UNDER_LOAD / (2 * LOAD_PAIRS_MIN);
        double shortest_s = settings->duration_s / (2 * LOAD_SERIES_MAX);
        if (length_s < shortest_s)
            length_s = shortest_s;
        if (length_s > longest_s)
            length_s = longest_s;
    }
    uint64_t length_ns = (uint64_t)(length_s * 1e9);
    return length_ns > NS_PER_MS ? length_ns : NS_PER_MS;
}

size_t load_pairs_max(const struct rf_load_settings *settings, uint64_t block_ns) {
    if (settings->requests)
        return LOAD_SERIES_MAX;
    double pairs = settings->duration_s * 1e9 / (2 * (double)block_ns) + 2;
    return pairs < LOAD_SERIES_MAX ? (size_t)pairs : LOAD_SERIES_MAX;
}

void load_turns_init(struct load_turns *turns, uint64_t seed) {
    *turns = (struct load_turns){0};
    random_seed(&turns->random, seed);
}

uint8_t load_turns_next(struct load_turns *turns) {
    if (turns->taken++ % 2 == 0)
        turns->first = (uint8_t)(random_next(&turns->random) >> 63);
    else
        return turns->first == RF_SIDE_A ? RF_SIDE_B : RF_SIDE_A;
    return turns->first;
}
