/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_load_series.c: the blocks and seconds of a run of any length in constant memory: when there is no more room
 * each two neighbours become one, and later ones are made twice as long. The conductor's; pure.
 *
 * Rejected: an array that grows (a run of a week in blocks of 100 ms is half a gigabyte, and nobody reads six million
 * blocks), and dropping the oldest (a comparison rests on the whole run).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_load.h"

/* Memory that is there and stays: calloc's may be promised only. */
static void *touched(size_t count, size_t bytes) {
    void *memory = malloc(count * bytes);
    if (memory)
        memset(memory, 0xff, count * bytes);
    return memory;
}

bool load_blocks_init(struct load_blocks *blocks, size_t room) {
    CHECK(room >= 2 && room % 2 == 0);
    *blocks = (struct load_blocks){
        .block = touched(room, sizeof *blocks->block), .room = room, .stride = 1};
    return blocks->block;
}

void load_blocks_deinit(struct load_blocks *blocks) {
    free(blocks->block);
    *blocks = (struct load_blocks){0};
}

bool load_seconds_init(struct load_seconds *seconds, size_t room) {
    CHECK(room >= 2 && room % 2 == 0);
    *seconds = (struct load_seconds){
        .second = touched(room, sizeof *seconds->second), .room = room, .stride = 1};
    return seconds->second;
}

void load_seconds_deinit(struct load_seconds *seconds) {
    free(seconds->second);
    *seconds = (struct load_seconds){0};
}

/* The mean of two figures, either of which may say nothing. */
static double weighted(double a, double a_weight, double b, double b_weight) {
    if (isnan(a) || a_weight <= 0)
        return isnan(b) ? a : b;
    if (isnan(b) || b_weight <= 0)
        return a;
    return (a * a_weight + b * b_weight) / (a_weight + b_weight);
}

struct rf_load_block load_block_join(const struct rf_load_block *a, const struct rf_load_block *b) {
    double a_well = (double)(a->requests - a->errors), b_well = (double)(b->requests - b->errors);
    return (struct rf_load_block){
        .start_s = a->start_s,
        .length_s = a->length_s + b->length_s,
        .requests = a->requests + b->requests,
        .errors = a->errors + b->errors,
        .rps = weighted(a->rps, a->length_s, b->rps, b->length_s),
        .mean_ns = weighted(a->mean_ns, a_well, b->mean_ns, b_well),
        .p50_ns = weighted(a->p50_ns, a_well, b->p50_ns, b_well),
        .p90_ns = weighted(a->p90_ns, a_well, b->p90_ns, b_well),
        .p99_ns = weighted(a->p99_ns, a_well, b->p99_ns, b_well),
        .error_share =
            weighted(a->error_share, (double)a->requests, b->error_share, (double)b->requests),
    };
}

static uint64_t weighted_ns(uint64_t a, uint64_t a_weight, uint64_t b, uint64_t b_weight) {
    if (a_weight + b_weight == 0)
        return 0;
    return (uint64_t)weighted((double)a, (double)a_weight, (double)b, (double)b_weight);
}

struct rf_load_second load_second_join(const struct rf_load_second *a,
                                       const struct rf_load_second *b) {
    return (struct rf_load_second){
        .start_s = a->start_s,
        .length_s = a->length_s + b->length_s,
        .requests = a->requests + b->requests,
        .errors = a->errors + b->errors,
        .bytes = a->bytes + b->bytes,
        .connections = b->connections,
        .p50_ns = weighted_ns(a->p50_ns, a->requests, b->p50_ns, b->requests),
        .p90_ns = weighted_ns(a->p90_ns, a->requests, b->p90_ns, b->requests),
        .p99_ns = weighted_ns(a->p99_ns, a->requests, b->p99_ns, b->requests),
        .max_ns = a->max_ns > b->max_ns ? a->max_ns : b->max_ns,
    };
}

void load_blocks_add(struct load_blocks *blocks, const struct rf_load_block *block) {
    blocks->block[blocks->count++] = *block;
    if (blocks->count < blocks->room)
        return;
    for (size_t i = 0; i < blocks->room / 2; i++)
        blocks->block[i] = load_block_join(&blocks->block[2 * i], &blocks->block[2 * i + 1]);
    blocks->count /= 2;
    blocks->stride *= 2;
}

void load_blocks_add_rest(struct load_blocks *blocks, const struct rf_load_block *rest) {
    if (blocks->count == 0) {
        load_blocks_add(blocks, rest);
        return;
    }
    struct rf_load_block *last = &blocks->block[blocks->count - 1];
    *last = load_block_join(last, rest);
}

void load_seconds_add(struct load_seconds *seconds, const struct rf_load_second *second) {
    seconds->second[seconds->count++] = *second;
    if (seconds->count < seconds->room)
        return;
    for (size_t i = 0; i < seconds->room / 2; i++)
        seconds->second[i] = load_second_join(&seconds->second[2 * i], &seconds->second[2 * i + 1]);
    seconds->count /= 2;
    seconds->stride *= 2;
}
