/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_json_test.c: what stands in the JSON of a run: the names that scripts rely on, units, nothing that is no JSON.
 */
#include "bench_saved_help.h"

#include <jansson.h>
#include <locale.h>

#include "../../../tools/ringfetch/bench_json_out.h"

static json_t *tree_of(const struct bench_run *run) {
    json_error_t error;
    char *text = write_run(run);
    json_t *top = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!top)
        fail_msg("%s in line %d", error.text, error.line);
    free(text);
    return top;
}

/* "latency_us.p99" */
static const json_t *at(const json_t *object, const char *path) {
    char name[64];
    while (object && *path) {
        size_t count = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)count, path);
        object = json_object_get(object, name);
        path += count + (path[count] == '.');
    }
    if (!object)
        fail_msg("there is no %s", path);
    return object;
}

static void assert_number(const json_t *top, const char *path, double wanted) {
    const json_t *found = at(top, path);
    assert_true(json_is_number(found));
    if (fabs(json_number_value(found) - wanted) > 1e-9 * fabs(wanted))
        fail_msg("%s is %g, not %g", path, json_number_value(found), wanted);
}

static void assert_text(const json_t *top, const char *path, const char *wanted) {
    assert_string_equal(json_string_value(at(top, path)), wanted);
}

/* ---- one server ----------------------------------------------------------------------------------- */

static void test_one(void **state) {
    (void)state;
    struct made_side a;
    make_side(&a, 0);
    struct bench_run run = make_run(&a, NULL);
    json_t *top = tree_of(&run);
    const struct rf_histogram *latency = a.figures.latency;
    assert_number(top, "v", 1);
    assert_text(top, "started", "2026-01-02T03:04:05.678901Z");
    assert_text(top, "url", "https://127.0.0.1:8443/x?y=1");
    assert_number(top, "requests", 1000);
    assert_number(top, "errors", 6);
    assert_number(top, "duration_s", 3);
    assert_number(top, "rps", 1000.0 / 3);
    assert_number(top, "cpu_us_per_request", 350);
    assert_number(top, "latency_us.min", (double)rf_histogram_min(latency) / 1000);
    assert_number(top, "latency_us.mean", rf_histogram_mean(latency) / 1000);
    assert_number(top, "latency_us.p50", (double)rf_histogram_percentile(latency, 50) / 1000);
    assert_number(top, "latency_us.p75", (double)rf_histogram_percentile(latency, 75) / 1000);
    assert_number(top, "latency_us.p90", (double)rf_histogram_percentile(latency, 90) / 1000);
    assert_number(top, "latency_us.p95", (double)rf_histogram_percentile(latency, 95) / 1000);
    assert_number(top, "latency_us.p99", (double)rf_histogram_percentile(latency, 99) / 1000);
    assert_number(top, "latency_us.p99_9", (double)rf_histogram_percentile(latency, 99.9) / 1000);
    assert_number(top, "latency_us.max", (double)rf_histogram_max(latency) / 1000);
    double stddev = json_number_value(at(top, "latency_us.stddev")) * 1000;
    assert_true(fabs(stddev / rf_histogram_deviation(latency) - 1) < 0.001);
    assert_number(top, "status.200", 990);
    assert_number(top, "status.404", 4);
    assert_int_equal(json_object_size(at(top, "status")), 3);
    assert_number(top, "errors_by_kind.refused", 2);
    assert_true(json_is_true(at(top, "generator_limited")));
    assert_int_equal(json_array_size(at(top, "limits")), 2);
    assert_string_equal(json_string_value(json_array_get(at(top, "limits"), 1)), "memory");
    assert_number(top, "connections.asked", 50);
    assert_number(top, "connections.open", 50);
    assert_text(top, "fingerprint.options", "connections=50 pipeline=1");
    assert_text(top, "histogram.unit", "ns");
    assert_number(top, "histogram.count", 1000);
    assert_memory_equal(json_string_value(at(top, "histogram.encoded")), "HISTFAAA", 8);
    assert_true(json_is_null(at(top, "verdict")));
    assert_true(json_is_null(at(top, "comparison")));
    assert_true(json_is_null(at(top, "baseline")));
    assert_number(json_array_get(at(top, "series"), 2), "p50_us", 1000.001);
    assert_int_equal(json_array_size(json_array_get(at(top, "blocks.rows"), 0)), 10);
    assert_null(json_object_get(top, "a"));
    json_decref(top);
    drop_side(&a);
}

/* ---- two ------------------------------------------------------------------------------------------ */

static void test_two(void **state) {
    (void)state;
    struct made_side a, b;
    make_side(&a, 1);
    make_side(&b, 2);
    b.figures.url = "http://127.0.0.1/b";
    b.figures.first_error = NULL;
    struct rf_comparison comparison = make_comparison();
    struct bench_run run = make_run(&a, &b);
    run.comparison = &comparison;
    json_t *top = tree_of(&run);
    assert_text(top, "verdict", "regressed");
    assert_text(top, "comparison.metrics.mean.verdict", "improved");
    assert_number(top, "comparison.metrics.p90.low", 1.05);
    assert_true(json_is_null(at(top, "comparison.metrics.p50.low")));
    assert_true(json_is_null(at(top, "comparison.metrics.p50.high")));
    assert_number(top, "requests", 2003);
    assert_number(top, "errors", 12);
    assert_number(top, "duration_s", 6);
    assert_number(top, "status.200", 1983);
    assert_number(top, "errors_by_kind.refused", 4);
    assert_number(top, "bytes.body", 1800000);
    assert_number(top, "connections.asked", 100);
    assert_number(top, "cpu_us_per_request", 0.7e6 / 2003);
    assert_text(top, "url", "http://127.0.0.1/b");
    assert_text(top, "first_error", "the connection was \"reset\"");
    assert_number(top, "rps", b.figures.rps);
    assert_number(top, "latency_us.max", (double)rf_histogram_max(b.figures.latency) / 1000);
    assert_number(top, "histogram.mean", rf_histogram_mean(b.figures.latency));
    assert_null(json_object_get(top, "series"));
    assert_number(top, "a.requests", 1001);
    assert_number(top, "b.requests", 1002);
    assert_int_equal(json_array_size(at(top, "a.series")), MADE_SECONDS);
    json_decref(top);
    drop_side(&a);
    drop_side(&b);
}

/* ---- what is no number ---------------------------------------------------------------------------- */

static void test_no_numbers(void **state) {
    (void)state;
    struct made_side a = {.figures = {.seconds = NAN, .rps = INFINITY, .url = NULL}};
    struct bench_run run = make_run(&a, NULL);
    run.machine.machine_cpu = -1;
    json_t *top = tree_of(&run); /* it is JSON at all */
    assert_true(json_is_null(at(top, "duration_s")));
    assert_true(json_is_null(at(top, "rps")));
    assert_true(json_is_null(at(top, "url")));
    assert_true(json_is_null(at(top, "cpu_us_per_request")));
    assert_true(json_is_null(at(top, "rps_scheduled")));
    assert_true(json_is_null(at(top, "latency_us")));
    assert_true(json_is_null(at(top, "histogram")));
    assert_true(json_is_null(at(top, "tls")));
    assert_true(json_is_null(at(top, "generator.machine_cpu")));
    json_decref(top);
    struct rf_histogram *empty = rf_histogram_new(HOUR_NS);
    a.figures.latency = empty;
    top = tree_of(&run);
    assert_true(json_is_null(at(top, "latency_us.p99")));
    assert_number(top, "histogram.count", 0);
    json_decref(top);
    rf_histogram_free(empty);
}

/* Texts of servers, bytes that are no UTF-8, numbers beyond what is signed. */
static void test_hostile(void **state) {
    (void)state;
    struct made_side a = {.figures = {.requests = UINT64_MAX,
                                      .url = "http://127.0.0.1/\xff\"\\\n\033",
                                      .server = "</script>",
                                      .first_error = "\x80"}};
    struct bench_run run = make_run(&a, NULL);
    json_t *top = tree_of(&run);
    assert_int_equal(json_integer_value(at(top, "requests")), INT64_MAX);
    assert_text(top, "url", "http://127.0.0.1/\xef\xbf\xbd\"\\\n\033");
    json_decref(top);
}

/* What CI keeps for everybody has no passwords. */
static void test_user_information(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"http://me:secret@127.0.0.1/a@b?c@d", "http://127.0.0.1/a@b?c@d"},
        {"GET https://x@y:secret@127.0.0.1", "GET https://127.0.0.1"},
        {"http://127.0.0.1?me@home", "http://127.0.0.1?me@home"},
        {"me@home", "me@home"},
        {"http://", "http://"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rf_load_entry entry = {.name = rows[i][0]};
        struct made_side a = {.figures = {.url = rows[i][0], .entry = &entry, .entry_count = 1}};
        struct bench_run run = make_run(&a, NULL);
        json_t *top = tree_of(&run);
        assert_text(top, "url", rows[i][1]);
        assert_text(json_array_get(at(top, "entries"), 0), "name", rows[i][1]);
        json_decref(top);
    }
}

/* ---- numbers -------------------------------------------------------------------------------------- */

static void assert_written(double value, const char *wanted) {
    char *text = NULL;
    size_t count = 0;
    struct json_out out;
    FILE *file = open_memstream(&text, &count);
    assert_true(out_begin(&out, file));
    out_number(&out, NULL, value);
    out_end(&out);
    fclose(file);
    assert_int_equal(text[count - 1], '\n');
    text[count - 1] = '\0';
    assert_string_equal(text, wanted);
    free(text);
}

static void test_numbers(void **state) {
    (void)state;
    assert_written(0.1, "0.1");
    assert_written(0.05, "0.05");
    assert_written(1.0 / 3, "0.3333333333333333");
    assert_written(0.1 + 0.2, "0.30000000000000004");
    assert_written(1e300, "1e+300");
    assert_written(-2.5, "-2.5");
    assert_written(0, "0");
    assert_written(48200, "48200");
    assert_written(-INFINITY, "null");
    assert_written(NAN, "null");
}

/* Somebody else's locale, if there is one here that has a comma. */
static void test_locale(void **state) {
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "C.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (setlocale(LC_ALL, names[i]))
            break;
    }
    locale_t before = uselocale((locale_t)0);
    assert_written(0.5, "0.5");
    assert_ptr_equal(uselocale((locale_t)0), before);
    setlocale(LC_ALL, "C");
}

/* ---- files ---------------------------------------------------------------------------------------- */

static void test_full_disk(void **state) {
    (void)state;
    struct made_side a;
    make_side(&a, 1);
    struct bench_run run = make_run(&a, NULL);
    FILE *file = fopen("/dev/full", "w");
    assert_non_null(file);
    assert_false(bench_json_write(file, &run));
    fclose(file);
    drop_side(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one),        cmocka_unit_test(test_two),
        cmocka_unit_test(test_no_numbers), cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_numbers),    cmocka_unit_test(test_locale),
        cmocka_unit_test(test_full_disk),  cmocka_unit_test(test_user_information),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
