/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_sarif_test.c: a small SARIF file whole, and what hostile text, many results and later runs
 * must not change. That a file follows the standard's schema is for tests/e2e/report_formats.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <unistd.h>

#include "../../../tools/ringfetch/check_reports.h"
#include "fake_engine.h"

static char path[64], why[REPORT_WHY_BYTES];
static void *report;
static struct check_run run;

static int begin(void **state) {
    (void)state;
    snprintf(path, sizeof path, "/tmp/check_sarif_test.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    run = (struct check_run){.seconds = 1.5, .exit = RF_SOME_FAILED};
    assert_true(report_sarif.open(&report, path, why, sizeof why));
    return 0;
}

static int end(void **state) {
    (void)state;
    return unlink(path);
}

static struct rf_result result_of(const char *url, enum rf_verdict verdict) {
    return (struct rf_result){
        .url = url, .final_url = url, .verdict = verdict, .error.kind = 1, .detail = "gone"};
}

static void add(const char *url, enum rf_verdict verdict) {
    struct rf_result result = result_of(url, verdict);
    report_sarif.add(report, &result);
}

/* The one run of the file. */
static json_t *finish(void) {
    json_error_t error;
    assert_true(report_sarif.close(report, &run, why, sizeof why));
    json_t *log = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!log) {
        fail_msg("%d: %s", error.line, error.text);
    }
    json_t *only = json_incref(json_array_get(json_object_get(log, "runs"), 0));
    assert_string_equal(json_string_value(json_object_get(log, "version")), "2.1.0");
    json_decref(log);
    return only;
}

/* The value at a way like "results.0.message.text". */
static json_t *at(json_t *value, const char *way) {
    char name[64];
    while (*way) {
        size_t count = strcspn(way, ".");
        snprintf(name, sizeof name, "%.*s", (int)count, way);
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(name))
                                     : json_object_get(value, name);
        way += count + (way[count] == '.');
    }
    return value;
}

static const char *text_at(json_t *value, const char *way) {
    return json_string_value(at(value, way));
}

#define URI "locations.0.physicalLocation.artifactLocation.uri"
#define REGION "locations.0.physicalLocation.region"
#define PRINT "partialFingerprints.primaryLocationLineHash"

static void test_whole_result(void **state) {
    (void)state;
    struct rf_result result = result_of("http://a.test/", RF_VERDICT_DEAD);
    result.source = "docs/a b.md", result.line = 12, result.column = 3, result.status = 404;
    result.error.kind = 3, result.change = "new", result.ip = "::1", result.tag = "t";
    report_sarif.add(report, &result);
    json_t *got = finish(), *first = at(got, "results.0");
    char *text = json_dumps(first, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(
        text,
        "{\"level\":\"error\",\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":"
        "\"docs/a%20b.md\"},\"region\":{\"startColumn\":3,\"startLine\":12}}}],\"message\":{"
        "\"text\":\"dead: http://a.test/ (connect: gone)\"},\"partialFingerprints\":{"
        "\"primaryLocationLineHash\":\"17cb851768a9564b:1\","
        "\"ringfetchLink/v1\":\"17cb851768a9564b:1\"},\"properties\":{\"change\":\"new\","
        "\"finalUrl\":\"http://a.test/\",\"ip\":\"::1\",\"stage\":\"connect\",\"status\":404,"
        "\"tag\":\"t\",\"url\":\"http://a.test/\",\"verdict\":\"dead\"},"
        "\"ruleId\":\"http-status\"}");
    free(text);
    assert_int_equal(json_array_size(at(got, "tool.driver.rules")), 1);
    assert_string_equal(text_at(got, "tool.driver.rules.0.id"), "http-status");
    assert_string_equal(text_at(got, "tool.driver.rules.0.shortDescription.text"),
                        "it is \\[so\\]");
    assert_string_equal(text_at(got, "tool.driver.rules.0.fullDescription.text"),
                        "Checking a link found this: it is \\[so\\].");
    assert_non_null(text_at(got, "tool.driver.rules.0.help.text"));
    assert_true(json_is_true(at(got, "invocations.0.executionSuccessful")));
    assert_int_equal(json_integer_value(at(got, "invocations.0.exitCode")), 1);
    assert_int_equal(json_array_size(at(got, "invocations.0.toolExecutionNotifications")), 0);
    json_decref(got);
}

static void test_failures_only(void **state) {
    (void)state;
    for (enum rf_verdict verdict = RF_VERDICT_OK; verdict < RF_VERDICTS; verdict++) {
        add("http://a.test/", verdict);
    }
    run.exit = RF_INTERRUPTED;
    json_t *got = finish();
    assert_int_equal(json_array_size(at(got, "results")), 3);
    assert_string_equal(text_at(got, "results.0.level"), "error");
    assert_string_equal(text_at(got, "results.1.level"), "warning");
    assert_string_equal(text_at(got, "results.2.properties.verdict"), "blocked");
    assert_int_equal(json_array_size(at(got, "invocations.0.toolExecutionNotifications")), 1);
    assert_memory_equal(text_at(got, "invocations.0.toolExecutionNotifications.0.message.text"),
                        "Links that are not reported because nothing was found out about them: 1.",
                        72);
    assert_true(json_is_false(at(got, "invocations.0.executionSuccessful")));
    json_decref(got);
}

static void test_no_results(void **state) {
    (void)state;
    add("http://a.test/", RF_VERDICT_OK);
    json_t *got = finish();
    assert_true(json_is_array(at(got, "results")));
    assert_int_equal(json_array_size(at(got, "results")), 0);
    assert_int_equal(json_array_size(at(got, "tool.driver.rules")), 0);
    json_decref(got);
}

/* Where a link is said to be. */
static void test_places(void **state) {
    (void)state;
    static const struct {
        const char *url, *final, *source, *uri;
        bool region;
    } rows[] = {
        {"http://a.test/x y", "http://a.test/x%20y", NULL, "http://a.test/x%20y", false},
        {"http://a.test/", "http://a.test/", "-", "http://a.test/", false},
        {"http://a.test/", "http://a.test/", "./a:b#c.md", "a%3Ab%23c.md", true},
        {"http://a.test/", "http://a.test/", "/var/a%.md", "file:///var/a%25.md", true},
        {"http://a.test/", "http://a.test/", "https://b.test/site map.xml",
         "https://b.test/site%20map.xml", true},
        {"ht tp://[x", NULL, NULL, "ht%20tp%3A//%5Bx", false},
        {"", NULL, NULL, "-", false},
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    for (size_t i = 0; i < ROWS; i++) {
        struct rf_result result = result_of(rows[i].url, RF_VERDICT_DEAD);
        result.final_url = rows[i].final, result.source = rows[i].source, result.line = 3;
        report_sarif.add(report, &result);
    }
    json_t *got = finish();
    for (size_t i = 0; i < ROWS; i++) {
        json_t *one = json_array_get(json_object_get(got, "results"), i);
        assert_string_equal(text_at(one, URI), rows[i].uri);
        assert_int_equal(at(one, REGION) != NULL, rows[i].region);
    }
    json_decref(got);
}

static void test_fingerprints(void **state) {
    (void)state;
    struct rf_result result = result_of("http://a.test/", RF_VERDICT_DEAD);
    result.source = "a.md", result.line = 1;
    report_sarif.add(report, &result);
    result.line = 7, result.error.kind = 2, result.verdict = RF_VERDICT_FLAKY;
    report_sarif.add(report, &result);
    result.source = "b.md";
    report_sarif.add(report, &result);
    result.source = "a.md", result.url = "http://a.test/b";
    report_sarif.add(report, &result);
    json_t *got = finish();
    const char *print[4];
    for (unsigned i = 0; i < 4; i++) {
        print[i] = text_at(json_array_get(json_object_get(got, "results"), i), PRINT);
        assert_int_equal(strlen(print[i]), 18);
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(print[i], print[k]);
        }
    }
    assert_memory_equal(print[0], print[1], 16); /* the same link, found a second time */
    assert_string_equal(print[0] + 16, ":1");
    assert_string_equal(print[1] + 16, ":2");
    assert_memory_not_equal(print[0], print[2], 16);
    assert_memory_not_equal(print[0], print[3], 16);
    json_decref(got);
}

static void test_messages_are_plain(void **state) {
    (void)state;
    struct rf_result result = result_of("http://[::1]/{0}\\", RF_VERDICT_DEAD);
    result.detail = "[click](http://evil.test)\n\033[m";
    report_sarif.add(report, &result);
    json_t *got = finish();
    assert_string_equal(text_at(got, "results.0.message.text"),
                        "dead: http://\\[::1\\]/{{0}}\\\\ (connect: \\[click\\](http://evil.test)"
                        "\\\\x0a\\\\x1b\\[m)");
    json_decref(got);
}

static void test_hostile(void **state) {
    (void)state;
    char text[3000];
    for (unsigned byte = 1; byte < 256; byte++) {
        memset(text, (int)byte, sizeof text - 1);
        memcpy(text, "http://x/\"\\\xED\xA0", 13);
        text[byte % 2 ? sizeof text - 1 : 60] = '\0';
        struct rf_result result = result_of(text, RF_VERDICT_DEAD);
        result.detail = result.source = result.tag = result.ip = result.change = text;
        result.line = UINT32_MAX;
        report_sarif.add(report, &result);
    }
    json_t *got = finish();
    assert_int_equal(json_array_size(at(got, "results")), 255);
    json_decref(got);
}

static void test_cap(void **state) {
    (void)state;
    for (unsigned i = 0; i < 25007; i++) {
        add("http://a.test/", RF_VERDICT_DEAD);
    }
    json_t *got = finish();
    assert_int_equal(json_array_size(at(got, "results")), 25000);
    assert_memory_equal(text_at(got, "invocations.0.toolExecutionNotifications.0.message.text"),
                        "Links that failed beyond the 25000 that are reported here: 7. ", 62);
    json_decref(got);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_whole_result), TEST(test_failures_only), TEST(test_no_results),
        TEST(test_places),       TEST(test_fingerprints),  TEST(test_messages_are_plain),
        TEST(test_hostile),      TEST(test_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
