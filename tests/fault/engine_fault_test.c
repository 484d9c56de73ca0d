/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_fault_test.c: the public API on the simulated ring, with real threads beside the worker: one that
 * submits, cancels and stops, one that resumes what the outputs made wait. Whatever happens, each request's
 * callback comes exactly once, and each output sees its streams as output.h promises. The threads make the
 * schedules differ from run to run; a seed names the mixture of faults only.
 */
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ringfetch/output.h>

#include "base/list.h"
#include "http_model.h"

enum { REQUESTS = 24, FIRST = 10, URLS = 5, SEEDS = 200, OUTPUTS = 2 };

struct output_of_test {
    unsigned opened, closed;
    unsigned wait_chance, fail_chance, skip_chance; /* of 100 */
};

enum { AT_START, AT_PREPARED, AT_BEGUN, AT_OVER };

/* What an output knows of a stream. */
struct state {
    struct link waiting; /* in world.waiting, under its lock */
    struct rf_stream *stream;
    atomic_bool waits;
    bool has_waited; /* `waiting` is a link */
    int at;
    size_t got;
};

struct request {
    unsigned id, bytes;
    enum behaviour behaviour;
    atomic_uint ends;
    atomic_uint_fast64_t number;
    bool keep;
};

static struct world {
    uint64_t seed;
    struct http_model model;
    struct random random, meddling; /* the worker's, the meddler's */
    struct rf_engine *engine;
    struct output_of_test output[OUTPUTS];
    struct request request[REQUESTS];
    atomic_uint submitted, ended, urls_ended;
    pthread_mutex_t lock; /* guards waiting */
    struct link waiting;
    atomic_bool over; /* the helpers go home */
    bool stops;
} world;

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            sim_print(stderr);                                                                     \
            fprintf(stderr, "seed %" PRIu64 ": not so: %s\n", world.seed, #condition);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static bool chance(struct random *random, unsigned of_100) {
    return random_below(random, 100) < of_100;
}

/* ---- an output ----------------------------------------------------------------------------------- */

static enum rf_exit out_open(void **output, const char *argument,
                             const struct rf_output_options *options, char *why, size_t why_size) {
    (void)options, (void)why, (void)why_size;
    struct output_of_test *self = &world.output[argument[0] - '0'];
    self->opened++;
    *output = self;
    return RF_OK;
}

static void forget_wait(struct state *state) {
    if (!state->has_waited)
        return;
    pthread_mutex_lock(&world.lock);
    list_remove(&state->waiting);
    pthread_mutex_unlock(&world.lock);
    atomic_store(&state->waits, false);
}

static enum rf_output_answer wait_for_resume(struct rf_stream *stream) {
    struct state *state = stream->state;
    state->stream = stream;
    atomic_store(&state->waits, true);
    pthread_mutex_lock(&world.lock);
    if (!state->has_waited)
        list_init(&state->waiting);
    state->has_waited = true;
    list_push_back(&world.waiting, &state->waiting);
    pthread_mutex_unlock(&world.lock);
    return RF_OUTPUT_WAIT; /* and perhaps the resume is here already */
}

static enum rf_output_answer whim(const struct output_of_test *self, struct rf_stream *stream) {
    if (chance(&world.random, self->fail_chance)) {
        stream->error = rf_output_error(28);
        return RF_OUTPUT_FAIL;
    }
    return chance(&world.random, self->wait_chance) ? wait_for_resume(stream) : RF_OUTPUT_OK;
}

static enum rf_output_answer out_prepare(void *output, struct rf_stream *stream) {
    const struct output_of_test *self = output;
    struct state *state = stream->state;
    EXPECT(state->at == AT_START);
    state->at = AT_PREPARED;
    return chance(&world.random, self->skip_chance) ? RF_OUTPUT_SKIP : RF_OUTPUT_OK;
}

static enum rf_output_answer out_begin(void *output, struct rf_stream *stream,
                                       const struct rf_response *response) {
    const struct output_of_test *self = output;
    struct state *state = stream->state;
    EXPECT(state->at == AT_PREPARED && response->status >= 200);
    state->got = 0;
    if (chance(&world.random, self->skip_chance))
        return RF_OUTPUT_SKIP;
    if (chance(&world.random, self->fail_chance)) {
        stream->error = rf_output_error(13);
        return RF_OUTPUT_FAIL;
    }
    state->at = AT_BEGUN;
    return RF_OUTPUT_OK;
}

static enum rf_output_answer out_body(void *output, struct rf_stream *stream, const void *bytes,
                                      size_t count) {
    struct state *state = stream->state;
    (void)bytes;
    EXPECT(state->at == AT_BEGUN && !atomic_load(&state->waits) && count);
    state->got += count;
    return whim(output, stream);
}

static enum rf_output_answer out_finish(void *output, struct rf_stream *stream) {
    struct state *state = stream->state;
    EXPECT(state->at == AT_BEGUN && !atomic_load(&state->waits));
    enum rf_output_answer answer = whim(output, stream);
    if (answer != RF_OUTPUT_WAIT)
        state->at = answer == RF_OUTPUT_OK ? AT_OVER : AT_PREPARED;
    return answer;
}

static void out_discard(void *output, struct rf_stream *stream) {
    struct state *state = stream->state;
    (void)output;
    EXPECT(state->at == AT_BEGUN);
    forget_wait(state);
    state->at = AT_PREPARED;
}

static void out_record(void *output, struct rf_stream *stream, const struct rf_result *result) {
    struct state *state = stream->state;
    (void)output;
    EXPECT(state->at != AT_BEGUN);
    EXPECT(state->at != AT_OVER || result->ok || result->error.kind);
    forget_wait(state);
}

static enum rf_exit out_close(void *output, char *why, size_t why_size) {
    struct output_of_test *self = output;
    (void)why, (void)why_size;
    self->closed++;
    return RF_OK;
}

static const struct rf_output_ops output_ops = {
    .abi = RF_OUTPUT_ABI,
    .kind = "test",
    .state_bytes = sizeof(struct state),
    .wants_body = true,
    .open = out_open,
    .prepare = out_prepare,
    .begin = out_begin,
    .body = out_body,
    .finish = out_finish,
    .discard = out_discard,
    .record = out_record,
    .close = out_close,
};

/* ---- requests ------------------------------------------------------------------------------------- */

static void submit_next(void);

static void check_result(const struct request *request, const struct rf_result *result) {
    if (!result->ok || result->skipped || result->status != 200 || !request->keep)
        return;
    const uint8_t *body = result->body;
    unsigned id = request->id;
    if (result->redirect_count && request->behaviour == DO_REDIRECT)
        id += MODEL_REDIRECTED;
    EXPECT(body && result->body_bytes <= request->bytes);
    for (size_t i = 0; i < result->body_bytes; i++)
        EXPECT(body[i] == model_byte(id, i));
}

static void on_done(void *context, const struct rf_result *result) {
    struct request *request = context;
    EXPECT(atomic_fetch_add(&request->ends, 1) == 0);
    EXPECT(result->ok || result->error.kind);
    check_result(request, result);
    atomic_fetch_add(&world.ended, 1);
    if (chance(&world.random, 20))
        submit_next();
    if (chance(&world.random, 10)) /* what has ended, or any other */
        rf_cancel(world.engine, request->number);
}

static bool on_piece(void *context, const void *bytes, size_t count) {
    const struct request *request = context;
    (void)bytes;
    EXPECT(!request->ends && count);
    return !chance(&world.random, 2);
}

static void on_url_result(void *context, const struct rf_result *result) {
    (void)context, (void)result;
    atomic_fetch_add(&world.urls_ended, 1);
}

static void submit_next(void) {
    unsigned id = atomic_fetch_add(&world.submitted, 1);
    if (id >= REQUESTS)
        return;
    struct request *request = &world.request[id];
    char url[128];
    static const char *const methods[] = {NULL, NULL, "GET", "HEAD", "POST"};
    snprintf(url, sizeof url, "http://192.0.2.%u/%u/%u/%u", 1 + id % 3, request->behaviour,
             request->bytes, id);
    struct rf_request asked;
    rf_request_init(&asked);
    asked.url = id % 11 == 7 ? "not a URL" : url;
    asked.method = methods[id % 5];
    asked.keep_body = request->keep;
    uint64_t number = request->keep
                          ? rf_submit(world.engine, &asked, on_done, request)
                          : rf_submit_streamed(world.engine, &asked, on_piece, on_done, request);
    atomic_store(&request->number, number);
    if (!number) { /* the engine is stopping: there will be no callback */
        EXPECT(atomic_fetch_add(&request->ends, 1) == 0);
        atomic_fetch_add(&world.ended, 1);
    }
}

/* ---- helpers' threads -------------------------------------------------------------------------------- */

static void *resumer(void *context) {
    (void)context;
    while (!atomic_load(&world.over)) {
        pthread_mutex_lock(&world.lock);
        struct link *link = list_pop_front(&world.waiting);
        if (link) {
            struct state *state = LIST_ENTRY(link, struct state, waiting);
            atomic_store(&state->waits, false);
            rf_stream_resume(state->stream); /* before record, which waits for the lock */
        }
        pthread_mutex_unlock(&world.lock);
        if (!link)
            usleep(30);
    }
    return NULL;
}

static void *meddler(void *context) {
    struct random *random = context;
    for (unsigned i = 0; i < 20; i++) {
        usleep((useconds_t)random_below(random, 200));
        if (chance(random, 60))
            submit_next();
        if (chance(random, 30))
            rf_cancel(world.engine, world.request[random_below(random, REQUESTS)].number);
        if (world.stops && chance(random, 4))
            rf_stop(world.engine, RF_INTERRUPTED);
    }
    return NULL;
}

/* ---- a run --------------------------------------------------------------------------------------------- */

static void open_engine(void) {
    struct rf_settings settings;
    char why[512] = "";
    rf_settings_init(&settings);
    settings.threads = 1;
    settings.concurrency = 1 + (unsigned)random_below(&world.random, 12);
    settings.per_host = 1 + (unsigned)random_below(&world.random, 6);
    settings.stall_time_ms = 3000;
    settings.connect_timeout_ms = 2000;
    settings.retries = (unsigned)random_below(&world.random, 3);
    settings.limit_rate_bytes = chance(&world.random, 20) ? 30000 : 0;
    settings.fail_on_status = chance(&world.random, 50);
    EXPECT(rf_engine_open(&world.engine, &settings, why, sizeof why) == RF_OK);
    EXPECT(rf_register_output(world.engine, &output_ops, "0", NULL, why, sizeof why) == RF_OK);
    EXPECT(rf_register_output(world.engine, &output_ops, "1", NULL, why, sizeof why) == RF_OK);
    rf_on_result(world.engine, on_url_result, NULL);
    snprintf(why, sizeof why, "http://192.0.2.1/0/100/[200-%u]", 200 + URLS - 1);
    EXPECT(rf_add_url(world.engine, why, why, sizeof why) == RF_OK);
}

static void describe_world(uint64_t seed) {
    struct sim_options options;
    world = (struct world){.seed = seed};
    random_seed(&world.random, seed);
    random_seed(&world.meddling, ~seed);
    pthread_mutex_init(&world.lock, NULL);
    list_init(&world.waiting);
    world.stops = chance(&world.random, 30);
    for (unsigned i = 0; i < OUTPUTS; i++)
        world.output[i] =
            (struct output_of_test){.wait_chance = chance(&world.random, 50) ? 40 : 0,
                                    .fail_chance = chance(&world.random, 30) ? 5 : 0,
                                    .skip_chance = chance(&world.random, 30) ? 20 : 0};
    for (unsigned i = 0; i < REQUESTS; i++) {
        world.request[i].id = i;
        world.request[i].bytes = (unsigned)random_below(&world.random, 5000);
        world.request[i].behaviour = (enum behaviour)random_below(&world.random, DO_REDIRECT_LOOP);
        world.request[i].keep = chance(&world.random, 50);
    }
    sim_options_swarm(&options, seed);
    options.wait_for_wake = true;
    options.outside_ms = seed % 4 == 0;
    sim_configure(&options);
    http_model_init(&world.model, seed);
    sim_listen("192.0.2.1", 80, &http_model_ops, &world.model);
    sim_listen("192.0.2.2", 80, &http_model_ops, &world.model);
    sim_blackhole("192.0.2.3");
}

static void run_seed(uint64_t seed) {
    pthread_t threads[2];
    describe_world(seed);
    open_engine();
    for (unsigned i = 0; i < FIRST; i++)
        submit_next();
    assert_int_equal(pthread_create(&threads[0], NULL, resumer, NULL), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, meddler, &world.meddling), 0);
    enum rf_exit result = rf_run(world.engine);
    EXPECT(result != RF_USAGE && result != RF_ENVIRONMENT);
    EXPECT(world.stops || result != RF_INTERRUPTED);
    EXPECT(world.stops || world.urls_ended == URLS);
    pthread_join(threads[1], NULL);
    rf_engine_close(world.engine); /* ends what came too late for the run */
    atomic_store(&world.over, true);
    pthread_join(threads[0], NULL);
    unsigned asked = world.submitted < REQUESTS ? world.submitted : REQUESTS;
    EXPECT(world.ended == asked);
    for (unsigned i = 0; i < asked; i++)
        EXPECT(world.request[i].ends == 1);
    for (unsigned i = 0; i < OUTPUTS; i++)
        EXPECT(world.output[i].opened == 1 && world.output[i].closed == 1);
    EXPECT(list_is_empty(&world.waiting) && world.model.peers == 0);
    struct sim_report report = sim_report();
    EXPECT(report.ops_live == 0 && report.peers_live == 0 && report.slots_used == 0);
    pthread_mutex_destroy(&world.lock);
}

static void test_each_callback_once(void **state) {
    const char *text = getenv("SEEDS"), *first = getenv("FIRST_SEED");
    uint64_t seeds = text ? strtoull(text, NULL, 10) : SEEDS;
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;
    (void)state;
    for (uint64_t seed = from; seed < from + seeds; seed++)
        run_seed(seed);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_callback_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
