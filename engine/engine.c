/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine.c: builds the workers and wires the rooms; the public calls that begin, end and watch a run.
 */
#include "engine.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "job/loan.h"
#include "output/output.h"

/* ---- what workers ask of the run ------------------------------------------------------------------- */

static struct rf_engine *engine_of(struct job_shared *shared) {
    return CONTAINER_OF(shared, struct rf_engine, shared);
}

static void wake_starving(struct job_shared *shared) {
    struct rf_engine *engine = engine_of(shared);
    for (unsigned i = 0; i < engine->worker_count; i++)
        if (sched_wants_places(&engine->workers[i].sched))
            ring_wake(engine->workers[i].ring);
}

static struct sched *find_dry(struct sched *sched) {
    struct worker *self = sched->worker;
    struct rf_engine *engine = self->engine;
    for (unsigned i = 1; i < engine->worker_count; i++) {
        struct sched *other = &engine->workers[(self->index + i) % engine->worker_count].sched;
        if (atomic_exchange(&other->dry, false))
            return other;
    }
    return NULL;
}

/* The claim comes first: while there is one, nothing more is offered. */
static struct sched *find_room(struct sched *sched, unsigned *room) {
    struct worker *self = sched->worker;
    struct rf_engine *engine = self->engine;
    for (unsigned i = 1; i < engine->worker_count; i++) {
        struct sched *other = &engine->workers[(self->index + i) % engine->worker_count].sched;
        if (!atomic_load_explicit(&other->room, memory_order_relaxed))
            continue;
        atomic_fetch_add(&other->claims, 1);
        *room = atomic_exchange(&other->room, 0);
        if (*room)
            return other;
        atomic_fetch_sub(&other->claims, 1);
    }
    return NULL;
}

static void post_loan(struct sched *to, struct loan *loan) {
    struct worker *worker = to->worker;
    for (struct link *link = loan->jobs.next; link != &loan->jobs; link = link->next) {
        struct job *job = LIST_ENTRY(link, struct job, link);
        sink_moved(job, worker);
        submission_moved(job, worker);
    }
    pthread_mutex_lock(&worker->lock);
    list_push_back(&worker->loans, &loan->link);
    pthread_mutex_unlock(&worker->lock);
    worker_wake(worker);
}

static bool hand_over(struct sched *sched, struct job *job) {
    struct worker *from = sched->worker, *home = engine_home(from->engine, &job->url);
    if (home == from)
        return false;
    list_remove(&job->all);
    sink_moved(job, home);
    submission_moved(job, home);
    struct link one;
    list_init(&one);
    list_push_back(&one, &job->link);
    worker_post(home, &one);
    return true;
}

static void init_shared(struct rf_engine *engine) {
    const struct rf_settings *settings = &engine->settings;
    engine->shared = (struct job_shared){
        .concurrency = settings->concurrency,
        .start_interval_ns = settings->rate > 0 ? (uint64_t)(1e9 / settings->rate) : 0,
        .limit_rate_bytes = settings->limit_rate_bytes,
        .wake_starving = wake_starving,
        .find_dry = find_dry,
        .find_room = find_room,
        .post_loan = post_loan,
        .hand_over = hand_over,
    };
}

/* ---- opening ------------------------------------------------------------------------------------------ */

/* What an errno of io_uring_setup means to whoever runs this. */
void engine_explain_ring(int error, char *why, size_t why_size) {
    const char *remedy = "";
    if (error == EPERM)
        remedy = ": io_uring is forbidden here, by a seccomp profile (Docker's default one does; "
                 "allow io_uring in it or use "
                 "--security-opt seccomp=unconfined) or by the sysctl kernel.io_uring_disabled "
                 "(set it to 0)";
    else if (error == ENOSYS)
        remedy = ": this kernel has no io_uring; Linux 6.1 or later is needed";
    else if (error == EINVAL)
        remedy = ": this kernel's io_uring is too old; Linux 6.1 or later is needed";
    else if (error == ENOMEM)
        remedy = ": raise the locked-memory limit (ulimit -l) or use fewer --threads";
    snprintf(why, why_size, "cannot set up io_uring: %s%s", strerror(error), remedy);
}

static bool start_workers(struct rf_engine *engine, char *why, size_t why_size) {
    for (unsigned i = 0; i < engine->worker_count; i++) {
        if (!worker_start(engine, i)) {
            snprintf(
                why, why_size,
                "cannot start thread %u of %u: the system's limit is reached; use fewer --threads",
                i + 1, engine->worker_count);
            return false;
        }
    }
    pthread_mutex_lock(&engine->lock);
    while (engine->started_count < engine->worker_count)
        pthread_cond_wait(&engine->changed, &engine->lock);
    pthread_mutex_unlock(&engine->lock);
    if (engine->start_exit)
        snprintf(why, why_size, "%s", engine->why);
    return !engine->start_exit;
}

enum rf_exit rf_engine_open(struct rf_engine **out, const struct rf_settings *settings, char *why,
                            size_t why_size) {
    *out = NULL;
    struct rf_engine *engine = calloc(1, sizeof *engine);
    CHECK(engine);
    pthread_mutex_init(&engine->lock, NULL);
    pthread_mutex_init(&engine->callback_lock, NULL);
    pthread_mutex_init(&engine->outputs_lock, NULL);
    pthread_mutex_init(&engine->control.lock, NULL);
    pthread_cond_init(&engine->changed, NULL);
    pool_depot_init(&engine->depot);
    pool_init(&engine->feeder_pool, &engine->depot);
    engine->submissions = submissions_open();
    enum rf_exit result = settings_take(engine, settings, why, why_size);
    if (result == RF_OK) {
        limits_raise();
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN); /* EFBIG says it */
        init_shared(engine);
        engine->read_ahead = engine->settings.read_ahead;
        engine->confirm_pause_ns = 1 * NS_PER_S;
        engine->worker_count = engine->settings.threads;
        if (engine->settings.check && engine->settings.confirms)
            engine->confirm = confirm_open();
        engine->workers = calloc(engine->worker_count, sizeof *engine->workers);
        CHECK(engine->workers);
        if (!start_workers(engine, why, why_size))
            result = engine->start_exit ? engine->start_exit : RF_ENVIRONMENT;
    }
    if (result != RF_OK) {
        rf_engine_close(engine);
        return result;
    }
    *out = engine;
    return RF_OK;
}

/* ---- closing ---------------------------------------------------------------------------------------------- */

static void end_what_is_left(struct rf_engine *engine) {
    if (!atomic_load(&engine->live))
        return;
    rf_stop(engine, RF_INTERRUPTED);
    rf_run(engine);
}

enum rf_exit rf_close_outputs(struct rf_engine *engine, char *why, size_t why_size) {
    enum rf_exit result = RF_OK;
    char line[WHY_BYTES];
    pthread_mutex_lock(&engine->outputs_lock);
    unsigned count = engine->output_count;
    engine->output_count = 0;
    pthread_mutex_unlock(&engine->outputs_lock);
    for (unsigned i = 0; i < count; i++) {
        enum rf_exit one = engine->output[i].ops->close(engine->output[i].self, line, sizeof line);
        if (one != RF_OK && result == RF_OK) {
            snprintf(why, why_size, "%s", line);
            result = one;
        }
    }
    return result;
}

void rf_engine_close(struct rf_engine *engine) {
    char why[WHY_BYTES];
    if (!engine)
        return;
    end_what_is_left(engine);
    rf_close_outputs(engine, why, sizeof why);
    pthread_mutex_lock(
        &engine->lock); /* a worker that sees the end by itself must not free its ring meanwhile */
    atomic_store(&engine->quit, true);
    for (unsigned i = 0; i < engine->worker_count; i++)
        if (engine->workers[i].ring)
            ring_wake(engine->workers[i].ring);
    pthread_mutex_unlock(&engine->lock);
    for (unsigned i = 0; i < engine->worker_count; i++)
        worker_join(&engine->workers[i]);
    for (unsigned i = 0; i < engine->worker_count; i++)
        worker_deinit(&engine->workers[i]);
    submissions_close(engine->submissions);
    uniques_close(engine->uniques);
    confirm_close(engine->confirm);
    for (size_t i = 0; i < engine->source_count; i++)
        free((void *)(uintptr_t)engine->sources[i]);
    free(engine->sources);
    if (engine->input)
        input_close(engine->input);
    settings_drop(engine);
    free(engine->workers);
    pool_depot_deinit(&engine->depot);
    pthread_mutex_destroy(&engine->lock);
    pthread_mutex_destroy(&engine->callback_lock);
    pthread_mutex_destroy(&engine->outputs_lock);
    pthread_mutex_destroy(&engine->control.lock);
    pthread_cond_destroy(&engine->changed);
    free(engine);
}

/* ---- what goes in and out ------------------------------------------------------------------------------------ */

/* An output's own thread comes here at any time: the lock keeps it out of a run's end. */
static void on_unread(struct rf_engine *engine) {
    pthread_mutex_lock(&engine->lock);
    if (atomic_load(&engine->running))
        rf_stop(engine, RF_LOCAL_FAULT);
    pthread_mutex_unlock(&engine->lock);
}

enum rf_exit rf_register_output(struct rf_engine *engine, const struct rf_output_ops *ops,
                                const char *argument, const struct rf_output_options *options,
                                char *why, size_t why_size) {
    struct rf_output_options own = {0};
    if (ops->abi != RF_OUTPUT_ABI) {
        snprintf(why, why_size, "output %s was built for another version of ringfetch", ops->kind);
        return RF_USAGE;
    }
    if (engine->output_count == OUTPUTS_MAX) {
        snprintf(why, why_size, "more than %d outputs", OUTPUTS_MAX);
        return RF_USAGE;
    }
    struct output *output = &engine->output[engine->output_count];
    output->ops = ops;
    if (options)
        own = *options;
    own.unread = on_unread;
    own.engine = engine;
    enum rf_exit result = ops->open(&output->self, argument, &own, why, why_size);
    pthread_mutex_lock(&engine->outputs_lock);
    engine->output_count += result == RF_OK;
    pthread_mutex_unlock(&engine->outputs_lock);
    return result;
}

enum rf_exit rf_add_output(struct rf_engine *engine, const char *spec,
                           const struct rf_output_options *options, char *why, size_t why_size) {
    const char *colon = strchr(spec, ':');
    size_t len = colon ? (size_t)(colon - spec) : strlen(spec);
    const struct rf_output_ops *ops = output_find(spec, len);
    if (!ops) {
        snprintf(why, why_size, "there is no output \"%.*s\" (files, stdout, jsonl, csv, null)",
                 (int)len, spec);
        return RF_USAGE;
    }
    return rf_register_output(engine, ops, colon ? colon + 1 : NULL, options, why, why_size);
}

static struct input *input_of(struct rf_engine *engine) {
    if (!engine->input)
        engine->input = input_open(engine->settings.globoff);
    return engine->input;
}

enum rf_exit rf_add_url(struct rf_engine *engine, const char *pattern, char *why, size_t why_size) {
    return input_add_url(input_of(engine), pattern, why, why_size) ? RF_USAGE : RF_OK;
}

enum rf_exit rf_add_input_file(struct rf_engine *engine, const char *path, char *why,
                               size_t why_size) {
    return input_add_file(input_of(engine), path, why, why_size) ? RF_LOCAL_FAULT : RF_OK;
}

enum rf_exit rf_add_source(struct rf_engine *engine, const char *path, const char *from,
                           const char *base, char *why, size_t why_size) {
    struct input *input = input_of(engine);
    input_on_fetch(input, engine_fetch, engine);
    errno = 0;
    if (input_add_source(input, path, from, base, why, why_size) == 0)
        return RF_OK;
    return errno == EINVAL ? RF_USAGE : RF_LOCAL_FAULT;
}

void rf_on_compare(struct rf_engine *engine, rf_compare_fn *compare, void *context) {
    engine->compare = compare;
    engine->compare_context = context;
}

void rf_on_result(struct rf_engine *engine, rf_done_fn *done, void *context) {
    engine->on_result = done;
    engine->on_result_context = context;
    engine->failures_only = false;
}

void rf_on_failure(struct rf_engine *engine, rf_done_fn *done, void *context) {
    rf_on_result(engine, done, context);
    engine->failures_only = true;
}

/* ---- a run ------------------------------------------------------------------------------------------------------ */

static uint64_t sum(const struct rf_engine *engine, size_t offset) {
    uint64_t total = 0;
    for (unsigned i = 0; i < engine->worker_count; i++) {
        const char *worker = (const char *)&engine->workers[i];
        total += atomic_load((const atomic_uint_fast64_t *)(const void *)(worker + offset));
    }
    return total;
}
#define SUM(engine, member) sum(engine, offsetof(struct worker, member))

static enum rf_exit verdict(struct rf_engine *engine, uint64_t failed_before) {
    int stop = atomic_load(&engine->stop);
    if (stop)
        return (enum rf_exit)stop;
    if (atomic_load(&engine->input_failed) || atomic_load(&engine->output_failed))
        return RF_LOCAL_FAULT;
    return SUM(engine, ended) - SUM(engine, ok) > failed_before ? RF_SOME_FAILED : RF_OK;
}

static void begin_work(struct rf_engine *engine) {
    atomic_store(&engine->running, true);
    for (unsigned i = 0; i < engine->worker_count; i++)
        worker_wake(&engine->workers[i]);
}

/* Until each worker has seen it. What they still do without any job is soon done. */
static void end_work(struct rf_engine *engine) {
    pthread_mutex_lock(&engine->lock);
    atomic_store(&engine->running, false);
    pthread_mutex_unlock(&engine->lock);
    for (unsigned i = 0; i < engine->worker_count; i++)
        while (atomic_load(&engine->workers[i].working))
            sched_yield();
}

/* Waits until all input is read and every job recorded. A job that is submitted at the last moment may have been taken by a worker:
 * then it is of this run. */
static void wait_for_end(struct rf_engine *engine) {
    for (;;) {
        pthread_mutex_lock(&engine->lock);
        while (!atomic_load(&engine->input_ended) || atomic_load(&engine->live))
            pthread_cond_wait(&engine->changed, &engine->lock);
        pthread_mutex_unlock(&engine->lock);
        end_work(engine);
        if (!atomic_load(&engine->live))
            return;
        begin_work(engine);
    }
}

/* A signal's handler or another thread may be in rf_stop: the input is freed when it is out of everybody's sight. */
static void drop_input(struct rf_engine *engine) {
    struct input *input = atomic_exchange(&engine->input, NULL);
    while (atomic_load(&engine->stopping))
        sched_yield();
    input_close(input);
}

/* Input that was not read, as the run was stopped before, is dropped like the rest of what was. */
static enum rf_exit end_run(struct rf_engine *engine, uint64_t failed_before) {
    pthread_mutex_lock(&engine->lock);
    enum rf_exit result = verdict(engine, failed_before);
    atomic_store(&engine->stop, 0);
    pthread_mutex_unlock(&engine->lock);
    drop_input(engine);
    engine_fetch_end(engine);
    uniques_close(engine->uniques); /* another run asks again */
    engine->uniques = NULL;
    return result;
}

enum rf_exit rf_run(struct rf_engine *engine) {
    uint64_t failed_before = SUM(engine, ended) - SUM(engine, ok);
    bool reads = engine->input && !atomic_load(&engine->stop);
    sink_layout(engine);
    confirm_reopen(engine->confirm);
    if (engine->settings.check && engine->settings.unique != RF_UNIQUE_NONE)
        engine->uniques = uniques_open();
    atomic_store(&engine->input_ended, !reads);
    atomic_store(&engine->input_read, !reads);
    atomic_store(&engine->shared.draining, false);
    atomic_store(&engine->begun_ns, clock_now_ns());
    atomic_store(&engine->input_failed, false);
    atomic_store(&engine->output_failed, false);
    begin_work(engine);
    if (reads && pthread_create(&engine->feeder, NULL, feeder_main, engine)) {
        reads = false;
        atomic_store(&engine->input_failed, true);
        atomic_store(&engine->input_ended, true);
        atomic_store(&engine->input_read, true);
    }
    wait_for_end(engine);
    if (reads)
        pthread_join(engine->feeder, NULL);
    return end_run(engine, failed_before);
}

void rf_stop(struct rf_engine *engine, enum rf_exit exit) {
    int none = 0;
    atomic_compare_exchange_strong(&engine->stop, &none, (int)exit);
    atomic_fetch_add(&engine->stopping, 1);
    struct input *input = atomic_load(&engine->input);
    if (input)
        input_interrupt(input);
    struct rf_engine *fetcher = atomic_load(&engine->fetcher);
    if (fetcher)
        rf_stop(fetcher, exit);
    atomic_fetch_sub(&engine->stopping, 1);
    for (unsigned i = 0; i < engine->worker_count; i++)
        if (engine->workers[i].ring)
            worker_wake(&engine->workers[i]);
}

/* ---- watching it -------------------------------------------------------------------------------------------------- */

void rf_progress(struct rf_engine *engine, struct rf_progress *progress) {
    uint64_t begun_ns = atomic_load(&engine->begun_ns);
    *progress = (struct rf_progress){
        .queued = atomic_load(&engine->made),
        .input_ended = atomic_load(&engine->input_read),
        .done = SUM(engine, ended),
        .ok = SUM(engine, ok),
        .skipped = SUM(engine, skipped),
        .retries = SUM(engine, retries),
        .body_bytes = SUM(engine, body_bytes),
        .in_flight = atomic_load(&engine->shared.in_flight),
        .connections = SUM(engine, connections),
        .seconds = begun_ns ? (double)(clock_now_ns() - begun_ns) / 1e9 : 0,
    };
    for (unsigned i = 0; i < RF_VERDICTS; i++)
        progress->by_verdict[i] = SUM(engine, by_verdict[i]);
    progress->unconfirmed = confirm_waiting(engine->confirm);
    progress->failed = progress->done > progress->ok ? progress->done - progress->ok : 0;
    for (unsigned kind = 0; kind < ERR_KIND_COUNT; kind++)
        progress->unconfirmed_by_kind[kind] =
            confirm_waiting_of(engine->confirm, (enum err_kind)kind);
    for (unsigned kind = 0; kind < ERR_KIND_COUNT; kind++)
        progress->failed_by_kind[kind] = SUM(engine, failed_by_kind[kind]);
}
