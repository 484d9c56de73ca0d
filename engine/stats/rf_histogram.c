/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * rf_histogram.c: the public histogram of include/ringfetch/histogram.h, which is histogram.h's in
 * memory of its own. A pointer to an unknown struct, so that the layout may change without
 * breaking anybody who was linked against it. The caller owns it; one thread at a time.
 */
#include "ringfetch/histogram.h"

#include <stdio.h>
#include <stdlib.h>

#include "stats/histogram.h"
#include "stats/histogram_hdr.h"
#include "stats/rf_histogram.h"

struct rf_histogram *rf_histogram_new(uint64_t highest) {
    struct rf_histogram *made = malloc(sizeof *made);
    if (made && !histogram_try_init(&made->histogram, highest)) {
        free(made);
        return NULL;
    }
    return made;
}

void rf_histogram_free(struct rf_histogram *histogram) {
    if (!histogram)
        return;
    histogram_deinit(&histogram->histogram);
    free(histogram);
}

void rf_histogram_record(struct rf_histogram *histogram, uint64_t value) {
    histogram_record(&histogram->histogram, value);
}

bool rf_histogram_merge(struct rf_histogram *into, const struct rf_histogram *from) {
    return histogram_merge(&into->histogram, &from->histogram);
}

uint64_t rf_histogram_total(const struct rf_histogram *histogram) {
    return histogram->histogram.total;
}

uint64_t rf_histogram_min(const struct rf_histogram *histogram) {
    return histogram->histogram.total ? histogram->histogram.min : 0;
}

uint64_t rf_histogram_max(const struct rf_histogram *histogram) {
    return histogram->histogram.max;
}

double rf_histogram_mean(const struct rf_histogram *histogram) {
    return histogram_mean(&histogram->histogram);
}

uint64_t rf_histogram_percentile(const struct rf_histogram *histogram, double percent) {
    return histogram_percentile(&histogram->histogram, percent);
}

uint64_t rf_histogram_count_to(const struct rf_histogram *histogram, uint64_t value) {
    return histogram_count_to(&histogram->histogram, value);
}

double rf_histogram_deviation(const struct rf_histogram *histogram) {
    return histogram_deviation(&histogram->histogram);
}

uint64_t rf_histogram_highest(const struct rf_histogram *histogram) {
    return histogram->histogram.highest;
}

bool rf_histogram_next(const struct rf_histogram *histogram, uint32_t *at,
                       struct rf_bucket *bucket) {
    struct histogram_bucket found;
    if (!histogram_next(&histogram->histogram, at, &found))
        return false;
    *bucket = (struct rf_bucket){.low = found.low, .high = found.high, .count = found.count};
    return true;
}

/* ---- in the words of other tools --------------------------------------------------------------- */

char *rf_histogram_encode(const struct rf_histogram *histogram) {
    return hdr_encode(&histogram->histogram);
}

struct rf_histogram *rf_histogram_decode(const char *text, size_t length, char *why,
                                         size_t why_size) {
    static const char *const reasons[] = {
        [HDR_OK] = "",
        [HDR_BAD] = "the histogram is damaged, or none at all",
        [HDR_UNSUPPORTED] = ("the histogram is not of three significant digits from 1 in the V2 "
                             "encoding"),
        [HDR_NO_MEMORY] = "memory is out",
    };
    struct rf_histogram *made = malloc(sizeof *made);
    enum hdr_result result = HDR_NO_MEMORY;
    if (made)
        result = hdr_decode(text, length, &made->histogram);
    if (why_size)
        snprintf(why, why_size, "%s", reasons[result]);
    if (result == HDR_OK)
        return made;
    free(made);
    return NULL;
}

char *rf_histogram_log_begin(double start_s) {
    return hdr_log_begin(start_s);
}

char *rf_histogram_log_line(const struct rf_histogram *histogram, const char *tag, double start_s,
                            double length_s, double max_unit) {
    struct hdr_log_interval interval = {
        .tag = tag, .start_s = start_s, .length_s = length_s, .max_unit = max_unit};
    return hdr_log_line(&interval, &histogram->histogram);
}
