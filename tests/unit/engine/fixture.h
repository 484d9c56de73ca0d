/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * fixture.h: an engine, a server and what a callback has seen, for the tests of the public calls. Included once by
 * each test program, hence no .c file.
 */
#ifndef TESTS_ENGINE_FIXTURE_H
#define TESTS_ENGINE_FIXTURE_H

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

#include "tiny_server.h"

/* What a request's callback saw; strings and bodies are copied as far as they are compared. */
struct seen {
    unsigned calls;
    bool ok, skipped;
    unsigned status, attempts;
    uint64_t n, body_bytes;
    char kind[32], body[64], tag[16];
    struct seen *then; /* submitted by the callback */
};

static struct rf_settings settings;
static struct rf_engine *engine;
static char why[512];
static atomic_bool running;

static int set_up(void **state) {
    (void)state;
    rf_settings_init(&settings);
    settings.threads = 1;
    settings.retries = 0;
    settings.stall_time_ms = 20000;
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

static enum rf_exit run(void) {
    atomic_store(&running, true);
    enum rf_exit result = rf_run(engine);
    atomic_store(&running, false);
    return result;
}

static uint64_t submit(const char *url, struct seen *seen);

static void note(struct seen *seen, const struct rf_result *result) {
    seen->calls++;
    seen->ok = result->ok;
    seen->skipped = result->skipped;
    seen->status = result->status;
    seen->attempts = result->attempts;
    seen->n = result->n;
    seen->body_bytes = result->body_bytes;
    snprintf(seen->kind, sizeof seen->kind, "%s", rf_error_kind(result->error));
    snprintf(seen->tag, sizeof seen->tag, "%s", result->tag ? result->tag : "");
    if (result->body && result->body_bytes < sizeof seen->body)
        memcpy(seen->body, result->body, result->body_bytes);
}

static void on_done(void *context, const struct rf_result *result) {
    struct seen *seen = context;
    note(seen, result);
    if (seen->then)
        submit(tiny_url(1, "/bytes/1"), seen->then);
}

static uint64_t submit(const char *url, struct seen *seen) {
    struct rf_request request;
    rf_request_init(&request);
    request.url = url;
    return rf_submit(engine, &request, on_done, seen);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
