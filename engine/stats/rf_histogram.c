/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * rf_histogram.c: the public histogram of include/ringfetch/histogram.h, which is histogram.h's in
 * memory of its own. A pointer to an unknown struct, so that the layout may change without
 * breaking anybody who was linked against it. The caller owns it; one thread at a time.
 */
#include "ringfetch/histogram.h"

#include <stdlib.h>

#include "stats/histogram.h"

struct rf_histogram {
    struct histogram histogram;
};

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
