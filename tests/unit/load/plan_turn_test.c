/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plan_turn_test.c: whose turn it is: round and round for equal weights, never a whole turn off its share for others, alone and in several
 * workers; and {seq} over all of them.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "load/plan.h"

enum { ENTRIES_MAX = 200 };

static struct pool_depot depot;
static struct pool pool;
static struct plan plan;

static int open_plan(void **state) {
    (void)state;
    pool_depot_init(&depot);
    pool_init(&pool, &depot);
    plan_init(&plan, &pool);
    return 0;
}

static int close_plan(void **state) {
    (void)state;
    plan_deinit(&plan);
    pool_depot_deinit(&depot);
    return 0;
}

static void add(uint8_t side, const char *url, double weight) {
    char why[200];
    struct plan_request request = {.url = url, .weight = weight};
    assert_int_equal(plan_add(&plan, side, &request, why, sizeof why), PLAN_OK);
}

static struct plan_turn *turn_new(uint8_t side, unsigned worker, unsigned workers) {
    struct plan_turn *turn = plan_turn_new(&plan, side, worker, workers, 1);
    assert_non_null(turn);
    return turn;
}

static void test_one(void **state) {
    (void)state;
    add(1, "http://b/", 3);
    add(0, "http://a/", 1);
    struct plan_turn *a = turn_new(0, 2, 3), *b = turn_new(1, 0, 1);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(plan_turn_next(a), 1);
        assert_int_equal(plan_turn_next(b), 0);
    }
    plan_turn_free(a);
    plan_turn_free(b);
    plan_turn_free(NULL);
}

/* 0.1 has no exact sum, which must not matter. */
static void test_equal(void **state) {
    (void)state;
    for (int i = 0; i < 7; i++)
        add(0, "http://a/", 0.1);
    add(1, "http://b/", 1);
    struct plan_turn *turn = turn_new(0, 0, 1);
    for (unsigned i = 0; i < 7000; i++)
        assert_int_equal(plan_turn_next(turn), i % 7);
    plan_turn_free(turn);
}

/* Together, in the time of a round, workers ask for every entry. */
static void test_equal_staggered(void **state) {
    (void)state;
    for (int i = 0; i < 8; i++)
        add(0, "http://a/", 2);
    for (unsigned worker = 0; worker < 4; worker++) {
        struct plan_turn *turn = turn_new(0, worker, 4);
        for (unsigned i = 0; i < 16; i++)
            assert_int_equal(plan_turn_next(turn), (worker * 2 + i) % 8);
        plan_turn_free(turn);
    }
}

/* The largest distance of any entry from its share, after each turn. */
static double worst_lag(struct plan_turn *turn, const double *weight, unsigned count,
                        unsigned turns) {
    double total = 0, worst = 0, taken[ENTRIES_MAX] = {0};
    for (unsigned i = 0; i < count; i++)
        total += weight[i];
    for (unsigned n = 1; n <= turns; n++) {
        taken[plan_turn_next(turn)]++;
        for (unsigned i = 0; i < count; i++)
            worst = fmax(worst, fabs(taken[i] - n * weight[i] / total));
    }
    return worst;
}

static void check_weights(const double *weight, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        add(0, "http://a/", weight[i]);
    struct plan_turn *turn = turn_new(0, 0, 1);
    double lag = worst_lag(turn, weight, count, 20000);
    if (lag >= 1 + 1e-6)
        fail_msg("%g turns off", lag);
    plan_turn_free(turn);
    /* From anywhere in the sequence a stretch is off by less than two: one at each end. */
    for (unsigned worker = 1; worker < 3; worker++) {
        turn = turn_new(0, worker, 3);
        assert_true(worst_lag(turn, weight, count, 5000) < 2);
        plan_turn_free(turn);
    }
}

static void test_heavy_and_many_light(void **state) {
    (void)state;
    double weight[51] = {50};
    for (int i = 1; i < 51; i++)
        weight[i] = 1;
    check_weights(weight, 51);
}

static void test_small_numbers(void **state) {
    (void)state;
    check_weights((const double[]){5, 3, 1, 1}, 4);
}

static void test_odd_weights(void **state) {
    (void)state;
    check_weights((const double[]){0.1, 0.7, 3.14159, 1e-3, 0.2, 0.7}, 6);
}

static void test_random_weights(void **state) {
    (void)state;
    double weight[100];
    struct random random;
    random_seed(&random, 5);
    for (int i = 0; i < 100; i++)
        weight[i] = random_unit(&random) * random_unit(&random);
    check_weights(weight, 100);
}

/* 3 : 1 : 1 in the order added wherever there is a choice. */
static void test_order(void **state) {
    (void)state;
    static const unsigned expected[] = {0, 1, 0, 2, 0};
    add(0, "http://a/", 3);
    add(0, "http://a/", 1);
    add(0, "http://a/", 1);
    struct plan_turn *turn = turn_new(0, 0, 1);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(plan_turn_next(turn), expected[i % 5]);
    plan_turn_free(turn);
}

static void test_extreme_weights(void **state) {
    (void)state;
    add(0, "http://a/", 1e300);
    add(0, "http://a/", 1e-300);
    struct plan_turn *turn = turn_new(0, 1, 2);
    for (unsigned i = 0; i < 1000; i++)
        assert_true(plan_turn_next(turn) < 2);
    plan_turn_free(turn);
}

static void test_seq(void **state) {
    (void)state;
    struct bytes into = {0};
    add(0, "http://a/{seq}", 1);
    add(0, "http://a/{rand:1:9}", 1);
    struct plan_turn *a = turn_new(0, 0, 2), *b = turn_new(0, 1, 2);
    for (unsigned i = 1; i < 40; i++) {
        char line[40];
        struct span message = plan_turn_message(i % 3 ? a : b, 0, &into, &pool);
        int len = snprintf(line, sizeof line, "GET /%u HTTP/1.1\r\n", i);
        assert_memory_equal(message.at, line, (size_t)len);
        plan_turn_message(a, 1, &into, &pool);
    }
    bytes_release(&into, &pool);
    plan_turn_free(a);
    plan_turn_free(b);
}

/* Equal seeds give equal messages; workers and sides differ. */
static void test_seed(void **state) {
    (void)state;
    struct bytes into = {0};
    char text[4][200];
    add(0, "http://a/{uuid}", 1);
    add(1, "http://a/{uuid}", 1);
    static const struct {
        uint8_t side;
        unsigned worker;
    } of[4] = {{0, 0}, {0, 0}, {0, 1}, {1, 0}};
    for (int i = 0; i < 4; i++) {
        struct plan_turn *turn = turn_new(of[i].side, of[i].worker, 2);
        struct span message = plan_turn_message(turn, plan_turn_next(turn), &into, &pool);
        snprintf(text[i], sizeof text[i], "%.*s", (int)message.len, (const char *)message.at);
        plan_turn_free(turn);
    }
    assert_string_equal(text[0], text[1]);
    assert_string_not_equal(text[0], text[2]);
    assert_string_not_equal(text[0], text[3]);
    bytes_release(&into, &pool);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_plan, close_plan)
    const struct CMUnitTest tests[] = {
        TEST(test_one),
        TEST(test_equal),
        TEST(test_equal_staggered),
        TEST(test_heavy_and_many_light),
        TEST(test_small_numbers),
        TEST(test_odd_weights),
        TEST(test_random_weights),
        TEST(test_order),
        TEST(test_extreme_weights),
        TEST(test_seq),
        TEST(test_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
