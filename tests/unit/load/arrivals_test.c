/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * arrivals_test.c: schedules against what they should be: closed forms over hours, ramps against numerical integration, several workers
 * against one, Poisson arrivals by their moments.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "load/arrivals.h"

enum { WORKERS_MAX = 7 };

static const struct ramp_part hill[] = {{2, 100}, {3, 1000}, {0, 200}, {4, 200}, {5, 0}, {1, 0}};
enum { HILL_PARTS = sizeof hill / sizeof *hill };
static const struct ramp_part from_zero[] = {{1, 0}, {10, 500}, {0.5, 0}};
enum { FROM_ZERO_PARTS = sizeof from_zero / sizeof *from_zero };

static struct arrivals of(struct arrivals_options options) {
    struct arrivals arrivals;
    if (!options.workers)
        options.workers = 1;
    arrivals_init(&arrivals, &options);
    return arrivals;
}

/* ---- constant -------------------------------------------------------------------------------------- */

/* Three hours at 9,973 a second, which divides nothing. */
static void test_constant_has_no_drift(void **state) {
    (void)state;
    struct arrivals arrivals = of((struct arrivals_options){.rate = 9973});
    for (uint64_t i = 0; i < UINT64_C(3) * 3600 * 9973; i++) {
        uint64_t due = arrivals_next(&arrivals);
        if (i % 1000 && i > 10000)
            continue;
        unsigned __int128 exact = (unsigned __int128)i * 1000000000 / 9973;
        int64_t off = (int64_t)(due - (uint64_t)exact);
        assert_in_range(off + 1, 0, 2);
    }
}

static void test_slow_and_fast(void **state) {
    (void)state;
    struct arrivals arrivals = of((struct arrivals_options){.rate = 0.001});
    assert_int_equal(arrivals_next(&arrivals), 0);
    assert_int_equal(arrivals_next(&arrivals), UINT64_C(1000000000000));
    arrivals = of((struct arrivals_options){.rate = 1e10});
    uint64_t last = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t due = arrivals_next(&arrivals);
        assert_true(due >= last);
        last = due;
    }
    assert_int_equal(last, 99);
    arrivals = of((struct arrivals_options){.rate = 0});
    assert_int_equal(arrivals_next(&arrivals), UINT64_MAX);
    arrivals = of((struct arrivals_options){.rate = 1e-300});
    assert_int_equal(arrivals_next(&arrivals), 0);
    assert_int_equal(arrivals_next(&arrivals), UINT64_MAX);
}

/* What workers take in turns is what one would take. */
static void check_workers(struct arrivals_options options, unsigned count) {
    for (unsigned workers = 2; workers <= WORKERS_MAX; workers++) {
        struct arrivals one = of(options), many[WORKERS_MAX];
        for (unsigned i = 0; i < workers; i++) {
            struct arrivals_options own = options;
            own.worker = i;
            own.workers = workers;
            many[i] = of(own);
        }
        for (unsigned i = 0; i < count; i++)
            assert_int_equal(arrivals_next(&many[i % workers]), arrivals_next(&one));
    }
}

static void test_workers(void **state) {
    (void)state;
    check_workers((struct arrivals_options){.rate = 333.3}, 5000);
    check_workers((struct arrivals_options){.ramp = hill, .ramp_count = HILL_PARTS}, 5000);
}

/* ---- ramps ------------------------------------------------------------------------------------------- */

static void test_ramp_at(void **state) {
    (void)state;
    static const double expected[][2] = {{-1, 100},   {0, 100}, {1.9, 100}, {2, 100},
                                         {3.5, 550},  {5, 200}, {8, 200},   {9, 200},
                                         {11.5, 100}, {14, 0},  {15, 0},    {99, 0}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_true(fabs(ramp_at(hill, HILL_PARTS, expected[i][0]) - expected[i][1]) < 1e-9);
    assert_true(ramp_at(from_zero, 1, 5) == 0 && ramp_at(NULL, 0, 1) == 0);
    assert_true(ramp_at((const struct ramp_part[]){{1, 7}}, 1, 100) == 7);
    assert_true(fabs(ramp_seconds(hill, HILL_PARTS) - 15) < 1e-12);
}

/* Simpson's rule is exact for straight lines, and steps fall on bounds. */
static void check_integral(const struct ramp_part *part, unsigned count, double until) {
    const double step = 1.0 / 64;
    double sum = 0;
    assert_true(ramp_sum(part, count, 0) == 0);
    for (unsigned i = 0; i * step < until; i++) {
        double from = i * step + 1e-12, to = (i + 1) * step - 1e-12;
        sum += step / 6 *
               (ramp_at(part, count, from) + 4 * ramp_at(part, count, (from + to) / 2) +
                ramp_at(part, count, to));
        double told = ramp_sum(part, count, (i + 1) * step);
        assert_true(fabs(told - sum) < 1e-6);
    }
}

static void test_ramp_sum(void **state) {
    (void)state;
    check_integral(hill, HILL_PARTS, 20);
    check_integral(from_zero, FROM_ZERO_PARTS, 15);
    assert_true(ramp_sum(NULL, 0, 5) == 0);
}

/* Number n is due where the integral is n, and all that the ramp holds come. */
static void check_schedule(const struct ramp_part *part, unsigned count) {
    struct arrivals arrivals = of((struct arrivals_options){.ramp = part, .ramp_count = count});
    double all = ramp_sum(part, count, ramp_seconds(part, count));
    uint64_t last = 0, number = 0;
    for (;; number++) {
        uint64_t due = arrivals_next(&arrivals);
        if (due == UINT64_MAX)
            break;
        assert_true(due >= last);
        last = due;
        double sum = ramp_sum(part, count, (double)due / 1e9);
        if (fabs(sum - (double)number) > 1e-4)
            fail_msg("number %lu at %lu ns, when %g are due", (unsigned long)number,
                     (unsigned long)due, sum);
    }
    assert_true((double)number >= all - 1e-6 && (double)number < all + 1 - 1e-6);
    assert_int_equal(arrivals_next(&arrivals), UINT64_MAX);
}

static void test_ramp_schedule(void **state) {
    (void)state;
    check_schedule(hill, HILL_PARTS);
    check_schedule(from_zero, FROM_ZERO_PARTS);
    check_schedule((const struct ramp_part[]){{1000, 50}, {3600, 50.0001}, {7200, 120}}, 3);
    check_schedule((const struct ramp_part[]){{0, 10}, {10, 0}}, 2);
}

/* Nothing is due while the rate is 0. */
static void test_ramp_from_zero(void **state) {
    (void)state;
    struct arrivals arrivals =
        of((struct arrivals_options){.ramp = from_zero, .ramp_count = FROM_ZERO_PARTS});
    assert_int_equal(arrivals_next(&arrivals), 1000000000);
    /* 25 t^2 = 1 */
    assert_in_range(arrivals_next(&arrivals), 1199999999, 1200000001);
    static const struct ramp_part gap[] = {{1, 1}, {0, 0}, {5, 0}, {0, 2}, {1, 2}};
    arrivals = of((struct arrivals_options){.ramp = gap, .ramp_count = 5});
    assert_int_equal(arrivals_next(&arrivals), 0);
    assert_int_equal(arrivals_next(&arrivals), UINT64_C(6000000000));
    assert_int_equal(arrivals_next(&arrivals), UINT64_C(6500000000));
    assert_int_equal(arrivals_next(&arrivals), UINT64_MAX);
}

/* ---- Poisson --------------------------------------------------------------------------------------- */

struct moments {
    double count, sum, squares;
};

static void moments_add(struct moments *moments, double value) {
    moments->count++;
    moments->sum += value;
    moments->squares += value * value;
}
static double mean_of(const struct moments *moments) {
    return moments->sum / moments->count;
}
static double variance_of(const struct moments *moments) {
    return moments->squares / moments->count - mean_of(moments) * mean_of(moments);
}

/* Gaps of an exponential have the mean 1/rate and its square for variance; arrivals in a window as many on average as their variance. */
static void check_poisson(unsigned workers) {
    enum { WINDOWS = 2000 };
    const double rate = 50;
    static unsigned window[WINDOWS];
    struct moments gaps = {0}, counts = {0};
    memset(window, 0, sizeof window);
    for (unsigned i = 0; i < workers; i++) {
        struct arrivals arrivals = of((struct arrivals_options){
            .rate = rate, .poisson = true, .worker = i, .workers = workers, .seed = 11});
        uint64_t last = 0;
        for (uint64_t due; (due = arrivals_next(&arrivals)) < WINDOWS * UINT64_C(1000000000);) {
            assert_true(due >= last);
            moments_add(&gaps, (double)(due - last) / 1e9 * rate / workers);
            window[due / 1000000000]++;
            last = due;
        }
    }
    for (unsigned i = 0; i < WINDOWS; i++)
        moments_add(&counts, window[i]);
    /* Four standard errors of 100,000 gaps and 2,000 windows. */
    assert_true(fabs(mean_of(&gaps) - 1) < 0.0127);
    assert_true(fabs(variance_of(&gaps) - 1) < 0.036);
    assert_true(fabs(mean_of(&counts) - rate) < 0.64);
    assert_true(fabs(variance_of(&counts) / rate - 1) < 0.13);
}

static void test_poisson(void **state) {
    (void)state;
    check_poisson(1);
    check_poisson(4);
}

static void test_poisson_on_a_ramp(void **state) {
    (void)state;
    static const struct ramp_part steep[] = {{0, 0}, {100, 2000}};
    struct arrivals arrivals =
        of((struct arrivals_options){.ramp = steep, .ramp_count = 2, .poisson = true, .seed = 3});
    unsigned early = 0, late = 0;
    for (uint64_t due; (due = arrivals_next(&arrivals)) != UINT64_MAX;) {
        assert_true(due <= UINT64_C(100000000000));
        *(due < UINT64_C(50000000000) ? &early : &late) += 1;
    }
    /* 25,000 and 75,000, four deviations. */
    assert_in_range(early, 24367, 25633);
    assert_in_range(late, 73904, 76096);
    assert_int_equal(arrivals_next(&arrivals), UINT64_MAX);
}

static void test_poisson_seeds(void **state) {
    (void)state;
    struct arrivals_options options = {.rate = 10, .poisson = true, .workers = 2, .seed = 9};
    struct arrivals a = of(options), b = of(options);
    options.worker = 1;
    struct arrivals c = of(options);
    unsigned equal = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t due = arrivals_next(&a);
        assert_int_equal(due, arrivals_next(&b));
        equal += due == arrivals_next(&c);
    }
    assert_int_equal(equal, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant_has_no_drift),
        cmocka_unit_test(test_slow_and_fast),
        cmocka_unit_test(test_workers),
        cmocka_unit_test(test_ramp_at),
        cmocka_unit_test(test_ramp_sum),
        cmocka_unit_test(test_ramp_schedule),
        cmocka_unit_test(test_ramp_from_zero),
        cmocka_unit_test(test_poisson),
        cmocka_unit_test(test_poisson_on_a_ramp),
        cmocka_unit_test(test_poisson_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
