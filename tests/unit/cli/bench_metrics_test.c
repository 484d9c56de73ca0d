/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_metrics_test.c: the lists of github-action-benchmark and Bencher, read back by a JSON parser.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench_reports_run.h"

static json_t *document;

static int end(void **state) {
    (void)state;
    json_decref(document);
    document = NULL;
    sample_free();
    return 0;
}

static json_t *parse(bool (*write)(FILE *file, const struct bench_run *run)) {
    json_error_t error;
    json_decref(document);
    const char *text = sample_text(write);
    document = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!document) {
        fail_msg("%s: %s", error.text, text);
    }
    return document;
}

/* ---- github-action-benchmark ------------------------------------------------------------------- */

static json_t *item(json_t *list, const char *name) {
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one) {
        if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0) {
            return one;
        }
    }
    return NULL;
}

static double value(json_t *list, const char *name, const char *unit) {
    json_t *one = item(list, name);
    assert_non_null(one);
    assert_string_equal(json_string_value(json_object_get(one, "unit")), unit);
    assert_true(json_is_number(json_object_get(one, "value")));
    return json_number_value(json_object_get(one, "value"));
}

static void test_gha_one(void **state) {
    (void)state;
    sample_one();
    json_t *list = parse(bench_gha_write);
    assert_int_equal(json_array_size(list), 8);
    assert_true(fabs(value(list, "latency mean", "ms") - 1.995) < 0.001);
    assert_true(fabs(value(list, "latency p99", "ms") - 2.97) < 0.01);
    assert_true(fabs(value(list, "time between answers", "us") - 1000) < 0.01);
    assert_true(fabs(value(list, "client CPU a request", "us") - 3) < 0.01);
    assert_true(fabs(value(list, "errors", "%")) < 1e-9);
    /* -1, 0, 1, 0 times 0.1 ms: sqrt(0.02 / 3) */
    assert_string_equal(json_string_value(json_object_get(item(list, "latency mean"), "range")),
                        "± 0.0816");
    assert_null(json_object_get(item(list, "latency p99"), "range")); /* the blocks are NaN */
    assert_string_equal(json_string_value(json_object_get(item(list, "errors"), "extra")),
                        "10,000 requests in 10 s, 0 failed");
}

static void test_gha_two(void **state) {
    (void)state;
    sample_two();
    json_t *list = parse(bench_gha_write);
    assert_int_equal(json_array_size(list), 16);
    assert_true(value(list, "A: latency p50", "ms") < value(list, "B: latency p50", "ms"));
}

/* A baseline was measured in another run, and has its place there. */
static void test_gha_baseline(void **state) {
    (void)state;
    sample_two();
    sample.run.baseline = &sample.side[RF_SIDE_B];
    sample.run.side[RF_SIDE_B] = NULL;
    assert_int_equal(json_array_size(parse(bench_gha_write)), 8);
}

static void test_gha_open_loop(void **state) {
    (void)state;
    sample_one();
    sample_open_loop();
    assert_null(item(parse(bench_gha_write), "time between answers"));
}

static void test_gha_nothing(void **state) {
    (void)state;
    for (int empty = 0; empty < 2; empty++) {
        sample_nothing(empty);
        json_t *list = parse(bench_gha_write);
        assert_null(item(list, "latency mean"));
        assert_null(item(list, "time between answers"));
        assert_true(fabs(value(list, "errors", "%") - 100) < 1e-9);
    }
    sample.side[RF_SIDE_A].requests = sample.side[RF_SIDE_A].errors = 0;
    assert_int_equal(json_array_size(parse(bench_gha_write)), 0);
}

static void test_gha_entries(void **state) {
    (void)state;
    sample_one();
    sample_entries();
    json_t *list = parse(bench_gha_write);
    assert_non_null(item(list, "GET /a: latency p99"));
    assert_non_null(item(list, "GET /a #2: latency p99"));
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one) {
        assert_null(strpbrk(json_string_value(json_object_get(one, "name")), "`|"));
    }
}

/* ---- Bencher ------------------------------------------------------------------------------------ */

static double measure(json_t *all, const char *benchmark, const char *slug, const char *member) {
    json_t *one = json_object_get(json_object_get(json_object_get(all, benchmark), slug), member);
    return json_is_number(one) ? json_number_value(one) : NAN;
}

static void test_bmf_one(void **state) {
    (void)state;
    sample_one();
    json_t *all = parse(bench_bmf_write);
    assert_int_equal(json_object_size(all), 1);
    assert_true(fabs(measure(all, "all requests", "latency", "value") - 1995000) < 2);
    double deviation = measure(all, "all requests", "latency", "upper_value") - 1995000;
    assert_true(fabs(deviation - 81650) < 2);
    assert_true(fabs(measure(all, "all requests", "throughput", "value") - 1000) < 0.01);
    assert_true(measure(all, "all requests", "throughput", "lower_value") < 992);
    assert_true(isnan(measure(all, "all requests", "latency-p99", "lower_value")));
    assert_true(fabs(measure(all, "all requests", "client-cpu", "value") - 3000) < 0.01);
}

static void test_bmf_names(void **state) {
    (void)state;
    sample_one();
    sample_entries();
    json_t *all = parse(bench_bmf_write);
    assert_int_equal(json_object_size(all), 4);
    assert_true(fabs(measure(all, "GET /a", "error-rate", "value")) < 1e-9);
    assert_true(fabs(measure(all, "GET /a #2", "error-rate", "value") - 0.0005) < 1e-9);
    sample.side[RF_SIDE_A].entry_count = 1; /* its name is the run's */
    all = parse(bench_bmf_write);
    assert_int_equal(json_object_size(all), 1);
    assert_true(measure(all, "GET /a", "throughput", "value") > 0);
}

static void test_bmf_two(void **state) {
    (void)state;
    sample_two();
    json_t *all = parse(bench_bmf_write);
    assert_true(measure(all, "B: all requests", "latency", "value") >
                measure(all, "A: all requests", "latency", "value"));
}

static void test_bmf_nothing(void **state) {
    (void)state;
    for (int empty = 0; empty < 2; empty++) {
        sample_nothing(empty);
        json_t *all = parse(bench_bmf_write);
        assert_true(isnan(measure(all, "all requests", "latency", "value")));
        assert_true(isnan(measure(all, "all requests", "throughput", "value")));
        assert_true(fabs(measure(all, "all requests", "error-rate", "value") - 1) < 1e-9);
    }
}

/* A list of thousands of URLs is not thousands of curves. */
static void test_too_many_entries(void **state) {
    (void)state;
    static struct rf_load_entry many[101];
    sample_one();
    for (unsigned i = 0; i < 101; i++) {
        many[i] = (struct rf_load_entry){.name = "GET http://a.test/same", .requests = 1};
    }
    sample.side[RF_SIDE_A].entry = many;
    sample.side[RF_SIDE_A].entry_count = 101;
    assert_int_equal(json_object_size(parse(bench_bmf_write)), 1);
    sample.side[RF_SIDE_A].entry_count = 100;
    json_t *all = parse(bench_bmf_write);
    assert_int_equal(json_object_size(all), 101);
    assert_non_null(json_object_get(all, "GET /same #100"));
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_gha_one),       TEST(test_gha_two),          TEST(test_gha_baseline),
        TEST(test_gha_open_loop), TEST(test_gha_nothing),      TEST(test_gha_entries),
        TEST(test_bmf_one),       TEST(test_bmf_names),        TEST(test_bmf_two),
        TEST(test_bmf_nothing),   TEST(test_too_many_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
