/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_summary_test.c: the bars' edges, and the summary on a terminal: whole for a small run, and in what it must never
 * do to a terminal or a log.
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

#include "../../../tools/ringfetch/bench_summary_bars.h"
#include "bench_reports_run.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static int begin(void **state) {
    (void)state;
    setenv("LC_ALL", "C.UTF-8", 1);
    return 0;
}

static int end(void **state) {
    (void)state;
    sample_free();
    return 0;
}

/* ---- bars -------------------------------------------------------------------------------------------- */

static struct rf_load_figures drawn;
static const struct bench_sides one = {.figures = {&drawn}, .name = {"", ""}, .count = 1};

static struct bench_bars plan(uint64_t low, uint64_t high) {
    struct bench_bars bars;
    struct rf_histogram *latency = rf_histogram_new(UINT64_C(3600000000000));
    for (unsigned i = 0; i <= 1000; i++) {
        rf_histogram_record(latency, low + (high - low) / 1000 * i);
    }
    rf_histogram_record(latency, high);
    drawn.latency = latency;
    assert_true(bench_bars_plan(&bars, &one));
    rf_histogram_free(latency);
    return bars;
}

/* Round, rising, few, and all of it is covered, whatever the range. */
static void test_edges(void **state) {
    (void)state;
    static const uint64_t rows[][2] = {
        {1, 1},
        {1, 2},
        {0, 0},
        {1000, 1000},
        {1000, 1001},
        {999, 1001},
        {123456, 123456},
        {1000000, 2990000},
        {99000000, 101000000},
        {50000, 60000000},
        {1, UINT64_C(3600000000000)},
        {500, 5000000000},
        {UINT64_C(3599999999999), UINT64_C(3600000000000)},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bench_bars bars = plan(rows[i][0], rows[i][1]);
        assert_in_range(bars.edges, 2, BENCH_BARS_MAX - 1);
        for (unsigned k = 1; k < bars.edges; k++) {
            assert_true(bars.edge[k] > bars.edge[k - 1]);
        }
        assert_true(bars.below || bars.edge[0] < (double)rows[i][0] || rows[i][0] == 0);
        assert_true(bars.above || bars.edge[bars.edges - 1] >= (double)rows[i][1]);
    }
    struct bench_bars spread = plan(1000000, 2990000);
    static const double expected[] = {1e6, 1.2e6, 1.5e6, 1.8e6, 2.2e6, 2.7e6, 3.3e6};
    assert_int_equal(spread.edges, COUNT(expected));
    for (unsigned i = 0; i < COUNT(expected); i++) {
        assert_true(fabs(spread.edge[i] - expected[i]) < 1);
    }
    struct bench_bars narrow = plan(99000000, 101000000);
    assert_true(fabs(narrow.edge[1] - narrow.edge[0] - 1e6) < 1); /* the third digit */
}

static void test_bars_need_values(void **state) {
    (void)state;
    struct bench_bars bars;
    drawn.latency = NULL;
    assert_false(bench_bars_plan(&bars, &one));
    struct bench_sides none = {.count = 0};
    assert_false(bench_bars_plan(&bars, &none));
}

/* ---- the summary ------------------------------------------------------------------------------------- */

/* No line longer than that, only ASCII, no colours. */
static void assert_plain(const char *all, size_t width) {
    for (const char *at = all; *at; at += strcspn(at, "\n") + 1) {
        if (strcspn(at, "\n") > width) {
            fail_msg("a long line: %.*s", (int)strcspn(at, "\n"), at);
        }
    }
    for (const char *at = all; *at; at++) {
        assert_true(*at == '\n' || (*at >= ' ' && *at <= '~'));
    }
}

static void test_whole(void **state) {
    (void)state;
    sample_one();
    const char *all = sample_summary(0, true);
    assert_plain(all, 80);
    assert_string_equal(
        all, "http://127.0.0.1:8080/items  nginx/1.22.1\n"
             "\n"
             "requests        10,000 in 10 s\n"
             "rate            1,000/s\n"
             "errors          0\n"
             "received        2.86 MiB, 293 KiB/s\n"
             "sent            879 KiB, 87.9 KiB/s\n"
             "connections     50 open, 50 at most\n"
             "opened          53\n"
             "client CPU      3 us a request, 2 us user\n"
             "busiest thread  34% of a core\n"
             "all cores       ringfetch 17%, everybody 63%\n"
             "\n"
             "                     mean      p50      p75      p90      p99    p99.9      max\n"
             "latency           2.00 ms  1.99 ms  2.49 ms  2.79 ms  2.97 ms  2.99 ms  2.99 ms\n"
             "first byte         998 us   995 us  1.25 ms  1.40 ms  1.49 ms  1.50 ms  1.50 ms\n"
             "connect            200 us   199 us   249 us   279 us   297 us   299 us   299 us\n"
             "\n"
             "latency distribution\n"
             "          up to 1 ms  #                                      0.50%            50\n"
             "      1 ms .. 1.2 ms  ##############                         10.0%         1,000\n"
             "    1.2 ms .. 1.5 ms  ######################                 15.0%         1,500\n"
             "    1.5 ms .. 1.8 ms  ######################                 15.0%         1,500\n"
             "    1.8 ms .. 2.2 ms  #############################          20.0%         2,000\n"
             "    2.2 ms .. 2.7 ms  ####################################   25.0%         2,500\n"
             "    2.7 ms .. 3.3 ms  #####################                  14.5%         1,450\n"
             "\n"
             "1,000/s, p99 2.97 ms\n");
}

static void test_two(void **state) {
    (void)state;
    sample_two();
    sample_thresholds();
    const char *all = sample_summary(0, false);
    assert_plain(all, 80);
    assert_non_null(strstr(all, "\nrate            1,000/s                    909/s\n"));
    assert_non_null(strstr(all, "\nlatency B         2.19 ms  2.19 ms"));
    assert_non_null(strstr(
        all, "\nrps        1,000/s      909/s     -9.1%        -10.3% .. -7.9%  regressed\n"));
    assert_non_null(strstr(all, "  +0.8% .. +3.2%  (regressed)\n"));
    assert_non_null(strstr(all, "\nWhat stands in parentheses does not count.\n"));
    assert_non_null(strstr(all, "\nrps<2000         failed: rps is 1,000/s, at least 2,000/s"));
    assert_non_null(strstr(all, "\np50>+5%          unknown: there is nothing to compare it with"));
    const char *last = "\n\nregressed: rps -9.1%, mean +10.0%; 1 of 3 thresholds failed\n";
    assert_string_equal(all + strlen(all) - strlen(last), last);
}

static void test_baseline(void **state) {
    (void)state;
    sample_two();
    sample.run.baseline = &sample.side[RF_SIDE_B];
    sample.run.baseline_path = "old\033[31m\xc3\xa4.json";
    sample.run.side[RF_SIDE_B] = NULL;
    const char *all = sample_summary(0, false);
    assert_plain(all, 80);
    assert_non_null(strstr(all, "The baseline (then) is old\\x1b[31m?.json.\n"));
    assert_non_null(strstr(all, "\nlatency then "));
    sample.run.incomparable = "another CPU: X then, Y now";
    sample.run.exit = 6;
    all = sample_summary(0, false);
    assert_null(strstr(all, "interval"));
    assert_null(strstr(all, "\nnot compared:")); /* nothing is said twice */
    assert_non_null(strstr(all, "\ninconclusive: the baseline can't be compared: another CPU"));
    sample_thresholds();
    all = sample_summary(0, false);
    assert_non_null(strstr(all, "\nnot compared: another CPU: X then, Y now\n"));
}

static void test_open_loop(void **state) {
    (void)state;
    sample_one();
    sample_open_loop();
    const char *all = sample_summary(0, false);
    assert_plain(all, 80);
    assert_non_null(strstr(all, "\nrate asked      1,000/s\nrate            998/s\n"));
    assert_non_null(strstr(all, "\noutstanding     312 at most\n"));
    const char *latency = strstr(all, "\nlatency           2.00 ms");
    assert_non_null(latency);
    assert_non_null(strstr(latency, "\nraw               1.60 ms  1.59 ms"));
    assert_non_null(strstr(all, "\nslip              2.00 us"));
}

static void test_nothing(void **state) {
    (void)state;
    for (int empty = 0; empty < 2; empty++) {
        sample_nothing(empty);
        const char *all = sample_summary(0, false);
        assert_plain(all, 80);
        assert_non_null(strstr(all, "\nerrors          12,345 (100%)\n  refused       12,345\n"));
        assert_non_null(strstr(all, "\nfirst error     connect: refused <&> \\x1b[31m\n"));
        assert_non_null(strstr(all, "\nlatency                 -        -"));
        assert_null(strstr(all, "distribution"));
    }
}

static void test_hostile(void **state) {
    (void)state;
    sample_one();
    sample_entries();
    sample.side[RF_SIDE_A].server = "\033]0;title\a\xe2\x80\xae right to left";
    sample.side[RF_SIDE_A].url = "http://h.test/\r\n\033[2J\xff";
    sample.side[RF_SIDE_A].tls_version = "1.3";
    sample.side[RF_SIDE_A].tls_cipher = NULL;
    assert_plain(sample_summary(0, false), 80);
    const char *all = sample_summary(100, false);
    assert_null(strchr(all, '\033'));
    assert_null(strchr(all, '\r'));
    assert_null(strstr(all, "\xe2\x80\xae"));
}

static void test_entries(void **state) {
    (void)state;
    sample_one();
    sample_entries();
    const char *all = sample_summary(0, false);
    assert_plain(all, 80);
    assert_non_null(strstr(
        all,
        "\n  GET /a                            1,000           0  2.00 ms  1.99 ms  2.97 ms\n"));
    assert_non_null(strstr(
        all,
        "\n  `evil` | <b>\"name\"\\x1b[31m        3,000           2        -        -        -\n"));
}

/* Only what was measured counts, but why the warm-up went wrong is worth a line. */
static void test_warm_up_error(void **state) {
    (void)state;
    sample_one();
    sample.side[RF_SIDE_A].first_error = "it took too long";
    const char *all = sample_summary(0, false);
    assert_non_null(strstr(all, "\nwarm-up error   it took too long\n"));
    assert_null(strstr(all, "first error"));
    sample.run.baseline = &sample.side[RF_SIDE_A];
    assert_non_null(strstr(sample_summary(0, false), "\nwarm-up error then it took too long\n"));
}

static void test_limits_and_status(void **state) {
    (void)state;
    sample_one();
    sample.run.machine.limits = RF_LIMIT_CPU;
    sample.run.machine.worker_cpu = 0.99;
    sample.run.exit = 6;
    sample.side[RF_SIDE_A].status[304] = 17;
    const char *all = sample_summary(0, false);
    assert_null(strstr(all, "\nwarning:")); /* nothing is said twice */
    assert_non_null(strstr(all, "\ninconclusive: the generator was the limit"));
    assert_non_null(strstr(all, "\nstatus 200      10,000\nstatus 304      17\n"));
    sample_thresholds();
    all = sample_summary(0, false);
    assert_non_null(strstr(all, "\nwarning: the generator was the limit"));
    assert_non_null(strstr(all, "\n1 of 3 thresholds failed\n"));
}

static void test_terminal(void **state) {
    (void)state;
    sample_one();
    const char *all = sample_summary(100, true);
    assert_non_null(strstr(all, "\033[1;32m1,000/s, p99 2.97 ms\033[0m\n"));
    assert_non_null(strstr(all, "█▏"));
    all = sample_summary(100, false);
    assert_null(strchr(all, '\033'));
    setenv("LC_ALL", "C", 1);
    assert_plain(sample_summary(100, false), 100);
    assert_plain(sample_summary(20, false), 60); /* it doesn't get narrower */
    assert_plain(sample_summary(5000, false), 120);
}

/* Everything that a run can have to say. */
static void sample_much(void) {
    static char url[300] = "http://127.0.0.1:8080/";
    size_t used = strlen(url);
    memset(url + used, 'a', sizeof url - 1 - used);
    sample_two();
    sample_open_loop();
    sample_entries();
    sample_thresholds();
    sample.run.machine.limits = RF_LIMIT_CPU | RF_LIMIT_SCHEDULE | RF_LIMIT_OUTSTANDING;
    sample.side[RF_SIDE_A].url = sample.side[RF_SIDE_A].first_error = url;
    sample.side[RF_SIDE_A].errors = sample.side[RF_SIDE_A].status[503] = 1234567;
    sample.side[RF_SIDE_B].tls_version = "1.3";
    sample.side[RF_SIDE_B].tls_cipher = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
    sample.side[RF_SIDE_B].server = "a server with quite a name of its own";
    for (unsigned i = 0; i < RF_SIDES; i++) {
        sample.side[i].connections = sample.side[i].connections_max = 1000000;
    }
}

/* Columns go that can be missed; sentences and what stands side by side go on below. */
static void test_widths(void **state) {
    static const unsigned widths[] = {60, 66, 67, 68, 70, 77, 78, 79, 80, 100};
    (void)state;
    setenv("LC_ALL", "C", 1);
    for (size_t i = 0; i < COUNT(widths); i++) {
        sample_much();
        assert_plain(sample_summary(widths[i], false), widths[i]);
        sample.run.exit = 6;
        sample.comparison.verdict = RF_CHANGE_INCONCLUSIVE;
        assert_plain(sample_summary(widths[i], false), widths[i]);
        sample.run.baseline = &sample.side[RF_SIDE_B];
        sample.run.side[RF_SIDE_B] = NULL;
        sample.run.baseline_path = sample.side[RF_SIDE_A].url;
        sample.run.incomparable =
            "another CPU: some make with a long name then, and some other now";
        assert_plain(sample_summary(widths[i], false), widths[i]);
    }
    sample_much();
    assert_plain(sample_summary(0, false), 80);
    const char *all = sample_summary(60, false);
    assert_non_null(strstr(all, "\n                     mean      p50      p99      max\n"));
    assert_non_null(strstr(all, "\n           change           99% interval  verdict\n"));
    assert_non_null(strstr(all, "\nrps         -9.1%        -10.3% .. -7.9%  regressed\n"));
    assert_non_null(strstr(all, "\n                B     909/s\n"));
    assert_non_null(strstr(all, "    requests      errors      p99\n"));
    assert_non_null(
        strstr(sample_summary(70, false), "    requests      errors      p50      p99"));
}

/* A merged result without any side is odd, but nothing to die of. */
static void test_no_side(void **state) {
    (void)state;
    sample_one();
    sample.run.side[RF_SIDE_A] = NULL;
    assert_string_equal(sample_summary(0, false), "");
    sample_text(bench_markdown_write);
    sample_text(bench_junit_write);
    sample_text(bench_gha_write);
    sample_text(bench_bmf_write);
    sample_text(bench_hdr_write);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_edges),         TEST(test_bars_need_values),  TEST(test_whole),
        TEST(test_two),           TEST(test_baseline),          TEST(test_open_loop),
        TEST(test_nothing),       TEST(test_hostile),           TEST(test_entries),
        TEST(test_warm_up_error), TEST(test_limits_and_status), TEST(test_terminal),
        TEST(test_widths),        TEST(test_no_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
