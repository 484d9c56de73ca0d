/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * histogram.c: HdrHistogram's layout for a lowest discernible value of 1 and three significant
 * digits. Three digits ask for single units up to 2000, hence 2048 sub-buckets. Bucket 0 holds 0
 * to 2047 one by one; every further bucket doubles the range and needs the upper 1024 sub-buckets
 * only, as the lower ones are what the buckets before it count. So place 0 to 2047 is bucket 0,
 * and each 1024 places after that are one more bucket. An index that is equal to HdrHistogram's
 * lets its formats be written by copying the counts. Owned by whoever recorded; one thread at a
 * time.
 *
 * Rejected: keeping every value and sorting (memory without bound), and logarithmic buckets by
 * log2 of a double (slower, and no other tool reads them).
 */
#include "stats/histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum {
    HALF = HISTOGRAM_SUB_BUCKETS / 2,
    HALF_BITS = 10,
    SINGLE_BITS = HALF_BITS + 1, /* values of so many bits are counted one by one */
};
_Static_assert(HALF == 1 << HALF_BITS, "the sub-buckets are a power of two");

/* How many low bits of a value its sub-bucket ignores, which is also the bucket's number. */
static unsigned shift_of(uint64_t value) {
    return (unsigned)(64 - SINGLE_BITS - __builtin_clzll(value | (HISTOGRAM_SUB_BUCKETS - 1)));
}

static uint32_t index_of(uint64_t value) {
    unsigned shift = shift_of(value);
    return (uint32_t)(((uint64_t)shift << HALF_BITS) + (value >> shift));
}

static struct histogram_bucket range_of(uint32_t index) {
    unsigned shift = index < HISTOGRAM_SUB_BUCKETS ? 0 : (index >> HALF_BITS) - 1;
    uint64_t low = (uint64_t)(index - (shift << HALF_BITS)) << shift;
    return (struct histogram_bucket){.low = low, .high = low + ((UINT64_C(1) << shift) - 1)};
}

bool histogram_try_init(struct histogram *histogram, uint64_t highest) {
    CHECK(highest >= 2);
    uint32_t length = (shift_of(highest) + 2) * HALF;
    *histogram = (struct histogram){
        .min = UINT64_MAX,
        .highest = highest,
        .count_length = length,
        .count = calloc(length, sizeof *histogram->count),
    };
    return histogram->count;
}

void histogram_init(struct histogram *histogram, uint64_t highest) {
    bool has_memory = histogram_try_init(histogram, highest);
    CHECK(has_memory);
}

void histogram_deinit(struct histogram *histogram) {
    free(histogram->count);
    *histogram = (struct histogram){0};
}

/* The places that are in use lie between those of the least and the largest value. Of an hour in
 * nanoseconds there are 34,000 places, of one second's latencies a few thousand of them used, and
 * whoever merges many histograms a second pays for these only. */
struct places {
    uint32_t first, end; /* equal: none */
};
static struct places used_places(const struct histogram *histogram) {
    if (histogram->total == 0)
        return (struct places){0};
    return (struct places){index_of(histogram->min), index_of(histogram->max) + 1};
}

void histogram_reset(struct histogram *histogram) {
    uint64_t *count = histogram->count;
    struct places used = used_places(histogram);
    memset(count + used.first, 0, (used.end - used.first) * sizeof *count);
    *histogram = (struct histogram){
        .min = UINT64_MAX,
        .highest = histogram->highest,
        .count_length = histogram->count_length,
        .count = count,
    };
}

void histogram_record(struct histogram *histogram, uint64_t value) {
    histogram_record_times(histogram, value, 1);
}

void histogram_record_times(struct histogram *histogram, uint64_t value, uint64_t times) {
    if (times == 0)
        return;
    CHECK_HOT(times <= UINT64_MAX - histogram->total);
    if (UNLIKELY(value > histogram->highest)) {
        value = histogram->highest;
        histogram->clipped += times;
    }
    histogram->count[index_of(value)] += times;
    histogram->total += times;
    if (value < histogram->min)
        histogram->min = value;
    if (value > histogram->max)
        histogram->max = value;
    double sum = (double)value * (double)times;
    histogram->sum += sum;
    histogram->sum_of_squares += sum * (double)value;
}

bool histogram_merge(struct histogram *into, const struct histogram *from) {
    if (into->highest != from->highest)
        return false;
    CHECK(from->total <= UINT64_MAX - into->total);
    struct places used = used_places(from);
    for (uint32_t i = used.first; i < used.end; i++)
        into->count[i] += from->count[i];
    into->total += from->total;
    into->clipped += from->clipped;
    into->sum += from->sum;
    into->sum_of_squares += from->sum_of_squares;
    if (from->min < into->min)
        into->min = from->min;
    if (from->max > into->max)
        into->max = from->max;
    return true;
}

/* The rank, from 1, of the value that a percentile asks for. It is rounded up, so that the values
 * up to it are at least `percent` of all; before that it is lowered by the least that a double can
 * be, so that 99.9 % of 1000, which comes out a hair above 999 in binary, is 999 and not 1000. */
static uint64_t rank_of(double percent, uint64_t total) {
    double rank = ceil(nextafter(percent, -INFINITY) * (double)total / 100);
    if (!(rank >= 1))
        return 1;
    /* Compared as doubles: above 2^53 `total` may have been rounded up beyond what 64 bits hold. */
    return rank >= (double)total ? total : (uint64_t)rank;
}

/* HdrHistogram gives the end of the value's bucket even where nothing as large was recorded. Here
 * no percentile exceeds `max`: otherwise the 99.9th could be above the 100th. */
uint64_t histogram_percentile(const struct histogram *histogram, double percent) {
    if (histogram->total == 0)
        return 0;
    if (!(percent > 0)) /* NaN too */
        return histogram->min;
    if (percent >= 100)
        return histogram->max;
    uint64_t left = rank_of(percent, histogram->total);
    struct places used = used_places(histogram);
    while (used.first + 1 < used.end && histogram->count[used.first] < left)
        left -= histogram->count[used.first++];
    struct histogram_bucket bucket = range_of(used.first);
    return bucket.high < histogram->max ? bucket.high : histogram->max;
}

double histogram_mean(const struct histogram *histogram) {
    return histogram->total ? histogram->sum / (double)histogram->total : 0;
}

/* Of all values recorded, not an estimate from a sample. From the sums and not from the buckets,
 * which know a value to a thousandth only. */
double histogram_deviation(const struct histogram *histogram) {
    if (histogram->total == 0 || histogram->min == histogram->max)
        return 0;
    double mean = histogram_mean(histogram);
    double variance = histogram->sum_of_squares / (double)histogram->total - mean * mean;
    return variance > 0 ? sqrt(variance) : 0; /* rounding can make it negative */
}

bool histogram_next(const struct histogram *histogram, uint32_t *at,
                    struct histogram_bucket *bucket) {
    /* Not ended by `max`: while one is being decoded it is not known yet. */
    if (histogram->total > 0 && histogram->min != UINT64_MAX && *at < index_of(histogram->min))
        *at = index_of(histogram->min);
    while (*at < histogram->count_length && histogram->count[*at] == 0)
        ++*at;
    if (*at >= histogram->count_length)
        return false;
    *bucket = range_of(*at);
    bucket->count = histogram->count[*at];
    ++*at;
    return true;
}

uint64_t histogram_count_to(const struct histogram *histogram, uint64_t value) {
    uint64_t count = 0;
    if (histogram->total == 0 || value < histogram->min)
        return 0;
    if (value >= histogram->max)
        return histogram->total;
    uint32_t last = index_of(value);
    for (uint32_t i = index_of(histogram->min); i <= last; i++)
        count += histogram->count[i];
    return count;
}
