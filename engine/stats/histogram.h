/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * histogram.h: how often which duration occurred, in constant memory and with three significant digits, laid out as HdrHistogram
 * does: values from 1 to `max` in any unit (bench: microseconds to an hour), buckets whose width doubles, so that a value is known to
 * one part in a thousand. Recording is a few instructions. One thread at a time; merging is lossless between histograms of equal range.
 */
#ifndef STATS_HISTOGRAM_H
#define STATS_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_SUB_BUCKETS = 2048 }; /* three significant digits */

struct histogram {
    uint64_t total;    /* values recorded */
    uint64_t min, max; /* exact; min is UINT64_MAX where there is none */
    uint64_t
        highest; /* that it can hold; larger ones are recorded as this and counted in `clipped` */
    uint64_t clipped;
    double sum, sum_of_squares; /* of the values as recorded */
    uint32_t count_length;
    uint64_t *count;
};

/* Room for values up to `highest` (at least 2). Ends the process when memory is out. */
void histogram_init(struct histogram *histogram, uint64_t highest);
/* The same; false when memory is out. */
bool histogram_try_init(struct histogram *histogram, uint64_t highest);
void histogram_deinit(struct histogram *histogram);
void histogram_reset(struct histogram *histogram);
/* 0 counts as 0; above `highest` is clipped. */
void histogram_record(struct histogram *histogram, uint64_t value);
void histogram_record_times(struct histogram *histogram, uint64_t value, uint64_t times);
/* False: other ranges. */
bool histogram_merge(struct histogram *into, const struct histogram *from);
/* The value below or at which `percent` of all lie, as HdrHistogram defines it (the highest equivalent value, `max` at 100);
 * 0 where there are none. */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);
double histogram_mean(const struct histogram *histogram);
double histogram_deviation(const struct histogram *histogram);
/* Walks the buckets that are not empty, from low to high: false at the end. *at starts at 0. */
struct histogram_bucket {
    uint64_t low, high; /* inclusive */
    uint64_t count;
};
bool histogram_next(const struct histogram *histogram, uint32_t *at,
                    struct histogram_bucket *bucket);
/* How many values are at most `value`, to the histogram's precision. */
uint64_t histogram_count_to(const struct histogram *histogram, uint64_t value);

#endif
