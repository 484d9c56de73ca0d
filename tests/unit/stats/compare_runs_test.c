/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * compare_runs_test.c: a run against a saved one. Welch's interval against Student's own data (The
 * probable error of a mean, 1908: hours of sleep gained by two drugs), for which R's documentation of
 * t.test prints the result; then simulated runs of known effect.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <math.h>

#include "blocks.h"
#include "stats/compare.h"

/* cmocka compares floats. */
#define assert_near(value, expected, within) assert_true(fabs((value) - (expected)) <= (within))

enum { BLOCKS = 100 };

static const struct compare_settings slower = {.scale = COMPARE_RATIO,
                                               .higher_is_worse = true,
                                               .confidence = 0.99,
                                               .family = 1,
                                               .min_effect = 0.05};
static const struct block_model noisy = {
    .factor = 1, .own = 0.0566, .machine = 0.0566, .memory = 0.5, .outliers = 0.02, .drift = 0.2};

static struct compare_mean mean_of(const double *value, size_t count) {
    struct compare_mean mean = {.count = count};
    for (size_t i = 0; i < count; i++)
        mean.mean += value[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        mean.variance += (value[i] - mean.mean) * (value[i] - mean.mean) / (double)(count - 1);
    return mean;
}

static void sleep_is_as_printed(void **state) {
    static const double one[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
    static const double two[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
    struct compare_welch welch = compare_welch(mean_of(one, 10), mean_of(two, 10), 0, 0.95);
    (void)state;
    assert_near(welch.difference, 2.33 - 0.75, 1e-12);
    assert_near(welch.freedom, 17.776, 0.0005);
    assert_near(welch.low, -0.2054832, 1e-7);
    assert_near(welch.high, 3.3654832, 1e-7);
}

static void known_variance_widens(void **state) {
    struct compare_mean mean = {0, 0, 10}, other = {1, 0, 10};
    struct compare_welch welch = compare_welch(mean, other, 0.04, 0.99);
    (void)state;
    assert_near(welch.low, 1 - 0.2 * 2.575829, 1e-5);
    welch = compare_welch(mean, other, 0, 0.99);
    assert_true(welch.low == 1 && welch.high == 1);
}

static enum compare_verdict verdict_of(const struct compare_settings *settings, double factor,
                                       double between, size_t count, uint64_t seed) {
    struct block_model model = noisy;
    struct compare_result result;
    struct blocks blocks;
    double a[BLOCKS], b[BLOCKS];
    model.factor = factor;
    blocks_begin(&blocks, &model, BLOCKS, seed);
    for (size_t i = 0; i < count; i++)
        a[i] = blocks_single(&blocks, false);
    /* Another day: the machine is a little faster or slower throughout. */
    blocks_begin(&blocks, &model, BLOCKS, ~seed);
    double day = exp(between * M_SQRT2 * blocks_normal(&blocks.random));
    for (size_t i = 0; i < count; i++)
        b[i] = day * blocks_single(&blocks, true);
    assert_true(compare_runs(settings, COMPARE_BETWEEN_RUNS, (struct compare_blocks){a, count},
                             (struct compare_blocks){b, count}, &result));
    assert_true(result.low <= result.change && result.change <= result.high);
    return result.verdict;
}

static void same_server_is_not_blamed(void **state) {
    size_t blamed = 0;
    (void)state;
    for (uint64_t run = 0; run < 300; run++) {
        enum compare_verdict verdict = verdict_of(&slower, 1, 0.02, BLOCKS, run);
        blamed += verdict == COMPARE_REGRESSED || verdict == COMPARE_IMPROVED;
    }
    assert_true(blamed <= 3);
}

static void thirty_percent_are_found(void **state) {
    size_t found = 0;
    (void)state;
    for (uint64_t run = 0; run < 100; run++)
        found += verdict_of(&slower, 1.3, 0.02, BLOCKS, run) == COMPARE_REGRESSED;
    assert_true(found >= 95);
}

static void few_blocks_decide_nothing(void **state) {
    (void)state;
    assert_int_equal(verdict_of(&slower, 5, 0, 39, 1), COMPARE_INCONCLUSIVE);
    assert_int_equal(verdict_of(&slower, 5, 0, 40, 1), COMPARE_REGRESSED);
    assert_int_equal(verdict_of(&slower, 5, 0, 0, 1), COMPARE_INCONCLUSIVE);
}

static void silent_blocks_are_left_out_or_decide_nothing(void **state) {
    double a[BLOCKS], b[BLOCKS];
    struct compare_result result;
    struct compare_blocks of_a = {a, BLOCKS}, of_b = {b, BLOCKS};
    (void)state;
    for (size_t i = 0; i < BLOCKS; i++) {
        a[i] = 100 + (double)(i % 3);
        b[i] = i % 4 ? 3 * a[i] : NAN;
    }
    assert_true(compare_runs(&slower, 0, of_a, of_b, &result));
    assert_int_equal(result.verdict, COMPARE_REGRESSED);
    for (size_t i = 0; i < BLOCKS; i++)
        b[i] = 0;
    assert_true(compare_runs(&slower, 0, of_a, of_b, &result));
    assert_int_equal(result.verdict, COMPARE_INCONCLUSIVE);
    assert_true(isinf(result.high));
}

static void errors_count_as_a_difference(void **state) {
    static const struct compare_settings errors = {.scale = COMPARE_DIFFERENCE,
                                                   .higher_is_worse = true,
                                                   .confidence = 0.99,
                                                   .family = 1,
                                                   .min_effect = 0.001};
    double a[BLOCKS] = {0}, b[BLOCKS] = {0};
    struct compare_result result;
    struct compare_blocks of_a = {a, BLOCKS}, of_b = {b, BLOCKS};
    (void)state;
    assert_true(compare_runs(&errors, 0, of_a, of_b, &result));
    assert_int_equal(result.verdict, COMPARE_SAME);
    for (size_t i = 0; i < BLOCKS; i++)
        b[i] = i % 4 ? 0 : 0.02 + 0.001 * (double)(i % 5);
    assert_true(compare_runs(&errors, 0, of_a, of_b, &result));
    assert_int_equal(result.verdict, COMPARE_REGRESSED);
    assert_true(result.low > 0.003 && result.high < 0.008);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sleep_is_as_printed),
        cmocka_unit_test(known_variance_widens),
        cmocka_unit_test(same_server_is_not_blamed),
        cmocka_unit_test(thirty_percent_are_found),
        cmocka_unit_test(few_blocks_decide_nothing),
        cmocka_unit_test(silent_blocks_are_left_out_or_decide_nothing),
        cmocka_unit_test(errors_count_as_a_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
