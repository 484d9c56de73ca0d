/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_read_histogram.c: a histogram as it was before it was saved. The encoding holds counts alone; the least and the largest value
 * and the mean stand beside it, and are made true again: every bucket's values are moved within the bucket, which costs
 * the histogram nothing that it knew, so that one is the least, one the largest, and their sum is what it was. So a run that
 * is read and written again is the same text, and p99.99 is not above the largest value.
 *
 * Counts are put in bit by bit, from the highest down: what is there is added to itself, then a value is recorded once for each point
 * whose count has the bit. That takes as long for a billion requests as for a thousand. Recording each is rejected for that.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_read.h"

/* So many times this value. */
struct point {
    uint64_t value, count;
};

/* What is known of the values. */
struct exact {
    uint64_t min, max, total;
    double mean;
};

struct span {
    uint64_t low, high, count;
};

/* ---- where in its bucket each value lies --------------------------------------------------------- */

/* The buckets, narrowed to min and max, without one value for each of those two: that they are there is certain. False: these
 * can't be the least and largest of such counts. */
static bool narrow(struct span *span, size_t count, const struct exact *exact) {
    struct span *first = &span[0], *last = &span[count - 1];
    bool within = exact->min >= first->low && exact->min <= first->high &&
                  exact->max >= last->low && exact->max <= last->high && exact->min <= exact->max;
    if (!within || (exact->total == 1 && exact->min != exact->max))
        return false;
    first->low = exact->min;
    last->high = exact->max;
    first->count--;
    last->count -= last->count > 0;
    return true;
}

/* How much the narrowed buckets' values must lie above their lower ends, all together. */
static double rise_needed(const struct span *span, size_t count, const struct exact *exact) {
    double sum = exact->mean * (double)exact->total - (double)exact->min;
    if (exact->total > 1)
        sum -= (double)exact->max;
    for (size_t i = 0; i < count; i++)
        sum -= (double)span[i].low * (double)span[i].count;
    return sum > 0 ? round(sum) : 0;
}

static double rise_possible(const struct span *span, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)(span[i].high - span[i].low) * (double)span[i].count;
    return sum;
}

/* How much the values of a bucket rise where all rise by that part of what they can. */
static uint64_t rise_of(const struct span *span, double part) {
    uint64_t width = span->high - span->low;
    double rise = floor((double)width * part);
    return rise < (double)width ? (uint64_t)rise : width;
}

/* All lie at the same part of their bucket, and the first ones a unit higher, until the sum is right. */
static size_t place(const struct span *span, size_t count, const struct exact *exact,
                    struct point *point) {
    double needed = rise_needed(span, count, exact), possible = rise_possible(span, count);
    double part = possible > 0 ? fmin(needed / possible, 1) : 0;
    double rest = needed;
    size_t points = 0;
    for (size_t i = 0; i < count; i++)
        rest -= (double)rise_of(&span[i], part) * (double)span[i].count;
    for (size_t i = 0; i < count; i++) {
        uint64_t rise = rise_of(&span[i], part);
        bool has_room = rise < span[i].high - span[i].low && rest >= 1;
        uint64_t higher = 0;
        if (has_room)
            higher = rest < (double)span[i].count ? (uint64_t)rest : span[i].count;
        rest -= (double)higher;
        point[points++] = (struct point){span[i].low + rise, span[i].count - higher};
        point[points++] = (struct point){span[i].low + rise + 1, higher};
    }
    point[points++] = (struct point){exact->min, 1};
    point[points++] = (struct point){exact->max, exact->total > 1};
    return points;
}

/* ---- a histogram of points ----------------------------------------------------------------------- */

static void fill(struct rf_histogram *histogram, const struct point *point, size_t count) {
    for (unsigned bit = 64; bit-- > 0;) {
        if (rf_histogram_total(histogram))
            rf_histogram_merge(histogram, histogram);
        for (size_t i = 0; i < count; i++) {
            if (point[i].count >> bit & 1)
                rf_histogram_record(histogram, point[i].value);
        }
    }
}

static size_t collect(const struct rf_histogram *histogram, struct span *span) {
    struct rf_bucket bucket;
    uint32_t at = 0;
    size_t count = 0;
    uint64_t highest = rf_histogram_highest(histogram);
    for (; rf_histogram_next(histogram, &at, &bucket); count++) {
        if (span) {
            uint64_t high = bucket.high < highest ? bucket.high : highest;
            span[count] = (struct span){bucket.low, high, bucket.count};
        }
    }
    return count;
}

/* Takes `histogram` and returns the one with the same counts and those figures; NULL: these can't be its figures, or memory is out. */
static struct rf_histogram *restore(struct rf_histogram *histogram, const struct exact *exact) {
    size_t count = collect(histogram, NULL);
    if (!count)
        return histogram;
    struct span *span = calloc(count, sizeof *span);
    struct point *point = calloc(2 * count + 2, sizeof *point);
    struct rf_histogram *made = rf_histogram_new(rf_histogram_highest(histogram));
    bool sound = span && point && made;
    if (sound) {
        collect(histogram, span);
        sound = narrow(span, count, exact);
    }
    if (sound)
        fill(made, point, place(span, count, exact, point));
    free(span);
    free(point);
    rf_histogram_free(histogram);
    if (sound)
        return made;
    rf_histogram_free(made);
    return NULL;
}

/* ---- the member ----------------------------------------------------------------------------------- */

static void free_histogram(void *histogram) {
    rf_histogram_free(histogram);
}

const struct rf_histogram *read_histogram(struct bench_reader *reader, const json_t *object,
                                          const char *name) {
    const json_t *found = read_object(reader, object, name);
    const char *text = found ? read_text(reader, found, "encoded") : NULL;
    const char *unit = found ? read_text(reader, found, "unit") : NULL;
    char why[128];
    if (!found || reader->failed)
        return NULL;
    if (!text || !unit || strcmp(unit, "ns") != 0) {
        read_fail(reader, "\"%s%s\" is not a histogram of nanoseconds", reader->in, name);
        return NULL;
    }
    struct exact exact = {.min = read_count(reader, found, "min"),
                          .max = read_count(reader, found, "max"),
                          .total = read_count(reader, found, "count"),
                          .mean = read_number(reader, found, "mean", 0)};
    uint64_t highest = read_count(reader, found, "highest");
    struct rf_histogram *histogram = rf_histogram_decode(text, strlen(text), why, sizeof why);
    if (!histogram) {
        read_fail(reader, "\"%s%s\": %s", reader->in, name, why);
        return NULL;
    }
    if (rf_histogram_total(histogram) == exact.total && rf_histogram_highest(histogram) == highest)
        histogram = restore(histogram, &exact);
    else {
        rf_histogram_free(histogram);
        histogram = NULL;
    }
    if (!histogram)
        read_fail(reader, "\"%s%s\": the histogram and its figures contradict each other",
                  reader->in, name);
    else if (!bench_memory_keep(reader->memory, histogram, free_histogram)) {
        read_out_of_memory(reader);
        histogram = NULL;
    }
    return reader->failed ? NULL : histogram;
}
