/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * run_test.c: the public calls around a run, on the real ring against a server inside the test: submitting,
 * streaming, running twice, closing in the middle, watching. Early ends are in early_end_test.c.
 */
#include "fixture.h"

/* ---- submitting ----------------------------------------------------------------------------------- */

static void test_submitted_requests_end_once(void **state) {
    struct seen seen[20] = {0};
    (void)state;
    open_engine();
    for (unsigned i = 0; i < 20; i++)
        assert_true(submit(tiny_url(1 + i % TINY_HOSTS, "/bytes/100"), &seen[i]) != 0);
    assert_int_equal(run(), RF_OK);
    for (unsigned i = 0; i < 20; i++) {
        assert_true(seen[i].calls == 1 && seen[i].ok && seen[i].status == 200);
        assert_int_equal(seen[i].body_bytes, 100);
        assert_int_equal(seen[i].n, i + 1);
    }
}

static void test_everything_of_a_request_is_copied(void **state) {
    struct seen seen = {0};
    struct rf_request request;
    char url[128], tag[] = "mine", method[] = "PUT", body[] = "abc", header[] = "X-One: 1";
    const char *headers[] = {header, NULL};
    (void)state;
    open_engine();
    snprintf(url, sizeof url, "%s", tiny_url(1, "/method"));
    rf_request_init(&request);
    request = (struct rf_request){.url = url,
                                  .tag = tag,
                                  .method = method,
                                  .headers = headers,
                                  .body = body,
                                  .body_bytes = 3,
                                  .size = 3,
                                  .keep_body = true};
    assert_true(rf_submit(engine, &request, on_done, &seen) != 0);
    memset(url, '!', strlen(url));
    memset(tag, '!', sizeof tag - 1);
    memset(method, '!', sizeof method - 1);
    memset(header, '!', sizeof header - 1);
    memset(body, '!', sizeof body - 1);
    headers[0] = NULL;
    assert_int_equal(run(), RF_OK);
    assert_string_equal(seen.tag, "mine");
    assert_string_equal(seen.body, "PUT");
}

static void test_what_is_no_request(void **state) {
    static const char *const bad_headers[] = {"Content-Length: 1", NULL};
    struct seen seen[5] = {0};
    struct rf_request request;
    (void)state;
    open_engine();
    assert_true(submit("not a URL", &seen[0]) != 0);
    assert_true(submit("gopher://a/", &seen[1]) != 0);
    rf_request_init(&request);
    request.url = tiny_url(1, "/bytes/1");
    request.method = "NO METHOD";
    assert_true(rf_submit(engine, &request, on_done, &seen[2]) != 0);
    request.method = NULL;
    request.headers = bad_headers;
    assert_true(rf_submit(engine, &request, on_done, &seen[3]) != 0);
    request.headers = NULL;
    request.url = NULL;
    assert_int_equal(rf_submit(engine, &request, on_done, &seen[4]), 0);
    request.url = "http://a/";
    assert_int_equal(rf_submit(engine, &request, NULL, NULL), 0);
    assert_int_equal(run(), RF_SOME_FAILED);
    assert_string_equal(seen[0].kind, "bad-url");
    assert_string_equal(seen[1].kind, "bad-scheme");
    for (unsigned i = 0; i < 4; i++)
        assert_true(seen[i].calls == 1 && !seen[i].ok && seen[i].attempts == 0);
    assert_int_equal(seen[4].calls, 0);
    assert_int_equal(tiny_asked(), 0);
}

/* Each callback submits the next: the run lasts until the last has ended. */
static void test_callbacks_submit(void **state) {
    struct seen seen[30] = {0};
    (void)state;
    open_engine();
    for (unsigned i = 0; i + 1 < 30; i++)
        seen[i].then = &seen[i + 1];
    submit(tiny_url(1, "/bytes/1"), &seen[0]);
    assert_int_equal(run(), RF_OK);
    for (unsigned i = 0; i < 30; i++)
        assert_true(seen[i].calls == 1 && seen[i].ok);
}

static void *submit_late(void *context) {
    tiny_wait_hanging(1);
    submit(tiny_url(2, "/bytes/5"), context);
    tiny_release();
    return NULL;
}

static void test_another_thread_submits_while_it_runs(void **state) {
    struct seen first = {0}, late = {0};
    pthread_t thread;
    (void)state;
    open_engine();
    submit(tiny_url(1, "/hang"), &first);
    pthread_create(&thread, NULL, submit_late, &late);
    assert_int_equal(run(), RF_OK);
    pthread_join(thread, NULL);
    assert_true(first.ok && late.ok && late.calls == 1);
}

/* ---- bodies ------------------------------------------------------------------------------------------ */

static void check_body(void *context, const struct rf_result *result) {
    struct seen *seen = context;
    note(seen, result);
    const char *body = result->body;
    assert_non_null(body);
    for (size_t i = 0; i < result->body_bytes; i++)
        assert_int_equal(body[i], 'x');
}

static void test_keep_body(void **state) {
    static const char *const paths[] = {"/bytes/0", "/bytes/1", "/bytes/100000", "/to/bytes/7",
                                        "/bytes/3000000"};
    static const unsigned bytes[] = {0, 1, 100000, 7, 3000000};
    struct seen seen[5] = {0};
    (void)state;
    open_engine();
    for (unsigned i = 0; i < 5; i++) {
        struct rf_request request;
        rf_request_init(&request);
        request.url = tiny_url(1 + i, paths[i]);
        request.keep_body = true;
        rf_submit(engine, &request, check_body, &seen[i]);
    }
    assert_int_equal(run(), RF_OK);
    for (unsigned i = 0; i < 5; i++)
        assert_true(seen[i].calls == 1 && seen[i].ok && seen[i].body_bytes == bytes[i]);
}

struct pieces {
    struct seen seen;
    size_t bytes, enough; /* 0: never enough */
    unsigned after_end;
};

static bool on_piece(void *context, const void *bytes, size_t count) {
    struct pieces *pieces = context;
    pieces->after_end += pieces->seen.calls;
    assert_true(bytes && count);
    pieces->bytes += count;
    return !pieces->enough || pieces->bytes < pieces->enough;
}

static void on_streamed(void *context, const struct rf_result *result) {
    struct pieces *pieces = context;
    note(&pieces->seen, result);
    assert_null(result->body);
}

static void stream(const char *url, struct pieces *pieces) {
    struct rf_request request;
    rf_request_init(&request);
    request.url = url;
    assert_true(rf_submit_streamed(engine, &request, on_piece, on_streamed, pieces) != 0);
}

static void test_streaming(void **state) {
    struct pieces all = {0}, some = {.enough = 1000};
    (void)state;
    open_engine();
    stream(tiny_url(1, "/bytes/500000"), &all);
    stream(tiny_url(2, "/bytes/500000"), &some);
    assert_int_equal(run(), RF_SOME_FAILED);
    assert_true(all.seen.ok && all.bytes == 500000);
    assert_true(some.seen.calls == 1 && !some.seen.ok && some.bytes < 500000);
    assert_string_equal(some.seen.kind, "cancelled");
    assert_int_equal(some.seen.attempts, 1); /* never again */
    assert_int_equal(all.after_end + some.after_end, 0);
}

/* ---- runs one after another ---------------------------------------------------------------------------------- */

static void test_closed_without_a_run(void **state) {
    struct seen seen[10] = {0};
    (void)state;
    open_engine();
    for (unsigned i = 0; i < 10; i++)
        submit(tiny_url(1 + i % 3, "/bytes/1"), &seen[i]);
    assert_int_equal(rf_add_url(engine, tiny_url(1, "/bytes/[1-3]"), why, sizeof why), RF_OK);
    rf_engine_close(engine);
    engine = NULL;
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(seen[i].calls, 1);
        assert_string_equal(seen[i].kind, "interrupted");
    }
}

static void test_runs_with_nothing_to_do(void **state) {
    (void)state;
    open_engine();
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(run(), RF_OK);
}

static void test_a_failure_counts_for_its_own_run(void **state) {
    struct seen seen[3] = {0};
    (void)state;
    open_engine();
    submit(tiny_url(1, "/status/404"), &seen[0]);
    assert_int_equal(run(), RF_SOME_FAILED);
    submit(tiny_url(1, "/bytes/1"), &seen[1]);
    assert_int_equal(run(), RF_OK);
    assert_int_equal(rf_add_input_file(engine, "/proc/self/mem", why, sizeof why), RF_OK);
    assert_int_equal(run(), RF_LOCAL_FAULT); /* the page at 0 is nobody's */
    submit(tiny_url(1, "/bytes/1"), &seen[2]);
    assert_int_equal(run(), RF_OK);
    assert_true(seen[2].ok && seen[0].status == 404);
}

static void on_done_within(void *context, const struct rf_result *result) {
    assert_true(atomic_load(&running));
    note(context, result);
}

/* No callback comes outside of a run, however soon after one the next request is submitted. */
static void test_callbacks_come_within_runs(void **state) {
    struct rf_request request;
    (void)state;
    settings.threads = 2;
    settings.concurrency = 8;
    open_engine();
    rf_request_init(&request);
    for (unsigned i = 0; i < 1000; i++) {
        struct seen seen = {0};
        request.url = i % 50 ? "no URL" : tiny_url(1, "/bytes/1");
        rf_submit(engine, &request, on_done_within, &seen);
        run();
        assert_int_equal(seen.calls, 1);
    }
}

/* ---- input and watching ------------------------------------------------------------------------------------------ */

static struct {
    unsigned count;
    uint64_t n_sum;
} read_results;

static void on_read_result(void *context, const struct rf_result *result) {
    assert_ptr_equal(context, &read_results);
    read_results.count++;
    read_results.n_sum += result->n;
}

/* An engine whose results, or failures, are counted. */
static void open_counted(void (*on)(struct rf_engine *, rf_done_fn *, void *)) {
    open_engine();
    on(engine, on_read_result, &read_results);
    read_results.count = 0;
    read_results.n_sum = 0;
}

static void test_on_result(void **state) {
    struct seen seen = {0};
    (void)state;
    open_counted(rf_on_result);
    assert_int_equal(rf_add_url(engine, tiny_url(1, "/bytes/[1-50]"), why, sizeof why), RF_OK);
    submit(tiny_url(2, "/bytes/1"), &seen); /* has a callback of its own */
    assert_int_equal(run(), RF_OK);
    assert_int_equal(read_results.count, 50);
    assert_int_equal(read_results.n_sum + seen.n, 51 * 52 / 2);
}

static void test_on_failure(void **state) {
    (void)state;
    open_counted(rf_on_failure);
    assert_int_equal(rf_add_url(engine, tiny_url(1, "/bytes/[1-50]"), why, sizeof why), RF_OK);
    assert_int_equal(rf_add_url(engine, "ftp://not/ours", why, sizeof why), RF_OK);
    assert_int_equal(run(), RF_SOME_FAILED);
    assert_int_equal(read_results.count, 1);
    assert_int_equal(read_results.n_sum, 51);
}

/* However little may be read ahead, the feeder and the workers never wait for each other. */
static void test_little_read_ahead(void **state) {
    (void)state;
    for (unsigned ahead = 1; ahead <= 6; ahead++) {
        settings.read_ahead = ahead;
        settings.threads = 1 + ahead % 3;
        open_counted(rf_on_result);
        assert_int_equal(rf_add_url(engine, tiny_url(ahead, "/bytes/[1-300]"), why, sizeof why),
                         RF_OK);
        assert_int_equal(run(), RF_OK);
        assert_int_equal(read_results.count, 300);
        rf_engine_close(engine);
        engine = NULL;
    }
}

static void *look_while_hanging(void *context) {
    struct rf_progress *progress = context;
    tiny_wait_hanging(2);
    rf_progress(engine, progress);
    tiny_release();
    return NULL;
}

/* Not more than read_ahead records are under way, to the record. */
static void test_read_ahead_bounds_what_is_queued(void **state) {
    struct rf_progress progress;
    pthread_t thread;
    (void)state;
    for (unsigned ahead = 2; ahead <= 5; ahead++) {
        settings.read_ahead = ahead;
        settings.concurrency = 2;
        open_engine();
        assert_int_equal(rf_add_url(engine,
                                    tiny_url(1, "/{hang,hang,bytes/1,bytes/2,bytes/3,bytes/"
                                                "4,bytes/5,bytes/6,bytes/7}"),
                                    why, sizeof why),
                         RF_OK);
        pthread_create(&thread, NULL, look_while_hanging, &progress);
        assert_int_equal(run(), RF_OK);
        pthread_join(thread, NULL);
        assert_true(progress.queued <= ahead);
        rf_engine_close(engine);
        engine = NULL;
        tiny_close();
        tiny_open();
    }
}

static void test_progress(void **state) {
    struct rf_progress progress;
    struct seen seen[3] = {0};
    pthread_t thread;
    (void)state;
    open_engine();
    rf_progress(engine, &progress);
    assert_true(progress.done == 0 && progress.queued == 0 && progress.seconds == 0);
    submit(tiny_url(1, "/hang"), &seen[0]);
    submit(tiny_url(2, "/half"), &seen[1]);
    submit(tiny_url(3, "/status/404"), &seen[2]);
    pthread_create(&thread, NULL, look_while_hanging, &progress);
    assert_int_equal(run(), RF_SOME_FAILED);
    pthread_join(thread, NULL);
    assert_true(progress.queued == 3 && progress.input_ended && progress.seconds > 0);
    assert_true(progress.in_flight >= 2 && progress.done <= 1);
    rf_progress(engine, &progress);
    assert_true(progress.done == 3 && progress.ok == 2 && progress.failed == 1);
    assert_int_equal(progress.in_flight, 0);
    assert_int_equal(progress.body_bytes, 12);
    uint64_t kinds = 0;
    for (unsigned i = 0; i < RF_KINDS_MAX; i++) {
        kinds += progress.failed_by_kind[i];
        if (progress.failed_by_kind[i])
            assert_string_equal(rf_kind_name(i), "http-status");
    }
    assert_int_equal(kinds, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_submitted_requests_end_once),
        TEST(test_everything_of_a_request_is_copied),
        TEST(test_what_is_no_request),
        TEST(test_callbacks_submit),
        TEST(test_another_thread_submits_while_it_runs),
        TEST(test_keep_body),
        TEST(test_streaming),
        TEST(test_closed_without_a_run),
        TEST(test_runs_with_nothing_to_do),
        TEST(test_a_failure_counts_for_its_own_run),
        TEST(test_callbacks_come_within_runs),
        TEST(test_on_result),
        TEST(test_on_failure),
        TEST(test_little_read_ahead),
        TEST(test_read_ahead_bounds_what_is_queued),
        TEST(test_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
