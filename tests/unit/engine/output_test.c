/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * output_test.c: what an output of one's own sees and may answer, on the real ring against a server inside the
 * test: the order of calls, skips and failures at each place, waits that another thread ends.
 */
#include <pthread.h>
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

#include "base/err.h"
#include "tiny_server.h"

enum { OUTPUTS = 2, LOG_BYTES = 512, STREAM_MAGIC = 0x51 };

/* What an output is to answer, and what it was called for: a letter a call. */
struct test_output {
    char log[LOG_BYTES];
    enum rf_output_answer prepare, begin, body, finish;
    unsigned waits; /* so many answers of body and finish are WAIT; another thread resumes */
    unsigned fail_bodies;
    bool opened, fail_finish_once;
    struct rf_result result; /* without what it points to */
    char kind[32];
    size_t bytes;
    unsigned recorded, released;
};

static struct test_output outputs[OUTPUTS];
static struct rf_settings settings;
static struct rf_engine *engine;
static char why[512];

/* The thread that resumes: one stream at a time. */
static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct rf_stream *stream;
    bool over;
    unsigned resumed;
} resumer = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *resumer_main(void *context) {
    (void)context;
    pthread_mutex_lock(&resumer.lock);
    while (!resumer.over) {
        if (resumer.stream) {
            rf_stream_resume(resumer.stream);
            resumer.stream = NULL;
            resumer.resumed++;
            pthread_cond_broadcast(&resumer.changed);
        } else {
            pthread_cond_wait(&resumer.changed, &resumer.lock);
        }
    }
    pthread_mutex_unlock(&resumer.lock);
    return NULL;
}

static enum rf_output_answer wait_for_resume(struct rf_stream *stream) {
    pthread_mutex_lock(&resumer.lock);
    while (resumer.stream)
        pthread_cond_wait(&resumer.changed, &resumer.lock);
    resumer.stream = stream;
    pthread_cond_broadcast(&resumer.changed);
    pthread_mutex_unlock(&resumer.lock);
    return RF_OUTPUT_WAIT;
}

static unsigned resumed(void) {
    pthread_mutex_lock(&resumer.lock);
    unsigned count = resumer.resumed;
    pthread_mutex_unlock(&resumer.lock);
    return count;
}

/* ---- the output ------------------------------------------------------------------------------------- */

static void note(struct test_output *output, char letter) {
    size_t len = strlen(output->log);
    assert_true(len + 1 < LOG_BYTES);
    if (letter != 'b' || !len || output->log[len - 1] != 'b') /* pieces come as they come */
        output->log[len] = letter;
}

static enum rf_exit out_open(void **output, const char *argument,
                             const struct rf_output_options *options, char *text, size_t size) {
    (void)options;
    if (strcmp(argument, "bad") == 0) {
        snprintf(text, size, "this is no good");
        return RF_USAGE;
    }
    struct test_output *self = &outputs[argument[0] - '0'];
    self->opened = true;
    *output = self;
    return RF_OK;
}

static enum rf_output_answer give(struct test_output *self, struct rf_stream *stream,
                                  enum rf_output_answer answer) {
    uint8_t *state = stream->state;
    assert_int_equal((uintptr_t)state % 16, 0);
    assert_int_equal(*state, *state ? STREAM_MAGIC : 0);
    *state = STREAM_MAGIC;
    if (answer == RF_OUTPUT_FAIL)
        stream->error = rf_output_error(28);
    if (answer == RF_OUTPUT_WAIT) {
        if (!self->waits)
            return RF_OUTPUT_OK;
        self->waits--;
        return wait_for_resume(stream);
    }
    return answer;
}

static enum rf_output_answer out_prepare(void *output, struct rf_stream *stream) {
    struct test_output *self = output;
    assert_int_equal(*(uint8_t *)stream->state, 0);
    note(self, 'p');
    return give(self, stream, self->prepare);
}

static enum rf_output_answer out_begin(void *output, struct rf_stream *stream,
                                       const struct rf_response *response) {
    struct test_output *self = output;
    assert_true(response->status == 200 && response->offset == 0);
    assert_true(response->field_count >= 1 && response->body_bytes >= 0);
    note(self, 'h');
    self->bytes = 0;
    return give(self, stream, self->begin);
}

static enum rf_output_answer out_body(void *output, struct rf_stream *stream, const void *bytes,
                                      size_t count) {
    struct test_output *self = output;
    assert_true(bytes && count);
    note(self, 'b');
    self->bytes += count;
    return give(self, stream, self->body);
}

static enum rf_output_answer out_finish(void *output, struct rf_stream *stream) {
    struct test_output *self = output;
    note(self, 'f');
    stream->path = self == &outputs[0] ? "some/path" : NULL;
    if (self->fail_finish_once) {
        self->fail_finish_once = false;
        stream->error = (struct rf_error){.stage = STAGE_OUTPUT, .kind = ERR_HASH_MISMATCH};
        return RF_OUTPUT_FAIL;
    }
    return give(self, stream, self->finish);
}

static void out_discard(void *output, struct rf_stream *stream) {
    (void)stream;
    note(output, 'd');
}

static void out_record(void *output, struct rf_stream *stream, const struct rf_result *result) {
    struct test_output *self = output;
    assert_int_equal(stream->n, result->n);
    note(self, 'r');
    self->recorded++;
    self->result = *result;
    snprintf(self->kind, sizeof self->kind, "%s", rf_error_kind(result->error));
    if (result->ok && !result->skipped && outputs[0].finish == RF_OUTPUT_OK &&
        strchr(outputs[0].log, 'f'))
        assert_string_equal(result->path, "some/path");
}

/* The last call for a stream, its record behind it. */
static void out_release(void *output, struct rf_stream *stream) {
    struct test_output *self = output;
    assert_non_null(stream->state);
    self->released++;
    assert_true(self->released <= self->recorded);
}

static enum rf_exit out_close(void *output, char *text, size_t size) {
    struct test_output *self = output;
    assert_int_equal(self->released, self->recorded);
    note(self, 'c');
    snprintf(text, size, "the disk is full");
    return self->fail_bodies ? RF_LOCAL_FAULT : RF_OK;
}

static const struct rf_output_ops ops = {
    .abi = RF_OUTPUT_ABI,
    .kind = "test",
    .state_bytes = 5,
    .wants_body = true,
    .open = out_open,
    .prepare = out_prepare,
    .begin = out_begin,
    .body = out_body,
    .finish = out_finish,
    .discard = out_discard,
    .record = out_record,
    .release = out_release,
    .close = out_close,
};

/* ---- around each test -------------------------------------------------------------------------------- */

static int set_up(void **state) {
    (void)state;
    tiny_open();
    rf_settings_init(&settings);
    settings.threads = 2;
    settings.retries = 1;
    settings.retry_delay_ms = 1;
    memset(outputs, 0, sizeof outputs);
    assert_int_equal(rf_engine_open(&engine, &settings, why, sizeof why), RF_OK);
    resumer.over = false;
    resumer.stream = NULL;
    resumer.resumed = 0;
    return pthread_create(&resumer.thread, NULL, resumer_main, NULL);
}

static int tear_down(void **state) {
    (void)state;
    pthread_mutex_lock(&resumer.lock);
    resumer.over = true;
    pthread_cond_broadcast(&resumer.changed);
    pthread_mutex_unlock(&resumer.lock);
    pthread_join(resumer.thread, NULL);
    rf_engine_close(engine);
    engine = NULL;
    tiny_close();
    return 0;
}

static void add_outputs(unsigned count) {
    static const char *const names[OUTPUTS] = {"0", "1"};
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(rf_register_output(engine, &ops, names[i], NULL, why, sizeof why), RF_OK);
}

static enum rf_exit fetch(const char *path) {
    assert_int_equal(rf_add_url(engine, tiny_url(1, path), why, sizeof why), RF_OK);
    return rf_run(engine);
}

/* ---- tests ---------------------------------------------------------------------------------------------- */

static void test_the_order_of_calls(void **state) {
    (void)state;
    add_outputs(1);
    assert_int_equal(fetch("/bytes/1000"), RF_OK);
    assert_string_equal(outputs[0].log, "phbfr");
    assert_int_equal(outputs[0].bytes, 1000);
    assert_int_equal(outputs[0].result.body_bytes, 1000);
    assert_int_equal(rf_close_outputs(engine, why, sizeof why), RF_OK);
    assert_string_equal(outputs[0].log, "phbfrc");
    rf_engine_close(engine);
    engine = NULL;
    assert_string_equal(outputs[0].log, "phbfrc"); /* closed once */
}

static void test_no_body(void **state) {
    (void)state;
    add_outputs(1);
    assert_int_equal(fetch("/bytes/0"), RF_OK);
    assert_string_equal(outputs[0].log, "phfr");
}

static void test_what_is_not_shown(void **state) {
    (void)state;
    add_outputs(1);
    assert_int_equal(fetch("/to/bytes/1"), RF_OK);
    assert_string_equal(outputs[0].log, "phbfr"); /* no redirect */
    outputs[0].log[0] = 0;
    memset(outputs[0].log, 0, LOG_BYTES);
    assert_int_equal(fetch("/status/503"), RF_SOME_FAILED);
    assert_string_equal(outputs[0].log, "pr"); /* no answer that is retried, nor a failure's */
    assert_int_equal(outputs[0].result.attempts, 2);
    memset(outputs[0].log, 0, LOG_BYTES);
    assert_int_equal(fetch("/close"), RF_SOME_FAILED);
    assert_string_equal(outputs[0].log, "pr");
}

static void test_prepare_skips(void **state) {
    (void)state;
    outputs[0].prepare = RF_OUTPUT_SKIP;
    add_outputs(1);
    assert_int_equal(fetch("/bytes/10"), RF_OK);
    assert_string_equal(outputs[0].log, "pr");
    assert_true(outputs[0].result.ok && outputs[0].result.skipped);
    assert_int_equal(tiny_asked(), 0);
}

/* It is fetched for the other one. */
static void test_one_of_two_skips(void **state) {
    (void)state;
    outputs[0].prepare = RF_OUTPUT_SKIP;
    add_outputs(2);
    assert_int_equal(fetch("/bytes/10"), RF_OK);
    assert_string_equal(outputs[0].log, "pr");
    assert_string_equal(outputs[1].log, "phbfr");
    assert_true(outputs[0].result.ok && !outputs[0].result.skipped);
}

static void test_prepare_fails(void **state) {
    (void)state;
    outputs[0].prepare = RF_OUTPUT_FAIL;
    add_outputs(2);
    assert_int_equal(fetch("/bytes/10"), RF_LOCAL_FAULT);
    assert_string_equal(outputs[0].log, "pr");
    assert_string_equal(outputs[1].log, "r");
    assert_string_equal(outputs[0].kind, "disk-full");
    assert_int_equal(tiny_asked(), 0);
}

static void test_begin_skips(void **state) {
    (void)state;
    outputs[0].begin = RF_OUTPUT_SKIP;
    add_outputs(1);
    assert_int_equal(fetch("/bytes/10"), RF_OK);
    assert_string_equal(outputs[0].log, "phr");
    assert_true(outputs[0].result.ok && outputs[0].result.skipped);
}

static void test_begin_fails(void **state) {
    (void)state;
    outputs[1].begin = RF_OUTPUT_FAIL;
    add_outputs(2);
    assert_int_equal(fetch("/bytes/10"), RF_LOCAL_FAULT);
    assert_string_equal(outputs[0].log, "phdr"); /* it had begun */
    assert_string_equal(outputs[1].log, "phr");
    assert_string_equal(outputs[1].kind, "disk-full");
}

static void test_body_fails(void **state) {
    (void)state;
    outputs[0].body = RF_OUTPUT_FAIL;
    add_outputs(2);
    assert_int_equal(fetch("/bytes/10"), RF_LOCAL_FAULT);
    assert_string_equal(outputs[0].log, "phbdr");
    assert_string_equal(outputs[1].log, "phdr");
    assert_int_equal(outputs[0].result.attempts, 1); /* a full disk stays full */
}

static void test_finish_fails(void **state) {
    (void)state;
    outputs[1].finish = RF_OUTPUT_FAIL;
    add_outputs(2);
    assert_int_equal(fetch("/bytes/10"), RF_LOCAL_FAULT);
    assert_string_equal(outputs[0].log, "phbfr"); /* finished is finished */
    assert_string_equal(outputs[1].log, "phbfr"); /* and who fails here has cleared up */
}

/* A wrong sum may be cured by asking again: for the one that failed, not for the one that has it. */
static void test_finish_fails_once(void **state) {
    (void)state;
    outputs[1].fail_finish_once = true;
    add_outputs(2);
    assert_int_equal(fetch("/bytes/10"), RF_OK);
    assert_string_equal(outputs[0].log, "phbfr");
    assert_string_equal(outputs[1].log, "phbfhbfr");
    assert_int_equal(outputs[0].result.attempts, 2);
}

static void test_body_waits(void **state) {
    (void)state;
    outputs[0].body = outputs[1].body = RF_OUTPUT_WAIT;
    outputs[0].waits = 20;
    outputs[1].waits = 3;
    add_outputs(2);
    assert_int_equal(fetch("/bytes/3000000"), RF_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(outputs[i].log, "phbfr");
        assert_int_equal(outputs[i].bytes, 3000000);
    }
    assert_true(resumed() > 3);
}

/* finish is called again after each wait, and only when both are ready. */
static void test_finish_waits(void **state) {
    (void)state;
    outputs[0].finish = RF_OUTPUT_WAIT;
    outputs[0].waits = 4;
    add_outputs(2);
    assert_int_equal(fetch("/bytes/10"), RF_OK);
    assert_string_equal(outputs[0].log, "phbfffffr");
    assert_string_equal(outputs[1].log, "phbfr");
    assert_int_equal(resumed(), 4);
}

static void test_record_only(void **state) {
    static struct rf_output_ops records;
    (void)state;
    records = (struct rf_output_ops){.abi = RF_OUTPUT_ABI,
                                     .kind = "records",
                                     .state_bytes = 1,
                                     .open = out_open,
                                     .record = out_record,
                                     .release = out_release,
                                     .close = out_close};
    assert_int_equal(rf_register_output(engine, &records, "0", NULL, why, sizeof why), RF_OK);
    assert_int_equal(fetch("/bytes/{1,2,3}"), RF_OK);
    assert_string_equal(outputs[0].log, "rrr");
}

/* Without records and callbacks no result is put together, but every stream is released. */
static void test_release_only(void **state) {
    static struct rf_output_ops silent;
    (void)state;
    silent = ops;
    silent.record = NULL;
    outputs[0].recorded = 1; /* so many out_close expects to be released */
    assert_int_equal(rf_register_output(engine, &silent, "0", NULL, why, sizeof why), RF_OK);
    assert_int_equal(fetch("/bytes/1"), RF_OK);
    assert_string_equal(outputs[0].log, "phbf");
    assert_int_equal(outputs[0].released, 1);
}

/* A request that nobody's body output takes is still fetched for the callback that wants its body. */
static void keep(void *context, const struct rf_result *result) {
    *(uint64_t *)context = result->ok && result->body ? result->body_bytes : 0;
}

static void test_skipped_but_kept(void **state) {
    struct rf_request request;
    uint64_t bytes = 0;
    (void)state;
    outputs[0].begin = RF_OUTPUT_SKIP;
    add_outputs(1);
    rf_request_init(&request);
    request.url = tiny_url(1, "/bytes/9");
    request.keep_body = true;
    rf_submit(engine, &request, keep, &bytes);
    assert_int_equal(rf_run(engine), RF_OK);
    assert_int_equal(bytes, 9);
}

static void test_refusals(void **state) {
    struct rf_output_ops other = ops;
    (void)state;
    assert_int_equal(rf_register_output(engine, &ops, "bad", NULL, why, sizeof why), RF_USAGE);
    assert_string_equal(why, "this is no good");
    other.abi = RF_OUTPUT_ABI + 1;
    assert_int_equal(rf_register_output(engine, &other, "0", NULL, why, sizeof why), RF_USAGE);
    assert_string_equal(why, "output test was built for another version of ringfetch");
    assert_false(outputs[0].opened);
    assert_int_equal(rf_add_output(engine, "nonsense:x", NULL, why, sizeof why), RF_USAGE);
    assert_string_equal(why, "there is no output \"nonsense\" (files, stdout, jsonl, csv, null)");
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(rf_register_output(engine, &ops, "0", NULL, why, sizeof why), RF_OK);
    assert_int_equal(rf_register_output(engine, &ops, "0", NULL, why, sizeof why), RF_USAGE);
    assert_string_equal(why, "more than 16 outputs");
}

static void test_close_tells_what_was_not_written(void **state) {
    (void)state;
    outputs[0].fail_bodies = 1;
    add_outputs(2);
    assert_int_equal(fetch("/bytes/1"), RF_OK);
    assert_int_equal(rf_close_outputs(engine, why, sizeof why), RF_LOCAL_FAULT);
    assert_string_equal(why, "the disk is full");
    assert_string_equal(outputs[1].log, "phbfrc");
    assert_int_equal(rf_close_outputs(engine, why, sizeof why), RF_OK); /* none is left */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_the_order_of_calls), TEST(test_no_body),
        TEST(test_what_is_not_shown),  TEST(test_prepare_skips),
        TEST(test_one_of_two_skips),   TEST(test_prepare_fails),
        TEST(test_begin_skips),        TEST(test_begin_fails),
        TEST(test_body_fails),         TEST(test_finish_fails),
        TEST(test_finish_fails_once),  TEST(test_body_waits),
        TEST(test_finish_waits),       TEST(test_record_only),
        TEST(test_release_only),       TEST(test_skipped_but_kept),
        TEST(test_refusals),           TEST(test_close_tells_what_was_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
