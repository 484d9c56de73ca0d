/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * histogram.h: how often which duration occurred, in constant memory and to three significant digits, laid out as
 * HdrHistogram does. A histogram is one thread's at a time. What a unit is, is the caller's business.
 */
#ifndef RINGFETCH_HISTOGRAM_H
#define RINGFETCH_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rf_histogram;

/* For values from 0 to `highest` (at least 2); larger ones count as that. NULL when memory is out. About 8 KiB for each doubling of
 * `highest`. */
struct rf_histogram *rf_histogram_new(uint64_t highest);
void rf_histogram_free(struct rf_histogram *histogram); /* NULL is allowed */
void rf_histogram_record(struct rf_histogram *histogram, uint64_t value);
/* Adds what `from` counted; false: they were made for other values. */
bool rf_histogram_merge(struct rf_histogram *into, const struct rf_histogram *from);
uint64_t rf_histogram_total(const struct rf_histogram *histogram);
/* The least and the largest value, exactly; 0 where there are none. */
uint64_t rf_histogram_min(const struct rf_histogram *histogram);
uint64_t rf_histogram_max(const struct rf_histogram *histogram);
double rf_histogram_mean(const struct rf_histogram *histogram);
/* The value that `percent` (0 to 100) of all do not exceed. 0 where there are none. */
uint64_t rf_histogram_percentile(const struct rf_histogram *histogram, double percent);
/* How many values are at most `value`. */
uint64_t rf_histogram_count_to(const struct rf_histogram *histogram, uint64_t value);

#ifdef __cplusplus
}
#endif
#endif
