/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * histogram_test.c: the histogram against a sorted array under many distributions, its layout
 * against HdrHistogram's figures, and the edges: 0, the highest, above it, and the largest number
 * that there is.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/histogram.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static uint64_t random_state;

static uint64_t random_next(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* ---- layout ---------------------------------------------------------------------------------- */

/* What HdrHistogram answers for a lowest value of 1 and three significant digits. */
static void length_is_hdr_histograms(void **state) {
    static const struct {
        uint64_t highest;
        uint32_t length;
    } cases[] = {
        {2, 2048},     {2047, 2048},        {2048, 3072},       {4095, 3072},
        {4096, 4096},  {3600000000, 23552}, {100000000, 18432}, {INT64_MAX, 55296},
        {65536, 8192}, {UINT64_MAX, 56320},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct histogram histogram;
        histogram_init(&histogram, cases[i].highest);
        assert_int_equal(histogram.count_length, cases[i].length);
        histogram_deinit(&histogram);
    }
}

static void place_and_range_are_hdr_histograms(void **state) {
    static const struct {
        uint64_t value;
        uint32_t index;
        uint64_t low, high;
    } cases[] = {
        {0, 0, 0, 0},
        {1, 1, 1, 1},
        {2047, 2047, 2047, 2047},
        {2048, 2048, 2048, 2049},
        {2049, 2048, 2048, 2049},
        {4095, 3071, 4094, 4095},
        {4096, 3072, 4096, 4099},
        {10007, 4322, 10000, 10007},
        {1000000, 11169, 999936, 1000447},
        {INT64_MAX, 55295, INT64_MAX - (UINT64_C(1) << 52) + 1, INT64_MAX},
        {UINT64_MAX, 56319, UINT64_MAX - (UINT64_C(1) << 53) + 1, UINT64_MAX},
    };
    struct histogram histogram;
    (void)state;
    histogram_init(&histogram, UINT64_MAX);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct histogram_bucket bucket;
        uint32_t at = 0;
        histogram_reset(&histogram);
        histogram_record(&histogram, cases[i].value);
        assert_int_equal(histogram.count[cases[i].index], 1);
        assert_true(histogram_next(&histogram, &at, &bucket));
        assert_int_equal(bucket.low, cases[i].low);
        assert_int_equal(bucket.high, cases[i].high);
        assert_int_equal(bucket.count, 1);
        assert_false(histogram_next(&histogram, &at, &bucket));
        assert_false(histogram_next(&histogram, &at, &bucket));
    }
    histogram_deinit(&histogram);
}

/* Every place holds what comes right after the place before it, and no value is farther than a
 * thousandth from its ends. */
static void places_leave_no_gap(void **state) {
    struct histogram histogram;
    struct histogram_bucket bucket;
    uint64_t next = 0;
    uint32_t at = 0, seen = 0;
    (void)state;
    histogram_init(&histogram, 3600000000);
    for (uint32_t i = 0; i < histogram.count_length; i++)
        histogram.count[i] = i + 1;
    while (histogram_next(&histogram, &at, &bucket)) {
        assert_int_equal(bucket.low, next);
        assert_int_equal(bucket.count, ++seen);
        assert_true((bucket.high - bucket.low) * 1000 < bucket.low + 1);
        next = bucket.high + 1;
    }
    assert_int_equal(seen, histogram.count_length);
    assert_true(next > histogram.highest);
    histogram_deinit(&histogram);
}

/* ---- percentiles ----------------------------------------------------------------------------- */

static void percentiles_are_worked_out(void **state) {
    static const struct {
        uint64_t from, to;
        double percent;
        uint64_t value;
    } cases[] = {
        {1, 1000, 0, 1},        {1, 1000, -5, 1},
        {1, 1000, 0.05, 1},     {1, 1000, 0.1, 1},
        {1, 1000, 0.11, 2},     {1, 1000, 50, 500},
        {1, 1000, 99, 990},     {1, 1000, 99.9, 999},
        {1, 1000, 99.91, 1000}, {1, 1000, 100, 1000},
        {1, 1000, 250, 1000},   {1, 3, 50, 2},
        {1, 4, 50, 2},          {1, 4, 50.1, 3},
        {1, 12, 10, 2},         {7, 7, 0, 7},
        {7, 7, 50, 7},          {7, 7, 100, 7},
        {0, 0, 50, 0},          {1, 10000, 50, 5003},
        {1, 10000, 100, 10000}, {1, 10000, 99.999, 10000},
        {0, 1, 50, 0},          {0, 1, 51, 1},
        {1, 100000, 1.1, 1100},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct histogram histogram;
        histogram_init(&histogram, 3600000000);
        for (uint64_t value = cases[i].from; value <= cases[i].to; value++)
            histogram_record(&histogram, value);
        assert_int_equal(histogram_percentile(&histogram, cases[i].percent), cases[i].value);
        histogram_deinit(&histogram);
    }
}

static void nan_asks_for_the_least(void **state) {
    struct histogram histogram;
    (void)state;
    histogram_init(&histogram, 100);
    histogram_record(&histogram, 3);
    histogram_record(&histogram, 4);
    assert_int_equal(histogram_percentile(&histogram, NAN), 3);
    assert_int_equal(histogram_percentile(&histogram, INFINITY), 4);
    histogram_deinit(&histogram);
}

/* ---- against a sorted array ------------------------------------------------------------------ */

enum { VALUES_MAX = 3000, HIGHEST = 3600000000u };

static uint64_t draw(unsigned kind) {
    double u = (double)(random_next() >> 11) / 9007199254740992.0;
    switch (kind % 7) {
    case 0:
        return random_next() % 100;
    case 1:
        return random_next() % HIGHEST;
    case 2:
        return (uint64_t)(-log(1 - u) * 20000); /* exponential */
    case 3:
        return (uint64_t)exp(u * 21); /* log-uniform up to 1.3e9 */
    case 4:
        return random_next() % 100 < 99 ? 1000 + random_next() % 50 : 3000000000u;
    case 5:
        return 2040 + random_next() % 16; /* where single units end */
    default:
        return (uint64_t)1 << random_next() % 32;
    }
}

static int by_value(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* The same value, or one that the histogram can't tell from it. */
static uint64_t end_of(uint64_t value) {
    uint64_t width = 1;
    while (value / width >= HISTOGRAM_SUB_BUCKETS)
        width *= 2;
    return value - value % width + width - 1;
}

static void assert_like_sorted(const struct histogram *histogram, const uint64_t *sorted,
                               size_t count) {
    static const double percents[] = {0.01, 1, 10, 25, 33.3, 50, 75, 90, 95, 99, 99.9, 99.99};
    long double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += sorted[i];
    long double mean = sum / (long double)count;
    for (size_t i = 0; i < count; i++)
        squares += (sorted[i] - mean) * (sorted[i] - mean);
    double deviation = (double)sqrtl(squares / (long double)count);
    assert_int_equal(histogram->total, count);
    assert_int_equal(histogram->min, sorted[0]);
    assert_int_equal(histogram->max, sorted[count - 1]);
    assert_true(fabs(histogram_mean(histogram) - (double)mean) <= (double)mean * 1e-12);
    assert_true(fabs(histogram_deviation(histogram) - deviation) <= (double)mean * 1e-6);
    for (size_t i = 0; i < COUNT(percents); i++) {
        size_t rank = (size_t)ceil(percents[i] * (double)count / 100 - 1e-9);
        uint64_t value = end_of(sorted[rank ? rank - 1 : 0]);
        uint64_t most = sorted[count - 1];
        assert_int_equal(histogram_percentile(histogram, percents[i]), value < most ? value : most);
    }
}

static void assert_counts_like_sorted(const struct histogram *histogram, const uint64_t *sorted,
                                      size_t count) {
    for (size_t i = 0; i < count; i += 37) {
        size_t below = i;
        uint64_t last = end_of(sorted[i]);
        while (below < count && sorted[below] <= last)
            below++;
        assert_int_equal(histogram_count_to(histogram, sorted[i]), below);
        assert_int_equal(histogram_count_to(histogram, last), below);
    }
    assert_int_equal(histogram_count_to(histogram, sorted[count - 1]), count);
    assert_int_equal(histogram_count_to(histogram, UINT64_MAX), count);
    if (sorted[0])
        assert_int_equal(histogram_count_to(histogram, sorted[0] - 1), 0);
}

/* Half of the values go through a second histogram, so that merging is held to the same figures. */
static void random_values_are_as_if_sorted(void **state) {
    static uint64_t values[VALUES_MAX];
    struct histogram whole, half;
    (void)state;
    histogram_init(&whole, HIGHEST);
    histogram_init(&half, HIGHEST);
    for (unsigned seed = 1; seed <= 140; seed++) {
        random_state = seed * UINT64_C(0x9e3779b97f4a7c15);
        size_t count = 1 + random_next() % VALUES_MAX;
        histogram_reset(&whole);
        histogram_reset(&half);
        for (size_t i = 0; i < count; i++) {
            values[i] = draw(seed);
            histogram_record(i % 2 ? &half : &whole, values[i]);
        }
        assert_true(histogram_merge(&whole, &half));
        qsort(values, count, sizeof *values, by_value);
        assert_like_sorted(&whole, values, count);
        assert_counts_like_sorted(&whole, values, count);
    }
    histogram_deinit(&whole);
    histogram_deinit(&half);
}

/* ---- merging --------------------------------------------------------------------------------- */

static void merging_is_recording_both(void **state) {
    struct histogram both, left, right;
    (void)state;
    histogram_init(&both, 1000000);
    histogram_init(&left, 1000000);
    histogram_init(&right, 1000000);
    random_state = 12345;
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t value = random_next() % 1100000;
        histogram_record(&both, value);
        histogram_record(i % 3 ? &left : &right, value);
    }
    assert_true(histogram_merge(&left, &right));
    assert_int_equal(left.total, both.total);
    assert_int_equal(left.min, both.min);
    assert_int_equal(left.max, both.max);
    assert_true(left.clipped > 0);
    assert_int_equal(left.clipped, both.clipped);
    /* Whole numbers below 2^53: their sums are exact in any order. */
    assert_true(left.sum == both.sum && left.sum_of_squares == both.sum_of_squares);
    assert_memory_equal(left.count, both.count, both.count_length * sizeof *both.count);
    histogram_deinit(&both);
    histogram_deinit(&left);
    histogram_deinit(&right);
}

static void merging_other_ranges_is_refused(void **state) {
    struct histogram one, other;
    (void)state;
    histogram_init(&one, 100);
    histogram_init(&other, 101);
    histogram_record(&other, 5);
    assert_false(histogram_merge(&one, &other));
    assert_int_equal(one.total, 0);
    assert_int_equal(one.min, UINT64_MAX);
    histogram_deinit(&one);
    histogram_deinit(&other);
}

static void merging_nothing_changes_nothing(void **state) {
    struct histogram one, empty;
    (void)state;
    histogram_init(&one, 100);
    histogram_init(&empty, 100);
    histogram_record(&one, 5);
    assert_true(histogram_merge(&one, &empty));
    assert_int_equal(one.total, 1);
    assert_int_equal(one.min, 5);
    assert_true(histogram_merge(&empty, &one));
    assert_int_equal(empty.min, 5);
    assert_int_equal(empty.max, 5);
    assert_true(histogram_merge(&one, &one));
    assert_int_equal(one.total, 2);
    assert_int_equal(histogram_count_to(&one, 5), 2);
    histogram_deinit(&one);
    histogram_deinit(&empty);
}

/* ---- edges ----------------------------------------------------------------------------------- */

static void nothing_recorded_is_zero(void **state) {
    struct histogram histogram;
    struct histogram_bucket bucket;
    uint32_t at = 0;
    (void)state;
    histogram_init(&histogram, 2);
    assert_int_equal(histogram_percentile(&histogram, 50), 0);
    assert_int_equal(histogram_percentile(&histogram, 100), 0);
    assert_true(histogram_mean(&histogram) == 0 && histogram_deviation(&histogram) == 0);
    assert_int_equal(histogram_count_to(&histogram, UINT64_MAX), 0);
    assert_false(histogram_next(&histogram, &at, &bucket));
    histogram_record_times(&histogram, 1, 0);
    assert_int_equal(histogram.total, 0);
    assert_int_equal(histogram.min, UINT64_MAX);
    histogram_deinit(&histogram);
}

static void larger_values_are_clipped(void **state) {
    struct histogram histogram;
    (void)state;
    histogram_init(&histogram, 5000);
    histogram_record(&histogram, 5000);
    assert_int_equal(histogram.clipped, 0);
    histogram_record(&histogram, 5001);
    histogram_record_times(&histogram, UINT64_MAX, 3);
    assert_int_equal(histogram.clipped, 4);
    assert_int_equal(histogram.total, 5);
    assert_int_equal(histogram.min, 5000);
    assert_int_equal(histogram.max, 5000);
    assert_int_equal(histogram_percentile(&histogram, 50), 5000);
    assert_true(histogram_mean(&histogram) == 5000 && histogram_deviation(&histogram) == 0);
    assert_int_equal(histogram_count_to(&histogram, 4999), 0);
    histogram_reset(&histogram);
    assert_int_equal(histogram.clipped, 0);
    assert_int_equal(histogram.total, 0);
    assert_int_equal(histogram.highest, 5000);
    histogram_deinit(&histogram);
}

static void largest_number_is_held(void **state) {
    struct histogram histogram;
    (void)state;
    histogram_init(&histogram, UINT64_MAX);
    histogram_record(&histogram, 0);
    histogram_record(&histogram, UINT64_MAX);
    assert_int_equal(histogram.clipped, 0);
    assert_int_equal(histogram_percentile(&histogram, 50), 0);
    assert_int_equal(histogram_percentile(&histogram, 51), UINT64_MAX);
    assert_int_equal(histogram_count_to(&histogram, 0), 1);
    assert_int_equal(histogram_count_to(&histogram, UINT64_MAX), 2);
    histogram_deinit(&histogram);
}

static void times_count_as_so_many_values(void **state) {
    struct histogram histogram;
    (void)state;
    histogram_init(&histogram, 100);
    histogram_record_times(&histogram, 10, UINT64_C(1) << 62);
    histogram_record_times(&histogram, 20, UINT64_C(1) << 62);
    assert_int_equal(histogram.total, UINT64_C(1) << 63);
    assert_int_equal(histogram_percentile(&histogram, 49), 10);
    assert_int_equal(histogram_percentile(&histogram, 51), 20);
    assert_int_equal(histogram_percentile(&histogram, 99.999999), 20);
    assert_true(histogram_mean(&histogram) == 15 && histogram_deviation(&histogram) == 5);
    histogram_deinit(&histogram);
}

/* Only the used places are looked at, so nothing may stay behind outside of what the next user
 * looks at: neither after values at both ends, nor after clipped ones, nor after a merge. */
static void reset_leaves_nothing_behind(void **state) {
    struct histogram one, other;
    (void)state;
    histogram_init(&one, 3600000000000);
    histogram_init(&other, 3600000000000);
    random_state = 99;
    for (unsigned round = 0; round < 200; round++) {
        unsigned count = (unsigned)(random_next() % 20);
        for (unsigned i = 0; i < count; i++)
            histogram_record(i % 2 ? &one : &other, random_next() >> (random_next() % 64));
        assert_true(histogram_merge(&one, &other));
        assert_int_equal(one.total, count);
        histogram_reset(&one);
        histogram_reset(&other);
        for (uint32_t i = 0; i < one.count_length; i++)
            assert_true(one.count[i] == 0 && other.count[i] == 0);
    }
    histogram_deinit(&one);
    histogram_deinit(&other);
}

/* One value, wherever it lies, is every percentile, and found by walking. */
static void one_value_is_found_wherever_it_lies(void **state) {
    struct histogram histogram;
    (void)state;
    histogram_init(&histogram, 3600000000000);
    for (uint64_t value = 0; value <= 3600000000000; value = value * 3 + 1) {
        struct histogram_bucket bucket;
        uint32_t at = 0;
        histogram_reset(&histogram);
        histogram_record_times(&histogram, value, 3);
        for (double percent = 0; percent <= 100; percent += 12.5)
            assert_int_equal(histogram_percentile(&histogram, percent), value);
        assert_int_equal(histogram_count_to(&histogram, value), 3);
        assert_true(histogram_next(&histogram, &at, &bucket));
        assert_true(bucket.low <= value && value <= bucket.high && bucket.count == 3);
        assert_false(histogram_next(&histogram, &at, &bucket));
    }
    histogram_deinit(&histogram);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_leaves_nothing_behind),
        cmocka_unit_test(one_value_is_found_wherever_it_lies),
        cmocka_unit_test(length_is_hdr_histograms),
        cmocka_unit_test(place_and_range_are_hdr_histograms),
        cmocka_unit_test(places_leave_no_gap),
        cmocka_unit_test(percentiles_are_worked_out),
        cmocka_unit_test(nan_asks_for_the_least),
        cmocka_unit_test(random_values_are_as_if_sorted),
        cmocka_unit_test(merging_is_recording_both),
        cmocka_unit_test(merging_other_ranges_is_refused),
        cmocka_unit_test(merging_nothing_changes_nothing),
        cmocka_unit_test(nothing_recorded_is_zero),
        cmocka_unit_test(larger_values_are_clipped),
        cmocka_unit_test(largest_number_is_held),
        cmocka_unit_test(times_count_as_so_many_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
