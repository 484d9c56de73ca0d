/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * workers_test.c: several workers on real rings, with threads that submit, cancel, resume and stop while they run. What
 * counts here is that everything ends, once each; ThreadSanitizer looks on in `make tsan`.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka.h needs four of them. */
#include <cmocka.h>
#include <ringfetch/output.h>

#include "base/hash.h"
#include "engine.h"
#include "tiny_server.h"

enum { WORKERS = 4, SUBMITTERS = 3, REQUESTS_EACH = 60 };

static struct rf_settings settings;
static struct rf_engine *engine;
static char why[512];
static atomic_uint ended, failed, cancelled;

static int set_up(void **state) {
    (void)state;
    rf_settings_init(&settings);
    settings.threads = WORKERS;
    settings.concurrency = 16;
    settings.retries = 0;
    settings.stall_time_ms = 20000;
    atomic_store(&ended, 0);
    atomic_store(&failed, 0);
    atomic_store(&cancelled, 0);
    tiny_open();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    rf_engine_close(engine);
    engine = NULL;
    tiny_close();
    return 0;
}

static void open_engine(void) {
    assert_int_equal(rf_engine_open(&engine, &settings, why, sizeof why), RF_OK);
}

static void count(void *context, const struct rf_result *result) {
    (void)context;
    atomic_fetch_add(&ended, 1);
    bool was_cancelled = strcmp(rf_error_kind(result->error), "cancelled") == 0;
    atomic_fetch_add(&cancelled, was_cancelled);
    atomic_fetch_add(&failed, !result->ok && !was_cancelled);
}

static uint64_t submit(const char *url) {
    struct rf_request request;
    rf_request_init(&request);
    request.url = url;
    return rf_submit(engine, &request, count, NULL);
}

/* ---- many threads ------------------------------------------------------------------------------------ */

struct submitter {
    pthread_t thread;
    unsigned number, accepted;
    bool cancels;
};

static void *submitter_main(void *context) {
    static const char *const paths[] = {"/bytes/10", "/bytes/100000", "/to/bytes/5",
                                        "/over/2/bytes/7", "/over/5/method"};
    struct submitter *submitter = context;
    struct random random;
    random_seed(&random, submitter->number + 1);
    for (unsigned i = 0; i < REQUESTS_EACH; i++) {
        unsigned host = 1 + (unsigned)random_below(&random, TINY_HOSTS);
        uint64_t number = submit(tiny_url(host, paths[random_below(&random, 5)]));
        submitter->accepted += number != 0;
        if (submitter->cancels && random_below(&random, 3) == 0)
            rf_cancel(engine, number);
    }
    return NULL;
}

static unsigned run_with_submitters(bool cancels, enum rf_exit *result) {
    struct submitter submitters[SUBMITTERS];
    unsigned accepted = 0;
    for (unsigned i = 0; i < SUBMITTERS; i++) {
        submitters[i] = (struct submitter){.number = i, .cancels = cancels};
        pthread_create(&submitters[i].thread, NULL, submitter_main, &submitters[i]);
    }
    *result = rf_run(engine); /* which may be over before they are */
    for (unsigned i = 0; i < SUBMITTERS; i++) {
        pthread_join(submitters[i].thread, NULL);
        accepted += submitters[i].accepted;
    }
    return accepted;
}

static void test_threads_submit(void **state) {
    enum rf_exit result;
    (void)state;
    open_engine();
    unsigned accepted = run_with_submitters(false, &result);
    assert_int_equal(result, RF_OK);
    assert_int_equal(accepted, SUBMITTERS * REQUESTS_EACH);
    assert_int_equal(rf_run(engine), RF_OK); /* what came too late for the first run */
    assert_int_equal(atomic_load(&ended), accepted);
    assert_int_equal(atomic_load(&failed), 0);
}

static void test_threads_cancel(void **state) {
    enum rf_exit result;
    (void)state;
    open_engine();
    unsigned accepted = run_with_submitters(true, &result);
    rf_run(engine);
    assert_int_equal(atomic_load(&ended), accepted);
    assert_int_equal(atomic_load(&failed), 0);
    assert_true(atomic_load(&cancelled) > 0);
}

static void *stop_some_time(void *context) {
    while (tiny_asked() < *(unsigned *)context)
        sched_yield();
    rf_stop(engine, RF_INTERRUPTED);
    return NULL;
}

/* Stopped after so many requests, at whatever that happens to be; then closed with what came too late. */
static void test_stopped_at_any_moment(void **state) {
    (void)state;
    for (unsigned round = 0; round < 12; round++) {
        struct rf_progress progress;
        unsigned after = tiny_asked() + round * 7;
        enum rf_exit result;
        pthread_t stopper;
        atomic_store(&ended, 0);
        open_engine();
        rf_on_result(engine, count, NULL);
        assert_int_equal(rf_add_url(engine, tiny_url(1, "/bytes/[1-100000]"), why, sizeof why),
                         RF_OK);
        pthread_create(&stopper, NULL, stop_some_time, &after);
        unsigned accepted = run_with_submitters(round % 2, &result);
        pthread_join(stopper, NULL);
        assert_int_equal(result, RF_INTERRUPTED);
        rf_progress(engine, &progress);
        uint64_t read = progress.queued - accepted;
        rf_engine_close(engine);
        engine = NULL;
        assert_int_equal(atomic_load(&ended), accepted + read);
    }
}

/* ---- work that is shared -------------------------------------------------------------------------------- */

/* A list from one server, and a limit that all workers must share. */
static void test_one_host_many_workers(void **state) {
    (void)state;
    settings.concurrency = 64;
    settings.per_host = 16;
    open_engine();
    for (unsigned i = 0; i < engine->worker_count; i++)
        engine->workers[i].saturated = true; /* until it is measured */
    rf_on_result(engine, count, NULL);
    assert_int_equal(rf_add_url(engine, tiny_url(1, "/bytes/[1-2000]"), why, sizeof why), RF_OK);
    assert_int_equal(rf_run(engine), RF_OK);
    assert_int_equal(atomic_load(&ended), 2000);
    assert_int_equal(atomic_load(&failed), 0);
}

/* A host whose home is another worker than that of the host given. */
static unsigned host_of_another_worker(unsigned host) {
    char href[URL_HREF_BYTES_MAX + 1];
    struct url url;
    struct worker *first = NULL;
    for (unsigned i = 0; i < TINY_HOSTS; i++) {
        unsigned other = (host - 1 + i) % TINY_HOSTS + 1;
        url_parse(&url, span_text(tiny_url(other, "/")), NULL, href, sizeof href);
        if (!first)
            first = engine_home(engine, &url);
        else if (engine_home(engine, &url) != first)
            return other;
    }
    return 0; /* that all fall to one happens once in tens of thousands of runs */
}

static void *release_at_the_end(void *context) {
    while (tiny_asked() < *(unsigned *)context)
        sched_yield();
    tiny_release();
    return NULL;
}

/* One worker has a request that hangs and many that wait; the places that the other one leaves free must reach it. The hanging
 * one goes on when all others have been asked for, so a worker that sleeps over them waits for ever. */
static void test_free_places_are_used(void **state) {
    enum { MANY = 30 };
    unsigned wanted = MANY + 2;
    pthread_t thread;
    (void)state;
    settings.threads = settings.concurrency = 2;
    open_engine();
    unsigned other = host_of_another_worker(1);
    if (!other)
        skip();
    submit(tiny_url(1, "/hang"));
    submit(tiny_url(other, "/bytes/1000000"));
    for (unsigned i = 0; i < MANY; i++)
        submit(tiny_url(1, "/bytes/1"));
    pthread_create(&thread, NULL, release_at_the_end, &wanted);
    assert_int_equal(rf_run(engine), RF_OK);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&ended), MANY + 2);
}

/* One place for four workers: whoever gives it back wakes whoever waits. */
static void test_one_place_for_all(void **state) {
    (void)state;
    settings.concurrency = WORKERS; /* fewer workers than places are not made */
    open_engine();
    engine->shared.concurrency = 1;
    for (unsigned i = 0; i < 400; i++)
        submit(tiny_url(1 + i % TINY_HOSTS, "/bytes/1"));
    assert_int_equal(rf_run(engine), RF_OK);
    assert_int_equal(atomic_load(&ended), 400);
}

/* Bodies travel with their requests from worker to worker. */
static void test_bodies_that_travel(void **state) {
    static const char *const paths[] = {"/over/3/over/6/method", "/over/8/over/1/over/4/method"};
    struct rf_request request;
    (void)state;
    settings.body = "the run's body";
    settings.body_bytes = 14;
    open_engine();
    rf_request_init(&request);
    for (unsigned i = 0; i < 200; i++) {
        request.url = tiny_url(1 + i % TINY_HOSTS, paths[i % 2]);
        request.body = i % 3 ? NULL : "its own body";
        request.body_bytes = i % 3 ? 0 : 12;
        assert_true(rf_submit(engine, &request, count, NULL) != 0);
    }
    assert_int_equal(rf_run(engine), RF_OK);
    assert_int_equal(atomic_load(&ended), 200);
}

/* ---- outputs ------------------------------------------------------------------------------------------------ */

static struct {
    pthread_mutex_t lock;
    struct rf_stream *waiting[64];
    unsigned count, late;
    bool over;
} resumes = {.lock = PTHREAD_MUTEX_INITIALIZER};

static enum rf_exit out_open(void **output, const char *argument,
                             const struct rf_output_options *options, char *text, size_t size) {
    (void)argument, (void)options, (void)text, (void)size;
    *output = &resumes;
    return RF_OK;
}

static enum rf_output_answer out_begin(void *output, struct rf_stream *stream,
                                       const struct rf_response *response) {
    (void)output, (void)stream, (void)response;
    return RF_OUTPUT_OK;
}

static enum rf_output_answer ask_for_resume(struct rf_stream *stream) {
    enum rf_output_answer answer = RF_OUTPUT_OK;
    pthread_mutex_lock(&resumes.lock);
    if (resumes.count < 64) {
        resumes.waiting[resumes.count++] = stream;
        answer = RF_OUTPUT_WAIT;
    }
    pthread_mutex_unlock(&resumes.lock);
    return answer;
}

static enum rf_output_answer out_body(void *output, struct rf_stream *stream, const void *bytes,
                                      size_t size) {
    (void)output, (void)bytes, (void)size;
    return ask_for_resume(stream);
}

/* The first call waits; the resumes may also come late, when nothing waits any more. */
static enum rf_output_answer out_finish(void *output, struct rf_stream *stream) {
    uint8_t *finishes = stream->state;
    (void)output;
    return (*finishes)++ ? RF_OUTPUT_OK : ask_for_resume(stream);
}

static void out_discard(void *output, struct rf_stream *stream) {
    (void)output, (void)stream; /* resumes still to come are late ones now, as they may be */
}

static void out_record(void *output, struct rf_stream *stream, const struct rf_result *result) {
    (void)output, (void)result;
    pthread_mutex_lock(&resumes.lock);
    for (unsigned i = 0; i < resumes.count; i++) {
        if (resumes.waiting[i] == stream) {
            resumes.waiting[i--] = resumes.waiting[--resumes.count];
            resumes.late++;
        }
    }
    pthread_mutex_unlock(&resumes.lock);
}

static enum rf_exit out_close(void *output, char *text, size_t size) {
    (void)output, (void)text, (void)size;
    return RF_OK;
}

static const struct rf_output_ops ops = {
    .abi = RF_OUTPUT_ABI,
    .kind = "waits",
    .state_bytes = 1,
    .wants_body = true,
    .open = out_open,
    .begin = out_begin,
    .body = out_body,
    .finish = out_finish,
    .discard = out_discard,
    .record = out_record,
    .close = out_close,
};

static void *resumer_main(void *context) {
    bool over = false;
    (void)context;
    while (!over) {
        pthread_mutex_lock(&resumes.lock);
        over = resumes.over;
        while (resumes.count)
            rf_stream_resume(resumes.waiting[--resumes.count]);
        pthread_mutex_unlock(&resumes.lock);
        sched_yield();
    }
    return NULL;
}

static void test_a_thread_resumes(void **state) {
    pthread_t thread;
    (void)state;
    open_engine();
    resumes.over = false;
    assert_int_equal(rf_register_output(engine, &ops, NULL, NULL, why, sizeof why), RF_OK);
    for (unsigned i = 0; i < 150; i++)
        submit(tiny_url(1 + i % TINY_HOSTS, i % 3 ? "/bytes/200000" : "/over/4/bytes/3"));
    pthread_create(&thread, NULL, resumer_main, NULL);
    assert_int_equal(rf_run(engine), RF_OK);
    pthread_mutex_lock(&resumes.lock);
    resumes.over = true;
    pthread_mutex_unlock(&resumes.lock);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&ended), 150);
    assert_int_equal(resumes.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_threads_submit),        TEST(test_threads_cancel),
        TEST(test_stopped_at_any_moment), TEST(test_one_host_many_workers),
        TEST(test_free_places_are_used),  TEST(test_one_place_for_all),
        TEST(test_bodies_that_travel),    TEST(test_a_thread_resumes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
