/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_options_test.c: what each option of bench does to the settings, and what is refused with which line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../tools/ringfetch/bench_options.h"
#include "fake_engine.h"

#define URL "http://127.0.0.1/"
#define URL_B "http://127.0.0.2/"
#define NEAR(actual, expected)                                                                     \
    assert_true((actual) - (expected) < 1e-9 && (expected) - (actual) < 1e-9)

static struct bench_options options;
static char line[1024];

/* Reads and completes; false: the complaint is in `line`. */
static bool read_words(const char *const *words) {
    char *argv[40] = {(char *)(uintptr_t) "bench"};
    int argc = 1;
    for (; words[argc - 1]; argc++) {
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    }
    bench_options_deinit(&options);
    bench_options_init(&options);
    line[0] = '\0';
    return options_parse(&bench_option_table, argc, argv, &options, line, sizeof line) ==
               OPTIONS_DONE &&
           bench_options_finish(&options, line, sizeof line);
}

#define READ(...) assert_true(read_words((const char *const[]){__VA_ARGS__, NULL}))
#define REFUSED(complaint, ...)                                                                    \
    do {                                                                                           \
        assert_false(read_words((const char *const[]){__VA_ARGS__, NULL}));                        \
        assert_string_equal(line, complaint);                                                      \
    } while (0)

static int begin(void **state) {
    (void)state;
    bench_options_init(&options);
    return 0;
}

static int end(void **state) {
    (void)state;
    bench_options_deinit(&options);
    return 0;
}

static void test_defaults(void **state) {
    (void)state;
    READ(URL);
    assert_int_equal(options.load.connections, 50);
    NEAR(options.load.duration_s, 10);
    NEAR(options.load.warmup_s, 1);
    assert_int_equal(options.load.requests, 0);
    assert_int_equal(options.load.pipeline, 1);
    assert_int_equal(options.load.outstanding_max, 10000);
    NEAR(options.load.confidence, 0.99);
    NEAR(options.load.min_effect, 0.05);
    assert_int_equal(options.load.judged, 0);
    assert_int_equal(options.get.settings.max_time_ms, 30000);
    assert_int_equal(options.cmd_timeout_ms, 30000);
    assert_string_equal(options.url[RF_SIDE_A], URL);
    assert_null(options.url[RF_SIDE_B]);
    assert_false(options.load.whole_duration);
}

static void test_load(void **state) {
    (void)state;
    READ("-c", "7", "-t2", "-d", "90s", "--warmup", "0", "--pipeline", "16", "--seed", "5", URL);
    assert_int_equal(options.load.connections, 7);
    assert_int_equal(options.get.settings.threads, 2);
    NEAR(options.load.duration_s, 90);
    NEAR(options.load.warmup_s, 0);
    assert_int_equal(options.load.pipeline, 16);
    assert_int_equal(options.load.seed, 5);
    READ("-n", "100000000000", "--no-keepalive", "--new-session", URL);
    assert_true(options.load.requests == 100000000000);
    assert_true(options.load.no_keepalive && options.load.new_session);
    READ("-R", "600/m", "--arrivals", "poisson", "--max-outstanding", "3", URL);
    NEAR(options.load.rate, 10);
    assert_int_equal(options.load.arrivals, RF_ARRIVALS_POISSON);
    assert_int_equal(options.load.outstanding_max, 3);
    READ("--no-sessionid", URL);
    assert_true(options.load.new_session);
    READ("-c2", "-t", "8", URL);
    assert_int_equal(options.get.settings.threads, 2); /* no worker without a connection */
}

static void test_ramp(void **state) {
    (void)state;
    READ("--ramp", "10s:100,0:1000,0.5:600/m", "--arrivals", "constant", URL);
    assert_int_equal(options.load.ramp_count, 3);
    NEAR(options.load.ramp[0].seconds, 10);
    NEAR(options.load.ramp[0].target, 100);
    NEAR(options.load.ramp[1].seconds, 0);
    NEAR(options.load.ramp[1].target, 1000);
    NEAR(options.load.ramp[2].seconds, 0.5);
    NEAR(options.load.ramp[2].target, 10);
    assert_false(options.load.ramp_connections);
    READ("--ramp", "1m:50c,30s:500c", URL);
    assert_true(options.load.ramp_connections);
    NEAR(options.load.ramp[1].target, 500);
    assert_int_equal(options.load.connections, 500);
    READ("--ramp", "1s:1,2s:2", "--ramp", "3s:3", URL);
    assert_int_equal(options.load.ramp_count, 1); /* the last one counts */
}

#define RAMP_WRONG                                                                                 \
    ": not parts such as 10s:100,30s:1000 (time:rate, or with c behind each number: connections)"

static void test_ramp_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"10s", "10s:", ":5", "10s:5,", "x:5", "1s:5x", "", "1s:c"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char expected[256];
        snprintf(expected, sizeof expected, "ringfetch bench: --ramp %s" RAMP_WRONG,
                 *wrong[i] ? wrong[i] : "''");
        REFUSED(expected, "--ramp", wrong[i], URL);
    }
    REFUSED("ringfetch bench: --ramp 1s:5,1s:5c: either all are rates or all are connections "
            "(100c)",
            "--ramp", "1s:5,1s:5c", URL);
    REFUSED("ringfetch bench: --ramp 0s:5: takes no time", "--ramp", "0s:5", URL);
    REFUSED("ringfetch bench: --ramp 5s:0: asks for nothing", "--ramp", "5s:0", URL);
    REFUSED("ringfetch bench: --ramp 1s:2000000c: at most 1000000 connections", "--ramp",
            "1s:2000000c", URL);
}

static void test_request(void **state) {
    (void)state;
    READ("-X", "PUT", "--data", "a=1", "-H", "X: y", "-A", "me", "-e", URL, "-u", "a:b", "-g",
         "--expect", "status = 200", "--expect", "body ~ x", "-m", "5", "--connect-timeout", "1",
         "-k", "-4", URL);
    const struct rf_settings *settings = &options.get.settings;
    assert_string_equal(settings->method, "PUT");
    assert_memory_equal(settings->body, "a=1", 3);
    assert_string_equal(settings->headers[0], "X: y");
    assert_string_equal(settings->user, "a:b");
    assert_true(settings->globoff && settings->insecure);
    assert_string_equal(settings->expect[1], "body ~ x");
    assert_null(settings->expect[2]);
    assert_int_equal(settings->max_time_ms, 5000);
    assert_int_equal(settings->connect_timeout_ms, 1000);
    assert_int_equal(settings->family, RF_FAMILY_IPV4);
    READ("-I", URL);
    assert_string_equal(settings->method, "HEAD");
}

static void test_sides(void **state) {
    (void)state;
    READ(URL, URL_B);
    assert_string_equal(options.url[RF_SIDE_B], URL_B);
    NEAR(options.load.duration_s, 60);
    assert_false(options.load.whole_duration);
    READ(URL, "-d", "5s", URL_B);
    NEAR(options.load.duration_s, 5);
    assert_true(options.load.whole_duration);
    READ(URL, URL_B, "--max-duration", "2m", "--confidence", "95%", "--min-effect", "2.5%",
         "--metrics", "rps,p99", "--fail-if", "p99>+5%", "--block", "250ms");
    NEAR(options.load.block_s, 0.25);
    NEAR(options.load.duration_s, 120);
    assert_false(options.load.whole_duration);
    NEAR(options.load.confidence, 0.95);
    NEAR(options.load.min_effect, 0.025);
    assert_int_equal(options.load.judged, 1 << RF_METRIC_RPS | 1 << RF_METRIC_P99);
    assert_int_equal(options.thresholds.count, 1);
    READ("--round-robin", URL, URL_B, URL);
    assert_null(options.url[RF_SIDE_B]);
    NEAR(options.load.duration_s, 10);
    READ("-i", "list", URL);
    assert_null(options.url[RF_SIDE_B]);
    READ("--requests-file", "r.jsonl");
    assert_null(options.url[RF_SIDE_A]);
    READ("--requests-file", "r.jsonl", "-X", "POST", "--data", "x", URL, URL_B);
    READ("--baseline", "b", "--force-compare", "--confidence", "0.9", "--min-effect", "0", URL);
    NEAR(options.load.min_effect, 0);
    READ("--cmd-a", "a", "--cmd-b", "b", "--cmd-timeout", "3", URL, URL_B);
    assert_string_equal(options.cmd[RF_SIDE_B], "b");
    assert_int_equal(options.cmd_timeout_ms, 3000);
    READ("--cmd-a", "a", URL);
}

static void test_values_refused(void **state) {
    (void)state;
    static const struct {
        const char *option, *value, *complaint;
    } rows[] = {
        {"-c", "0", "must be 1 to 1000000"},
        {"-c", "1000001", "must be 1 to 1000000"},
        {"-n", "0", "must be more than 0"},
        {"-n", "x", "not a number"},
        {"-d", "0", "must be more than 0"},
        {"-d", "ten", "not a time such as 0.5 (seconds), 500ms, 2m or 1h"},
        {"-R", "0", "must be more than 0"},
        {"-R", "5/x", "not a rate such as 100, 100/s or 30/m"},
        {"--arrivals", "normal", "must be constant or poisson"},
        {"--pipeline", "1001", "must be 1 to 1000"},
        {"--confidence", "1", "must be 0.5 to 0.99999"},
        {"--confidence", "99", "must be 0.5 to 0.99999"},
        {"--confidence", "9.9.", "not a confidence such as 0.99 or 99%"},
        {"--min-effect", "0.05", "is it 0.05% or 5%? Write the sign"},
        {"--min-effect", "%", "not per cent such as 5%"},
        {"--min-effect", "101%", "must be at most 100%"},
        {"--metrics", "rps,p75", "must be some of rps,mean,p50,p90,p99,errors"},
        {"--metrics", "rps,", "must be some of rps,mean,p50,p90,p99,errors"},
        {"--json", "", "must not be empty"},
        {"--cmd-a", "", "must not be empty"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char expected[256];
        snprintf(expected, sizeof expected, "ringfetch bench: %s %s: %s", rows[i].option,
                 *rows[i].value ? rows[i].value : "''", rows[i].complaint);
        REFUSED(expected, rows[i].option, rows[i].value, URL);
    }
}

/* What get has and bench does not is refused by name. */
static void test_not_here(void **state) {
    (void)state;
    static const char *const values[] = {"--concurrency",
                                         "-j",
                                         "--per-host",
                                         "--per-host-rate",
                                         "--shard",
                                         "--range",
                                         "-r",
                                         "--limit-rate",
                                         "--max-filesize",
                                         "--stall-time",
                                         "--total-time",
                                         "--max-redirs",
                                         "--retry",
                                         "--retry-delay",
                                         "--retry-max-time",
                                         "--dns-rate",
                                         "--dns-in-flight"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char start[64];
        snprintf(start, sizeof start, "ringfetch bench: %s 1: bench ", values[i]);
        assert_false(read_words((const char *const[]){values[i], "1", URL, NULL}));
        assert_memory_equal(line, start, strlen(start));
    }
    REFUSED("ringfetch bench: --retry-all: bench makes each request once", "--retry-all", URL);
    REFUSED("ringfetch bench: unknown option --output (see ringfetch bench --help)", "--output",
            "null", URL);
    REFUSED("ringfetch bench: unknown option -P (see ringfetch bench --help)", "-P", ".", URL);
    REFUSED("ringfetch: --http2 is not supported yet", "--http2", URL);
}

static void test_contradictions(void **state) {
    (void)state;
    REFUSED("no URL given (see --help)", "-c1");
    REFUSED("more than two URLs: add --round-robin to ask them in turns", URL, URL, URL);
    REFUSED("-i, --input-file with two URLs: add --round-robin to ask all of them in turns", URL,
            URL, "-i", "list");
    REFUSED("--requests-file and --round-robin contradict each other: weights say who has his turn",
            "--requests-file", "x", "--round-robin", URL);
    REFUSED("--requests-file and -i, --input-file contradict each other", "--requests-file", "x",
            "-i", "y");
    REFUSED("-n, --requests and -d, --duration contradict each other", "-n1", "-d1", URL);
    REFUSED("--ramp says how long: -d, --duration contradicts it", "--ramp", "1s:1", "-d1", URL);
    REFUSED("--ramp says how long: -n, --requests contradicts it", "--ramp", "1s:1", "-n1", URL);
    REFUSED("-R, --rate and --ramp contradict each other", "--ramp", "1s:1", "-R1", URL);
    REFUSED("-c, --connections and --ramp of connections contradict each other", "--ramp", "1s:1c",
            "-c1", URL);
    REFUSED("--arrivals is for -R, --rate and --ramp of rates", "--arrivals", "poisson", URL);
    REFUSED("--arrivals is for -R, --rate and --ramp of rates", "--arrivals", "poisson", "--ramp",
            "1s:1c", URL);
    REFUSED("--max-outstanding is for -R, --rate and --ramp of rates", "--max-outstanding", "5",
            URL);
    REFUSED("--pipeline and --no-keepalive contradict each other", "--pipeline", "2",
            "--no-keepalive", URL);
    REFUSED("-I, --head and --data contradict each other", "-I", "--data", "x", URL);
    REFUSED("-4, --ipv4 and -6, --ipv6 contradict each other", "-4", "-6", URL);
    REFUSED("-s, --silent and -v, --verbose contradict each other", "-s", "-v", URL);
}

static void test_comparison_contradictions(void **state) {
    (void)state;
    REFUSED("--baseline is for one URL: two are compared with each other", "--baseline", "x", URL,
            URL);
    REFUSED("--save keeps one URL's run for --baseline; what two come to is --json's", "--save",
            "x", URL, URL);
    REFUSED("--force-compare is for --baseline FILE", "--force-compare", URL);
    REFUSED("--force-compare is for --baseline FILE", "--force-compare", URL, URL);
    REFUSED("--cmd-b starts the second URL's server, and there is no second URL", "--cmd-b", "x",
            URL);
    REFUSED("--cmd-timeout is for --cmd-a and --cmd-b", "--cmd-timeout", "5", URL);
    REFUSED("--cmd-a is waited for at its URL: add one", "--cmd-a", "x", "-i", "list");
    REFUSED("--max-duration is for two URLs; one has -d, --duration", "--max-duration", "5", URL);
    REFUSED("--block is for two URLs, which are measured in turns", "--block", "1", URL);
    REFUSED("--block is for two URLs, which are measured in turns", "--block", "1", "--baseline",
            "x", URL);
    REFUSED("-d, --duration and --max-duration contradict each other", "--max-duration", "5", "-d5",
            URL, URL);
    REFUSED("-n, --requests is for one URL: two are compared for a time (-d, --max-duration)", "-n",
            "5", URL, URL);
    REFUSED("--ramp is for one URL: two are compared under a load that stays the same", "--ramp",
            "1s:1", URL, URL);
    static const char *const alone[][2] = {
        {"--confidence", "0.9"}, {"--min-effect", "1%"}, {"--metrics", "rps"}};
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) {
        REFUSED("--confidence, --min-effect and --metrics are for a comparison: add a second URL "
                "or --baseline FILE",
                alone[i][0], alone[i][1], URL);
    }
    REFUSED("--fail-if p50>+5% compares: add a second URL or --baseline FILE", "--fail-if",
            "p50>+5%", URL);
    REFUSED("--json and --html can't both write to standard output", "--json", "-", "--html", "-",
            URL);
    REFUSED("--save and --json can't both write to the same file", "--save", "x", "--json", "x",
            URL);
    READ("--json", "/dev/null", "--html", "/dev/null", URL);
}

/* What is in the fingerprint changes the load; what is not there does not. */
static void test_text(void **state) {
    (void)state;
    READ("-c4", "-t1", "-d", "3s", "-H", "X: 1", "--expect", "status = 200", URL);
    char *one = bench_options_text(&options);
    assert_memory_equal(one,
                        "connections=4 pipeline=1 threads=1 method=GET body=0 fields=1 "
                        "expect=1 digest=",
                        strlen("connections=4 pipeline=1 threads=1 method=GET body=0 fields=1 "
                               "expect=1 digest="));
    READ("-c4", "-t1", "-d", "5s", "-H", "X: 2", "--expect", "status = 200", URL_B);
    char *other = bench_options_text(&options);
    assert_string_not_equal(one, other);
    free(one);
    free(other);
    READ("-c4", "-t1", "-H", "Authorization: a", URL);
    one = bench_options_text(&options);
    READ("-c4", "-t1", "-H", "Authorization: b", "-d5", URL_B);
    other = bench_options_text(&options);
    assert_string_equal(one, other);
    free(one);
    free(other);
    READ("-c1", "--ramp", "1s:5,2s:10", "--new-session", "--data", "abc", URL);
    one = bench_options_text(&options);
    assert_memory_equal(one,
                        "connections=1 pipeline=1 threads=1 ramp=1:5,2:10 arrivals=constant "
                        "max-outstanding=10000 new-session method=POST body=3 fields=0 expect=0 "
                        "digest=",
                        100);
    free(one);
}

static void test_help_fits(void **state) {
    (void)state;
    unsigned lines = 0;
    for (const char *at = bench_option_table.help; *at; at++) {
        size_t count = strcspn(at, "\n");
        assert_true(count <= 80);
        at += count;
        lines++;
    }
    assert_true(lines <= 60);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),       cmocka_unit_test(test_load),
        cmocka_unit_test(test_ramp),           cmocka_unit_test(test_ramp_refused),
        cmocka_unit_test(test_request),        cmocka_unit_test(test_sides),
        cmocka_unit_test(test_values_refused), cmocka_unit_test(test_not_here),
        cmocka_unit_test(test_contradictions), cmocka_unit_test(test_comparison_contradictions),
        cmocka_unit_test(test_text),           cmocka_unit_test(test_help_fits),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
