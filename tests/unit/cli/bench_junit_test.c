/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_junit_test.c: which cases there are, and how each ends.
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

static const char *report(void) {
    return sample_text(bench_junit_write);
}

/* The case's line, ended. */
static const char *case_of(const char *all, const char *name) {
    static char line[2048], wanted[256];
    snprintf(wanted, sizeof wanted, "name=\"%s\"", name);
    for (const char *at = all; (at = strstr(at, "<testcase ")) != NULL; at++) {
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        if (strstr(line, wanted)) {
            return line;
        }
    }
    fail_msg("no case %s in %s", name, all);
    return NULL;
}

static void assert_passed(const char *all, const char *name) {
    const char *line = case_of(all, name);
    assert_string_equal(line + strlen(line) - 2, "/>");
}

static void assert_ended(const char *all, const char *name, const char *how, const char *words) {
    const char *line = case_of(all, name);
    assert_non_null(strstr(line, how));
    assert_non_null(strstr(line, words));
}

static void test_one_passes(void **state) {
    (void)state;
    sample_one();
    const char *all = report();
    assert_passed(all, "answers");
    assert_passed(all, "generator");
    assert_non_null(strstr(all, "tests=\"2\" failures=\"0\" errors=\"0\" skipped=\"0\" "
                                "time=\"10.000\""));
    assert_non_null(strstr(all, "timestamp=\"2023-11-14T22:13:20\""));
    assert_non_null(strstr(all, "<property name=\"cpu\" value=\"A &lt;fast&gt; CPU\"/>"));
    assert_null(strstr(all, "\"confidence\""));
    assert_null(strstr(all, "\"tls\"")); /* none: http */
    assert_null(strstr(all, "secret"));
}

static void test_nobody_answered(void **state) {
    (void)state;
    for (int empty = 0; empty < 2; empty++) {
        sample_nothing(empty);
        const char *all = report();
        assert_ended(all, "answers", "<failure type=\"errors\"",
                     "12,345 of 12,345 requests failed; the first: connect: refused &lt;&amp;&gt;");
        assert_null(strchr(all, '\033'));
    }
}

static void test_no_requests(void **state) {
    (void)state;
    sample_nothing(true);
    sample.side[RF_SIDE_A].requests = sample.side[RF_SIDE_A].errors = 0;
    assert_ended(report(), "answers", "<error type=\"no-requests\"", "no request was made");
}

static void test_errors_may_be_allowed(void **state) {
    (void)state;
    sample_one();
    sample.side[RF_SIDE_A].errors = 7;
    assert_ended(report(), "answers", "<failure", "7 of 10,000 requests failed");
    sample_thresholds();
    sample.threshold[0] = (struct bench_threshold){
        .text = " errors>1%", .known = true, .shown = "errors are 0.07%, allowed is 1%"};
    assert_passed(report(), "answers");
    sample.side[RF_SIDE_A].errors = sample.side[RF_SIDE_A].requests; /* the exit status is 1 */
    assert_ended(report(), "answers", "<failure", "10,000 of 10,000 requests failed");
}

static void test_comparison(void **state) {
    (void)state;
    sample_two();
    const char *all = report();
    assert_passed(all, "answers of A");
    assert_passed(all, "answers of B");
    assert_ended(all, "rps", "<failure type=\"regressed\"",
                 ">regressed: rps -9.1% (-10.3% .. -7.9%)</failure>");
    assert_passed(all, "p50"); /* improved */
    assert_passed(all, "p90"); /* same */
    assert_ended(all, "errors", "<error type=\"inconclusive\"", "+0.12 pp (? .. +0.45 pp)");
    assert_null(strstr(all, "name=\"p99\"")); /* not judged */
    assert_non_null(strstr(all, "tests=\"8\" failures=\"2\" errors=\"1\""));
    assert_non_null(strstr(all, "<property name=\"confidence\" value=\"99%\"/>"));
}

static void test_comparison_has_a_reason(void **state) {
    (void)state;
    sample_two();
    sample.comparison.reason = "too few blocks";
    const char *all = report();
    assert_ended(all, "errors", "<error type=\"inconclusive\"", "pp): too few blocks");
    assert_null(strstr(case_of(all, "rps"), "too few"));
}

static void test_baseline_differs(void **state) {
    (void)state;
    sample_two();
    sample.run.baseline = &sample.side[RF_SIDE_B];
    sample.run.side[RF_SIDE_B] = NULL;
    sample.run.incomparable = "another CPU: \"old\" then, new now";
    const char *all = report();
    assert_ended(all, "baseline", "<error type=\"incomparable\"", "another CPU: &quot;old&quot;");
    assert_null(strstr(all, "name=\"rps\""));
}

static void test_generator_was_the_limit(void **state) {
    (void)state;
    sample_one();
    sample.run.machine.limits = RF_LIMIT_CPU;
    sample.run.machine.worker_cpu = 0.99;
    const char *all = report();
    assert_ended(all, "generator", "<error type=\"generator\"", "generator");
    assert_passed(all, "answers");
}

static void test_thresholds(void **state) {
    (void)state;
    sample_one();
    sample_thresholds();
    const char *all = report();
    assert_passed(all, "p99&gt;20ms");
    assert_ended(all, "rps&lt;2000", "<failure type=\"threshold\"", "at least 2,000/s is wanted");
    assert_ended(all, "p50&gt;+5%", "<error type=\"unknown\"", "nothing to compare it with");
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_one_passes),       TEST(test_nobody_answered),
        TEST(test_no_requests),      TEST(test_errors_may_be_allowed),
        TEST(test_comparison),       TEST(test_comparison_has_a_reason),
        TEST(test_baseline_differs), TEST(test_generator_was_the_limit),
        TEST(test_thresholds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
