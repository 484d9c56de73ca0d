/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_markdown_test.c: a small summary whole, its order, and that it stays below what GitHub
 * shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "../../../tools/ringfetch/check_reports.h"
#include "fake_engine.h"

static char path[64], why[REPORT_WHY_BYTES];
static struct tally tally;
static struct check_run run;
static uint64_t n;

static int begin(void **state) {
    (void)state;
    snprintf(path, sizeof path, "/tmp/check_markdown_test.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    tally_init(&tally);
    run = (struct check_run){.tally = &tally, .seconds = 1.5, .exit = RF_SOME_FAILED};
    n = 0;
    return 0;
}

static int end(void **state) {
    (void)state;
    tally_deinit(&tally);
    return unlink(path);
}

static struct rf_result result_of(const char *url, enum rf_verdict verdict) {
    return (struct rf_result){.n = ++n,
                              .url = url,
                              .final_url = url,
                              .verdict = verdict,
                              .error.kind = verdict == RF_VERDICT_OK ? 0 : 1,
                              .detail = verdict == RF_VERDICT_OK ? NULL : "nobody there",
                              .ms = {-1, -1, -1, -1, -1, -1, -1}};
}

static void add(const char *url, enum rf_verdict verdict, const char *source, unsigned line,
                const char *change) {
    struct rf_result result = result_of(url, verdict);
    result.source = source, result.line = line, result.column = line ? 5 : 0;
    result.change = change;
    tally_add(&tally, &result);
}

static const char *summary(size_t *bytes) {
    static char text[2 << 20];
    void *report;
    assert_true(report_markdown.open(&report, path, why, sizeof why));
    assert_true(report_markdown.close(report, &run, why, sizeof why));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t count = fread(text, 1, sizeof text - 1, file);
    text[count] = '\0';
    fclose(file);
    if (bytes) {
        *bytes = count;
    }
    return text;
}

static void test_all_well(void **state) {
    (void)state;
    static const char *const sources[] = {"a_b.md", "<docs>", NULL};
    struct rf_result result = result_of("http://a.test/", RF_VERDICT_OK);
    result.cached = true;
    tally_add(&tally, &result);
    run.sources = sources, run.exit = RF_OK;
    assert_string_equal(summary(NULL),
                        "## ✅ No broken links among 1 URL\n\n"
                        "ringfetch " RF_VERSION ", a&#95;b.md · &lt;docs&gt;, 1.50 s\n\n"
                        "| verdict | URLs | share | |\n|---|---:|---:|---|\n"
                        "| ok | 1 | 100.0 % |  |\n\n"
                        "Well in an earlier run and not asked again: 1.\n");
}

static void test_whole(void **state) {
    (void)state;
    add("http://b.test/2", RF_VERDICT_DEAD, "b.md", 2, "new");
    add("http://b.test/1", RF_VERDICT_FLAKY, "b.md", 1, "still");
    add("http://a.test/|x|", RF_VERDICT_BLOCKED, NULL, 0, NULL);
    add("http://a.test/ok", RF_VERDICT_OK, "b.md", 3, "fixed");
    struct rf_result slow = result_of("http://b.test/3", RF_VERDICT_OK);
    slow.ms.total = 12.3;
    tally_add(&tally, &slow);
    run.compared = true;
    assert_string_equal(
        summary(NULL),
        "## ❌ 3 of 5 URLs not well\n\n"
        "ringfetch " RF_VERSION ", 1.50 s\n\n"
        "| verdict | URLs | share | |\n|---|---:|---:|---|\n"
        "| ok | 2 | 40.0 % |  |\n"
        "| dead | 1 | 20.0 % | the target's fault, every time it was asked |\n"
        "| flaky | 1 | 20.0 % | answered well once and badly once |\n"
        "| blocked | 1 | 20.0 % | there, but not for us |\n"
        "\nErrors: refused 3\n"
        "\n### New: 1\n\n| URL | found in | verdict | why |\n|---|---|---|---|\n"
        "| [http&#58;//b.test/2](<http://b.test/2>) | b.md:2:5 | dead | connect&#58; nobody there "
        "|\n"
        "\n### Fixed: 1\n\n| URL | found in | verdict | why |\n|---|---|---|---|\n"
        "| [http&#58;//a.test/ok](<http://a.test/ok>) | b.md:3:5 | ok |  |\n"
        "\n### By host\n\n| host | not well | results | mean |\n|---|---:|---:|---:|\n"
        "| b.test | 2 | 3 | 12 ms |\n| a.test | 1 | 2 |  |\n"
        "\n### By file\n"
        "\n#### Not from a file\n\n| line | URL | verdict | why |\n|---:|---|---|---|\n"
        "|  | [http&#58;//a.test/&#124;x&#124;](<http://a.test/%7Cx%7C>) | blocked | "
        "connect&#58; nobody there |\n"
        "\n#### b.md\n\n| line | URL | verdict | why |\n|---:|---|---|---|\n"
        "| 1:5 | [http&#58;//b.test/1](<http://b.test/1>) | flaky | connect&#58; nobody there |\n"
        "| 2:5 | [http&#58;//b.test/2](<http://b.test/2>) | dead | connect&#58; nobody there |\n");
}

static void test_interrupted(void **state) {
    (void)state;
    run.exit = RF_INTERRUPTED;
    assert_non_null(strstr(summary(NULL), "**The run was interrupted"));
}

/* A row stays a row and a cell a cell, whatever is in them. */
static void test_hostile(void **state) {
    (void)state;
    char text[64];
    for (unsigned byte = 1; byte < 256; byte++) {
        snprintf(text, sizeof text, "http://x/%c|`<script>&#124;\r\n| a |\n\n# b %c", (char)byte,
                 (char)byte);
        add(text, RF_VERDICT_DEAD, "a|\n# b`<img>", 1, "new");
    }
    run.compared = true;
    const char *all = summary(NULL);
    assert_null(strstr(all, "<script"));
    assert_null(strstr(all, "<img"));
    assert_null(strchr(all, '`'));
    assert_null(strstr(all, "\n# "));
    unsigned rows = 0;
    for (const char *at = strstr(all, "### New"); (at = strstr(at, "\n| ")) != NULL;) {
        unsigned bars = 0;
        for (at++; *at != '\n'; at++) {
            assert_in_range((unsigned char)*at, 0x20, 0xFF);
            bars += *at == '|';
        }
        assert_int_equal(bars, 5);
        rows++;
    }
    assert_int_equal(rows, 200 + 255 + 1 + 3); /* new ones, by file, one host, three heads */
}

/* Below 1 MiB with the longest of everything. */
static void test_cap(void **state) {
    (void)state;
    char url[2100], source[300];
    for (unsigned i = 0; i < 3000; i++) {
        memset(url, '*', sizeof url);
        snprintf(url, 30, "http://h%u.test/", i);
        url[strlen(url)] = '*';
        url[1990] = '\0';
        memset(source, '|', sizeof source - 1);
        source[sizeof source - 1] = '\0';
        snprintf(source, 20, "%u.md", i);
        source[strlen(source)] = '|';
        add(url, RF_VERDICT_DEAD, source, i, "new");
    }
    run.compared = true;
    size_t bytes;
    const char *all = summary(&bytes);
    assert_true(bytes < 1024 * 1024);
    assert_true(bytes > 800 * 1024);
    assert_non_null(strstr(all, "\n… and 2800 more.\n")); /* of the new ones */
    assert_memory_equal(all + bytes - 7, " more.\n", 7);
}

static void test_dropped_are_counted(void **state) {
    (void)state;
    for (unsigned i = 0; i < TALLY_FAILURES_MAX + 5; i++) {
        add("http://a.test/", RF_VERDICT_DEAD, NULL, 0, NULL);
    }
    const char *all = summary(NULL);
    unsigned rows = 0;
    for (const char *at = strstr(all, "### By file"); (at = strstr(at, "\n|  |")) != NULL; at++) {
        rows++;
    }
    char expected[64];
    snprintf(expected, sizeof expected, "\n… and %u more.\n", TALLY_FAILURES_MAX + 5 - rows);
    assert_true(rows > 5000);
    assert_non_null(strstr(all, expected));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_all_well), TEST(test_whole), TEST(test_interrupted),
        TEST(test_hostile),  TEST(test_cap),   TEST(test_dropped_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
