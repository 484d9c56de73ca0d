/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_run_test.c: check runs with several workers on real connections: duplicates whose first is another worker's, passes, and a stop at any
 * moment from any thread. Every line that was read has one result, equal lines the same, and the counts add up.
 */
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine.h"
#include "fixture.h"

enum { LINES = 200, DIFFERENT = 45, ROUNDS = 6 };

static const struct {
    const char *path;
    enum rf_verdict verdict;
} kinds[] = {{"/bytes/100", RF_VERDICT_OK},       {"/status/404", RF_VERDICT_DEAD},
             {"/status/403", RF_VERDICT_BLOCKED}, {"/close", RF_VERDICT_DEAD},
             {"/to/bytes/9", RF_VERDICT_OK},      {"/status/410", RF_VERDICT_DEAD}};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static unsigned results[LINES];
static enum rf_verdict verdicts[LINES];
static uint64_t sums[RF_VERDICTS];
static atomic_uint ended;
static unsigned stop_after;

static void on_line(void *context, const struct rf_result *result) {
    unsigned line = (unsigned)result->line - 1;
    (void)context;
    assert_true(line < LINES);
    results[line]++;
    verdicts[line] = result->verdict;
    sums[result->verdict]++;
    if (atomic_fetch_add(&ended, 1) + 1 == stop_after)
        rf_stop(engine, RF_INTERRUPTED);
}

/* From a thread that knows nothing of results. */
static void *stop_while_failures_wait(void *context) {
    struct rf_progress progress;
    (void)context;
    do {
        sched_yield();
        rf_progress(engine, &progress);
    } while (!progress.unconfirmed && atomic_load(&running));
    rf_stop(engine, RF_INTERRUPTED);
    return NULL;
}

static void add_lines(void) {
    char path[] = "/tmp/ringfetch-test-XXXXXX", query[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    for (unsigned i = 0; i < LINES; i++) {
        unsigned id = i % DIFFERENT;
        snprintf(query, sizeof query, "%s?%u", kinds[id % KINDS].path, id);
        fprintf(file, "%s\n", tiny_url(1 + id % TINY_HOSTS, query));
    }
    fclose(file);
    assert_int_equal(rf_add_input_file(engine, path, why, sizeof why), RF_OK);
    unlink(path);
}

static void check_counts(void) {
    struct rf_progress progress;
    rf_progress(engine, &progress);
    assert_int_equal(progress.done, progress.queued);
    assert_int_equal(progress.unconfirmed, 0);
    for (unsigned i = 0; i < RF_VERDICTS; i++)
        assert_int_equal(progress.by_verdict[i], sums[i]);
}

static void run_round(bool stops) {
    memset(results, 0, sizeof results);
    atomic_store(&ended, 0);
    add_lines();
    enum rf_exit result = run();
    check_counts();
    for (unsigned i = 0; i < LINES; i++) {
        assert_true(results[i] == 1 || (stops && results[i] == 0));
        if (!results[i])
            continue;
        if (engine->settings.unique == RF_UNIQUE_ALL)
            assert_int_equal(verdicts[i], verdicts[i % DIFFERENT]);
        if (result != RF_INTERRUPTED)
            assert_int_equal(verdicts[i], kinds[i % DIFFERENT % KINDS].verdict);
    }
}

static void open_check(enum rf_unique unique, unsigned confirms) {
    settings.check = true;
    settings.confirms = confirms;
    settings.threads = 4;
    settings.unique = unique;
    settings.read_ahead = 16;
    settings.concurrency = 64;
    open_engine();
    engine->confirm_pause_ns = 2000000;
    rf_on_result(engine, on_line, NULL);
    memset(sums, 0, sizeof sums);
}

static void test_runs_that_are_stopped(void **state) {
    (void)state;
    open_check(RF_UNIQUE_ALL, 2);
    for (unsigned round = 0; round < ROUNDS; round++) {
        stop_after = round % 3 == 2 ? UINT32_MAX : 1 + round * 31; /* a stopped one first */
        run_round(stop_after != UINT32_MAX);
    }
}

static void test_stopped_while_failures_wait(void **state) {
    pthread_t thread;
    (void)state;
    stop_after = UINT32_MAX;
    open_check(RF_UNIQUE_NONE, 1);
    engine->confirm_pause_ns = 200000000;
    atomic_store(&running, true);
    assert_int_equal(pthread_create(&thread, NULL, stop_while_failures_wait, NULL), 0);
    run_round(true);
    pthread_join(thread, NULL);
    engine->confirm_pause_ns = 2000000;
    run_round(false);
}

static void test_expectations_of_submitted_requests(void **state) {
    static const char *const well[] = {"status = 404", NULL}, *const bad[] = {"status = 200", NULL},
                             *const wrong[] = {"frobnicate", NULL};
    static const char *const *const expects[] = {well, bad, wrong};
    static const char *const kinds_wanted[] = {"", "expectation", "bad-json"};
    struct seen seen[3] = {{0}};
    struct rf_request request;
    (void)state;
    open_check(RF_UNIQUE_NONE, 0);
    for (unsigned i = 0; i < 3; i++) {
        rf_request_init(&request);
        request.url = tiny_url(1, "/status/404");
        request.expect = expects[i];
        assert_true(rf_submit(engine, &request, on_done, &seen[i]) != 0);
    }
    run();
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(seen[i].calls, 1);
        assert_string_equal(seen[i].kind, kinds_wanted[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_runs_that_are_stopped),
                                       TEST(test_stopped_while_failures_wait),
                                       TEST(test_expectations_of_submitted_requests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
