/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_load_period.c: what all workers together saw in one stretch of time, and how it becomes a line of a series.
 * The conductor's; pure. A block, a second and a sample are the same thing of different lengths, so there is one struct.
 */
#include <math.h>

#include "engine_load.h"

bool load_period_init(struct load_period *period) {
    *period = (struct load_period){.start_ns = UINT64_MAX};
    return histogram_try_init(&period->latency, LOAD_HIGHEST_NS);
}

void load_period_deinit(struct load_period *period) {
    histogram_deinit(&period->latency);
}

void load_period_reset(struct load_period *period) {
    struct histogram latency = period->latency;
    histogram_reset(&latency);
    *period = (struct load_period){.start_ns = UINT64_MAX, .latency = latency};
}

static void widen(struct load_period *period, uint64_t start_ns, uint64_t stop_ns) {
    if (start_ns < period->start_ns)
        period->start_ns = start_ns;
    if (stop_ns > period->stop_ns)
        period->stop_ns = stop_ns;
}

static void add_latency(struct load_period *period, const struct histogram *latency) {
    bool fits = histogram_merge(&period->latency, latency);
    CHECK(fits);
}

void load_period_add_tally(struct load_period *period, const struct load_tally *tally,
                           uint64_t end_ns) {
    widen(period, tally->start_ns, tally->stop_ns < end_ns ? tally->stop_ns : end_ns);
    period->length_ns = period->stop_ns > period->start_ns ? period->stop_ns - period->start_ns : 0;
    period->parts = 1;
    period->requests += tally->requests;
    period->late += tally->late;
    period->errors += tally->errors;
    period->bytes += tally->received_bytes;
    add_latency(period, &tally->latency);
}

void load_period_add_part(struct load_period *period, const struct load_period *part) {
    widen(period, part->start_ns, part->stop_ns);
    period->length_ns += part->length_ns;
    period->parts += part->parts;
    period->requests += part->requests;
    period->late += part->late;
    period->errors += part->errors;
    period->bytes += part->bytes;
    period->connections = part->connections;
    add_latency(period, &part->latency);
}

static double seconds_since(uint64_t ns, uint64_t origin_ns) {
    return ns > origin_ns ? (double)(ns - origin_ns) / 1e9 : 0;
}

static double quantile(const struct histogram *latency, double percent) {
    return latency->total ? (double)histogram_percentile(latency, percent) : NAN;
}

struct rf_load_block load_period_block(const struct load_period *period, uint64_t origin_ns) {
    const struct histogram *latency = &period->latency;
    double length_s = (double)period->length_ns / 1e9;
    return (struct rf_load_block){
        .start_s = seconds_since(period->start_ns, origin_ns),
        .length_s = length_s,
        .requests = period->requests,
        .errors = period->errors,
        .rps = length_s > 0 ? (double)(period->requests - period->late) / length_s : NAN,
        .mean_ns = latency->total ? histogram_mean(latency) : NAN,
        .p50_ns = quantile(latency, 50),
        .p90_ns = quantile(latency, 90),
        .p99_ns = quantile(latency, 99),
        .error_share = period->requests ? (double)period->errors / (double)period->requests : NAN,
    };
}

/* What ended after its block is over is left out of the number of requests, as a series is read as a rate; the quantiles
 * have it. */
struct rf_load_second load_period_second(const struct load_period *period, double start_s) {
    const struct histogram *latency = &period->latency;
    return (struct rf_load_second){
        .start_s = start_s,
        .length_s = (double)period->length_ns / 1e9,
        .requests = period->requests - period->late,
        .errors = period->errors,
        .bytes = period->bytes,
        .connections = period->connections,
        .p50_ns = histogram_percentile(latency, 50),
        .p90_ns = histogram_percentile(latency, 90),
        .p99_ns = histogram_percentile(latency, 99),
        .max_ns = latency->total ? latency->max : 0,
    };
}
