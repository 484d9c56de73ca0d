/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_submit.c: requests that come by rf_submit, one by one, with a callback each. A table tells a request's number from a later
 * tenant of its place, so that cancelling what has ended does nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine.h"

struct submission {
    uint32_t place, generation;
    struct job *job;
    struct worker *worker; /* that has the job */
    struct link link;      /* in the worker's cancels */
    bool cancelled;
    rf_done_fn *done;
    rf_piece_fn *piece; /* or NULL */
    void *context;
    bool keep;
    uint8_t *body;
    size_t body_bytes, body_room;
};

struct submissions {
    pthread_mutex_t lock; /* taken before any worker's */
    struct submission **place;
    uint32_t *generation;
    uint32_t count;
    uint32_t *free; /* places */
    uint32_t free_count;
    struct pool pool; /* jobs are made under the lock */
    struct job_spec spec;
};

struct submissions *submissions_open(void) {
    struct submissions *all = calloc(1, sizeof *all);
    CHECK(all);
    pthread_mutex_init(&all->lock, NULL);
    return all;
}

void submissions_close(struct submissions *all) {
    if (!all)
        return;
    CHECK(all->free_count == all->count);
    body_drop(&all->pool, all->spec.body);
    pthread_mutex_destroy(&all->lock);
    free(all->place);
    free(all->generation);
    free(all->free);
    free(all);
}

static void more_places(struct submissions *all) {
    uint32_t count = all->count ? all->count * 2 : 64;
    all->place = realloc(all->place, count * sizeof(void *));
    all->generation = realloc(all->generation, count * sizeof *all->generation);
    all->free = realloc(all->free, count * sizeof *all->free);
    CHECK(all->place && all->generation && all->free);
    for (uint32_t i = count; i-- > all->count;) {
        all->place[i] = NULL;
        all->generation[i] = 0;
        all->free[all->free_count++] = i;
    }
    all->count = count;
}

static uint64_t number_of(const struct submission *submission) {
    return (uint64_t)submission->generation << 32 | (submission->place + 1);
}

/* NULL if the number is none that is under way. */
static struct submission *find(struct submissions *all, uint64_t number) {
    uint32_t place = (uint32_t)number - 1;
    if (place >= all->count || !all->place[place] || all->generation[place] != number >> 32)
        return NULL;
    return all->place[place];
}

static struct submission *add(struct submissions *all, rf_done_fn *done, rf_piece_fn *piece,
                              void *context, bool keep) {
    if (!all->free_count)
        more_places(all);
    struct submission *submission = calloc(1, sizeof *submission);
    CHECK(submission);
    list_init(&submission->link);
    submission->place = all->free[--all->free_count];
    submission->generation = ++all->generation[submission->place];
    submission->done = done;
    submission->piece = piece;
    submission->context = context;
    submission->keep = keep;
    all->place[submission->place] = submission;
    return submission;
}

/* ---- making the job ------------------------------------------------------------------------------------ */

static void init_spec(struct rf_engine *engine, struct submissions *all) {
    if (all->pool.depot)
        return;
    pool_init(&all->pool, &engine->depot);
    all->spec = engine->workers[0].spec;
    if (all->spec.body)
        all->spec.body = body_new(&all->pool, all->spec.body->at, all->spec.body->count);
}

static void set_spec(struct submissions *all, struct job *job, const struct rf_request *request) {
    unsigned count = 0;
    while (request->headers && request->headers[count])
        count++;
    if (!request->method && !count && !request->body)
        return;
    struct span *headers = calloc(count + 1, sizeof *headers);
    CHECK(headers);
    for (unsigned i = 0; i < count; i++)
        headers[i] = span_text(request->headers[i]);
    job_set_spec(&all->pool, job, &all->spec, request->method, headers, count,
                 span_of(request->body, request->body_bytes));
    free(headers);
}

static struct err check(const struct rf_request *request, struct url *url, char *href,
                        const char **why) {
    enum url_fault fault =
        url_parse_typed(url, span_text(request->url), href, URL_HREF_BYTES_MAX + 1);
    if (fault != URL_OK) {
        *why = url_fault_text(fault);
        return err_make(STAGE_INPUT, fault == URL_OTHER_SCHEME ? ERR_BAD_SCHEME : ERR_BAD_URL, 0);
    }
    if (request->method && !request_method_is_valid(request->method)) {
        *why = "not an HTTP method";
        return err_make(STAGE_INPUT, ERR_BAD_LINE, 0);
    }
    struct http_field field;
    for (const char *const *at = request->headers; at && *at; at++) {
        if (!request_field_parse(&field, *at) || request_field_is_framing(&field)) {
            *why = "not a header field that can be set";
            return err_make(STAGE_INPUT, ERR_BAD_LINE, 0);
        }
    }
    return ERR_OK;
}

static void set_expect(struct rf_engine *engine, struct submissions *all, struct job *job,
                       const struct rf_request *request) {
    unsigned count = 0;
    while (request->expect && request->expect[count])
        count++;
    if (!count || err_is(job->err))
        return;
    struct span *expect = calloc(count, sizeof *expect);
    CHECK(expect);
    for (unsigned i = 0; i < count; i++)
        expect[i] = span_text(request->expect[i]);
    check_set_expect(engine, &all->pool, job, expect, count);
    free(expect);
}

static struct job *make_job(struct submissions *all, const struct rf_request *request) {
    static _Thread_local char href[URL_HREF_BYTES_MAX + 1];
    struct url url = {0};
    const char *why = NULL;
    struct err err = check(request, &url, href, &why);
    struct job *job = job_new(&all->pool, span_text(request->url), &url, err);
    job->read_ns = clock_now_ns();
    job->size = request->size;
    job_set_text(&all->pool, &job->why, span_text(why));
    job_set_text(&all->pool, &job->name, span_text(request->name));
    job_set_text(&all->pool, &job->tag, span_text(request->tag));
    job_set_text(&all->pool, &job->sha256, span_text(request->sha256));
    if (!err_is(err))
        set_spec(all, job, request);
    return job;
}

uint64_t rf_submit_streamed(struct rf_engine *engine, const struct rf_request *request,
                            rf_piece_fn *piece, rf_done_fn *done, void *context) {
    struct submissions *all = engine->submissions;
    if (!request->url || !done || atomic_load(&engine->stop) || atomic_load(&engine->quit))
        return 0;
    pthread_mutex_lock(&all->lock);
    init_spec(engine, all);
    struct job *job = make_job(all, request);
    set_expect(engine, all, job, request);
    struct submission *submission = add(all, done, piece, context, request->keep_body);
    struct worker *worker = err_is(job->err) ? &engine->workers[0] : engine_home(engine, &job->url);
    submission->job = job;
    submission->worker = worker;
    job->user = submission;
    job->is_plain = request->keep_body || piece; /* who wants the body fetches */
    job->number = number_of(submission);
    job->n = atomic_fetch_add(&engine->next_n, 1) + 1;
    uint64_t number = job->number;
    atomic_fetch_add(&engine->live, 1);
    atomic_fetch_add(&engine->made, 1);
    atomic_store(&engine->submits, true);
    atomic_store(&engine->shared.draining, false);
    struct link one;
    list_init(&one);
    list_push_back(&one, &job->link);
    worker_post(worker, &one);
    pthread_mutex_unlock(&all->lock);
    return number;
}

uint64_t rf_submit(struct rf_engine *engine, const struct rf_request *request, rf_done_fn *done,
                   void *context) {
    return rf_submit_streamed(engine, request, NULL, done, context);
}

/* ---- while it runs: on its worker's thread --------------------------------------------------------------- */

bool submission_wants_body(const struct job *job) {
    const struct submission *submission = job->user;
    return submission && (submission->keep || submission->piece);
}

void submission_restart(struct job *job) {
    struct submission *submission = job->user;
    if (submission)
        submission->body_bytes = 0;
}

static void keep(struct submission *submission, struct span bytes) {
    if (submission->body_bytes + bytes.len > submission->body_room) {
        size_t room = submission->body_room ? submission->body_room * 2 : 16384;
        while (room < submission->body_bytes + bytes.len)
            room *= 2;
        submission->body = realloc(submission->body, room);
        CHECK(submission->body);
        submission->body_room = room;
    }
    memcpy(submission->body + submission->body_bytes, bytes.at, bytes.len);
    submission->body_bytes += bytes.len;
}

bool submission_body(struct job *job, struct span bytes) {
    struct submission *submission = job->user;
    if (!submission)
        return true;
    if (submission->keep)
        keep(submission, bytes);
    if (!submission->piece)
        return true;
    struct worker *worker = worker_of(job);
    pthread_mutex_lock(&worker->engine->callback_lock);
    bool more = submission->piece(submission->context, bytes.at, bytes.len);
    pthread_mutex_unlock(&worker->engine->callback_lock);
    return more;
}

static void forget(struct rf_engine *engine, struct submission *submission) {
    struct submissions *all = engine->submissions;
    pthread_mutex_lock(&all->lock);
    pthread_mutex_lock(&submission->worker->lock);
    list_remove(&submission->link);
    pthread_mutex_unlock(&submission->worker->lock);
    all->place[submission->place] = NULL;
    all->free[all->free_count++] = submission->place;
    pthread_mutex_unlock(&all->lock);
    free(submission->body);
    free(submission);
}

bool submission_done(struct job *job, struct rf_result *result) {
    struct submission *submission = job->user;
    if (!submission)
        return false;
    struct worker *worker = worker_of(job);
    result->body =
        submission->keep ? (submission->body ? submission->body : (const void *)"") : NULL;
    pthread_mutex_lock(&worker->engine->callback_lock);
    submission->done(submission->context, result);
    pthread_mutex_unlock(&worker->engine->callback_lock);
    job->user = NULL;
    forget(worker->engine, submission);
    return true;
}

/* ---- cancelling --------------------------------------------------------------------------------------------- */

void rf_cancel(struct rf_engine *engine, uint64_t number) {
    struct submissions *all = engine->submissions;
    pthread_mutex_lock(&all->lock);
    struct submission *submission = find(all, number);
    if (submission && !submission->cancelled) {
        struct worker *worker = submission->worker;
        submission->cancelled = true;
        pthread_mutex_lock(&worker->lock);
        list_push_back(&worker->cancels, &submission->link);
        pthread_mutex_unlock(&worker->lock);
        worker_wake(worker);
    }
    pthread_mutex_unlock(&all->lock);
}

void submission_moved(struct job *job, struct worker *worker) {
    struct submission *submission = job->user;
    if (!submission)
        return;
    struct worker *from = submission->worker;
    struct submissions *all = from->engine->submissions;
    pthread_mutex_lock(&all->lock);
    pthread_mutex_lock(&from->lock);
    bool pending = link_is_linked(&submission->link);
    list_remove(&submission->link);
    pthread_mutex_unlock(&from->lock);
    submission->worker = worker;
    job->sched = NULL; /* until the worker has taken it from its inbox */
    if (pending) {
        pthread_mutex_lock(&worker->lock);
        list_push_back(&worker->cancels, &submission->link);
        pthread_mutex_unlock(&worker->lock);
    }
    pthread_mutex_unlock(&all->lock);
}

bool submission_arrived(struct job *job, struct worker *worker) {
    struct submission *submission = job->user;
    if (!submission)
        return true;
    struct submissions *all = worker->engine->submissions;
    pthread_mutex_lock(&all->lock);
    job->sched = &worker->sched;
    bool cancelled = submission->cancelled;
    pthread_mutex_unlock(&all->lock);
    return !cancelled;
}

void submissions_cancel(struct worker *worker) {
    for (;;) {
        pthread_mutex_lock(&worker->lock);
        struct link *link = list_pop_front(&worker->cancels);
        pthread_mutex_unlock(&worker->lock);
        if (!link)
            return;
        /* The job can't end meanwhile: it ends on this thread. If it is still in an inbox, whoever takes it from there sees the
         * flag. */
        struct submission *submission = LIST_ENTRY(link, struct submission, link);
        struct submissions *all = worker->engine->submissions;
        pthread_mutex_lock(&all->lock);
        bool here = submission->job->sched == &worker->sched;
        pthread_mutex_unlock(&all->lock);
        if (here)
            sched_cancel(&worker->sched, submission->job, err_make(STAGE_LOCAL, ERR_CANCELLED, 0));
    }
}
