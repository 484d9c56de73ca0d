/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * rf_histogram_test.c: the public histogram is the inner one, and says 0 where nothing was
 * recorded.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>
#include <string.h>

#include "ringfetch/histogram.h"

static void empty_one_is_all_zero(void **state) {
    struct rf_histogram *histogram = rf_histogram_new(3600000000);
    (void)state;
    assert_non_null(histogram);
    assert_int_equal(rf_histogram_total(histogram), 0);
    assert_int_equal(rf_histogram_min(histogram), 0);
    assert_int_equal(rf_histogram_max(histogram), 0);
    assert_true(rf_histogram_mean(histogram) == 0);
    assert_int_equal(rf_histogram_percentile(histogram, 99), 0);
    assert_int_equal(rf_histogram_count_to(histogram, 99), 0);
    rf_histogram_free(histogram);
    rf_histogram_free(NULL);
}

static void figures_are_those_recorded(void **state) {
    struct rf_histogram *histogram = rf_histogram_new(3600000000);
    (void)state;
    for (uint64_t value = 1; value <= 1000; value++)
        rf_histogram_record(histogram, value);
    assert_int_equal(rf_histogram_total(histogram), 1000);
    assert_int_equal(rf_histogram_min(histogram), 1);
    assert_int_equal(rf_histogram_max(histogram), 1000);
    assert_true(rf_histogram_mean(histogram) == 500.5);
    assert_int_equal(rf_histogram_percentile(histogram, 99), 990);
    assert_int_equal(rf_histogram_count_to(histogram, 250), 250);
    rf_histogram_free(histogram);
}

static void merging_needs_equal_ranges(void **state) {
    struct rf_histogram *one = rf_histogram_new(5000), *same = rf_histogram_new(5000);
    struct rf_histogram *other = rf_histogram_new(6000);
    (void)state;
    rf_histogram_record(one, 10);
    rf_histogram_record(same, 9000);
    rf_histogram_record(other, 1);
    assert_true(rf_histogram_merge(one, same));
    assert_false(rf_histogram_merge(one, other));
    assert_int_equal(rf_histogram_total(one), 2);
    assert_int_equal(rf_histogram_min(one), 10);
    assert_int_equal(rf_histogram_max(one), 5000);
    rf_histogram_free(one);
    rf_histogram_free(same);
    rf_histogram_free(other);
}

/* 2^64 values in no more places than the sub-buckets of 64 bits need. */
static void largest_range_is_possible(void **state) {
    struct rf_histogram *histogram = rf_histogram_new(UINT64_MAX);
    (void)state;
    rf_histogram_record(histogram, UINT64_MAX);
    assert_int_equal(rf_histogram_percentile(histogram, 1), UINT64_MAX);
    rf_histogram_free(histogram);
}

static void buckets_are_walked_and_figures_told(void **state) {
    struct rf_histogram *histogram = rf_histogram_new(5000);
    struct rf_bucket bucket;
    uint32_t at = 0;
    (void)state;
    rf_histogram_record(histogram, 10);
    rf_histogram_record(histogram, 20);
    rf_histogram_record(histogram, 4001);
    assert_int_equal(rf_histogram_highest(histogram), 5000);
    assert_true(rf_histogram_next(histogram, &at, &bucket));
    assert_true(bucket.low == 10 && bucket.high == 10 && bucket.count == 1);
    assert_true(rf_histogram_next(histogram, &at, &bucket));
    assert_true(rf_histogram_next(histogram, &at, &bucket));
    assert_true(bucket.low == 4000 && bucket.high == 4001 && bucket.count == 1);
    assert_false(rf_histogram_next(histogram, &at, &bucket));
    rf_histogram_free(histogram);

    histogram = rf_histogram_new(5000);
    rf_histogram_record(histogram, 10);
    rf_histogram_record(histogram, 20);
    assert_true(rf_histogram_deviation(histogram) == 5);
    rf_histogram_free(histogram);
}

static void encoding_comes_back(void **state) {
    struct rf_histogram *histogram = rf_histogram_new(3600000000000), *back;
    char why[200];
    (void)state;
    for (uint64_t value = 1; value <= 1000000; value += 37)
        rf_histogram_record(histogram, value * value);
    char *text = rf_histogram_encode(histogram);
    assert_non_null(text);
    assert_int_equal(strncmp(text, "HISTFAAA", 8), 0);
    back = rf_histogram_decode(text, strlen(text), why, sizeof why);
    assert_non_null(back);
    assert_int_equal(rf_histogram_total(back), rf_histogram_total(histogram));
    assert_int_equal(rf_histogram_highest(back), 3600000000000);
    for (double percent = 1; percent < 99; percent += 7)
        assert_int_equal(rf_histogram_percentile(back, percent),
                         rf_histogram_percentile(histogram, percent));
    assert_true(rf_histogram_merge(histogram, back));
    rf_histogram_free(back);
    rf_histogram_free(histogram);
    free(text);
}

static void nonsense_is_refused_with_a_reason(void **state) {
    char why[200] = "";
    (void)state;
    assert_null(rf_histogram_decode("HISTFAAA====", 12, why, sizeof why));
    assert_non_null(strstr(why, "damaged"));
    assert_null(rf_histogram_decode("", 0, NULL, 0));
}

static void log_lines_are_those_of_the_format(void **state) {
    struct rf_histogram *histogram = rf_histogram_new(1000000);
    (void)state;
    rf_histogram_record(histogram, 1500);
    char *begin = rf_histogram_log_begin(1700000000.25);
    char *line = rf_histogram_log_line(histogram, "a b", 1, 2, 1000);
    assert_non_null(strstr(begin, "#[StartTime: 1700000000.250 "));
    assert_int_equal(strncmp(line, "Tag=a_b,1.000,2.000,1.500,HISTFAAA", 34), 0);
    free(begin);
    free(line);
    rf_histogram_free(histogram);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_one_is_all_zero),
        cmocka_unit_test(figures_are_those_recorded),
        cmocka_unit_test(merging_needs_equal_ranges),
        cmocka_unit_test(largest_range_is_possible),
        cmocka_unit_test(buckets_are_walked_and_figures_told),
        cmocka_unit_test(encoding_comes_back),
        cmocka_unit_test(nonsense_is_refused_with_a_reason),
        cmocka_unit_test(log_lines_are_those_of_the_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
