/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * get_test.c: `get` and `info` as a whole on a fake engine: what reaches the API, what is printed,
 * what is returned.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../tools/ringfetch/commands.h"
#include "../../../tools/ringfetch/get_options.h"
#include "fake_engine.h"

#define U "http://x/"
#define WORDS(...) ((const char *const[]){"get", __VA_ARGS__ __VA_OPT__(, ) NULL})
#define GET(...) fake_run(cmd_get, WORDS(__VA_ARGS__))

static int set_up(void **state) {
    (void)state;
    fake_reset();
    return 0;
}

#define REFUSED(complaint, ...)                                                                    \
    do {                                                                                           \
        struct fake_printed printed_ = GET(__VA_ARGS__);                                           \
        assert_string_equal(printed_.err, complaint "\n");                                         \
        assert_int_equal(printed_.status, RF_USAGE);                                               \
        assert_string_equal(printed_.out, "");                                                     \
        assert_string_equal(fake.calls, "");                                                       \
    } while (0)

#define SAME_PLACE                                                                                 \
    "ringfetch get: --output: two outputs write to the same place (-P DIR is --output files:DIR)"

static void test_contradictions(void **state) {
    (void)state;
    REFUSED("ringfetch get: no URL given (see --help)", "-s");
    REFUSED("ringfetch get: -4, --ipv4 and -6, --ipv6 contradict each other", "-46", U);
    REFUSED("ringfetch get: -I, --head and -d, --data contradict each other", "-I", "-da", U);
    REFUSED("ringfetch get: -I, --head and -X, --request contradict each other", "-IXPOST", U);
    REFUSED("ringfetch get: -r, --range and --on-exist resume contradict each other", "-r0-1",
            "--on-exist", "resume", U);
    REFUSED("ringfetch get: -s, --silent and -v, --verbose contradict each other", "-sv", U);
    REFUSED("ringfetch get: --output: only one output can write to standard output", "--output",
            "stdout", "--output", "jsonl:-", U);
    REFUSED(SAME_PLACE, "--output", "jsonl:a", "--output", "csv:a", U);
    REFUSED(SAME_PLACE, "-Pa", "--output", "files:a", U);
    REFUSED("ringfetch get: --ordered is for --output stdout", "--ordered", U);
    REFUSED("ringfetch get: -o, --name is for files: add --output files:DIR or -P, --directory DIR",
            "-o{n}", "--output", "null", U);
    REFUSED("ringfetch get: --unix-socket and --interface contradict each other", "--unix-socket",
            "a", "--interface", "b", U);
    REFUSED("ringfetch get: -i -: standard input is read by --data already", "-d@-", "-i-");
}

static void test_bad_values(void **state) {
    (void)state;
    REFUSED("ringfetch get: --concurrency abc: not a number", "--concurrency", "abc", U);
    REFUSED("ringfetch get: -j 0: must be 1 to 10000000", "-j0", U);
    REFUSED("ringfetch get: unknown option --foo (see ringfetch get --help)", "--foo", U);
    REFUSED("ringfetch: --compressed is not supported yet", "--compressed", U);
    REFUSED("ringfetch: -x (--proxy) is not supported yet", "-xp", U);
    REFUSED("ringfetch get: -: not a URL; -i - reads a list from standard input", "-");
    REFUSED("ringfetch get: -u me: not NAME:PASSWORD", "-ume", U);
    REFUSED("ringfetch get: -A a\\x0d\\x0ab: must not hold control characters", "-A", "a\r\nb", U);
    REFUSED("ringfetch get: -H Expect: x: Expect can't be set: no request waits for 100 (Continue)",
            "-H", "Expect: x", U);
    REFUSED("ringfetch get: --output ./x.so: plug-ins are not supported yet", "--output", "./x.so",
            U);
    REFUSED("ringfetch get: --output x.so:y: plug-ins are not supported yet", "--output", "x.so:y",
            U);
    REFUSED("ringfetch get: --output jsonl:: needs a file (jsonl:FILE, jsonl:-)", "--output",
            "jsonl:", U);
    REFUSED("ringfetch get: --output null:x: null takes no argument", "--output", "null:x", U);
    REFUSED(
        "ringfetch get: --output file:x: must be files:DIR, stdout, jsonl:FILE, csv:FILE or null",
        "--output", "file:x", U);
    REFUSED("ringfetch get: --resolve a:1: not HOST:PORT:ADDR", "--resolve", "a:1", U);
    REFUSED("ringfetch get: --on-exist x: must be rename, skip, overwrite, fail or resume",
            "--on-exist", "x", U);
    REFUSED("ringfetch get: -H @/nowhere: No such file or directory", "-H@/nowhere", U);
}

static void test_calls(void **state) {
    (void)state;
    struct fake_printed printed = GET("http://a/", "-i", "list", "--", "-i");
    assert_int_equal(printed.status, 0);
    assert_string_equal(printed.err, "");
    assert_string_equal(fake.calls,
                        "open;output files:.;url http://a/;file list;url -i;run;close;");
    fake_reset();
    GET("--output", "jsonl:-", "-Pout", "-Pd", U);
    assert_string_equal(fake.calls, "open;output jsonl:-;output files:d;url http://x/;run;close;");
    fake_reset();
    GET("-I", U);
    assert_string_equal(fake.calls, "open;output jsonl:-;url http://x/;run;close;");
}

static void test_settings(void **state) {
    (void)state;
    GET("-j9", "--connect-timeout", "0.5", "-m2", "--stall-time", "1m", "--total-time", "3",
        "--retry", "0", "--rate", "60/m", "--limit-rate", "1k", "--max-filesize", "2k", "--no-fail",
        "-6", "-g", "--shard", "2/3", "--max-redirs", "0", "-t2", "--per-host", "4", "--retry-all",
        U);
    const struct rf_settings *got = &fake.settings;
    assert_int_equal(got->concurrency, 9);
    assert_int_equal(got->connect_timeout_ms, 500);
    assert_int_equal(got->max_time_ms, 2000);
    assert_int_equal(got->stall_time_ms, 60000);
    assert_int_equal(got->total_time_ms, 3000);
    assert_int_equal(got->retries, 0);
    assert_true(got->rate == 1.0);
    assert_int_equal(got->limit_rate_bytes, 1024);
    assert_int_equal(got->filesize_max_bytes, 2048);
    assert_false(got->fail_on_status);
    assert_int_equal(got->family, RF_FAMILY_IPV6);
    assert_true(got->globoff && got->retry_all);
    assert_int_equal(got->shard, 2);
    assert_int_equal(got->shards, 3);
    assert_int_equal(got->redirects_max, 0);
    assert_int_equal(got->threads, 2);
    assert_int_equal(got->per_host, 4);
    assert_null(got->headers);
    assert_null(got->body);
}

/* Strings live as long as the options, so they are looked at here rather than after cmd_get. */
static void test_request(void **state) {
    (void)state;
    char path[] = "/tmp/get_testXXXXXX", at[64], why[256];
    int fd = mkstemp(path);
    assert_true(write(fd, "C: d\r\n\nE: f", 11) == 11);
    close(fd);
    snprintf(at, sizeof at, "-H@%s", path);
    char *argv[] = {(char *)"get", (char *)"-HA: b",        at,          (char *)"-HExpect:",
                    (char *)"-da", (char *)"--data-binary", (char *)"b", (char *)U};
    struct get_options options;
    get_options_init(&options);
    assert_int_equal(options_parse(&get_table, 8, argv, &options, why, sizeof why), OPTIONS_DONE);
    unlink(path);
    assert_true(get_options_finish(&options, why, sizeof why));
    assert_int_equal(options.headers.count, 3);
    assert_string_equal(options.settings.headers[0], "A: b");
    assert_string_equal(options.settings.headers[1], "C: d");
    assert_string_equal(options.settings.headers[2], "E: f");
    assert_null(options.settings.headers[3]);
    assert_int_equal(options.settings.body_bytes, 3);
    assert_memory_equal(options.settings.body, "a&b", 3);
    get_options_deinit(&options);
}

static void test_start_refused(void **state) {
    (void)state;
    fake.why = "io_uring is forbidden: \033allow it";
    fake.open_exit = RF_ENVIRONMENT;
    struct fake_printed printed = GET(U);
    assert_int_equal(printed.status, RF_ENVIRONMENT);
    assert_string_equal(printed.err, "ringfetch get: io_uring is forbidden: \\x1ballow it\n");
    assert_string_equal(fake.calls, "open;close nothing;");
    fake_reset();
    fake.why = "no such directory";
    fake.output_exit = RF_LOCAL_FAULT;
    assert_int_equal(GET("-s", U).status, RF_LOCAL_FAULT);
    assert_string_equal(fake.calls, "open;output files:.;close;");
    fake_reset();
    fake.why = "bad pattern";
    fake.input_exit = RF_USAGE;
    assert_int_equal(GET(U).status, RF_USAGE);
    assert_string_equal(fake.calls, "open;output files:.;url http://x/;close;");
}

static void fail_one(void) {
    fake.results[0] = (struct rf_result){.n = 1,
                                         .line = 17,
                                         .url = "http://x/\033y",
                                         .error = {.stage = 3, .kind = 1, .detail = 5},
                                         .detail = "it went \033[31mwrong (5)"};
    fake.results[1] = (struct rf_result){.n = 2,
                                         .url = U,
                                         .ok = true,
                                         .status = 200,
                                         .body_bytes = 1024,
                                         .ms = {.total = 6},
                                         .ip = "::1",
                                         .port = 80,
                                         .path = "out/a\nb"};
    fake.result_count = 2;
    fake.progress = (struct rf_progress){.done = 2,
                                         .ok = 1,
                                         .failed = 1,
                                         .seconds = 1,
                                         .body_bytes = 1024,
                                         .failed_by_kind = {[1] = 1}};
    fake.run_exit = RF_SOME_FAILED;
}

static void test_failures(void **state) {
    (void)state;
    fail_one();
    struct fake_printed printed = GET(U);
    assert_int_equal(printed.status, RF_SOME_FAILED);
    assert_string_equal(
        printed.err,
        "ringfetch: line 17: http://x/\\x1by: connect: refused: it went \\x1b[31mwrong "
        "(5)\n"
        "ringfetch: 1 file, 1.0 KiB in 1.00 s (2/s, 1.0 KiB/s); 1 failed: refused 1\n");
    assert_true(fake.failures_only);
    printed = GET("-v", U);
    assert_false(fake.failures_only);
    assert_non_null(strstr(printed.err,
                           "ringfetch: http://x/: 200, 1.0 KiB in 6.0 ms, ::1 port 80 -> "
                           "out/a\\x0ab\n"));
}

static void test_silent(void **state) {
    (void)state;
    fail_one();
    struct fake_printed printed = GET("-s", U);
    assert_int_equal(printed.status, RF_SOME_FAILED);
    assert_string_equal(printed.err, "");
    assert_false(fake.has_callback);
}

/* What ^C cut short is counted, not told one by one. */
static void test_interrupted(void **state) {
    (void)state;
    fail_one();
    fake.results[0].error.kind = 5;
    assert_null(strstr(GET(U).err, "line 17"));
    assert_non_null(strstr(GET("-v", U).err, "line 17"));
}

static void test_many_failures(void **state) {
    (void)state;
    fail_one();
    fake.result_repeats = 30;
    const char *err = GET(U).err;
    unsigned lines = 0;
    for (const char *at = err; (at = strstr(at, ": refused: ")); at++) {
        lines++;
    }
    assert_int_equal(lines, 20);
    const char *further =
        strstr(err, "ringfetch: ... further \"refused\" errors are only counted\n");
    assert_non_null(further);
    assert_null(strstr(further + 20, "further"));
}

static void test_signal(void **state) {
    (void)state;
    fake.signals = 1;
    struct fake_printed printed = GET(U);
    assert_int_equal(printed.status, RF_INTERRUPTED);
    assert_non_null(strstr(printed.err, "; interrupted\n"));
    signal(SIGINT, SIG_DFL);
    fake_reset();
    fake.signals = 2;
    pid_t child = fork();
    if (child == 0) {
        GET(U);
        _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
}

/* What nohup or a shell's background job had ignored stays so. */
static void test_ignored_signal(void **state) {
    (void)state;
    signal(SIGINT, SIG_IGN);
    fake.signals = 3;
    assert_int_equal(GET(U).status, RF_OK);
    signal(SIGINT, SIG_DFL);
}

static void test_help_fits(void **state) {
    (void)state;
    struct fake_printed printed = GET("--help");
    unsigned lines = 0, columns = 0;
    for (const char *at = printed.out; *at; at++) {
        columns = *at == '\n' ? 0 : columns + 1;
        lines += *at == '\n';
        assert_true(columns <= 80);
    }
    assert_true(lines > 20 && lines <= 50);
    for (size_t i = 0; i < get_table.count; i++) { /* no option is forgotten */
        char name[64];
        snprintf(name, sizeof name, "--%s", get_table.rows[i].name);
        bool refused = strcmp(name, "--tlsv1.0") == 0 || strcmp(name, "--tlsv1.1") == 0;
        if (get_table.rows[i].take && !refused && strcmp(name, "--fail") != 0) {
            assert_non_null(strstr(printed.out, name));
        }
    }
}

static void test_table(void **state) {
    (void)state;
    for (size_t i = 0; i < get_table.count; i++) {
        for (size_t k = 0; k < i; k++) {
            const struct option_row *one = &get_table.rows[i], *other = &get_table.rows[k];
            assert_string_not_equal(one->name, other->name);
            assert_true(!one->letter || one->letter != other->letter);
        }
        assert_true(get_table.rows[i].letter != 'h' && get_table.rows[i].letter != 'V');
    }
}

static void test_info(void **state) {
    (void)state;
    fake.run_exit = RF_ENVIRONMENT;
    struct fake_printed printed = fake_run(cmd_info, (const char *const[]){"info", "-j5", NULL});
    assert_int_equal(printed.status, RF_ENVIRONMENT);
    assert_string_equal(printed.out, "kernel\n"
                                     "  io_uring            yes\n"
                                     "  bundles             \"no\"\\x1b\n"
                                     "\n"
                                     "limits\n"
                                     "  requests in flight  5\n");
    fake_reset();
    printed = fake_run(cmd_info, (const char *const[]){"info", "--json", NULL});
    assert_int_equal(printed.status, 0);
    assert_string_equal(printed.out,
                        "{\"kernel\":{\"io_uring\":\"yes\",\"bundles\":\"\\\"no\\\"\\u001b\"},"
                        "\"limits\":{\"requests in flight\":\"256\"}}\n");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(test_contradictions), TEST(test_bad_values),     TEST(test_calls),
        TEST(test_settings),       TEST(test_request),        TEST(test_start_refused),
        TEST(test_failures),       TEST(test_silent),         TEST(test_many_failures),
        TEST(test_signal),         TEST(test_ignored_signal), TEST(test_help_fits),
        TEST(test_table),          TEST(test_info),           TEST(test_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
