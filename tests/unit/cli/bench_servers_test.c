/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_servers_test.c: servers that bench starts, as small shell commands; whether they answer is the test's to say. Each server writes
 * its process number into a file, so that a test can see that nothing of it is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../../tools/ringfetch/bench_servers.h"
#include "fake_engine.h"

#define URL "http://127.0.0.1/"

enum { PATIENCE_MS = 5000 };

static struct bench_servers servers;
static struct rf_settings settings;
static char folder[64], why[512];
static unsigned asked, answer_after;

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void nap(void) {
    nanosleep(&(struct timespec){0, 2000000}, NULL);
}

/* Refuses until it was asked often enough. */
static struct rf_result answer(const char *url) {
    assert_string_equal(url, URL);
    return ++asked > answer_after ? (struct rf_result){.status = 503}
                                  : (struct rf_result){.error = {.kind = 1, .detail = 7}};
}

static int begin(void **state) {
    (void)state;
    fake_reset();
    asked = answer_after = 0;
    fake.answers = answer;
    snprintf(folder, sizeof folder, "/tmp/bench_servers_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    rf_settings_init(&settings);
    bench_servers_init(&servers, &settings, PATIENCE_MS);
    servers.grace_ms = PATIENCE_MS;
    return 0;
}

static int end(void **state) {
    (void)state;
    char command[96];
    bench_servers_end(&servers);
    assert_int_equal(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left behind */
    return system(command);
}

/* The number that a server wrote; waits for it. What it writes first is to be read before it is ended: a server counts as started once
 * its shell runs, and a shell that is ended before its first command never writes. */
static pid_t number_in(const char *name) {
    for (unsigned i = 0; i < PATIENCE_MS; i++) {
        FILE *file = fopen(name, "r");
        long number = 0;
        if (file) {
            int found = fscanf(file, "%ld\n", &number);
            fclose(file);
            if (found == 1) {
                return (pid_t)number;
            }
        }
        nap();
    }
    fail_msg("no %s", name);
    return 0;
}

/* A process that nobody has waited for is gone all the same. */
static bool is_gone(pid_t process) {
    char path[64], state = 'X';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
            state = 'X';
        fclose(file);
    }
    return state == 'X' || state == 'Z';
}

static pid_t parent_of(pid_t process) {
    char path[64];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%*d (%*[^)]) %*c %d", &parent) != 1)
            parent = 0;
        fclose(file);
    }
    return parent;
}

static void await_gone(pid_t process) {
    for (unsigned i = 0; i < PATIENCE_MS && !is_gone(process); i++) {
        nap();
    }
    assert_true(is_gone(process));
}

static enum rf_exit start(const char *command) {
    return bench_servers_start(&servers, RF_SIDE_A, command, URL, why, sizeof why);
}

static void await_end(void) {
    for (unsigned i = 0; i < PATIENCE_MS; i++) {
        if (bench_servers_ended(&servers, why, sizeof why)) {
            return;
        }
        nap();
    }
    fail_msg("it did not end");
}

/* What runs inside fake_run, so that the server's output is caught. */
static const char *wanted;
static int start_and_end(int argc, char **argv) {
    (void)argc, (void)argv;
    int exit = (int)start(wanted);
    number_in("one");
    bench_servers_end(&servers);
    return exit;
}

static void test_start_and_end(void **state) {
    (void)state;
    wanted = "echo out; echo err >&2; read x || echo no input; echo $$ >one.; mv one. one; "
             "exec sleep 60";
    struct fake_printed printed = fake_run(start_and_end, (const char *const[]){"x", NULL});
    assert_int_equal(printed.status, RF_OK);
    assert_string_equal(printed.out, "");
    assert_string_equal(printed.err, "out\nerr\nno input\n");
    assert_true(is_gone(number_in("one")));
}

/* The descriptor limit is the one from before; no descriptor but the three is open. What
 * lists them is one itself; `ls` would have the shell hold others for a moment. */
static void test_surroundings(void **state) {
    (void)state;
    struct rlimit raised = servers.descriptors;
    servers.descriptors.rlim_cur = 100;
    assert_true(raised.rlim_cur > 100);
    int leaked = dup(2);
    assert_int_equal(start("ulimit -n >limit; set -- /proc/$$/fd/*; echo $# >open; "
                           "echo $$ >one; exec sleep 60"),
                     RF_OK);
    number_in("one");
    assert_int_equal(number_in("limit"), 100);
    assert_int_equal(number_in("open"), 3 + 1);
    close(leaked);
}

static void test_waits(void **state) {
    (void)state;
    answer_after = 3;
    double began = now_s();
    assert_int_equal(start("exec sleep 60"), RF_OK);
    assert_int_equal(asked, 4);
    assert_true(now_s() - began > 0.14);
    assert_int_equal(fake.settings.retries, 0);
    assert_int_equal(fake.settings.redirects_max, 0);
    assert_false(fake.settings.fail_on_status);
    assert_false(bench_servers_ended(&servers, why, sizeof why));
}

static void test_never_answers(void **state) {
    (void)state;
    answer_after = 1000;
    servers.timeout_ms = 120;
    assert_int_equal(start("echo $$ >one; exec sleep 60"), RF_LOCAL_FAULT);
    assert_string_equal(why, "the server of --cmd-a did not answer within 0.12 s: connect: it went "
                             "\\x1b[31mwrong (7)");
    pid_t server = number_in("one");
    bench_servers_end(&servers);
    assert_true(is_gone(server));
}

static void test_ends_while_awaited(void **state) {
    (void)state;
    answer_after = 1000;
    double began = now_s();
    assert_int_equal(start("exit 3"), RF_LOCAL_FAULT);
    assert_string_equal(why, "the server of --cmd-a ended by itself: exit status 3");
    assert_true(now_s() - began < PATIENCE_MS / 1e3);
}

static void test_ends_later(void **state) {
    (void)state;
    assert_int_equal(start("echo $$ >one; exec sleep 60"), RF_OK);
    pid_t one = number_in("one");
    assert_int_equal(bench_servers_start(&servers, RF_SIDE_B, "echo $$ >two; exec sleep 60", URL,
                                         why, sizeof why),
                     RF_OK);
    kill(number_in("two"), SIGSEGV);
    await_end();
    assert_string_equal(why,
                        "the server of --cmd-b ended by itself: signal 11 (Segmentation fault)");
    bench_servers_end(&servers);
    assert_true(is_gone(one));
}

static void test_no_such_command(void **state) {
    (void)state;
    answer_after = 1000;
    assert_int_equal(start("exec 2>/dev/null; /no/such/server"), RF_LOCAL_FAULT);
    assert_string_equal(why, "the server of --cmd-a ended by itself: exit status 127");
}

/* What a server has started goes with it, a child that its shell does not wait for included. */
static void test_children(void **state) {
    (void)state;
    assert_int_equal(start("sh -c 'echo $$ >two; exec sleep 60' & sh -c 'echo $$ >one; sleep 60'"),
                     RF_OK);
    pid_t one = number_in("one"), two = number_in("two");
    bench_servers_end(&servers);
    assert_true(is_gone(one) && is_gone(two));
}

/* The shell that started it may go: the server is the group. */
static void test_in_background(void **state) {
    (void)state;
    assert_int_equal(start("sh -c 'echo $$ >one; exec sleep 60' & echo $$ >shell"), RF_OK);
    pid_t one = number_in("one");
    await_gone(number_in("shell"));
    assert_int_equal(parent_of(one), servers.server[RF_SIDE_A].guardian);
    assert_false(bench_servers_ended(&servers, why, sizeof why));
    kill(one, SIGTERM);
    await_end();
}

static void test_deaf_to_sigterm(void **state) {
    (void)state;
    servers.grace_ms = 100;
    assert_int_equal(start("trap '' TERM; echo $$ >one; while :; do sleep 0.01; done"), RF_OK);
    pid_t one = number_in("one");
    double began = now_s();
    bench_servers_end(&servers);
    assert_true(now_s() - began >= 0.099); /* the grace is counted in whole milliseconds */
    await_gone(one);
}

/* A server that ends in good order within its grace is not hurried. */
static void test_grace(void **state) {
    (void)state;
    assert_int_equal(start("trap 'sleep 0.05; echo 1 >bye; exit' TERM; echo $$ >one; "
                           "while :; do sleep 0.01; done"),
                     RF_OK);
    number_in("one");
    bench_servers_end(&servers);
    assert_int_equal(number_in("bye"), 1);
}

static void stop_in_answer(void) {
    bench_servers_stop(RF_TERMINATED);
}

static struct rf_result stopped_answer(const char *url) {
    (void)url;
    stop_in_answer();
    return (struct rf_result){.error = {.kind = 5}};
}

static void test_stopped(void **state) {
    (void)state;
    fake.answers = stopped_answer;
    assert_int_equal(start("echo $$ >one; exec sleep 60"), RF_TERMINATED);
    assert_int_equal(fake.stopped_with, RF_TERMINATED);
}

static void test_killed_at_once(void **state) {
    (void)state;
    assert_int_equal(start("trap '' TERM; echo $$ >one; while :; do sleep 0.01; done"), RF_OK);
    pid_t one = number_in("one");
    bench_servers_kill();
    await_gone(one);
}

/* Bench dies of SIGKILL: whom the server was started for is gone, and so is the server, with its two processes. */
static void orphan(const char *command, unsigned grace_ms) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t bench = fork();
    assert_true(bench >= 0);
    if (bench == 0) {
        servers.grace_ms = grace_ms;
        _exit(start(command) ? 1 : (pause(), 0));
    }
    pid_t one = number_in("one"), two = number_in("two");
    kill(bench, SIGKILL);
    assert_int_equal(waitpid(bench, NULL, 0), bench);
    await_gone(one);
    await_gone(two);
    while (waitpid(-1, NULL, 0) > 0) { /* the guardian, and what it left */
    }
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* The grace is far longer than the good order takes, and nobody waits for its end: a busy machine does no harm. */
static void test_orphaned(void **state) {
    (void)state;
    orphan("exec 2>/dev/null; sh -c 'trap \"sleep 0.05; echo 1 >bye; exit\" TERM; echo $$ >two; "
           "while :; do sleep 0.01; done' & echo $$ >one; exec sleep 60",
           PATIENCE_MS);
    assert_int_equal(number_in("bye"), 1);
}

static void test_orphaned_deaf(void **state) {
    (void)state;
    orphan("trap '' TERM; sh -c 'echo $$ >two; exec sleep 60' & echo $$ >one; exec sleep 60", 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_start_and_end),
        TEST(test_surroundings),
        TEST(test_waits),
        TEST(test_never_answers),
        TEST(test_ends_while_awaited),
        TEST(test_ends_later),
        TEST(test_no_such_command),
        TEST(test_children),
        TEST(test_in_background),
        TEST(test_deaf_to_sigterm),
        TEST(test_grace),
        TEST(test_stopped),
        TEST(test_killed_at_once),
        TEST(test_orphaned),
        TEST(test_orphaned_deaf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
