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
#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ringfetch/histogram.h>

#include "../../../tools/ringfetch/bench_result.h"
#include "../../../tools/ringfetch/commands.h"
#include "fake_engine.h"
#include "fake_load.h"

#define URL "http://127.0.0.1:1/"
#define URL_B "http://127.0.0.1:2/"

static char folder[64];
static struct rf_histogram *latency;
static struct rf_load_second second;
static struct rf_load_block block[20];
static struct fake_printed printed;

static void fill_figures(struct rf_load_figures *figures, const char *url) {
    *figures = (struct rf_load_figures){.seconds = 10,
                                        .requests = 1000,
                                        .rps = 100,
                                        .latency = latency,
                                        .first_byte = latency,
                                        .connect = latency,
                                        .connects = 50,
                                        .connections = 50,
                                        .connections_max = 51,
                                        .second = &second,
                                        .second_count = 1,
                                        .block = block,
                                        .block_count = 20,
                                        .ip = "127.0.0.1",
                                        .server = "nginx\033[31m",
                                        .url = url};
    figures->status[200] = 1000;
}

static int begin(void **state) {
    (void)state;
    fake_reset();
    snprintf(folder, sizeof folder, "/tmp/bench_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    latency = rf_histogram_new(UINT64_C(3600000000000));
    for (unsigned i = 1; i <= 1000; i++) {
        rf_histogram_record(latency, i * 1000000 / 100);
    }
    second = (struct rf_load_second){.length_s = 1, .requests = 100, .p50_ns = 1, .p99_ns = 2};
    for (unsigned i = 0; i < 20; i++) {
        block[i] = (struct rf_load_block){.start_s = i / 10.0, .length_s = 0.1, .requests = 10};
    }
    fill_figures(&fake_load.figures[RF_SIDE_A], URL);
    fill_figures(&fake_load.figures[RF_SIDE_B], URL_B);
    fake_load.comparison.verdict = RF_CHANGE_SAME;
    fake_load.machine.threads = 2;
    fake_load.machine.machine_cpu = -1;
    return 0;
}

static int end(void **state) {
    (void)state;
    char command[96];
    rf_histogram_free(latency);
    assert_int_equal(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left behind */
    return system(command);
}

static int run_words(const char *const *words) {
    printed = fake_run(cmd_bench, words);
    return printed.status;
}
#define RUN(...) run_words((const char *const[]){"bench", __VA_ARGS__, NULL})

static const char *content_of(const char *name) {
    static char text[1 << 17];
    FILE *file = fopen(name, "r");
    if (!file) {
        return NULL;
    }
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* How many files there are, temporary ones included. */
static unsigned files(void) {
    DIR *all = opendir(".");
    unsigned count = 0;
    for (struct dirent *one; (one = readdir(all)) != NULL;) {
        count += strcmp(one->d_name, ".") != 0 && strcmp(one->d_name, "..") != 0;
    }
    closedir(all);
    return count;
}

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

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(name, "w");
    fputs(text, file);
    fclose(file);
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

/* ---- a saved run ------------------------------------------------------------------------------------------ */

static void test_baseline(void **state) {
    (void)state;
    assert_int_equal(RUN("-s", "--save", "base.json", URL), 0);
    fake.calls[0] = '\0';
    assert_int_equal(RUN("-s", "--baseline", "base.json", "--save", "base.json", URL), 0);
    assert_string_equal(fake.calls, "load;run;compare;unload;");
    assert_ptr_equal(fake_load.compared[RF_SIDE_B], block);
    assert_ptr_not_equal(fake_load.compared[RF_SIDE_A], block);
    fake_load.comparison.verdict = RF_CHANGE_REGRESSED;
    assert_int_equal(RUN("-s", "--baseline", "base.json", URL), 5);
    fake_load.compare_fails = true;
    assert_int_equal(RUN("-s", "--baseline", "base.json", URL), 6);
}

static void test_unlike_baseline(void **state) {
    (void)state;
    assert_int_equal(RUN("-s", "-c9", "--save", "base.json", URL), 0);
    fake.calls[0] = '\0';
    assert_int_equal(RUN("--baseline", "base.json", "--json", "x", "--html", "y", URL), 6);
    assert_string_equal(fake.calls, "load;run;unload;");
    assert_non_null(strstr(content_of("x"), "connections=9 then, connections=50 now"));
    assert_non_null(strstr(content_of("x"), "\"inconclusive\""));
    assert_int_equal(RUN("--baseline", "base.json", "--force-compare", URL), 0);
    assert_non_null(strstr(fake.calls, "compare"));
}

static void test_no_baseline(void **state) {
    (void)state;
    assert_int_equal(RUN("--baseline", "base.json", URL), 4);
    assert_non_null(strstr(printed.err, "base.json"));
    assert_string_equal(fake.calls, "unload nothing;");
    assert_int_equal(RUN("-s", "--save", "two.json", URL, URL_B), 0);
    assert_int_equal(RUN("--baseline", "two.json", URL), 2);
    assert_string_equal(printed.err, "ringfetch bench: --baseline two.json: it compares two "
                                     "servers; a baseline is a run of one\n");
}

/* ---- servers ------------------------------------------------------------------------------------------------ */

static struct rf_result there(const char *url) {
    fake_note("ask", url);
    return (struct rf_result){.status = 404};
}

static void await_file(const char *name) {
    for (unsigned i = 0; i < 5000 && !content_of(name); i++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

static void await_servers(void) {
    await_file("a");
    await_file("b");
}

static void test_servers(void **state) {
    (void)state;
    fake.answers = there;
    fake_load.before_run = await_servers;
    assert_int_equal(RUN("-s", "--cmd-a",
                         "echo >a; trap 'echo >a-end; exit' TERM; while :; do "
                         "sleep 0.01; done",
                         "--cmd-b", "echo >b; exec sleep 60", URL, URL_B),
                     0);
    assert_string_equal(fake.calls,
                        "load;open;run;ask " URL ";close;open;run;ask " URL_B ";close;run;unload;");
}

static struct rf_result only_a(const char *url) {
    return strcmp(url, URL) == 0 ? there(url) : (struct rf_result){.error = {.kind = 1}};
}

static void test_server_refuses(void **state) {
    (void)state;
    fake.answers = only_a;
    assert_int_equal(RUN("--json", "x", "--cmd-a", "exec sleep 60", "--cmd-b", "exit 7",
                         "--cmd-timeout", "5", URL, URL_B),
                     4);
    assert_non_null(strstr(printed.err, "the server of --cmd-b ended by itself: exit status 7\n"));
    assert_int_equal(files(), 0);
}

static void kill_server(unsigned played) {
    if (played != 1) {
        return;
    }
    FILE *file = popen("kill -9 $(cat pid); while kill -0 $(cat pid) 2>/dev/null; do sleep 0.01; "
                       "done; sleep 0.05",
                       "r");
    assert_non_null(file);
    pclose(file);
}

static void await_pid(void) {
    await_file("pid");
}

static void test_server_dies(void **state) {
    (void)state;
    fake.answers = there;
    fake_load.before_run = await_pid;
    fake_load.sample_count = 3;
    fake_load.between_samples = kill_server;
    assert_int_equal(RUN("--json", "x", "--cmd-a", "echo $$ >p; mv p pid; exec sleep 60", URL), 4);
    assert_string_equal(printed.err, "ringfetch bench: the server of --cmd-a ended by itself: "
                                     "signal 9 (Killed)\n");
    assert_int_equal(fake_load.stopped_with, RF_LOCAL_FAULT);
    assert_null(content_of("x"));
}

static struct rf_result interrupt(const char *url) {
    (void)url;
    raise(SIGTERM);
    return (struct rf_result){.error = {.kind = 5}};
}

static void test_interrupted_while_starting(void **state) {
    (void)state;
    fake.answers = interrupt;
    assert_int_equal(RUN("--json", "x", "--cmd-a", "exec sleep 60", URL), RF_TERMINATED);
    assert_string_equal(printed.err, "");
    assert_int_equal(files(), 0);
    assert_null(strstr(fake.calls, "close;run"));
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
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_one_url),
        TEST(test_two_urls),
        TEST(test_round_robin),
        TEST(test_list),
        TEST(test_requests_file),
        TEST(test_refused),
        TEST(test_no_connection),
        TEST(test_no_success),
        TEST(test_statuses),
        TEST(test_interrupted),
        TEST(test_second_signal),
        TEST(test_all_reports),
        TEST(test_to_stdout),
        TEST(test_markdown_is_added),
        TEST(test_refused_in_time),
        TEST(test_disk_is_full),
        TEST(test_baseline),
        TEST(test_unlike_baseline),
        TEST(test_no_baseline),
        TEST(test_servers),
        TEST(test_server_refuses),
        TEST(test_server_dies),
        TEST(test_interrupted_while_starting),
        TEST(test_verbose),
        TEST(test_progress),
        TEST(test_url_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
