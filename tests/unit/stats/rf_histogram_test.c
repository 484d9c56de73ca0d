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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_one_is_all_zero),
        cmocka_unit_test(figures_are_those_recorded),
        cmocka_unit_test(merging_needs_equal_ranges),
        cmocka_unit_test(largest_range_is_possible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
