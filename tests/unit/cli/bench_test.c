/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_test.c: the command as a whole on a load that is none: what it asks for, what it says and leaves behind, and how it ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../tools/ringfetch/commands.h"
#include "bench_scene.h"

/* ---- what is asked ------------------------------------------------------------------------------- */

static void test_one_url(void **state) {
    (void)state;
    assert_int_equal(RUN("-c3", URL), 0);
    assert_string_equal(fake.calls, "load;run;unload;");
    assert_int_equal(fake_load.load_settings.connections, 3);
    assert_int_equal(fake_load.request_count, 1);
    assert_string_equal(fake_load.requests[0].url, URL);
    assert_int_equal(fake_load.requests[0].side, RF_SIDE_A);
    assert_true(fake_load.requests[0].weight == 1.0);
    assert_false(fake_load.requests[0].raw);
    assert_string_not_equal(printed.out, "");
    assert_string_equal(printed.err, "");
    assert_int_equal(files(), 0);
}

static void test_two_urls(void **state) {
    (void)state;
    assert_int_equal(RUN("-g", URL, URL_B), 0);
    assert_int_equal(fake_load.request_count, 2);
    assert_int_equal(fake_load.requests[0].side, RF_SIDE_A);
    assert_string_equal(fake_load.requests[1].url, URL_B);
    assert_int_equal(fake_load.requests[1].side, RF_SIDE_B);
    assert_true(fake_load.requests[1].raw);
}

static void test_round_robin(void **state) {
    (void)state;
    assert_int_equal(RUN("--round-robin", URL, URL_B, URL), 0);
    assert_int_equal(fake_load.request_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fake_load.requests[i].side, RF_SIDE_A);
    }
}

/* A URL that has a scheme keeps it; the list and the operand take turns. */
static void test_list(void **state) {
    (void)state;
    write_file("list", "# comment\n\n/x\nhttp://127.0.0.1:3/y\n");
    assert_int_equal(RUN("-i", "list", "-g", URL), 0);
    assert_int_equal(fake_load.request_count, 3);
    assert_string_equal(fake_load.requests[0].url, "http://127.0.0.1:1/x");
    assert_string_equal(fake_load.requests[1].url, "http://127.0.0.1:3/y");
    assert_string_equal(fake_load.requests[2].url, URL);
    assert_true(fake_load.requests[0].raw);
}

static void test_requests_file(void **state) {
    (void)state;
    write_file("r", "{\"url\":\"/x\",\"weight\":3,\"headers\":{\"A\":\"b\"}}\n"
                    "{\"method\":\"PUT\",\"url\":\"http://127.0.0.1:3/y\",\"body\":\"z\"}\n");
    assert_int_equal(RUN("--requests-file", "r", URL, URL_B), 0);
    assert_int_equal(fake_load.request_count, 4);
    assert_string_equal(fake_load.requests[0].url, "http://127.0.0.1:1/x");
    assert_string_equal(fake_load.requests[0].headers, "A: b");
    assert_true(fake_load.requests[0].weight == 3.0);
    assert_string_equal(fake_load.requests[1].method, "PUT");
    assert_string_equal(fake_load.requests[1].body, "z");
    assert_string_equal(fake_load.requests[2].url, "http://127.0.0.1:2/x");
    assert_int_equal(fake_load.requests[2].side, RF_SIDE_B);
    assert_string_equal(fake_load.requests[3].url, "http://127.0.0.1:3/y");
    fake_load.request_count = 0;
    assert_int_equal(RUN("--requests-file", "r"), 2);
    assert_non_null(strstr(printed.err, "ringfetch bench: r:1"));
    fake_load.request_count = 0;
    fake_load.add_exit = RF_USAGE;
    fake_load.why = "no such thing";
    assert_int_equal(RUN("--requests-file", "r", URL), 2);
    assert_string_equal(printed.err, "ringfetch bench: r:1: no such thing\n");
    assert_int_equal(RUN("--requests-file", "nothing", URL), 4);
}

/* ---- how it ends ------------------------------------------------------------------------------------ */

static void test_refused(void **state) {
    (void)state;
    assert_int_equal(RUN("-n1", "-d1", URL), 2);
    assert_string_equal(printed.err,
                        "ringfetch bench: -n, --requests and -d, --duration contradict "
                        "each other\n");
    assert_string_equal(fake.calls, "");
    fake_load.open_exit = RF_ENVIRONMENT;
    fake_load.why = "no \033 ring";
    assert_int_equal(RUN("--json", "x", URL), 3);
    assert_string_equal(printed.err, "ringfetch bench: no \\x1b ring\n");
    fake_load.open_exit = RF_OK;
    fake_load.add_exit = RF_USAGE;
    fake_load.why = "no URL";
    assert_int_equal(RUN("--json", "x", "--markdown", "y", URL), 2);
    assert_string_equal(printed.err, "ringfetch bench: no URL\n");
    assert_int_equal(files(), 0);
}

static void test_no_connection(void **state) {
    (void)state;
    fake_load.run_exit = RF_SOME_FAILED;
    fake_load.why = "127.0.0.1:1: the connection was refused";
    assert_int_equal(RUN("--json", "x", URL), 1);
    assert_string_equal(printed.out, "");
    assert_string_equal(printed.err, "ringfetch bench: 127.0.0.1:1: the connection was refused\n");
    assert_int_equal(files(), 0);
}

static void test_no_success(void **state) {
    (void)state;
    fake_load.figures[RF_SIDE_A].errors = 1000;
    fake_load.figures[RF_SIDE_A].first_error = "the server \033 answered 503";
    assert_int_equal(RUN(URL), 1);
    assert_string_equal(printed.err, "ringfetch bench: " URL ": the server \\x1b answered 503\n");
    assert_int_equal(RUN("--fail-if", "errors>100%", URL), 1); /* which allows errors */
    fake_load.machine.limits = RF_LIMIT_CPU;
    assert_int_equal(RUN(URL), 1);
    fake_load.machine.limits = RF_LIMIT_CPU | RF_LIMIT_PORTS;
    assert_int_equal(RUN(URL), 6);
    fake_load.machine.limits = 0;
    fake_load.figures[RF_SIDE_A].requests = fake_load.figures[RF_SIDE_A].errors = 0;
    fake_load.figures[RF_SIDE_A].first_error = NULL;
    assert_int_equal(RUN(URL), 1);
    assert_string_equal(printed.err,
                        "ringfetch bench: " URL ": no request ended in the measured time\n");
}

static void test_statuses(void **state) {
    (void)state;
    assert_int_equal(RUN("--fail-if", "p99>1s", URL), 0);
    assert_int_equal(RUN("--fail-if", "p99>1us", "-s", URL), 5);
    assert_string_equal(printed.out, "");
    assert_string_equal(printed.err, "");
    fake_load.machine.limits = RF_LIMIT_CPU;
    assert_int_equal(RUN(URL), 6);
    fake_load.machine.limits = 0;
    fake_load.figures[RF_SIDE_A].errors = 1;
    assert_int_equal(RUN(URL), 1);
    fake_load.figures[RF_SIDE_A].errors = 0;
    fake_load.comparison.verdict = RF_CHANGE_REGRESSED;
    assert_int_equal(RUN(URL, URL_B), 5);
    fake_load.comparison.verdict = RF_CHANGE_INCONCLUSIVE;
    assert_int_equal(RUN(URL, URL_B), 6);
}

static void test_interrupted(void **state) {
    (void)state;
    fake_load.signals = 1;
    assert_int_equal(RUN("--json", "x", URL), RF_INTERRUPTED);
    assert_int_equal(fake_load.stopped_with, RF_INTERRUPTED);
    assert_non_null(content_of("x")); /* as far as it got */
}

static int bench_and_return(void) {
    char *words[] = {(char *)(uintptr_t) "bench", (char *)(uintptr_t)URL, NULL};
    return cmd_bench(2, words);
}

static void test_second_signal(void **state) {
    (void)state;
    fake_load.signals = 2;
    int status;
    pid_t child = fork();
    if (child == 0) {
        _exit(bench_and_return() == 1 ? 1 : 99); /* the second signal ends it before */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), RF_INTERRUPTED);
}

/* ---- reports ------------------------------------------------------------------------------------------ */

static void test_all_reports(void **state) {
    (void)state;
    static const char *const names[] = {"a.json", "b.json", "c.xml",  "d.md",
                                        "e.html", "f.hlog", "g.json", "h.json"};
    assert_int_equal(RUN("--save", "a.json", "--json", "b.json", "--junit", "c.xml", "--markdown",
                         "d.md", "--html", "e.html", "--hdr", "f.hlog", "--gha-benchmark", "g.json",
                         "--bmf", "h.json", URL),
                     0);
    assert_int_equal(files(), 8);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_non_null(content_of(names[i]));
        assert_true(strlen(content_of(names[i])) > 0);
    }
    assert_non_null(strstr(content_of("a.json"), "connections=50 pipeline=1 "));
}

/* The table goes out of the way of a report. */
static void test_to_stdout(void **state) {
    (void)state;
    assert_int_equal(RUN("--json", "-", URL), 0);
    assert_int_equal(printed.out[0], '{');
    assert_string_not_equal(printed.err, "");
    assert_int_equal(RUN("-s", "--json", "-", URL), 0);
    assert_int_equal(printed.out[0], '{');
    assert_string_equal(printed.err, "");
}

static void test_markdown_is_added(void **state) {
    (void)state;
    FILE *file = fopen("m.md", "w");
    fputs("# before\n", file);
    fclose(file);
    assert_int_equal(RUN("--markdown", "m.md", URL), 0);
    assert_memory_equal(content_of("m.md"), "# before\n", 9);
    assert_true(strlen(content_of("m.md")) > 20);
}

static void test_refused_in_time(void **state) {
    (void)state;
    assert_int_equal(RUN("--json", "x", "--html", "none/\033y", URL), 4);
    assert_string_equal(printed.err, "ringfetch bench: none/\\x1by: No such file or directory\n");
    assert_string_equal(fake.calls, "unload nothing;");
    assert_int_equal(files(), 0);
}

static void test_disk_is_full(void **state) {
    (void)state;
    assert_int_equal(RUN("--json", "/dev/full", "--junit", "j.xml", URL), 4);
    assert_non_null(
        strstr(printed.err, "ringfetch bench: --json /dev/full: No space left on device\n"));
    assert_non_null(content_of("j.xml"));
}

/* ---- talking -------------------------------------------------------------------------------------------------- */

static void test_verbose(void **state) {
    (void)state;
    struct rf_load_figures *a = &fake_load.figures[RF_SIDE_A];
    a->errors = 2;
    a->first_error = "it \033 broke";
    a->tls_version = "1.3";
    a->tls_cipher = "TLS_X";
    assert_int_equal(RUN("-v", "-k", "https://127.0.0.1/"), 1);
    assert_string_equal(printed.err, "ringfetch: certificates are not verified (-k)\n"
                                     "ringfetch: " URL " at 127.0.0.1, nginx\\x1b[31m\n"
                                     "ringfetch: 50 connections opened, 51 at most at once\n"
                                     "ringfetch: TLS 1.3 TLS_X, 0 handshakes resumed\n"
                                     "ringfetch: the first error: it \\x1b broke\n");
}

static void test_progress(void **state) {
    (void)state;
    fake_load.sample_count = 2;
    fake_load.samples[0].rps = 5;
    assert_int_equal(RUN("-s", "--progress", "json", URL), 0);
    assert_memory_equal(printed.err, "{\"v\":1,", 7);
    assert_int_equal(RUN("-s", URL), 0);
    assert_string_equal(printed.err, "");
}

/* The URL of a saved run holds no password and no query. */
static void test_url_is_clean(void **state) {
    (void)state;
    fake_load.figures[RF_SIDE_A].url = "http://me:secret@127.0.0.1:1/a@b?token=secret";
    assert_int_equal(RUN("-s", "--save", "x", "http://me:secret@127.0.0.1:1/a@b?token=secret"), 0);
    assert_non_null(strstr(content_of("x"), "\"http://127.0.0.1:1/a@b\""));
    fake_load.figures[RF_SIDE_A].url = "http://me:sec@ret@127.0.0.1:1?token=secret";
    assert_int_equal(RUN("-s", "--save", "x", URL), 0);
    assert_non_null(strstr(content_of("x"), "\"http://127.0.0.1:1\""));
    assert_null(strstr(content_of("x"), "ret@"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_one_url),       TEST(test_two_urls),          TEST(test_round_robin),
        TEST(test_list),          TEST(test_requests_file),     TEST(test_refused),
        TEST(test_no_connection), TEST(test_no_success),        TEST(test_statuses),
        TEST(test_interrupted),   TEST(test_second_signal),     TEST(test_all_reports),
        TEST(test_to_stdout),     TEST(test_markdown_is_added), TEST(test_refused_in_time),
        TEST(test_disk_is_full),  TEST(test_verbose),           TEST(test_progress),
        TEST(test_url_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
