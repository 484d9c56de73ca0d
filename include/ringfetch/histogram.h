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
double rf_histogram_deviation(const struct rf_histogram *histogram);
uint64_t
rf_histogram_highest(const struct rf_histogram *histogram); /* as rf_histogram_new was told */

/* Walks what is not empty, from low to high: false at the end. *at starts at 0. */
struct rf_bucket {
    uint64_t low, high; /* inclusive */
    uint64_t count;
};
bool rf_histogram_next(const struct rf_histogram *histogram, uint32_t *at,
                       struct rf_bucket *bucket);

/* The V2 compressed encoding of HdrHistogram, in base64. The caller frees it; NULL when memory is out. */
char *rf_histogram_encode(const struct rf_histogram *histogram);
/* NULL: damaged, not of three digits from 1, or out of memory; `why` says which. Counts come back whole, the exact least and largest
 * value and the mean to a thousandth. */
struct rf_histogram *rf_histogram_decode(const char *text, size_t length, char *why,
                                         size_t why_size);
/* The lines of a .hlog file (format 1.3): those that open it, `start_s` in seconds since 1970; and one for an interval, with its newline. `max_unit`:
 * how many of the histogram's units make one in which the largest value is given. `tag` may be NULL. The caller frees them; NULL when memory
 * is out. */
char *rf_histogram_log_begin(double start_s);
char *rf_histogram_log_line(const struct rf_histogram *histogram, const char *tag, double start_s,
                            double length_s, double max_unit);

#ifdef __cplusplus
}
#endif
#endif
