/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_fetch.c: fetches what input needs (a sitemap, a page whose links are to be checked) with an engine of its own, built when first
 * asked for: so that these requests are in nobody's counts and records, obey none of a check's rules, and can't wait for jobs that wait for
 * the feeder. On the feeder's thread, which may block.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

enum { INPUT_BODY_BYTES_MAX = 256 << 20, FETCH_TIME_MS = 120000 };

struct fetched {
    struct input_body *body;
    struct err err;
    char *why;
    size_t why_size;
    bool ok;
};

static void take(struct fetched *fetched, const struct rf_result *result) {
    struct input_body *body = fetched->body;
    *body = (struct input_body){.bytes = malloc(result->body_bytes + 1)};
    CHECK(body->bytes);
    memcpy(body->bytes, result->body, result->body_bytes);
    body->count = result->body_bytes;
    snprintf(body->content_type, sizeof body->content_type, "%s",
             result->content_type ? result->content_type : "");
    snprintf(body->final_url, sizeof body->final_url, "%s", result->final_url);
}

static void on_done(void *context, const struct rf_result *result) {
    struct fetched *fetched = context;
    fetched->ok = result->ok;
    if (result->ok) {
        take(fetched, result);
        return;
    }
    fetched->err = (struct err){result->error.stage, result->error.kind, result->error.detail};
    snprintf(fetched->why, fetched->why_size, "%s", result->detail ? result->detail : "");
}

static struct rf_engine *open_fetcher(struct rf_engine *engine, char *why, size_t why_size) {
    struct rf_settings settings = engine->settings;
    struct rf_engine *fetcher;
    settings.check = settings.title = false;
    settings.method = NULL;
    settings.body = NULL;
    settings.body_bytes = 0;
    settings.range = NULL;
    settings.expect = NULL;
    settings.threads = 1;
    settings.concurrency = 1;
    settings.idle_max = settings.read_ahead = 0;
    settings.filesize_max_bytes = INPUT_BODY_BYTES_MAX;
    settings.total_time_ms = FETCH_TIME_MS;
    settings.fail_on_status = true;
    if (rf_engine_open(&fetcher, &settings, why, why_size) != RF_OK)
        return NULL;
    atomic_store(&engine->fetcher, fetcher);
    return fetcher;
}

bool engine_fetch(void *context, const char *url, struct input_body *body, struct err *err,
                  char *why, size_t why_size) {
    struct rf_engine *engine = context, *fetcher = atomic_load(&engine->fetcher);
    struct fetched fetched = {.body = body, .why = why, .why_size = why_size};
    struct rf_request request;
    *err = err_make(STAGE_INPUT, ERR_UNREADABLE, 0);
    if (!fetcher)
        fetcher = open_fetcher(engine, why, why_size);
    if (!fetcher || atomic_load(&engine->stop))
        return false;
    rf_request_init(&request);
    request.url = url;
    request.keep_body = true;
    if (!rf_submit(fetcher, &request, on_done, &fetched))
        return false;
    rf_run(fetcher);
    if (!fetched.ok)
        *err = fetched.err;
    return fetched.ok;
}

void engine_fetch_end(struct rf_engine *engine) {
    struct rf_engine *fetcher = atomic_exchange(&engine->fetcher, NULL);
    while (atomic_load(&engine->stopping)) /* as with the input: out of everybody's sight first */
        sched_yield();
    rf_engine_close(fetcher);
}
