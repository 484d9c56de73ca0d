/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_text_test.c: figures in words, names that reports may show, and the one line that says what a run came to. Pure; made-up
 * runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../tools/ringfetch/bench_text.h"
#include "bench_reports_run.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static int end(void **state) {
    (void)state;
    sample_free();
    return 0;
}

/* ---- figures ----------------------------------------------------------------------------------------- */

static void test_durations(void **state) {
    (void)state;
    static const struct {
        double ns;
        const char *text;
    } rows[] = {
        {0, "0 ns"},          {1, "1 ns"},         {999, "999 ns"},       {999.4, "999 ns"},
        {999.6, "1.00 us"},   {1000, "1 us"},      {1234, "1.23 us"},     {45600, "45.6 us"},
        {99949, "99.9 us"},   {99951, "100 us"},   {999499, "999 us"},    {999500, "1.00 ms"},
        {1234567, "1.23 ms"}, {20000000, "20 ms"}, {20004863, "20.0 ms"}, {9.996e6, "10.0 ms"},
        {12e9, "12 s"},       {12.04e9, "12.0 s"}, {3.6e12, "3600 s"},    {-1, "-"},
        {NAN, "-"},           {INFINITY, "-"},
    };
    char text[24];
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_string_equal(bench_duration(rows[i].ns, text), rows[i].text);
    }
}

static void test_counts_rates_shares(void **state) {
    (void)state;
    char text[BENCH_FIGURE_BYTES];
    assert_string_equal(bench_count(0, text), "0");
    assert_string_equal(bench_count(999, text), "999");
    assert_string_equal(bench_count(1234567, text), "1,234,567");
    assert_string_equal(bench_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
    assert_string_equal(bench_rate(48213.3, text), "48,200/s");
    assert_string_equal(bench_rate(999.7, text), "1,000/s");
    assert_string_equal(bench_rate(99960, text), "100,000/s");
    assert_string_equal(bench_rate(9.984, text), "9.98/s");
    assert_string_equal(bench_rate(50, text), "50/s");
    assert_string_equal(bench_rate(NAN, text), "-");
    assert_string_equal(bench_share(0, text), "0%");
    assert_string_equal(bench_share(1e-9, text), "<0.001%");
    assert_string_equal(bench_share(0.000025, text), "0.0025%");
    assert_string_equal(bench_share(0.001, text), "0.10%");
    assert_string_equal(bench_share(0.1234, text), "12.3%");
    assert_string_equal(bench_share(0.99999, text), ">99.9%");
    assert_string_equal(bench_share(1, text), "100%");
    assert_string_equal(bench_share(NAN, text), "-");
    assert_string_equal(bench_bytes(7.13 * 1024 * 1024, text), "7.13 MiB");
    assert_string_equal(bench_bytes(1000, text), "0.98 KiB");
}

static void test_changes(void **state) {
    (void)state;
    char text[BENCH_FIGURE_BYTES];
    assert_string_equal(bench_change(RF_METRIC_P99, 1.048, text), "+4.8%");
    assert_string_equal(bench_change(RF_METRIC_RPS, 0.954, text), "-4.6%");
    assert_string_equal(bench_change(RF_METRIC_P99, 3.2, text), "+220%");
    assert_string_equal(bench_change(RF_METRIC_P99, 19.873, text), "+1890%");
    assert_string_equal(bench_change(RF_METRIC_P99, 0.9999, text), "0.0%");
    assert_string_equal(bench_change(RF_METRIC_P99, NAN, text), "-");
    assert_string_equal(bench_change(RF_METRIC_ERRORS, -0.0012, text), "-0.12 pp");
    assert_string_equal(bench_change(RF_METRIC_ERRORS, 0, text), "0.00 pp");
    assert_string_equal(bench_interval(RF_METRIC_P99, 1.031, 1.065, text), "+3.1% .. +6.5%");
    assert_string_equal(bench_interval(RF_METRIC_P99, 0, 1.065, text), "? .. +6.5%");
    assert_string_equal(bench_interval(RF_METRIC_P99, 0.9, INFINITY, text), "-10.0% .. ?");
    assert_string_equal(bench_interval(RF_METRIC_P99, 0, INFINITY, text), "-");
    assert_string_equal(bench_interval(RF_METRIC_ERRORS, 0, 0.0123, text), "0.00 .. +1.23 pp");
    assert_string_equal(bench_interval(RF_METRIC_ERRORS, -INFINITY, INFINITY, text), "-");
}

static void test_names(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"GET http://127.0.0.1:41234/items?key=x", "GET /items"},
        {"POST https://u:p@h.test/a#b", "POST /a"},
        {"GET http://h.test?x=/y", "GET /"},
        {"GET http://h.test", "GET /"},
        {"checkout", "checkout"},
        {"see http: all", "see http: all"},
        {"http://h.test/", "http://h.test/"},
        {NULL, ""},
    };
    char text[BENCH_NAME_BYTES];
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rf_load_entry entry = {.name = rows[i][0]};
        assert_string_equal(bench_entry_name(&entry, text, sizeof text), rows[i][1]);
    }
    assert_string_equal(bench_url("http://u:p@h.test:1/a?b#c", text, sizeof text),
                        "http://h.test:1/a");
    assert_string_equal(bench_url("http://h.test/a@b", text, sizeof text), "http://h.test/a@b");
    assert_string_equal(bench_url("http://a@b@h.test", text, sizeof text), "http://h.test");
    assert_string_equal(bench_url("/a?b", text, sizeof text), "/a");
    assert_string_equal(bench_url(NULL, text, sizeof text), "");
}

/* ---- headlines --------------------------------------------------------------------------------------- */

static void assert_headline(const char *expected) {
    char text[BENCH_HEADLINE_BYTES];
    assert_string_equal(bench_headline(&sample.run, text, sizeof text), expected);
}

static void test_headlines_of_one(void **state) {
    (void)state;
    sample_one();
    assert_headline("1,000/s, p99 2.97 ms");
    sample.run.exit = RF_INTERRUPTED;
    assert_headline("interrupted: these are the figures so far");
    sample_thresholds();
    assert_headline("1 of 3 thresholds failed");
    sample.run.threshold_count = 2;
    sample.threshold[1].failed = false;
    sample.run.exit = 0;
    assert_headline("all 2 thresholds held");
    sample.run.threshold_count = 1;
    assert_headline("1 threshold held");
    sample.run.exit = 5;
    sample.threshold[0].failed = true;
    assert_headline("1 threshold failed");
    sample_nothing(false);
    assert_headline("12,345 of 12,345 requests failed");
}

static void test_headlines_of_two(void **state) {
    (void)state;
    sample_two();
    assert_headline("regressed: rps -9.1%, mean +10.0%");
    sample.run.exit = 6;
    sample.comparison.verdict = RF_CHANGE_INCONCLUSIVE;
    assert_headline("inconclusive: the data don't decide about errors");
    sample.comparison.reason = "too few blocks";
    assert_headline("inconclusive: too few blocks");
    sample.run.exit = 0;
    sample.comparison.verdict = RF_CHANGE_SAME;
    assert_headline("same: no change of 5% or more in p90 (99% confidence)");
    sample.comparison.verdict = RF_CHANGE_IMPROVED;
    assert_headline("improved: p50 +10.0%");
    sample.run.exit = 1;
    sample.side[RF_SIDE_B].errors = 3;
    assert_headline("3 of 10,000 requests to B failed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_durations, end),
        cmocka_unit_test_teardown(test_counts_rates_shares, end),
        cmocka_unit_test_teardown(test_changes, end),
        cmocka_unit_test_teardown(test_names, end),
        cmocka_unit_test_teardown(test_headlines_of_one, end),
        cmocka_unit_test_teardown(test_headlines_of_two, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
