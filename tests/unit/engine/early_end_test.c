/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * early_end_test.c: rf_cancel and rf_stop, from callbacks and other threads, before and during a run, on the real ring
 * against a server inside the test.
 */
#include "fixture.h"

static void *cancel_hanging(void *context) {
    const uint64_t *numbers = context;
    tiny_wait_hanging(2);
    for (unsigned i = 0; i < 3; i++)
        rf_cancel(engine, numbers[i]);
    for (unsigned i = 0; i < 3; i++) /* twice does no harm */
        rf_cancel(engine, numbers[i]);
    return NULL;
}

/* One that waits for an answer, one in the middle of its body, one that waits for its host's turn. */
static void test_another_thread_cancels(void **state) {
    struct seen seen[3] = {0};
    uint64_t numbers[3];
    pthread_t thread;
    (void)state;
    settings.per_host = 1;
    open_engine();
    numbers[0] = submit(tiny_url(1, "/hang"), &seen[0]);
    numbers[1] = submit(tiny_url(2, "/half"), &seen[1]);
    numbers[2] = submit(tiny_url(2, "/bytes/1"), &seen[2]);
    pthread_create(&thread, NULL, cancel_hanging, numbers);
    assert_int_equal(run(), RF_SOME_FAILED);
    pthread_join(thread, NULL);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(seen[i].calls, 1);
        assert_string_equal(seen[i].kind, "cancelled");
    }
}

static void test_cancelled_before_the_run(void **state) {
    struct seen seen[2] = {0};
    (void)state;
    open_engine();
    uint64_t number = submit(tiny_url(1, "/bytes/1"), &seen[0]);
    submit(tiny_url(1, "/bytes/1"), &seen[1]);
    rf_cancel(engine, number);
    rf_cancel(engine, 0);
    rf_cancel(engine, UINT64_MAX);
    rf_cancel(engine, number + 1000);
    assert_int_equal(run(), RF_SOME_FAILED);
    assert_string_equal(seen[0].kind, "cancelled");
    assert_int_equal(seen[0].attempts, 0);
    assert_true(seen[1].ok);
    rf_cancel(engine, number); /* it has ended */
}

struct canceller {
    struct seen seen;
    uint64_t other;
};

static void cancel_the_other(void *context, const struct rf_result *result) {
    struct canceller *canceller = context;
    note(&canceller->seen, result);
    rf_cancel(engine, canceller->other);
}

static void test_a_callback_cancels(void **state) {
    struct canceller canceller = {0};
    struct seen hanging = {0};
    struct rf_request request;
    (void)state;
    open_engine();
    canceller.other = submit(tiny_url(1, "/hang"), &hanging);
    rf_request_init(&request);
    request.url = tiny_url(2, "/bytes/1");
    rf_submit(engine, &request, cancel_the_other, &canceller);
    assert_int_equal(run(), RF_SOME_FAILED);
    assert_true(canceller.seen.ok && hanging.calls == 1);
    assert_string_equal(hanging.kind, "cancelled");
}

/* A number of an ended request is no key to the next one in its place. */
static void test_old_numbers_do_nothing(void **state) {
    struct seen seen[2] = {0};
    (void)state;
    open_engine();
    uint64_t old = submit(tiny_url(1, "/bytes/1"), &seen[0]);
    assert_int_equal(run(), RF_OK);
    uint64_t number = submit(tiny_url(1, "/bytes/1"), &seen[1]);
    assert_true(old != number);
    rf_cancel(engine, old);
    assert_int_equal(run(), RF_OK);
    assert_true(seen[1].ok);
}

static void *stop_hanging(void *context) {
    tiny_wait_hanging(1);
    rf_stop(engine, *(enum rf_exit *)context);
    return NULL;
}

static void test_another_thread_stops(void **state) {
    enum rf_exit exits[] = {RF_INTERRUPTED, RF_TERMINATED};
    (void)state;
    settings.per_host = 1;
    open_engine();
    for (unsigned i = 0; i < 2; i++) {
        struct seen seen[3] = {0};
        pthread_t thread;
        submit(tiny_url(1 + i, "/hang"), &seen[0]);
        submit(tiny_url(1 + i, "/bytes/1"), &seen[1]);
        assert_int_equal(rf_add_url(engine, tiny_url(1 + i, "/bytes/[1-100000]"), why, sizeof why),
                         RF_OK);
        pthread_create(&thread, NULL, stop_hanging, &exits[i]);
        assert_int_equal(run(), exits[i]);
        pthread_join(thread, NULL);
        assert_string_equal(seen[0].kind, "interrupted");
        assert_string_equal(seen[1].kind, "interrupted");
        /* And then it works again. */
        submit(tiny_url(3, "/bytes/1"), &seen[2]);
        assert_int_equal(run(), RF_OK);
        assert_true(seen[2].ok);
    }
}

static void test_stopped_before_the_run(void **state) {
    struct seen seen[3] = {0};
    (void)state;
    open_engine();
    submit(tiny_url(1, "/bytes/1"), &seen[0]);
    assert_int_equal(rf_add_url(engine, tiny_url(1, "/bytes/[1-9]"), why, sizeof why), RF_OK);
    rf_stop(engine, RF_TERMINATED);
    rf_stop(engine, RF_LOCAL_FAULT); /* the first counts */
    assert_int_equal(submit(tiny_url(1, "/bytes/1"), &seen[1]), 0);
    assert_int_equal(run(), RF_TERMINATED);
    assert_string_equal(seen[0].kind, "interrupted");
    assert_int_equal(seen[1].calls, 0);
    assert_int_equal(tiny_asked(), 0);
    /* New input is read by the next run; the old went with the one that was stopped. */
    assert_int_equal(rf_add_url(engine, tiny_url(1, "/bytes/[1-3]"), why, sizeof why), RF_OK);
    assert_int_equal(run(), RF_OK);
    assert_int_equal(tiny_asked(), 3);
}

static void stop_in_callback(void *context, const struct rf_result *result) {
    note(context, result);
    rf_stop(engine, RF_INTERRUPTED);
}

static void test_a_callback_stops(void **state) {
    struct seen seen = {0}, hanging = {0};
    struct rf_request request;
    (void)state;
    open_engine();
    submit(tiny_url(1, "/hang"), &hanging);
    rf_request_init(&request);
    request.url = tiny_url(2, "/bytes/1");
    rf_submit(engine, &request, stop_in_callback, &seen);
    assert_int_equal(run(), RF_INTERRUPTED);
    assert_true(seen.ok && hanging.calls == 1);
    assert_string_equal(hanging.kind, "interrupted");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_another_thread_cancels), TEST(test_cancelled_before_the_run),
        TEST(test_a_callback_cancels),     TEST(test_old_numbers_do_nothing),
        TEST(test_another_thread_stops),   TEST(test_stopped_before_the_run),
        TEST(test_a_callback_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
