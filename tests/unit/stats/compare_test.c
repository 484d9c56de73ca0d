/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * compare_test.c: the verdicts of pairs. The error rate is counted over every toss of the coin that
 * there is, for pairs as ugly as they can be; then simulated blocks of known effect, in short forms of
 * the campaigns in docs/decisions/0011-ab-statistics.md.
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

#include "blocks.h"
#include "stats/compare.h"

/* cmocka compares floats. */
#define assert_near(value, expected, within) assert_true(fabs((value) - (expected)) <= (within))

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const struct compare_settings slower = {.scale = COMPARE_RATIO,
                                               .higher_is_worse = true,
                                               .confidence = 0.99,
                                               .family = 1,
                                               .min_effect = 0.05};

/* ---- by hand --------------------------------------------------------------------------------- */

/* Equal pairs have no scale, so that each is one toss. After n tosses to one side the wealth at "no
 * change" is the mean over the bets 0.1 * sqrt(2)^k, k from 0 to 10, of cosh(bet n) / cosh(bet)^n:
 * 6.57 for 5, 11.90 for 6, 77.9 for 9, 148.6 for 10. It must reach 1 / alpha. */
static void pairs_until_excluded(double confidence, unsigned family, size_t expected) {
    struct compare compare;
    struct compare_settings settings = slower;
    settings.confidence = confidence;
    settings.family = family;
    assert_true(compare_init(&compare, &settings, 20));
    for (size_t i = 1; i <= 20; i++) {
        assert_true(compare_add(&compare, 100, 110));
        enum compare_verdict verdict = compare_judge(&compare).verdict;
        assert_int_equal(verdict, i < expected ? COMPARE_INCONCLUSIVE : COMPARE_REGRESSED);
    }
    assert_false(compare_add(&compare, 100, 110));
    compare_deinit(&compare);
}

static void tosses_to_one_side_add_up(void **state) {
    (void)state;
    pairs_until_excluded(0.99, 1, 10);
    pairs_until_excluded(0.9, 1, 6);
    pairs_until_excluded(0.9, 9, 10);
}

static void equal_servers_are_the_same(void **state) {
    struct compare compare;
    struct compare_result result;
    (void)state;
    assert_true(compare_init(&compare, &slower, 40));
    for (size_t i = 0; i < 40; i++)
        compare_add(&compare, 100 + (double)i, 100 + (double)i);
    result = compare_judge(&compare);
    assert_int_equal(result.verdict, COMPARE_SAME);
    assert_int_equal(result.samples, 40);
    assert_near(result.change, 1, 0);
    assert_near(result.low, 1, 1e-9);
    assert_near(result.high, 1, 1e-9);
    compare_deinit(&compare);
}

static void nothing_is_inconclusive(void **state) {
    struct compare compare;
    (void)state;
    assert_true(compare_init(&compare, &slower, 3));
    assert_false(compare_add(&compare, NAN, 1));
    assert_false(compare_add(&compare, 1, NAN));
    assert_false(compare_add(&compare, 0, 0));
    assert_false(compare_add(&compare, -1, 1));
    assert_false(compare_add(&compare, INFINITY, INFINITY));
    struct compare_result result = compare_judge(&compare);
    assert_int_equal(result.verdict, COMPARE_INCONCLUSIVE);
    assert_int_equal(result.samples, 0);
    assert_true(result.low == 0 && isinf(result.high));
    assert_true(compare_add(&compare, 1, 2));
    result = compare_judge(&compare);
    assert_near(result.change, 2, 1e-12);
    assert_true(result.low == 0 && isinf(result.high));
    compare_deinit(&compare);
}

/* A server that has stopped to answer has a throughput of 0. */
static void no_throughput_is_a_regression(void **state) {
    struct compare compare;
    struct compare_settings settings = slower;
    (void)state;
    settings.higher_is_worse = false;
    assert_true(compare_init(&compare, &settings, 20));
    for (size_t i = 0; i < 20; i++)
        assert_true(compare_add(&compare, 1000, 0));
    struct compare_result result = compare_judge(&compare);
    assert_int_equal(result.verdict, COMPARE_REGRESSED);
    assert_true(result.change < 1e-6 && result.high < 1e-6);
    compare_deinit(&compare);
}

static void names_are_the_contracts(void **state) {
    (void)state;
    assert_string_equal(compare_verdict_name(COMPARE_REGRESSED), "regressed");
    assert_string_equal(compare_verdict_name(COMPARE_IMPROVED), "improved");
    assert_string_equal(compare_verdict_name(COMPARE_SAME), "same");
    assert_string_equal(compare_verdict_name(COMPARE_INCONCLUSIVE), "inconclusive");
}

/* ---- min_effect ------------------------------------------------------------------------------ */

static void verdicts_follow_from_the_interval(void **state) {
    static const struct {
        double change, low, high;
        enum compare_verdict verdict;
    } cases[] = {
        {1.00, 0.96, 1.04, COMPARE_SAME},         {1.02, 1.01, 1.04, COMPARE_SAME},
        {1.02, 0.99, 1.06, COMPARE_INCONCLUSIVE}, {1.10, 0.99, 1.20, COMPARE_INCONCLUSIVE},
        {1.05, 1.001, 1.1, COMPARE_REGRESSED},    {1.20, 1.10, 1.30, COMPARE_REGRESSED},
        {1.03, 1.01, 1.06, COMPARE_INCONCLUSIVE}, {1.038, 1.01, 1.06, COMPARE_REGRESSED},
        {1 / 1.05, 0.9, 0.99, COMPARE_IMPROVED},  {1 / 1.03, 0.94, 0.99, COMPARE_INCONCLUSIVE},
    };
    struct compare_settings faster = slower, any = slower;
    (void)state;
    faster.higher_is_worse = false;
    any.min_effect = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        double change = log(cases[i].change), low = log(cases[i].low), high = log(cases[i].high);
        enum compare_verdict verdict = cases[i].verdict, mirrored = verdict;
        if (verdict == COMPARE_REGRESSED || verdict == COMPARE_IMPROVED)
            mirrored = verdict == COMPARE_REGRESSED ? COMPARE_IMPROVED : COMPARE_REGRESSED;
        assert_int_equal(compare_conclude(&slower, change, low, high, 9).verdict, verdict);
        assert_int_equal(compare_conclude(&faster, change, low, high, 9).verdict, mirrored);
        assert_int_equal(compare_conclude(&slower, -change, -high, -low, 9).verdict, mirrored);
        assert_int_not_equal(compare_conclude(&any, change, low, high, 9).verdict, COMPARE_SAME);
    }
}

/* ---- the error rate, exactly ----------------------------------------------------------------- */

enum { TOSSED_PAIRS = 9 };

/* Whether a run with these pairs, in the order of blocks that the bits of `tosses` say, ends with a
 * verdict when it is looked at after each pair. */
static bool is_blamed(const struct compare_settings *settings, const double pair[][2],
                      unsigned tosses) {
    struct compare compare;
    bool blamed = false;
    assert_true(compare_init(&compare, settings, TOSSED_PAIRS));
    for (size_t i = 0; i < TOSSED_PAIRS && !blamed; i++) {
        size_t b = tosses >> i & 1;
        compare_add(&compare, pair[i][1 - b], pair[i][b]);
        enum compare_verdict verdict = compare_judge(&compare).verdict;
        blamed = verdict == COMPARE_REGRESSED || verdict == COMPARE_IMPROVED;
    }
    compare_deinit(&compare);
    return blamed;
}

/* With the same server twice, of all 2^9 runs at most one in ten may end with a verdict. */
static void error_rate_holds_for_every_machine(void **state) {
    static const double machines[][TOSSED_PAIRS][2] = {
        {{1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}},
        {{1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}, {7, 8}, {8, 9}, {9, 10}},
        {{1, 1.01}, {1, 1.02}, {1, 1e9}, {1, 0.99}, {1, 1e-9}, {1, 1.3}, {5, 4}, {1, 0}, {2, 3}},
        {{1, 1.001}, {1, 1.01}, {1, 1.1}, {1, 2}, {1, 4}, {1, 16}, {1, 1e3}, {1, 1e5}, {1, 1e7}},
    };
    struct compare_settings settings = slower;
    (void)state;
    settings.confidence = 0.9;
    settings.min_effect = 0;
    for (size_t machine = 0; machine < COUNT(machines); machine++) {
        unsigned blamed = 0;
        for (unsigned tosses = 0; tosses < 1U << TOSSED_PAIRS; tosses++)
            blamed += is_blamed(&settings, machines[machine], tosses);
        assert_true(blamed > 0); /* a test that never decides holds any rate */
        assert_true(blamed * 10 <= 1U << TOSSED_PAIRS);
    }
}

/* ---- simulated blocks ------------------------------------------------------------------------ */

/* Block to block 8 %: half of the variance is the block's own, half the machine's. */
static const struct block_model noisy = {
    .factor = 1, .own = 0.0566, .machine = 0.0566, .memory = 0.5, .outliers = 0.02, .drift = 0.2};

struct tally {
    size_t verdict[COMPARE_INCONCLUSIVE + 1];
};

/* Runs that end with their first verdict or after `pairs`. */
static struct tally campaign(const struct block_model *model,
                             const struct compare_settings *settings, size_t pairs, size_t runs) {
    struct tally tally = {0};
    for (size_t run = 0; run < runs; run++) {
        enum compare_verdict verdict = COMPARE_INCONCLUSIVE;
        struct compare compare;
        struct blocks blocks;
        assert_true(compare_init(&compare, settings, pairs));
        blocks_begin(&blocks, model, pairs, 7919 * run + 1);
        for (size_t i = 0; i < pairs && verdict == COMPARE_INCONCLUSIVE; i++) {
            double a, b;
            blocks_pair(&blocks, &a, &b);
            compare_add(&compare, a, b);
            verdict = compare_judge(&compare).verdict;
        }
        tally.verdict[verdict]++;
        compare_deinit(&compare);
    }
    return tally;
}

/* Blocks of 100 ms: 10 s are 50 pairs. */
static void same_server_twice_is_not_blamed(void **state) {
    struct block_model models[] = {noisy, noisy, noisy};
    (void)state;
    models[1].heavy = true;
    models[2].restless = true;
    for (size_t i = 0; i < COUNT(models); i++) {
        struct tally tally = campaign(&models[i], &slower, 50, 100);
        assert_true(tally.verdict[COMPARE_REGRESSED] + tally.verdict[COMPARE_IMPROVED] <= 1);
    }
}

static void calm_machine_says_same(void **state) {
    struct block_model model = noisy;
    (void)state;
    model.own = model.machine = 0.0212;
    assert_true(campaign(&model, &slower, 50, 100).verdict[COMPARE_SAME] >= 99);
}

static void five_percent_are_found_in_thirty_seconds(void **state) {
    struct compare_settings settings = slower;
    struct block_model model = noisy;
    (void)state;
    model.factor = 1.05;
    assert_true(campaign(&model, &settings, 150, 60).verdict[COMPARE_REGRESSED] >= 57);
    settings.min_effect = 0.02;
    settings.family = 6;
    assert_true(campaign(&model, &settings, 150, 60).verdict[COMPARE_REGRESSED] >= 57);
    model.factor = 1 / 1.05;
    assert_true(campaign(&model, &settings, 150, 60).verdict[COMPARE_IMPROVED] >= 57);
}

static void twenty_percent_are_found_in_five_seconds(void **state) {
    struct block_model model = noisy;
    (void)state;
    model.factor = 1.2;
    assert_true(campaign(&model, &slower, 25, 100).verdict[COMPARE_REGRESSED] >= 95);
}

/* The interval after 100 pairs, looked at once, holds what is true. */
static void interval_holds_the_truth(void **state) {
    struct block_model model = noisy;
    struct compare_settings settings = slower;
    size_t missed = 0;
    double width = 0;
    (void)state;
    model.factor = 1.1;
    settings.confidence = 0.9;
    for (size_t run = 0; run < 200; run++) {
        struct compare compare;
        struct blocks blocks;
        assert_true(compare_init(&compare, &settings, 100));
        blocks_begin(&blocks, &model, 100, run);
        for (size_t i = 0; i < 100; i++) {
            double a, b;
            blocks_pair(&blocks, &a, &b);
            compare_add(&compare, a, b);
        }
        struct compare_result result = compare_judge(&compare);
        assert_true(result.low <= result.change && result.change <= result.high);
        missed += result.low > 1.1 || result.high < 1.1;
        width += (result.high - result.low) / 200;
        compare_deinit(&compare);
    }
    assert_true(missed <= 20);
    assert_true(width < 0.08);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static const struct compare_settings errors = {.scale = COMPARE_DIFFERENCE,
                                               .higher_is_worse = true,
                                               .confidence = 0.99,
                                               .family = 1,
                                               .min_effect = 0.001};

static struct compare_result with_errors(size_t every, double share) {
    struct compare compare;
    assert_true(compare_init(&compare, &errors, 200));
    for (size_t i = 0; i < 200; i++)
        compare_add(&compare, 0, i % every == every - 1 ? share : 0);
    struct compare_result result = compare_judge(&compare);
    compare_deinit(&compare);
    return result;
}

static void errors_are_not_outliers(void **state) {
    (void)state;
    struct compare_result none = with_errors(1000, 0.1), one = with_errors(150, 0.5),
                          many = with_errors(8, 0.02);
    assert_int_equal(none.verdict, COMPARE_SAME);
    assert_near(none.change, 0, 0);
    /* One bad moment of one server in 200 pairs: what the mean says is not small, and proves nothing. */
    assert_int_equal(one.verdict, COMPARE_INCONCLUSIVE);
    assert_near(one.change, 0.0025, 1e-12);
    assert_int_equal(many.verdict, COMPARE_REGRESSED);
    assert_near(many.change, 0.0025, 1e-12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tosses_to_one_side_add_up),
        cmocka_unit_test(equal_servers_are_the_same),
        cmocka_unit_test(nothing_is_inconclusive),
        cmocka_unit_test(no_throughput_is_a_regression),
        cmocka_unit_test(names_are_the_contracts),
        cmocka_unit_test(verdicts_follow_from_the_interval),
        cmocka_unit_test(error_rate_holds_for_every_machine),
        cmocka_unit_test(same_server_twice_is_not_blamed),
        cmocka_unit_test(calm_machine_says_same),
        cmocka_unit_test(five_percent_are_found_in_thirty_seconds),
        cmocka_unit_test(twenty_percent_are_found_in_five_seconds),
        cmocka_unit_test(interval_holds_the_truth),
        cmocka_unit_test(errors_are_not_outliers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
