/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_hdr_test.c: the lines of a .hlog file: their tags, and that each histogram comes back whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "bench_reports_run.h"

static int end(void **state) {
    (void)state;
    sample_free();
    return 0;
}

/* Checks the next line of the log: its tag (NULL: none), and that it holds what `expected` counted. */
static const char *check_line(const char *at, const char *tag, const char *fields,
                              const struct rf_histogram *expected) {
    char wanted[256], why[128];
    snprintf(wanted, sizeof wanted, "%s%s%s%s,", tag ? "Tag=" : "", tag ? tag : "", tag ? "," : "",
             fields);
    assert_int_equal(strncmp(at, wanted, strlen(wanted)), 0);
    at += strlen(wanted);
    struct rf_histogram *read = rf_histogram_decode(at, strcspn(at, "\n"), why, sizeof why);
    assert_non_null(read);
    assert_int_equal(rf_histogram_total(read), expected ? rf_histogram_total(expected) : 0);
    for (unsigned percent = 10; expected && percent < 100; percent += 10) {
        assert_int_equal(rf_histogram_percentile(read, percent),
                         rf_histogram_percentile(expected, percent));
    }
    rf_histogram_free(read);
    return at + strcspn(at, "\n") + 1;
}

static const char *after_head(void) {
    const char *all = sample_text(bench_hdr_write);
    static const char head[] = "#[Histogram log format version 1.3]\n#[StartTime: 1700000000.000 ";
    assert_int_equal(strncmp(all, head, sizeof head - 1), 0);
    const char *legend = strstr(all, "\n\"StartTimestamp\"");
    assert_non_null(legend);
    return legend + 1 + strcspn(legend + 1, "\n") + 1;
}

/* The largest value is in milliseconds. */
static void test_one(void **state) {
    (void)state;
    sample_one();
    const struct rf_load_figures *side = &sample.side[RF_SIDE_A];
    const char *at = after_head();
    at = check_line(at, NULL, "0.000,10.000,2.990", side->latency);
    at = check_line(at, "first_byte", "0.000,10.000,1.495", side->first_byte);
    at = check_line(at, "connect", "0.000,10.000,0.299", side->connect);
    assert_string_equal(at, "");
}

static void test_two(void **state) {
    (void)state;
    sample_two();
    const char *at = after_head();
    at = check_line(at, "A", "0.000,10.000,2.990", sample.side[RF_SIDE_A].latency);
    at = check_line(at, "A.first_byte", "0.000,10.000,1.495", sample.side[RF_SIDE_A].first_byte);
    at = check_line(at, "A.connect", "0.000,10.000,0.299", sample.side[RF_SIDE_A].connect);
    check_line(at, "B", "0.000,10.000,3.289", sample.side[RF_SIDE_B].latency);
}

static void test_open_loop_and_entries(void **state) {
    (void)state;
    sample_one();
    sample_open_loop();
    sample_entries();
    const struct rf_load_figures *side = &sample.side[RF_SIDE_A];
    const char *at = after_head();
    at = check_line(at, NULL, "0.000,10.000,2.990", side->latency);
    at = check_line(at, "raw", "0.000,10.000,2.392", side->raw);
    at = strstr(at, "Tag=slip,");
    assert_non_null(at);
    at = check_line(at, "slip", "0.000,10.000,0.003", side->slip);
    at = check_line(at, "GET_/a", "0.000,10.000,2.990", side->entry[0].latency);
    at = check_line(at, "GET_/a_#2", "0.000,10.000,2.990", side->entry[1].latency);
    assert_string_equal(at, ""); /* the third was never answered */
}

static void test_nothing(void **state) {
    (void)state;
    sample_nothing(true);
    check_line(after_head(), NULL, "0.000,10.000,0.000", NULL);
    sample_nothing(false);
    assert_string_equal(after_head(), "");
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_one),
        TEST(test_two),
        TEST(test_open_loop_and_entries),
        TEST(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
