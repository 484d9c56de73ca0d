/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_sink.c: between a job and the run's outputs: one stream a job and output, and the result at the end. On the job's
 * worker's thread, but for rf_stream_resume.
 */
#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "engine.h"

enum { NOTE_MS = 100 };
enum { STREAM_NEW, STREAM_SKIPPED, STREAM_BEGUN, STREAM_WAITS, STREAM_FINISHED };

/* The public stream and what the engine keeps beside it. */
struct stream {
    struct rf_stream open; /* first: rf_stream_resume finds the rest behind it */
    struct job *job;
    struct worker *_Atomic worker; /* that has the job; changes under that one's lock */
    struct link link;              /* in the worker's `resumed` */
    uint8_t state;
};

/* A job's streams; the outputs' states lie behind them. */
struct sink {
    struct stream stream[1];
};

static struct rf_engine *engine_of(const struct job *job) {
    return worker_of(job)->engine;
}

static size_t align(size_t bytes) {
    return (bytes + 15) & ~(size_t)15;
}

void sink_layout(struct rf_engine *engine) {
    size_t at = align(engine->output_count * sizeof(struct stream));
    engine->body_output_count = 0;
    engine->records_wanted = engine->on_result && !engine->failures_only;
    for (unsigned i = 0; i < engine->output_count; i++) {
        engine->output[i].state_offset = at;
        at += align(engine->output[i].ops->state_bytes);
        engine->body_output_count += engine->output[i].ops->wants_body;
        engine->records_wanted |= engine->output[i].ops->record != NULL;
    }
    engine->sink_bytes = at;
}

static void make_streams(struct job *job) {
    struct rf_engine *engine = engine_of(job);
    struct sink *sink = pool_acquire_zeroed(&worker_of(job)->pool, engine->sink_bytes);
    job->sink = sink;
    for (unsigned i = 0; i < engine->output_count; i++) {
        struct stream *stream = &sink->stream[i];
        stream->job = job;
        atomic_init(&stream->worker, worker_of(job));
        list_init(&stream->link);
        stream->open = (struct rf_stream){
            .state = (char *)sink + engine->output[i].state_offset,
            .n = job->n,
            .url = job_first(job)->href,
            .name = job->name,
            .tag = job->tag,
            .size = job->size,
            .sha256 = job->sha256,
        };
    }
}

static inline struct stream *streams_of(struct job *job) {
    if (UNLIKELY(!job->sink))
        make_streams(job);
    return ((struct sink *)job->sink)->stream;
}

static struct err stream_err(const struct stream *stream) {
    struct rf_error error = stream->open.error;
    if (!error.kind)
        return err_make(STAGE_OUTPUT, ERR_NOT_WRITTEN, 0);
    return (struct err){.stage = error.stage, .kind = error.kind, .detail = error.detail};
}

static enum sink_answer fail(struct job *job, const struct stream *stream) {
    job->err = stream_err(stream);
    if (job->err.kind == ERR_PIPE_CLOSED) /* nobody is left to fetch for */
        rf_stop(engine_of(job), RF_LOCAL_FAULT);
    return SINK_FAIL;
}

/* ---- before anything is asked -------------------------------------------------------------------- */

/* A body can be continued only if nobody wants it from its beginning. */
static void take_resume(struct job *job, const struct stream *stream) {
    if (engine_of(job)->body_output_count != 1)
        return;
    job->resume_from = stream->open.resume_offset;
    job->validator = stream->open.resume_validator;
}

/* In a check, one output that knows the URL is enough. */
static enum sink_answer prepare_known(struct job *job, const struct stream *stream) {
    for (unsigned i = 0; i < engine_of(job)->output_count; i++)
        if (stream[i].state == STREAM_SKIPPED)
            job->status = (uint16_t)stream[i].open.known_status;
    job->is_cached = true;
    return SINK_SKIP;
}

/* Streams are made when an output is asked for the first time: a request that waits for an answer holds none if nobody wanted to
 * hear of it before. */
static enum sink_answer prepare(struct job *job) {
    struct rf_engine *engine = engine_of(job);
    struct stream *stream = NULL;
    unsigned skipped = 0;
    for (unsigned i = 0; i < engine->output_count; i++) {
        const struct rf_output_ops *ops = engine->output[i].ops;
        bool asked = job_is_checked(job) ? !job_asks_its_own(job) : ops->wants_body;
        if (!ops->prepare || !asked)
            continue;
        stream = streams_of(job);
        switch (ops->prepare(engine->output[i].self, &stream[i].open)) {
        case RF_OUTPUT_SKIP:
            stream[i].state = STREAM_SKIPPED;
            skipped++;
            break;
        case RF_OUTPUT_FAIL:
            return fail(job, &stream[i]);
        default:
            take_resume(job, &stream[i]);
        }
    }
    if (skipped && job_is_checked(job))
        return prepare_known(job, stream);
    return skipped && skipped == engine->body_output_count ? SINK_SKIP : SINK_GO;
}

/* ---- the response ----------------------------------------------------------------------------------- */

/* NUL-terminated in `room`, or NULL. */
static const char *field_text(const struct response_head *head, const char *name, char *room,
                              size_t size) {
    const struct http_field *field = response_field(head, name);
    if (!field || field->value.len >= size)
        return NULL;
    memcpy(room, field->value.at, field->value.len);
    room[field->value.len] = 0;
    return room;
}

/* The head's fields are handed on where they are: a struct rf_field is a struct http_field. */
#define SAME_PLACE(theirs, ours)                                                                   \
    _Static_assert(offsetof(struct rf_field, theirs) == offsetof(struct http_field, ours), #theirs)
SAME_PLACE(name, name.at);
SAME_PLACE(name_bytes, name.len);
SAME_PLACE(value, value.at);
SAME_PLACE(value_bytes, value.len);
_Static_assert(sizeof(struct rf_field) == sizeof(struct http_field),
               "as long as an array's element");

static struct rf_response describe(const struct job *job, const struct response_head *head,
                                   const struct response_framing *framing) {
    return (struct rf_response){.status = head->status,
                                .final_url = job->url.href,
                                .body_bytes = framing->length,
                                .offset = job->offset,
                                .fields = (const struct rf_field *)head->field,
                                .field_count = head->field_count};
}

static void discard(struct job *job) {
    struct rf_engine *engine = engine_of(job);
    struct stream *stream = streams_of(job);
    for (unsigned i = 0; i < engine->output_count; i++) {
        if (stream[i].state != STREAM_BEGUN && stream[i].state != STREAM_WAITS)
            continue;
        stream[i].state = STREAM_NEW;
        engine->output[i].ops->discard(engine->output[i].self, &stream[i].open);
        take_resume(job, &stream[i]); /* what came so far need not be asked for again */
    }
}

static enum sink_answer begin(struct job *job, const struct response_head *head,
                              const struct response_framing *framing) {
    struct rf_engine *engine = engine_of(job);
    struct stream *stream = streams_of(job);
    struct rf_response response = describe(job, head, framing);
    char etag[256], modified[64];
    unsigned skipped = 0;
    response.etag = field_text(head, "etag", etag, sizeof etag);
    response.last_modified = field_text(head, "last-modified", modified, sizeof modified);
    submission_restart(job);
    for (unsigned i = 0; i < engine->output_count; i++) {
        const struct rf_output_ops *ops = engine->output[i].ops;
        skipped += ops->wants_body && stream[i].state == STREAM_SKIPPED;
        /* Who has finished while another failed has it already. */
        if (!ops->wants_body || stream[i].state == STREAM_SKIPPED ||
            stream[i].state == STREAM_FINISHED)
            continue;
        switch (ops->begin(engine->output[i].self, &stream[i].open, &response)) {
        case RF_OUTPUT_FAIL:
            discard(job);
            return fail(job, &stream[i]);
        case RF_OUTPUT_SKIP:
            stream[i].state = STREAM_SKIPPED;
            skipped++;
            break;
        default:
            stream[i].state = STREAM_BEGUN;
        }
    }
    bool nobody = skipped && skipped == engine->body_output_count && !submission_wants_body(job);
    return nobody ? SINK_SKIP : SINK_GO;
}

static enum sink_answer body(struct job *job, struct span bytes) {
    struct rf_engine *engine = engine_of(job);
    struct stream *stream = streams_of(job);
    enum sink_answer answer = SINK_GO;
    for (unsigned i = 0; i < engine->output_count; i++) {
        if (stream[i].state != STREAM_BEGUN && stream[i].state != STREAM_WAITS)
            continue;
        stream[i].state =
            STREAM_WAITS; /* before the call: the answer may be overtaken by the resume */
        switch (engine->output[i].ops->body(engine->output[i].self, &stream[i].open, bytes.at,
                                            bytes.len)) {
        case RF_OUTPUT_WAIT:
            answer = SINK_WAIT;
            break;
        case RF_OUTPUT_FAIL:
            return fail(job, &stream[i]);
        default:
            stream[i].state = STREAM_BEGUN;
        }
    }
    if (!submission_body(job, bytes)) {
        job->err = err_make(STAGE_OUTPUT, ERR_CANCELLED, 0);
        return SINK_FAIL;
    }
    return answer;
}

static enum sink_answer finish(struct job *job) {
    struct rf_engine *engine = engine_of(job);
    struct stream *stream = streams_of(job);
    enum sink_answer answer = SINK_GO;
    for (unsigned i = 0; i < engine->output_count; i++) {
        if (stream[i].state != STREAM_BEGUN && stream[i].state != STREAM_WAITS)
            continue;
        stream[i].state = STREAM_WAITS;
        switch (engine->output[i].ops->finish(engine->output[i].self, &stream[i].open)) {
        case RF_OUTPUT_WAIT:
            answer = SINK_WAIT;
            break;
        case RF_OUTPUT_FAIL:
            stream[i].state = STREAM_NEW; /* the output has cleared up by itself */
            return fail(job, &stream[i]);
        default:
            stream[i].state = STREAM_FINISHED;
        }
    }
    return answer;
}

/* ---- going on after a wait ----------------------------------------------------------------------------- */

/* The stream's worker, locked: the job may be on its way to another one. */
static struct worker *lock_worker(struct stream *stream) {
    for (;;) {
        struct worker *worker = atomic_load(&stream->worker);
        pthread_mutex_lock(&worker->lock);
        if (atomic_load(&stream->worker) == worker)
            return worker;
        pthread_mutex_unlock(&worker->lock);
    }
}

void rf_stream_resume(struct rf_stream *open) {
    struct stream *stream = (struct stream *)open;
    struct worker *worker = lock_worker(stream);
    if (!link_is_linked(&stream->link))
        list_push_back(&worker->resumed, &stream->link);
    pthread_mutex_unlock(&worker->lock);
    worker_wake(worker);
}

/* A resume that comes late, after its attempt was discarded, must find the job where it is; one that is there already has nothing
 * left to resume. */
void sink_moved(struct job *job, struct worker *to) {
    struct stream *stream = job->sink ? ((struct sink *)job->sink)->stream : NULL;
    if (!stream || !to->engine->output_count)
        return;
    struct worker *from = lock_worker(stream);
    for (unsigned i = 0; i < to->engine->output_count; i++) {
        list_remove(&stream[i].link);
        atomic_store(&stream[i].worker, to);
    }
    pthread_mutex_unlock(&from->lock);
}

void sink_resumed(struct worker *worker, struct link *link) {
    struct stream *stream = LIST_ENTRY(link, struct stream, link);
    struct job *job = stream->job;
    struct stream *all = streams_of(job);
    if (stream->state == STREAM_WAITS)
        stream->state = STREAM_BEGUN;
    for (unsigned i = 0; i < worker->engine->output_count; i++)
        if (all[i].state == STREAM_WAITS)
            return; /* another output is not ready yet */
    sched_resume(&worker->sched, job);
}

/* ---- the result ------------------------------------------------------------------------------------------ */

static void name_files(struct job *job, struct rf_result *result) {
    struct stream *stream = streams_of(job);
    for (unsigned i = 0; i < engine_of(job)->output_count; i++) {
        if (!result->path)
            result->path = stream[i].open.path;
        if (!result->sha256)
            result->sha256 = stream[i].open.sha256_found;
    }
}

/* Whether the run's callback hears of it. */
static bool is_told(const struct rf_engine *engine, const struct job *job) {
    return engine->on_result && (!engine->failures_only || err_is(job->err));
}

/* Whether anybody does. */
static bool is_wanted(const struct rf_engine *engine, const struct job *job) {
    return engine->records_wanted || job->user || job->unique || engine->settings.check ||
           is_told(engine, job);
}

static void tell(struct job *job, struct link *waiting) {
    enum { REDIRECTS_ON_STACK = 64 };
    struct rf_engine *engine = engine_of(job);
    struct rf_result result;
    struct rf_redirect on_stack[REDIRECTS_ON_STACK], *redirects = on_stack;
    struct result_texts texts;
    struct stream *stream = streams_of(job);
    if (job->redirect_count > REDIRECTS_ON_STACK)
        redirects = pool_acquire(&worker_of(job)->pool, job->redirect_count * sizeof *redirects);
    if (job->is_twin) {
        unique_result(job, &result);
    } else {
        result_fill(job, &result, &texts);
        result_fill_redirects(job, redirects);
        result.redirects = redirects;
        name_files(job, &result);
    }
    if (engine->compare)
        result.change = engine->compare(engine->compare_context, &result);
    atomic_fetch_add_explicit(&worker_of(job)->by_verdict[result.verdict], 1, memory_order_relaxed);
    if (job->unique && !job->is_twin)
        unique_ended(engine->uniques, job, &result, waiting);
    for (unsigned i = 0; i < engine->output_count; i++)
        if (engine->output[i].ops->record)
            engine->output[i].ops->record(engine->output[i].self, &stream[i].open, &result);
    if (!submission_done(job, &result) && is_told(engine, job)) {
        pthread_mutex_lock(&engine->callback_lock);
        engine->on_result(engine->on_result_context, &result);
        pthread_mutex_unlock(&engine->callback_lock);
    }
    if (redirects != on_stack)
        pool_release(&worker_of(job)->pool, redirects, job->redirect_count * sizeof *redirects);
}

/* Streams that were resumed but not yet looked at must not be found after the job is gone. */
static void forget_resumes(struct worker *worker, struct job *job) {
    struct stream *stream = streams_of(job);
    pthread_mutex_lock(&worker->lock);
    for (unsigned i = 0; i < worker->engine->output_count; i++)
        list_remove(&stream[i].link);
    pthread_mutex_unlock(&worker->lock);
}

static void drop_streams(struct worker *worker, struct job *job) {
    const struct rf_engine *engine = worker->engine;
    if (!job->sink)
        return;
    struct stream *stream = streams_of(job);
    if (engine->body_output_count)
        forget_resumes(worker, job);
    for (unsigned i = 0; i < engine->output_count; i++)
        if (engine->output[i].ops->release)
            engine->output[i].ops->release(engine->output[i].self, &stream[i].open);
    pool_release(&worker->pool, job->sink, engine->sink_bytes);
    job->sink = NULL;
}

static void count(struct worker *worker, const struct job *job) {
    worker_publish(worker);
    atomic_store_explicit(&worker->ok, worker->sched.counts.ok, memory_order_relaxed);
    atomic_store_explicit(&worker->ended, worker->sched.counts.ended, memory_order_release);
    /* That it was this machine which could not take the body decides the exit status. */
    if (job->err.stage == STAGE_OUTPUT && err_fault(job->err) == FAULT_LOCAL)
        atomic_store(&worker->engine->output_failed, true);
    if (err_is(job->err))
        atomic_store(&worker->failed_by_kind[job->err.kind],
                     worker->sched.counts.failed_by_kind[job->err.kind]);
}

/* They are jobs again, and end at once. */
static void release_twins(struct worker *worker, struct link *waiting) {
    for (struct link *link; (link = list_pop_front(waiting));) {
        struct job *job = LIST_ENTRY(link, struct job, link);
        atomic_fetch_add(&worker->engine->live, 1);
        unique_outcome(job);
        sched_add(&worker->sched, job);
    }
}

/* A few of the peers that answer are remembered, not each. */
static void note_peer(struct worker *worker, const struct job *job) {
    uint64_t now = ring_now(worker->ring);
    if (!job->status || !worker->engine->confirm || now < worker->noted_ns + NOTE_MS * NS_PER_MS)
        return;
    worker->noted_ns = now;
    control_note(worker->engine, &job->exchange.address);
}

static void record(struct job *job) {
    struct worker *worker = worker_of(job);
    struct rf_engine *engine = worker->engine;
    struct link waiting;
    list_init(&waiting);
    note_peer(worker, job);
    if (is_wanted(engine, job))
        tell(job, &waiting);
    drop_streams(worker, job);
    count(worker, job);
    if (!ring_timer_is_set(&worker->flush_timer))
        ring_timer_set(worker->ring, &worker->flush_timer,
                       ring_now(worker->ring) + 200 * NS_PER_MS);
    release_twins(worker, &waiting);
    engine_job_ended(engine);
}

static bool postpone(struct job *job) {
    struct worker *worker = worker_of(job);
    struct rf_engine *engine = worker->engine;
    if (!confirm_keep(engine, job))
        return false;
    drop_streams(worker, job);
    engine_job_ended(engine);
    return true;
}

const struct job_sink engine_sink = {
    .prepare = prepare,
    .begin = begin,
    .body = body,
    .finish = finish,
    .discard = discard,
    .record = record,
    .postpone = postpone,
};
