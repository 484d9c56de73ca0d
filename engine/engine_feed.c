/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_feed.c: the thread that reads input and makes jobs of it, never more than `read_ahead` of them unfinished, so that memory
 * doesn't grow with the list. Reading blocks, which is why it has a thread of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "engine.h"

enum { BATCH = 64, SOURCES_LOOKED_AT = 8 };

struct feeder {
    struct rf_engine *engine;
    struct job_spec spec; /* the run's, with the feeder's own copy of the body */
    struct batch {
        struct link jobs;
        unsigned count;
    } * batch;        /* one a worker */
    uint64_t read_ns; /* when the records since the latest post were read; 0: none has been */
    char href[URL_HREF_BYTES_MAX + 1];
};

static void post(struct feeder *feeder, unsigned index) {
    struct batch *batch = &feeder->batch[index];
    feeder->read_ns = 0;
    if (batch->count)
        worker_post(&feeder->engine->workers[index], &batch->jobs);
    batch->count = 0;
}

static void post_all(struct feeder *feeder) {
    for (unsigned i = 0; i < feeder->engine->worker_count; i++)
        post(feeder, i);
}

static void enqueue(struct feeder *feeder, struct job *job) {
    struct rf_engine *engine = feeder->engine;
    atomic_fetch_add(&engine->live, 1);
    unsigned index = err_is(job->err) || job->decided ? (unsigned)(job->n % engine->worker_count)
                                                      : engine_home(engine, &job->url)->index;
    struct batch *batch = &feeder->batch[index];
    list_push_back(&batch->jobs, &job->link);
    if (++batch->count >= BATCH)
        post(feeder, index);
}

/* The clock is asked once for records that are read in one go: whatever waits, for input or for room, posts first. */
static uint64_t read_ns(struct feeder *feeder) {
    if (!feeder->read_ns)
        feeder->read_ns = clock_now_ns();
    return feeder->read_ns;
}

/* ---- a record becomes a job --------------------------------------------------------------------------- */

static struct err url_err(enum url_fault fault, uint64_t line) {
    enum err_kind kind = fault == URL_OTHER_SCHEME ? ERR_BAD_SCHEME : ERR_BAD_URL;
    return err_make(STAGE_INPUT, kind, (int32_t)(line <= INT32_MAX ? line : INT32_MAX));
}

/* Whether this part of the run is the one to ask it. What is no URL goes by its text, so that one part reports it. */
static bool is_ours(const struct rf_settings *settings, const struct url *url, struct span text) {
    if (settings->shards < 2)
        return true;
    struct span key = url->href ? url_host(url) : text;
    return hash_stable(key.at, key.len) % settings->shards == settings->shard - 1;
}

/* What a record of its own asks for, if it does. `method` is its text or NULL. */
static void set_spec(struct feeder *feeder, struct job *job, const struct input_record *record,
                     const char *method) {
    struct pool *pool = &feeder->engine->feeder_pool;
    if (!record->method.at && !record->header_count && !record->body.at)
        return;
    job_set_spec(pool, job, &feeder->spec, method, record->headers, record->header_count,
                 record->body);
}

static struct err check_record(const struct input_record *record, const char *method,
                               const char **why) {
    struct err err = err_make(STAGE_INPUT, ERR_BAD_JSON, (int32_t)record->line);
    if (record->method.at && (!method[0] || !request_method_is_valid(method))) {
        *why = "\"method\" is no HTTP method";
        return err;
    }
    for (unsigned i = 0; i < record->header_count; i++) {
        struct http_field field;
        if (!request_field_parse(&field, (const char *)record->headers[i].at)) {
            *why = "\"headers\" has what is no header field";
            return err;
        }
        if (request_field_is_framing(&field)) {
            *why = "\"headers\" has a field that is ringfetch's own to set";
            return err;
        }
    }
    return ERR_OK;
}

/* Names of inputs are few and records many: each is kept once, for the engine's life. */
static const char *source_name(struct rf_engine *engine, struct span name) {
    if (!name.at)
        return NULL;
    for (size_t i = engine->source_count; i-- > 0 && engine->source_count - i <= SOURCES_LOOKED_AT;)
        if (span_is(name, engine->sources[i]))
            return engine->sources[i];
    if (engine->source_count == engine->source_room) {
        engine->source_room = engine->source_room ? engine->source_room * 2 : 16;
        engine->sources = realloc(engine->sources, engine->source_room * sizeof *engine->sources);
        CHECK(engine->sources);
    }
    char *copy = strndup((const char *)name.at, name.len);
    CHECK(copy);
    return engine->sources[engine->source_count++] = copy;
}

/* What a check makes of a record beyond its URL. */
static void set_check(struct feeder *feeder, struct job *job, const struct input_record *record) {
    struct rf_engine *engine = feeder->engine;
    job->source = source_name(engine, record->source);
    job->column = record->column;
    job->is_link = record->is_link;
    job->decided = record->is_decided;
    if (engine->settings.check && job->err.kind == ERR_BAD_SCHEME &&
        job->err.stage == STAGE_INPUT) {
        job->decided = job->skipped = true; /* mailto: and its like are no fault of anybody's */
        job->err = ERR_OK;
    } else if (record->expect_count && !err_is(job->err)) {
        check_set_expect(engine, &engine->feeder_pool, job, record->expect, record->expect_count);
    }
}

/* Whether the job has been taken care of: it waits for its equal. */
static bool is_parked(struct feeder *feeder, struct job *job) {
    struct uniques *uniques = feeder->engine->uniques;
    bool wanted = job->is_link || feeder->engine->settings.unique == RF_UNIQUE_ALL;
    if (!uniques || !wanted || err_is(job->err) || job->decided)
        return false;
    switch (unique_add(uniques, job)) {
    case UNIQUE_WAITS:
        return true;
    case UNIQUE_KNOWN:
        unique_outcome(job);
        return false;
    default:
        return false;
    }
}

static void make_job(struct feeder *feeder, const struct input_record *record) {
    struct rf_engine *engine = feeder->engine;
    struct pool *pool = &engine->feeder_pool;
    struct url url = {0};
    struct err err = record->err;
    const char *why = record->why;
    char method[32] = "";
    if (record->method.at && record->method.len < sizeof method)
        memcpy(method, record->method.at, record->method.len);
    if (!err_is(err))
        err = check_record(record, method, &why);
    if (!err_is(err) && !record->is_decided) {
        /* What a document links to was not typed: its schemes are schemes. */
        enum url_fault fault =
            record->is_link ? url_parse(&url, record->url, NULL, feeder->href, sizeof feeder->href)
                            : url_parse_typed(&url, record->url, feeder->href, sizeof feeder->href);
        if (fault != URL_OK) {
            err = url_err(fault, record->line);
            why = url_fault_text(fault);
        }
    }
    if (!is_ours(&engine->settings, &url, record->url))
        return;
    struct job *job = job_new(pool, record->url, &url, err);
    job->n = atomic_fetch_add(&engine->next_n, 1) + 1;
    job->line = record->line;
    job->read_ns = read_ns(feeder);
    job->size = record->size;
    if (why)
        job_set_text(pool, &job->why, span_text(why));
    job_set_text(pool, &job->name, record->name);
    job_set_text(pool, &job->tag, record->tag);
    job_set_text(pool, &job->sha256, record->sha256);
    if (!err_is(err))
        set_spec(feeder, job, record, record->method.at ? method : NULL);
    set_check(feeder, job, record);
    atomic_fetch_add_explicit(&engine->made, 1, memory_order_relaxed);
    if (!is_parked(feeder, job))
        enqueue(feeder, job);
}

/* ---- how far to read ahead ------------------------------------------------------------------------------ */

static unsigned low_water(const struct rf_engine *engine) {
    return engine->read_ahead - (engine->read_ahead + 3) / 4;
}

static void wait_for_room(struct feeder *feeder) {
    struct rf_engine *engine = feeder->engine;
    if (atomic_load(&engine->live) < engine->read_ahead)
        return;
    post_all(feeder);
    pthread_mutex_lock(&engine->lock);
    while (atomic_load(&engine->live) > low_water(engine) && !atomic_load(&engine->stop))
        pthread_cond_wait(&engine->changed, &engine->lock);
    pthread_mutex_unlock(&engine->lock);
}

void engine_job_ended(struct rf_engine *engine) {
    uint64_t live = atomic_fetch_sub(&engine->live, 1) - 1;
    if (live != 0 && live != low_water(engine))
        return;
    pthread_mutex_lock(&engine->lock);
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
}

/* False: there is no more to read. */
static bool feed_one(struct feeder *feeder) {
    struct rf_engine *engine = feeder->engine;
    struct input_record record;
    wait_for_room(feeder);
    if (atomic_load(&engine->stop))
        return false;
    if (!input_is_ready(engine->input))
        post_all(feeder);
    switch (input_next(engine->input, &record)) {
    case INPUT_RECORD:
        make_job(feeder, &record);
        return true;
    case INPUT_FAULT:
        atomic_store(&engine->input_failed, true);
        make_job(feeder, &record);
        return false;
    default:
        return false;
    }
}

/* ---- the confirm passes -------------------------------------------------------------------------------- */

/* False: the run is being stopped. */
static bool wait_for_all(struct rf_engine *engine) {
    pthread_mutex_lock(&engine->lock);
    while (atomic_load(&engine->live) && !atomic_load(&engine->stop))
        pthread_cond_wait(&engine->changed, &engine->lock);
    pthread_mutex_unlock(&engine->lock);
    return !atomic_load(&engine->stop);
}

/* Between a failure and the attempt that confirms it lies a moment at least. */
static void pause_after(struct rf_engine *engine, uint64_t last_ns) {
    uint64_t now = clock_now_ns(), until = last_ns + engine->confirm_pause_ns;
    struct timespec end;
    if (now >= until)
        return;
    clock_gettime(CLOCK_REALTIME, &end);
    uint64_t end_ns = (uint64_t)end.tv_nsec + (until - now);
    end.tv_sec += (time_t)(end_ns / NS_PER_S);
    end.tv_nsec = (long)(end_ns % NS_PER_S);
    pthread_mutex_lock(&engine->lock);
    while (!atomic_load(&engine->stop) &&
           pthread_cond_timedwait(&engine->changed, &engine->lock, &end) != ETIMEDOUT)
        continue;
    pthread_mutex_unlock(&engine->lock);
}

static void feed_pass(struct feeder *feeder, struct confirm_pass *pass, bool can_ask) {
    struct rf_engine *engine = feeder->engine;
    struct feeding feeding = {&engine->feeder_pool, &feeder->spec, feeder->href};
    for (struct job *job; (job = confirm_next(pass, &feeding));) {
        if (!can_ask || atomic_load(&engine->stop))
            confirm_give_up(job);
        else
            wait_for_room(feeder);
        enqueue(feeder, job);
    }
    post_all(feeder);
    confirm_end(pass);
}

/* What failed is tried again, so many times. When the run is stopped, what is left is recorded as it stands. */
static void confirm_failures(struct feeder *feeder) {
    struct rf_engine *engine = feeder->engine;
    struct confirm_pass *pass;
    for (unsigned i = 0; i < engine->settings.confirms && wait_for_all(engine); i++) {
        if (!(pass = confirm_begin(engine->confirm, false)))
            return;
        pause_after(engine, confirm_last_ns(pass));
        feed_pass(feeder, pass, control_passes(engine));
    }
    if (wait_for_all(engine) || !(pass = confirm_begin(engine->confirm, true)))
        return;
    feed_pass(feeder, pass, false);
}

/* No more will come but what redirects, retries and confirm passes make; those open connections of their own. */
static void say_draining(struct rf_engine *engine) {
    atomic_store(&engine->shared.draining, !atomic_load(&engine->submits));
}

static void feeder_deinit(struct feeder *feeder) {
    body_drop(&feeder->engine->feeder_pool, feeder->spec.body);
    free(feeder->batch);
    free(feeder);
}

void *feeder_main(void *context) {
    struct rf_engine *engine = context;
    struct feeder *feeder = calloc(1, sizeof *feeder);
    CHECK(feeder);
    feeder->engine = engine;
    feeder->batch = calloc(engine->worker_count, sizeof *feeder->batch);
    CHECK(feeder->batch);
    for (unsigned i = 0; i < engine->worker_count; i++)
        list_init(&feeder->batch[i].jobs);
    feeder->spec = engine->workers[0].spec;
    if (feeder->spec.body)
        feeder->spec.body =
            body_new(&engine->feeder_pool, feeder->spec.body->at, feeder->spec.body->count);
    while (feed_one(feeder))
        continue;
    post_all(feeder);
    atomic_store(&engine->input_read, true);
    if (engine->confirm) {
        say_draining(engine);
        confirm_failures(feeder);
    }
    feeder_deinit(feeder);
    pthread_mutex_lock(&engine->lock);
    atomic_store(&engine->input_ended, true);
    say_draining(engine);
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
    return NULL;
}
