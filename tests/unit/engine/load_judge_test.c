/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_judge_test.c: how a run of two sides is cut, tossed and judged, and when what was measured says more of the
 * generator than of the server. Pure parts; blocks are made up.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <math.h>
#include <string.h>

#include "engine_load.h"

static struct rf_load_settings settings;
static struct random noise;

static int set_up(void **state) {
    (void)state;
    rf_load_settings_init(&settings);
    random_seed(&noise, 1);
    return 0;
}

/* ---- cutting ------------------------------------------------------------------------------------------- */

static void blocks_hold_a_hundred_requests(void **state) {
    (void)state;
    settings.duration_s = 60;
    assert_int_equal(load_block_length(&settings, 50000), 100 * NS_PER_MS);
    assert_int_equal(load_block_length(&settings, 0), 100 * NS_PER_MS);
    assert_int_equal(load_block_length(&settings, 500), 200 * NS_PER_MS);
    settings.block_s = 0.03;
    assert_int_equal(load_block_length(&settings, 500), 30 * NS_PER_MS);
}

static void thirteen_pairs_fit_into_any_run(void **state) {
    static const double durations[] = {0.5, 1, 5, 10, 60};
    (void)state;
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        settings.duration_s = durations[i];
        uint64_t block_ns = load_block_length(&settings, 1);
        assert_true(26 * (double)block_ns < durations[i] * 1e9);
        assert_true(load_pairs_max(&settings, block_ns) >= 13);
    }
    settings.duration_s = 1e6;
    uint64_t block_ns = load_block_length(&settings, 1e5);
    assert_true(load_pairs_max(&settings, block_ns) <= LOAD_SERIES_MAX);
    assert_true(2 * (double)block_ns * LOAD_SERIES_MAX >= 0.999e15);
}

static void the_coin_is_fair_and_seeded(void **state) {
    enum { PAIRS = 10000 };
    struct load_turns turns, again, other;
    unsigned heads = 0, repeats = 0, differ = 0;
    uint8_t before = 0;
    (void)state;
    load_turns_init(&turns, 42);
    load_turns_init(&again, 42);
    load_turns_init(&other, 43);
    for (unsigned i = 0; i < PAIRS; i++) {
        uint8_t first = load_turns_next(&turns), second = load_turns_next(&turns);
        assert_int_equal(first + second, 1);
        assert_int_equal(load_turns_next(&again), first);
        assert_int_equal(load_turns_next(&again), second);
        differ += load_turns_next(&other) != first;
        load_turns_next(&other);
        heads += first;
        repeats += first == before;
        before = first;
    }
    /* Five standard deviations. */
    assert_in_range(heads, PAIRS / 2 - 250, PAIRS / 2 + 250);
    assert_in_range(repeats, PAIRS / 2 - 250, PAIRS / 2 + 250);
    assert_in_range(differ, PAIRS / 2 - 250, PAIRS / 2 + 250);
}

/* ---- judging ------------------------------------------------------------------------------------------- */

/* A block of a server that takes `factor` times as long as a good one, with 2% of noise. */
static struct rf_load_block block_of(double factor, uint64_t errors) {
    double wobble = factor * (0.98 + 0.04 * random_unit(&noise));
    return (struct rf_load_block){.length_s = 0.1,
                                  .requests = 1000,
                                  .errors = errors,
                                  .rps = 10000 / wobble,
                                  .mean_ns = 1e6 * wobble,
                                  .p50_ns = 0.9e6 * wobble,
                                  .p90_ns = 2e6 * wobble,
                                  .p99_ns = 3e6 * wobble,
                                  .error_share = (double)errors / 1000};
}

struct judged {
    struct rf_comparison comparison;
    unsigned pairs;
};

enum { PAIRS_MAX = 100 };

/* Looks after every pair, as a run does. */
static struct judged judge(double factor, uint64_t errors) {
    static struct rf_load_block a[PAIRS_MAX], b[PAIRS_MAX];
    struct load_compare compare;
    struct judged result = {.pairs = 0};
    assert_true(load_compare_init(&compare, &settings, PAIRS_MAX, PAIRS_MAX));
    do {
        a[result.pairs] = block_of(1, 0);
        b[result.pairs] = block_of(factor, errors);
        load_compare_add(&compare, &a[result.pairs], &b[result.pairs]);
        result.pairs++;
        load_compare_look(&compare, (struct load_series_of){a, result.pairs},
                          (struct load_series_of){b, result.pairs});
    } while (!load_compare_is_decided(&compare) && result.pairs < PAIRS_MAX);
    result.comparison = compare.comparison;
    load_compare_deinit(&compare);
    return result;
}

static void slower_is_found_early(void **state) {
    (void)state;
    struct judged judged = judge(1.3, 0);
    assert_int_equal(judged.comparison.verdict, RF_CHANGE_REGRESSED);
    assert_in_range(judged.pairs, 10, 20);
    assert_int_equal(judged.comparison.metric[RF_METRIC_RPS].verdict, RF_CHANGE_REGRESSED);
    assert_true(judged.comparison.metric[RF_METRIC_RPS].change < 0.8);
    assert_true(judged.comparison.metric[RF_METRIC_P99].change > 1.25);
    assert_true(fabs(judged.comparison.metric[RF_METRIC_MEAN].a - 1e6) < 3e4);
    assert_true(fabs(judged.comparison.metric[RF_METRIC_MEAN].b - 1.3e6) < 4e4);
    assert_int_equal(judged.comparison.metric[RF_METRIC_RPS].samples, judged.pairs);
    assert_null(judged.comparison.reason);
}

static void faster_is_an_improvement(void **state) {
    (void)state;
    settings.judged = 1U << RF_METRIC_RPS | 1U << RF_METRIC_P99;
    struct judged judged = judge(0.7, 0);
    assert_int_equal(judged.comparison.verdict, RF_CHANGE_IMPROVED);
    assert_true(judged.comparison.metric[RF_METRIC_RPS].judged);
    assert_false(judged.comparison.metric[RF_METRIC_MEAN].judged);
    assert_int_equal(judged.comparison.metric[RF_METRIC_MEAN].verdict, RF_CHANGE_IMPROVED);
}

static void equal_is_the_same(void **state) {
    (void)state;
    struct judged judged = judge(1, 0);
    assert_int_equal(judged.comparison.verdict, RF_CHANGE_SAME);
    assert_true(judged.pairs < PAIRS_MAX);
}

static void errors_are_a_difference(void **state) {
    (void)state;
    settings.judged = 1U << RF_METRIC_ERRORS;
    struct judged judged = judge(1, 200);
    assert_int_equal(judged.comparison.verdict, RF_CHANGE_REGRESSED);
    assert_true(judged.comparison.metric[RF_METRIC_ERRORS].a == 0);
    assert_true(fabs(judged.comparison.metric[RF_METRIC_ERRORS].b - 0.2) < 1e-9);
    assert_true(fabs(judged.comparison.metric[RF_METRIC_ERRORS].change - 0.2) < 1e-6);
    assert_int_equal(judge(1, 10).comparison.verdict, RF_CHANGE_REGRESSED); /* 1 point */
    assert_int_equal(judge(1, 1).comparison.verdict, RF_CHANGE_SAME);       /* a tenth of one */
}

static void too_little_is_inconclusive_with_a_reason(void **state) {
    struct load_compare compare;
    struct rf_load_block a = block_of(1, 0), b = block_of(2, 0);
    (void)state;
    assert_true(load_compare_init(&compare, &settings, 10, 10));
    assert_false(load_compare_is_decided(&compare));
    assert_int_equal(compare.comparison.verdict, RF_CHANGE_INCONCLUSIVE);
    load_compare_look(&compare, (struct load_series_of){NULL, 0}, (struct load_series_of){NULL, 0});
    assert_non_null(compare.comparison.reason);
    load_compare_add(&compare, &a, &b);
    load_compare_look(&compare, (struct load_series_of){&a, 1}, (struct load_series_of){&b, 1});
    assert_int_equal(compare.comparison.verdict, RF_CHANGE_INCONCLUSIVE);
    assert_non_null(strstr(compare.comparison.reason, "too few"));
    b.mean_ns = b.p50_ns = b.p90_ns = b.p99_ns = NAN;
    load_compare_look(&compare, (struct load_series_of){&a, 1}, (struct load_series_of){&b, 1});
    assert_non_null(strstr(compare.comparison.reason, "success"));
    load_compare_deinit(&compare);
}

static void two_runs_are_compared_by_their_blocks(void **state) {
    enum { COUNT = 100 };
    static struct rf_load_block a[COUNT], same[COUNT], slower[COUNT];
    struct rf_comparison comparison;
    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        a[i] = block_of(1, 0);
        same[i] = block_of(1, 0);
        slower[i] = block_of(1.3, 0);
    }
    assert_true(rf_compare_blocks(a, COUNT, slower, COUNT, &settings, &comparison));
    assert_int_equal(comparison.verdict, RF_CHANGE_REGRESSED);
    assert_true(fabs(comparison.metric[RF_METRIC_MEAN].change - 1.3) < 0.05);
    assert_true(rf_compare_blocks(a, COUNT, same, COUNT, &settings, &comparison));
    assert_int_not_equal(comparison.verdict, RF_CHANGE_REGRESSED);
    assert_int_not_equal(comparison.verdict, RF_CHANGE_IMPROVED);
    assert_true(rf_compare_blocks(a, COUNT, NULL, 0, &settings, &comparison));
    assert_int_equal(comparison.verdict, RF_CHANGE_INCONCLUSIVE);
    assert_non_null(comparison.reason);
}

/* Nobody knows by how much two runs differ anyway, but of errors it is a tenth of that, as it is of what counts. */
static void errors_of_two_runs_are_told_apart_finer(void **state) {
    enum { COUNT = 100 };
    static struct rf_load_block a[COUNT], same[COUNT], failing[COUNT];
    struct rf_comparison comparison;
    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        a[i] = block_of(1, 0);
        same[i] = block_of(1, 0);
        failing[i] = block_of(1, 20); /* 2 points */
    }
    settings.min_effect = 0.15;
    assert_true(rf_compare_blocks(a, COUNT, same, COUNT, &settings, &comparison));
    assert_int_equal(comparison.metric[RF_METRIC_ERRORS].verdict, RF_CHANGE_SAME);
    assert_int_equal(comparison.verdict, RF_CHANGE_SAME);
    assert_true(rf_compare_blocks(a, COUNT, failing, COUNT, &settings, &comparison));
    assert_int_equal(comparison.metric[RF_METRIC_ERRORS].verdict, RF_CHANGE_REGRESSED);
}

/* Of ten to thirty-nine blocks there are medians, but no batches. */
static void short_runs_are_told_apart_from_equal_ones(void **state) {
    enum { COUNT = 40 };
    static struct rf_load_block a[COUNT], b[COUNT];
    struct rf_comparison comparison;
    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        a[i] = block_of(1, 0);
        b[i] = block_of(2, 1000);
    }
    assert_true(rf_compare_blocks(a, COUNT - 1, b, COUNT, &settings, &comparison));
    assert_int_equal(comparison.verdict, RF_CHANGE_INCONCLUSIVE);
    assert_non_null(comparison.reason);
    assert_non_null(strstr(comparison.reason, "40 blocks"));
    assert_int_equal(comparison.metric[RF_METRIC_MEAN].samples, 0);
    assert_true(fabs(comparison.metric[RF_METRIC_MEAN].change - 2) < 0.1);
    assert_true(comparison.metric[RF_METRIC_MEAN].low == 0);
    assert_true(isinf(comparison.metric[RF_METRIC_MEAN].high));
    assert_true(comparison.metric[RF_METRIC_ERRORS].change == 1);
    for (unsigned i = 0; i < COUNT; i++)
        b[i].mean_ns = NAN;
    assert_true(rf_compare_blocks(a, COUNT - 1, b, COUNT, &settings, &comparison));
    assert_true(isnan(comparison.metric[RF_METRIC_MEAN].change));
    assert_true(rf_compare_blocks(a, COUNT, b, COUNT, &settings, &comparison));
    assert_int_equal(comparison.metric[RF_METRIC_RPS].samples, 20);
}

static void names_are_those_of_the_command_line(void **state) {
    (void)state;
    assert_string_equal(rf_metric_name(RF_METRIC_RPS), "rps");
    assert_string_equal(rf_metric_name(RF_METRIC_ERRORS), "errors");
    assert_string_equal(rf_metric_name((enum rf_metric)99), "");
    assert_string_equal(rf_change_name(RF_CHANGE_REGRESSED), "regressed");
    assert_string_equal(rf_change_name(RF_CHANGE_INCONCLUSIVE), "inconclusive");
    assert_string_equal(rf_change_name((enum rf_change)99), "");
}

/* ---- the schedule ---------------------------------------------------------------------------------------- */

static bool slipped(const struct histogram *slip, double rps, uint64_t requests, bool poisson) {
    struct load_schedule_facts facts = {.slip = slip,
                                        .rps_scheduled = rps,
                                        .seconds = 10,
                                        .requests = requests,
                                        .whole = true,
                                        .poisson = poisson};
    return load_schedule_slipped(&facts);
}

static void a_schedule_that_slipped_is_told(void **state) {
    struct histogram slip;
    (void)state;
    histogram_init(&slip, LOAD_HIGHEST_NS);
    histogram_record_times(&slip, 100000, 9900);
    histogram_record_times(&slip, 5000000, 99);
    assert_false(slipped(&slip, 1000, 10000, false)); /* 0.99% were late */
    histogram_record_times(&slip, 5000000, 3);
    assert_true(slipped(&slip, 1000, 10000, false)); /* more than 1% */
    assert_false(slipped(&slip, 10, 100, false));    /* 5 ms are little of 100 */
    histogram_reset(&slip);
    assert_false(slipped(&slip, 1000, 9801, false));
    assert_true(slipped(&slip, 1000, 9799, false)); /* the rate was missed by 2% */
    assert_false(slipped(&slip, 10, 95, true));     /* as chance has it */
    assert_true(slipped(&slip, 1000, 9500, true));
    histogram_deinit(&slip);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_hold_a_hundred_requests),
        cmocka_unit_test_setup(thirteen_pairs_fit_into_any_run, set_up),
        cmocka_unit_test(the_coin_is_fair_and_seeded),
        cmocka_unit_test_setup(slower_is_found_early, set_up),
        cmocka_unit_test_setup(faster_is_an_improvement, set_up),
        cmocka_unit_test_setup(equal_is_the_same, set_up),
        cmocka_unit_test_setup(errors_are_a_difference, set_up),
        cmocka_unit_test_setup(too_little_is_inconclusive_with_a_reason, set_up),
        cmocka_unit_test_setup(two_runs_are_compared_by_their_blocks, set_up),
        cmocka_unit_test_setup(errors_of_two_runs_are_told_apart_finer, set_up),
        cmocka_unit_test_setup(short_runs_are_told_apart_from_equal_ones, set_up),
        cmocka_unit_test(names_are_those_of_the_command_line),
        cmocka_unit_test(a_schedule_that_slipped_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
