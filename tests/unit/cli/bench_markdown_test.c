/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_markdown_test.c: the verdict first, tables whole, strangers' text without effect.
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
    return sample_text(bench_markdown_write);
}

static void assert_begins(const char *text, const char *beginning) {
    assert_int_equal(strncmp(text, beginning, strlen(beginning)), 0);
}

/* All rows of a table have as many cells as its head. */
static void assert_tables(const char *at) {
    int columns = 0;
    for (; *at; at += strcspn(at, "\n") + (at[strcspn(at, "\n")] == '\n')) {
        int bars = 0;
        for (const char *c = at; *c && *c != '\n'; c++) {
            bars += *c == '|';
        }
        if (*at != '|') {
            columns = 0;
        } else if (!columns) {
            columns = bars;
        } else {
            assert_int_equal(bars, columns);
        }
    }
}

static void test_one(void **state) {
    (void)state;
    sample_one();
    const char *all = report();
    assert_begins(all, "## ✅ 1,000/s, p99 2.97 ms\n\n"
                       "http&#58;//127.0.0.1&#58;8080/items\n\n"
                       "| | mean | p50 | p75 | p90 | p99 | p99.9 | max |\n"
                       "|---|---:|---:|---:|---:|---:|---:|---:|\n"
                       "| **latency** | 2.00 ms | 1.99 ms |");
    assert_tables(all);
    assert_non_null(strstr(all, "\n| requests | 10,000 in 10 s |\n"));
    assert_non_null(strstr(all, " · A &lt;fast&gt; CPU · "));
    assert_null(strstr(all, "secret"));
    assert_memory_equal(all + strlen(all) - 8, "</sub>\n\n", 8); /* others go on here */
}

static void test_two(void **state) {
    (void)state;
    sample_two();
    sample_thresholds();
    const char *all = report();
    assert_begins(
        all, "## ❌ regressed&#58; rps -9.1%, mean +10.0%; 1 of 3 thresholds failed\n\n"
             "A: http&#58;//127.0.0.1&#58;8080/items · B: http&#58;//127.0.0.1&#58;8081/items\n\n"
             "| | A | B | change | 99% interval | verdict |\n"
             "|---|---:|---:|---:|:---:|---|\n"
             "| rps | 1,000/s | 909/s | -9.1% | -10.3% .. -7.9% | **regressed** |\n");
    assert_tables(all);
    assert_non_null(strstr(all, "| regressed, not judged |\n"));
    assert_non_null(
        strstr(all, "| errors | 0% | 0.12% | +0.12 pp | ? .. +0.45 pp | inconclusive |"));
    assert_non_null(strstr(all, "| rps&lt;2000 | **failed** | rps is 1,000/s, "));
    assert_non_null(strstr(all, "| p50&gt;+5% | can't be told | "));
    assert_non_null(strstr(all, "\n| **latency B** |"));
    assert_non_null(strstr(all, "\n| requests | 10,000 in 10 s | 10,000 in 10 s |\n"));
}

static void test_nothing(void **state) {
    (void)state;
    for (int empty = 0; empty < 2; empty++) {
        sample_nothing(empty);
        const char *all = report();
        assert_begins(all, "## ❌ 12,345 of 12,345 requests failed\n");
        assert_non_null(strstr(all, "| **latency** | - | - | - | - | - | - | - |\n"));
        assert_non_null(strstr(all, "First error: connect&#58; refused &lt;&amp;&gt; &#92;x1b"));
        assert_tables(all);
    }
}

static void test_baseline_differs(void **state) {
    (void)state;
    sample_two();
    sample.run.baseline = &sample.side[RF_SIDE_B];
    sample.run.side[RF_SIDE_B] = NULL;
    sample.run.incomparable = "another CPU: *old* then";
    sample.run.exit = 6;
    const char *all = report();
    assert_begins(all,
                  "## ❔ inconclusive&#58; the baseline can&#39;t be compared&#58; another CPU");
    assert_null(strstr(all, "**Not compared:**")); /* nothing is said twice */
    assert_null(strstr(all, "interval | verdict"));
    assert_non_null(strstr(all, "| | then | now |\n"));
    sample_thresholds();
    assert_non_null(strstr(report(), "**Not compared:** another CPU&#58; &#42;old&#42; then\n"));
}

static void test_limits(void **state) {
    (void)state;
    sample_one();
    sample.run.machine.limits = RF_LIMIT_PORTS;
    sample.run.exit = 6;
    const char *all = report();
    assert_begins(all, "## ❔ inconclusive&#58; ");
    assert_null(strstr(all, "\n**Warning:** ")); /* nothing is said twice */
    sample_thresholds();
    assert_non_null(strstr(report(), "\n**Warning:** the generator was the limit"));
}

static void test_entries(void **state) {
    (void)state;
    sample_one();
    sample_entries();
    const char *all = report();
    assert_non_null(strstr(all, "| GET /a | 1,000 | 0 | 2.00 ms | 1.99 ms | 2.97 ms |\n"));
    assert_non_null(strstr(all, "| &#96;evil&#96; &#124; &lt;b&gt;&quot;name&quot;&#92;x1b&#91;31m "
                                "| 3,000 | 2 | - | - | - |\n"));
    assert_tables(all);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_one),    TEST(test_two),     TEST(test_nothing), TEST(test_baseline_differs),
        TEST(test_limits), TEST(test_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
