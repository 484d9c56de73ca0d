/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_threshold_test.c: the grammar of --fail-if, what its conditions mean for figures, and the exit status.
 */
#include "bench_saved_help.h"

#include "../../../tools/ringfetch/bench_threshold.h"

/* ---- grammar -------------------------------------------------------------------------------------- */

static void assert_parsed(const char *text, const struct threshold_rule *wanted) {
    struct threshold_rule rule;
    char why[256];
    if (!threshold_parse(text, &rule, why, sizeof why))
        fail_msg("%s: %s", text, why);
    assert_true(bench_threshold_is_valid(text, why, sizeof why));
    assert_int_equal(rule.kind, wanted->kind);
    assert_int_equal(rule.phase, wanted->phase);
    assert_int_equal(rule.point, wanted->point);
    assert_true(fabs(rule.percent - wanted->percent) < 1e-12);
    assert_int_equal(rule.above, wanted->above);
    assert_int_equal(rule.equal, wanted->equal);
    assert_int_equal(rule.share, wanted->share);
    assert_int_equal(rule.relative, wanted->relative);
    assert_true(fabs(rule.value - wanted->value) <= 1e-12 * fabs(wanted->value));
    assert_string_equal(rule.name, wanted->name);
}

#define PARSED(text, ...) assert_parsed(text, &(struct threshold_rule){__VA_ARGS__})
#define PERCENTILE(p) .kind = THRESHOLD_TIME, .point = POINT_PERCENTILE, .percent = p

static void test_grammar(void **state) {
    (void)state;
    PARSED("p99>20ms", PERCENTILE(99), .above = true, .value = 2e7, .name = "p99");
    PARSED(" p99.9\t>=  1.5 s ", PERCENTILE(99.9), .above = true, .equal = true, .value = 1.5e9,
           .name = "p99.9");
    PARSED("p100>7ns", PERCENTILE(100), .above = true, .value = 7, .name = "p100");
    PARSED("p50<=.5us", PERCENTILE(50), .equal = true, .value = 500, .name = "p50");
    PARSED("mean>3\u00b5s", .kind = THRESHOLD_TIME, .point = POINT_MEAN, .above = true,
           .value = 3000, .name = "mean");
    PARSED("min<1ms", .kind = THRESHOLD_TIME, .point = POINT_MIN, .value = 1e6, .name = "min");
    PARSED("max>1ms", .kind = THRESHOLD_TIME, .point = POINT_MAX, .above = true, .value = 1e6,
           .name = "max");
    PARSED("connect_p99>1ms", PERCENTILE(99), .phase = PHASE_CONNECT, .above = true, .value = 1e6,
           .name = "connect_p99");
    PARSED("tls_mean>1ms", .kind = THRESHOLD_TIME, .point = POINT_MEAN, .phase = PHASE_TLS,
           .above = true, .value = 1e6, .name = "tls_mean");
    PARSED("first_byte_max>1ms", .kind = THRESHOLD_TIME, .point = POINT_MAX,
           .phase = PHASE_FIRST_BYTE, .above = true, .value = 1e6, .name = "first_byte_max");
    PARSED("rps<10000", .kind = THRESHOLD_RPS, .value = 10000, .name = "rps");
    PARSED("errors>0.1%", .kind = THRESHOLD_ERRORS, .above = true, .share = true, .value = 0.001,
           .name = "errors");
    PARSED("errors>0", .kind = THRESHOLD_ERRORS, .above = true, .value = 0, .name = "errors");
    PARSED("cpu>5us", .kind = THRESHOLD_CPU, .above = true, .value = 5000, .name = "cpu");
    PARSED("p50>+5%", PERCENTILE(50), .above = true, .relative = true, .share = true, .value = 0.05,
           .name = "p50");
    PARSED("rps < -2.5 %", .kind = THRESHOLD_RPS, .relative = true, .share = true, .value = -0.025,
           .name = "rps");
    PARSED("errors>+0.5%", .kind = THRESHOLD_ERRORS, .above = true, .relative = true, .share = true,
           .value = 0.005, .name = "errors");
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {{"", "condition"},
                {"p99", "condition"},
                {">20ms", "condition"},
                {"p99=20ms", "condition"},
                {"p99 20ms>", "condition"},
                {"p99>", "number"},
                {"p99>ms", "number"},
                {"p99>20", "unit"},
                {"p99>20m", "units of time"},
                {"p99>20 ms x", "units of time"},
                {"p99>20%", "units of time"},
                {"p99>-20ms", "%"},
                {"p99>+20ms", "%"},
                {"p99>+%", "%"},
                {"p99>1e3ms", "units of time"},
                {"p99>0x10ms", "units of time"},
                {"p99>infms", "number"},
                {"p99>1.2.3ms", "number"},
                {"p99>.ms", "number"},
                {"p99>>20ms", "number"},
                {"p99=>20ms", "condition"},
                {"p0>1ms", "there is no p0"},
                {"p101>1ms", "there is no p101"},
                {"p99x>1ms", "there is no p99x"},
                {"p>1ms", "there is no p;"},
                {"P99>1ms", "there is no P99"},
                {"latency>1ms", "there is no latency"},
                {"tls_rps>1", "there is no tls_rps"},
                {"\033[2J>1ms", "\\x1b"},
                {"averyverylongnamethatisnoquantityatall>1ms", "there is no"},
                {"rps<10k", "without a unit"},
                {"rps<10%", "without a unit"},
                {"errors>1.5", "whole"},
                {"errors>101%", "100%"},
                {"errors>5ms", "share"},
                {"p50<-101%", "100%"},
                {"p99>11111111111111111111111111111111111111111ms", "number"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char why[256] = "";
        if (bench_threshold_is_valid(rows[i].text, why, sizeof why))
            fail_msg("%s was taken", rows[i].text);
        if (!strstr(why, rows[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].text, why, rows[i].says);
        assert_null(strpbrk(why, "\n\033"));
    }
}

/* ---- judging -------------------------------------------------------------------------------------- */

struct world {
    struct made_side a, b;
    struct bench_run run;
    struct bench_threshold threshold;
};

/* 100 values from 1 ms to 100 ms; B is a tenth slower. */
static void fill_latency(struct made_side *side, double factor) {
    rf_histogram_free(side->histogram[0]);
    side->histogram[0] = rf_histogram_new(HOUR_NS);
    for (unsigned i = 1; i <= 100; i++)
        rf_histogram_record(side->histogram[0], (uint64_t)(i * 1e6 * factor));
    side->figures.latency = side->histogram[0];
}

static int set_up(void **state) {
    struct world *world = calloc(1, sizeof *world);
    make_side(&world->a, 0);
    make_side(&world->b, 0);
    fill_latency(&world->a, 1);
    fill_latency(&world->b, 1.1);
    world->a.figures.rps = 1000;
    world->b.figures.rps = 900;
    world->a.figures.errors = 0;
    world->run = make_run(&world->a, NULL);
    world->run.machine.limits = 0;
    world->run.threshold = &world->threshold;
    world->run.threshold_count = 1;
    *state = world;
    return 0;
}

static int tear_down(void **state) {
    struct world *world = *state;
    drop_side(&world->a);
    drop_side(&world->b);
    free(world);
    return 0;
}

static const struct bench_threshold *judge(struct world *world, const char *text) {
    world->threshold = (struct bench_threshold){.text = text, .failed = true, .actual = 7};
    bench_judge(&world->run);
    assert_string_equal(world->threshold.text, text);
    assert_true(*world->threshold.shown);
    assert_true(world->threshold.known || !world->threshold.failed);
    return &world->threshold;
}

static void assert_judged(struct world *world, const char *text, bool failed, double actual,
                          double limit) {
    const struct bench_threshold *threshold = judge(world, text);
    if (!threshold->known || threshold->failed != failed)
        fail_msg("%s: %s", text, threshold->shown);
    assert_true(fabs(threshold->actual - actual) <= 0.001 * fabs(actual));
    assert_true(fabs(threshold->limit - limit) <= 0.001 * fabs(limit));
}

static void test_absolute(void **state) {
    struct world *world = *state;
    assert_judged(world, "p99>98ms", true, 99e6, 98e6);
    assert_judged(world, "p99>100ms", false, 99e6, 100e6);
    assert_judged(world, "p50<60ms", true, 50e6, 60e6);
    assert_judged(world, "max>100ms", false, 100e6, 100e6);
    assert_judged(world, "max>=100ms", true, 100e6, 100e6);
    assert_judged(world, "min<1ms", false, 1e6, 1e6);
    assert_judged(world, "min<=1ms", true, 1e6, 1e6);
    assert_judged(world, "mean>50ms", true, 50.5e6, 50e6);
    assert_judged(world, "rps<1000.5", true, 1000, 1000.5);
    assert_judged(world, "rps<1000", false, 1000, 1000);
    assert_judged(world, "errors>0", false, 0, 0);
    world->a.figures.errors = 5;
    assert_judged(world, "errors>0", true, 5, 0);
    assert_judged(world, "errors>5", false, 5, 5);
    assert_judged(world, "errors>0.4%", true, 0.005, 0.004);
    assert_judged(world, "errors>0.6%", false, 0.005, 0.006);
    assert_judged(world, "cpu>300us", true, 350e3, 300e3);
    assert_judged(world, "connect_max>1s", false,
                  (double)rf_histogram_max(world->a.figures.connect), 1e9);
    assert_judged(world, "tls_p50>1ns", true,
                  (double)rf_histogram_percentile(world->a.figures.tls, 50), 1);
    assert_judged(world, "first_byte_mean>1ns", true,
                  rf_histogram_mean(world->a.figures.first_byte), 1);
}

static void test_relative(void **state) {
    struct world *world = *state;
    const char *shown = judge(world, "p50>+5%")->shown;
    assert_false(world->threshold.known);
    assert_non_null(strstr(shown, "no baseline"));
    world->run.side[RF_SIDE_B] = &world->b.figures;
    assert_judged(world, "p50>+5%", true, 55e6, 52.5e6);
    assert_judged(world, "p50>+15%", false, 55e6, 57.5e6);
    assert_judged(world, "rps<-5%", true, 900, 950);
    assert_judged(world, "rps<-15%", false, 900, 850);
    assert_judged(world, "errors>+0.5%", true, 0.006, 0.005);
    assert_judged(world, "errors>+0.7%", false, 0.006, 0.007);
    assert_judged(world, "cpu>+1%", false, 350e3, 353.5e3);
    assert_judged(world, "p50>54ms", true, 55e6, 54e6); /* of B */
    world->run.side[RF_SIDE_B] = NULL;
    world->run.side[RF_SIDE_A] = &world->b.figures;
    world->run.baseline = &world->a.figures;
    assert_judged(world, "p50>+5%", true, 55e6, 52.5e6);
    world->run.incomparable = "another kernel";
    assert_non_null(strstr(judge(world, "p50>+5%")->shown, "can't be compared"));
    assert_false(world->threshold.known);
    assert_judged(world, "p50>54ms", true, 55e6, 54e6);
}

static void test_unknown(void **state) {
    struct world *world = *state;
    world->a.figures.tls = NULL;
    assert_false(judge(world, "tls_p99>1ms")->known);
    assert_non_null(strstr(world->threshold.shown, "no TLS"));
    struct rf_histogram *empty = rf_histogram_new(HOUR_NS);
    world->a.figures.latency = empty;
    assert_false(judge(world, "p99>1ms")->known);
    world->a.figures.requests = 0;
    assert_false(judge(world, "errors>1%")->known);
    assert_false(judge(world, "cpu>1us")->known);
    assert_true(judge(world, "errors>1")->known);
    assert_false(judge(world, "nonsense")->known); /* from a file */
    rf_histogram_free(empty);
}

static void test_shown(void **state) {
    struct world *world = *state;
    world->a.figures.errors = 5;
    assert_string_equal(judge(world, "errors>0.1%")->shown, "errors is 0.5%, allowed is 0.1%");
    assert_string_equal(judge(world, "rps<10000")->shown, "rps is 1,000, asked for is 10,000");
    char wanted[128], actual[24], limit[24], base[24];
    double p99 = (double)rf_histogram_percentile(world->a.figures.latency, 99);
    snprintf(wanted, sizeof wanted, "p99 is %s, allowed is %s", bench_duration(p99, actual),
             bench_duration(20e6, limit));
    assert_string_equal(judge(world, "p99>20ms")->shown, wanted);
    world->run.side[RF_SIDE_B] = &world->b.figures;
    snprintf(wanted, sizeof wanted, "max is %s, allowed is %s (+5%% of %s)",
             bench_duration(110e6, actual), bench_duration(105e6, limit),
             bench_duration(100e6, base));
    assert_string_equal(judge(world, "max>+5%")->shown, wanted);
}

/* ---- the exit status ------------------------------------------------------------------------------ */

static void test_exit(void **state) {
    struct world *world = *state;
    struct rf_comparison comparison = {.verdict = RF_CHANGE_SAME};
    struct bench_run *run = &world->run;
    judge(world, "p99>1s");
    assert_int_equal(bench_exit(run, RF_OK), 0);
    run->comparison = &comparison;
    assert_int_equal(bench_exit(run, RF_OK), 0);
    comparison.verdict = RF_CHANGE_IMPROVED;
    assert_int_equal(bench_exit(run, RF_OK), 0);
    world->a.figures.errors = 1;
    assert_int_equal(bench_exit(run, RF_OK), 1);
    judge(world, "errors>50%");
    assert_int_equal(bench_exit(run, RF_OK), 0);
    judge(world, "p99>1s");
    comparison.verdict = RF_CHANGE_INCONCLUSIVE;
    assert_int_equal(bench_exit(run, RF_OK), 6);
    comparison.verdict = RF_CHANGE_SAME;
    run->incomparable = "another kernel";
    assert_int_equal(bench_exit(run, RF_OK), 6);
    run->incomparable = NULL;
    run->machine.limits = RF_LIMIT_PORTS;
    assert_int_equal(bench_exit(run, RF_OK), 6);
    comparison.verdict = RF_CHANGE_REGRESSED;
    assert_int_equal(bench_exit(run, RF_OK), 5);
    comparison.verdict = RF_CHANGE_INCONCLUSIVE;
    judge(world, "p99>1ms");
    assert_int_equal(bench_exit(run, RF_OK), 5);
    assert_int_equal(bench_exit(run, RF_INTERRUPTED), 130);
    assert_int_equal(bench_exit(run, RF_TERMINATED), 143);
    *run = make_run(&world->a, NULL);
    run->machine.limits = 0;
    run->threshold = &world->threshold;
    run->threshold_count = 1;
    judge(world, "p99>+5%");
    assert_int_equal(bench_exit(run, RF_OK), 6);
}

/* Errors of A count as well. */
static void test_exit_of_two(void **state) {
    struct world *world = *state;
    world->run.side[RF_SIDE_B] = &world->b.figures;
    world->run.threshold_count = 0;
    world->b.figures.errors = 0;
    assert_int_equal(bench_exit(&world->run, RF_OK), 0);
    world->a.figures.errors = 1;
    assert_int_equal(bench_exit(&world->run, RF_OK), 1);
}

static void test_limits(void **state) {
    (void)state;
    char text[512], small[24];
    struct rf_load_machine machine = {.worker_cpu = 0.994};
    assert_string_equal(bench_limits(&machine, text, sizeof text), "");
    machine.limits = RF_LIMIT_CPU;
    assert_string_equal(bench_limits(&machine, text, sizeof text),
                        "the generator was the limit: a worker used 99% of its core");
    machine.limits = RF_LIMIT_SCHEDULE | RF_LIMIT_PORTS;
    assert_string_equal(bench_limits(&machine, text, sizeof text),
                        "the generator was the limit: requests left later than scheduled; "
                        "no local port was free");
    machine.limits = 63;
    const char *all = bench_limits(&machine, text, sizeof text);
    assert_non_null(strstr(all, "descriptor"));
    assert_non_null(strstr(all, "--max-outstanding"));
    assert_non_null(strstr(all, "memory"));
    assert_int_equal(strlen(bench_limits(&machine, small, sizeof small)), sizeof small - 1);
    bench_limits(&machine, text, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_refused),
        cmocka_unit_test_setup_teardown(test_absolute, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_relative, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_exit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_exit_of_two, set_up, tear_down),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
