/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_two_test.c: the command bench where there is more than a URL: a saved run to compare with, servers to start and end.
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
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench_scene.h"

/* ---- a saved run ------------------------------------------------------------------------------------------ */

static void test_baseline(void **state) {
    (void)state;
    assert_int_equal(RUN("-s", "--save", "base.json", URL), 0);
    fake.calls[0] = '\0';
    assert_int_equal(RUN("-s", "--baseline", "base.json", "--save", "base.json", URL), 0);
    assert_string_equal(fake.calls, "load;run;compare;unload;");
    assert_ptr_equal(fake_load.compared[RF_SIDE_B], scene_blocks());
    assert_ptr_not_equal(fake_load.compared[RF_SIDE_A], scene_blocks());
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
    assert_int_equal(RUN("-s", "--json", "two.json", URL, URL_B), 0);
    assert_int_equal(RUN("--baseline", "two.json", URL), 2);
    assert_string_equal(printed.err, "ringfetch bench: --baseline two.json: it compares two "
                                     "servers; a baseline is a run of one\n");
}

/* ---- servers ------------------------------------------------------------------------------------------------ */

static struct rf_result there(const char *url) {
    fake_note("ask", url);
    return (struct rf_result){.status = 404};
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

/* Kills it and waits until bench could know. */
static void kill_server(void) {
    siginfo_t ended;
    await_file("pid");
    kill((pid_t)atoi(content_of("pid")), SIGKILL);
    assert_int_equal(waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT), 0);
}

static void kill_after_first(unsigned played) {
    if (played == 1) {
        kill_server();
    }
}

#define SERVER "echo $$ >p; mv p pid; exec sleep 60"
#define KILLED "ringfetch bench: the server of --cmd-a ended by itself: signal 9 (Killed)\n"

static void test_server_dies(void **state) {
    (void)state;
    fake.answers = there;
    fake_load.sample_count = 3;
    fake_load.between_samples = kill_after_first;
    assert_int_equal(RUN("--json", "x", "--cmd-a", SERVER, URL), 4);
    assert_string_equal(printed.err, KILLED);
    assert_int_equal(fake_load.stopped_with, RF_LOCAL_FAULT);
    assert_null(content_of("x"));
}

/* Too late for a sample. */
static void test_server_dies_at_the_end(void **state) {
    (void)state;
    fake.answers = there;
    fake_load.before_run = kill_server;
    assert_int_equal(RUN("--json", "x", "--cmd-a", SERVER, URL), 4);
    assert_string_equal(printed.err, KILLED);
    assert_null(content_of("x"));
}

/* The load fails because of it: the cause is told, not the effect. */
static void test_server_dies_first(void **state) {
    (void)state;
    fake.answers = there;
    fake_load.before_run = kill_server;
    fake_load.run_exit = RF_SOME_FAILED;
    fake_load.why = "refused";
    assert_int_equal(RUN("--cmd-a", SERVER, URL), 4);
    assert_string_equal(printed.err, KILLED);
}

static void await_server(void) {
    await_file("pid");
}

/* Deaf to SIGTERM, and gone all the same when a second signal ends bench at once. */
static void test_second_signal(void **state) {
    (void)state;
    struct timespec before, after;
    int status;
    fake.answers = there;
    fake_load.before_run = await_server;
    fake_load.signals = 2;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    clock_gettime(CLOCK_MONOTONIC, &before);
    pid_t child = fork();
    if (child == 0) {
        _exit(RUN("--cmd-a", "trap '' TERM; echo $$ >p; mv p pid; while :; do sleep 0.01; done",
                  URL));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), RF_INTERRUPTED);
    while (waitpid(-1, NULL, 0) > 0) { /* the guardian and all that it watched */
    }
    clock_gettime(CLOCK_MONOTONIC, &after);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    assert_true(after.tv_sec - before.tv_sec < 4); /* the guardian's grace is 5 */
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_baseline),
        TEST(test_unlike_baseline),
        TEST(test_no_baseline),
        TEST(test_servers),
        TEST(test_server_refuses),
        TEST(test_server_dies),
        TEST(test_server_dies_at_the_end),
        TEST(test_server_dies_first),
        TEST(test_second_signal),
        TEST(test_interrupted_while_starting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
