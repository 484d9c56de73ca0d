/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_live_test.c: the live line and the objects of JSON, of samples made by hand; how often they are drawn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>

#include "../../../tools/ringfetch/bench_live.h"
#include "../../../tools/ringfetch/console.h"
#include "fake_engine.h"

static struct rf_load_sample sample;
static struct rf_comparison comparison;
static struct bench_pace pace;
static char out[1024];

static int begin(void **state) {
    (void)state;
    fake_reset();
    comparison = (struct rf_comparison){.verdict = RF_CHANGE_INCONCLUSIVE};
    comparison.metric[RF_METRIC_RPS].change = 0.969;
    comparison.metric[RF_METRIC_RPS].low = 0.96;
    comparison.metric[RF_METRIC_RPS].high = 0.978;
    comparison.metric[RF_METRIC_RPS].samples = 56;
    pace = (struct bench_pace){0};
    sample = (struct rf_load_sample){.phase = RF_PHASE_MEASURE,
                                     .elapsed_s = 3.7,
                                     .expected_s = 10,
                                     .rps = 51234,
                                     .p50_ns = 1000000,
                                     .p99_ns = 2000000,
                                     .requests = 100000,
                                     .connections = 50,
                                     .outstanding = 50};
    return 0;
}

static const char *line_of(unsigned columns) {
    bench_pace_update(&pace, &sample);
    return bench_live_line(out, sizeof out, columns, &sample, &pace);
}

/* The line without what bench_duration writes, which is another's. */
static void test_line(void **state) {
    (void)state;
    line_of(200);
    assert_memory_equal(out, "0:03/0:10  51.2k/s  p50 ", 24);
    assert_non_null(strstr(out, "  50 connections"));
    assert_null(strstr(out, "outstanding"));
    sample.errors = 1;
    sample.outstanding = 51;
    line_of(200);
    assert_memory_equal(out, "0:03/0:10  51.2k/s  1 error  p50 ", 32);
    assert_non_null(strstr(out, "  51 outstanding"));
    sample.phase = RF_PHASE_WARMUP;
    sample.expected_s = 0;
    assert_memory_equal(line_of(200), "warm-up  51.2k/s  ", 18);
    sample.phase = RF_PHASE_MEASURE;
    assert_memory_equal(line_of(200), "0:03  51.2k/s  ", 15);
    sample.phase = RF_PHASE_DRAIN;
    assert_memory_equal(line_of(200), "finishing  51.2k/s  ", 20);
    sample.expected_s = 10; /* between two blocks */
    assert_memory_equal(line_of(200), "0:03/0:10  51.2k/s  ", 20);
    pace = (struct bench_pace){0};
    sample = (struct rf_load_sample){.phase = RF_PHASE_CONNECT, .connections = 3};
    assert_string_equal(line_of(200), "connecting  3 connections");
}

static void test_narrow(void **state) {
    (void)state;
    sample.errors = 12;
    sample.comparison = &comparison;
    for (unsigned columns = 0; columns < 150; columns++) {
        assert_true(strlen(line_of(columns)) <= columns);
    }
    assert_string_equal(line_of(9), "0:03/0:10");
}

static void test_two_sides(void **state) {
    (void)state;
    sample.comparison = &comparison;
    bench_pace_update(&pace, &sample);
    sample.side = RF_SIDE_B;
    sample.rps = 48000;
    line_of(200);
    assert_memory_equal(
        out, "0:03/0:10  A 51.2k/s  B 48.0k/s  throughput -3.1% (-4.0..-2.2%), 56 pairs  p99 A ",
        81);
    comparison.metric[RF_METRIC_RPS].low = 0;
    comparison.metric[RF_METRIC_RPS].high = (double)INFINITY;
    comparison.metric[RF_METRIC_RPS].samples = 1;
    line_of(200);
    assert_non_null(strstr(out, "B 48.0k/s  1 pair  p99 A"));
    pace = (struct bench_pace){0}; /* which of them is first is tossed */
    sample.comparison = NULL;
    line_of(200);
    assert_non_null(strstr(out, "  A -  B 48.0k/s  p99 A -  B "));
}

static void test_pace(void **state) {
    (void)state;
    sample.rps = 100;
    bench_pace_update(&pace, &sample);
    assert_true(pace.rps[RF_SIDE_A] == 100.0);
    sample.rps = 200;
    bench_pace_update(&pace, &sample);
    assert_true(pace.rps[RF_SIDE_A] == 150.0); /* young averages are plain */
    for (unsigned i = 0; i < 10; i++) {
        bench_pace_update(&pace, &sample);
    }
    assert_true(pace.rps[RF_SIDE_A] > 190 && pace.rps[RF_SIDE_A] < 199);
    assert_int_equal(pace.samples[RF_SIDE_B], 0);
}

static double number_of(json_t *object, const char *name) {
    json_t *member = json_object_get(object, name);
    assert_true(json_is_number(member));
    return json_number_value(member);
}

static void test_json(void **state) {
    (void)state;
    bench_pace_update(&pace, &sample);
    json_t *object = json_loads(bench_live_json(out, sizeof out, &sample, &pace), 0, NULL);
    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(object, "phase")), "measuring");
    assert_true(number_of(object, "elapsed_s") == 3.7);
    assert_true(number_of(object, "expected_s") == 10);
    assert_true(number_of(object, "rps") == 51234);
    assert_true(number_of(object, "p99_us") == 2000);
    assert_true(number_of(object, "requests") == 100000);
    assert_null(json_object_get(object, "verdict"));
    json_decref(object);
    sample.comparison = &comparison;
    sample.expected_s = 0;
    comparison.metric[RF_METRIC_RPS].high = (double)NAN;
    sample.side = RF_SIDE_B;
    bench_pace_update(&pace, &sample);
    object = json_loads(bench_live_json(out, sizeof out, &sample, &pace), 0, NULL);
    assert_non_null(object);
    assert_true(json_is_null(json_object_get(object, "expected_s")));
    assert_true(json_is_null(json_object_get(object, "rps_ratio_high")));
    assert_true(number_of(object, "rps_ratio_low") == 0.96);
    assert_true(number_of(object, "pairs") == 56);
    assert_true(number_of(object, "rps_b") == 51234);
    assert_string_equal(json_string_value(json_object_get(object, "verdict")), "inconclusive");
    json_decref(object);
}

/* ---- drawing: into a file, which is no terminal -------------------------------------------------- */

static enum progress_mode mode;

static int draw(int argc, char **argv) {
    (void)argc, (void)argv;
    struct bench_live live;
    console_open();
    bench_live_begin(&live, mode);
    bench_live_note(&live, "starting");
    for (unsigned i = 0; i < 5; i++) {
        sample.requests++;
        bench_live_sample(&live, &sample);
    }
    bench_live_end(&live);
    bench_live_end(&live);
    return 0;
}

static unsigned drawn_lines(enum progress_mode wanted) {
    unsigned lines = 0;
    mode = wanted;
    for (const char *at = fake_run(draw, (const char *const[]){"x", NULL}).err; *at; at++) {
        lines += *at == '\n';
    }
    return lines;
}

static void test_how_often(void **state) {
    (void)state;
    assert_int_equal(drawn_lines(PROGRESS_NONE), 0);
    assert_int_equal(drawn_lines(PROGRESS_BAR), 1);  /* five samples within a second */
    assert_int_equal(drawn_lines(PROGRESS_JSON), 2); /* and one at the end */
    const char *err = fake_run(draw, (const char *const[]){"x", NULL}).err;
    assert_non_null(strstr(strchr(err, '\n'), "\"requests\":100020"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_line, begin),
        cmocka_unit_test_setup(test_narrow, begin),
        cmocka_unit_test_setup(test_two_sides, begin),
        cmocka_unit_test_setup(test_pace, begin),
        cmocka_unit_test_setup(test_json, begin),
        cmocka_unit_test_setup(test_how_often, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
