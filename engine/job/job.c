/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * job.c: attempts, redirects, retries and the end. What the response's bytes do is in job_exchange.c.
 *
 * A retry asks for the URL that failed, not for the first of the redirects again: what has been followed needn't be
 * followed twice.
 */
#include "base/clock.h"
#include "job/sched.h"

enum { REFETCHES_MAX = 3 };

static const uint64_t NETWORK_PAUSE_NS = 500 * NS_PER_MS;
static const uint64_t BACKOFF_FIRST_NS = 1 * NS_PER_S, BACKOFF_MAX_NS = 60 * NS_PER_S;

static uint64_t now_of(const struct job *job) {
    return conn_pool_now(job->sched->conns);
}

/* ---- starting ---------------------------------------------------------------------------------- */

/* The job no longer occupies its host and one of the run's places. */
static void job_leave(struct job *job) {
    struct sched *sched = job->sched;
    sched->running--;
    host_leave(sched, job);
    sched_release(sched);
}

/* What happens once, before anything is asked. False: the job has ended. */
static bool job_prepare(struct job *job) {
    const struct job_spec *spec = job_spec_of(job);
    job->first_ns = now_of(job);
    job->body = spec->body;
    job->method = job_is_checked(job) ? check_method(job) : job_spec_method(spec);
    enum sink_answer answer = job->sched->sink->prepare(job);
    if (answer == SINK_GO)
        return true;
    job->skipped = answer == SINK_SKIP;
    job_leave(job);
    job_end(job, job->skipped ? ERR_OK : job->err);
    return false;
}

/* The earlier of two limits given as start and duration; a duration of 0 is none. */
static uint64_t earlier_end(uint64_t end, uint64_t start, uint64_t duration) {
    if (duration && (!end || start + duration < end))
        return start + duration;
    return end;
}

void job_start(struct job *job) {
    struct sched *sched = job->sched;
    const struct sched_options *options = &sched->options;
    job->state = JOB_RUNNING;
    if (!job->first_ns && !job_prepare(job))
        return;
    if (job->attempts == 0 || job->retrying) {
        job->attempts++;
        job->attempt_ns = now_of(job);
        job->retrying = false;
    } else {
        job->attempt_ns = now_of(job) - job->attempt_ns;
    }
    job->err = ERR_OK;
    job_set_text(sched->pool, &job->why, (struct span){0}); /* both are of the last response */
    job_set_text(sched->pool, &job->content_type, (struct span){0});
    job->action = ACTION_NONE;
    job->status = 0;
    job->body_bytes = job->dropped_bytes = job->offset = 0;
    job->retry_after_ms = -1;
    struct exchange *exchange = &job->exchange;
    exchange->body = job->body;
    exchange->last = false;
    uint64_t max_time_ns = options->max_time_ns;
    if (job_is_checked(job)) {
        max_time_ns = check_time_limit_ns(job, max_time_ns);
        exchange->avoid = check_avoid(job);
        exchange->fresh = job->extra && job->extra->passes;
    }
    exchange->deadline_ns = earlier_end(0, job->attempt_ns, max_time_ns);
    exchange->deadline_ns =
        earlier_end(exchange->deadline_ns, job->first_ns, options->total_time_ns);
    exchange->head_method = strcmp(job->method, "HEAD") == 0;
    exchange->idempotent = request_method_is_idempotent(job->method);
    exchange_begin(sched->conns, exchange, origin_acquire(sched->conns, &job->url));
}

/* ---- again ------------------------------------------------------------------------------------------- */

static void job_discard(struct job *job) {
    if (job->begun)
        job->sched->sink->discard(job);
    job->begun = false;
}

/* Back into the queue, at the front: it has waited before. Until its turn `attempt_ns` is how long the attempt has taken so far, as waiting
 * for a turn is our doing and not the target's. */
static void job_go_on(struct job *job) {
    job->state = JOB_NEW;
    job->attempt_ns = now_of(job) - job->attempt_ns;
    if (!job->sched->shared->hand_over(job->sched, job))
        host_enqueue(job->sched, job, true);
}

/* HEAD is no more: not an attempt of its own, as the server was asked for nothing else. */
static void job_ask_by_get(struct job *job) {
    job->method = "GET";
    job->err = ERR_OK;
    job_leave(job);
    job_go_on(job);
}

static void job_refetch(struct job *job) {
    job->refetches++;
    job->exchange.surplus |= err_is(job->err); /* a leftover: not on that connection again */
    job->err = ERR_OK;
    job_discard(job);
    job_leave(job);
    job_go_on(job);
}

static void job_follow(struct job *job) {
    struct pool *pool = job->sched->pool;
    struct job_redirect *redirect = pool_acquire(pool, sizeof *redirect + job->url.href_len + 1);
    redirect->status = job->status;
    redirect->url_len = job->url.href_len;
    memcpy(redirect->url, job->url.href, job->url.href_len + 1);
    redirect->next = job->redirects;
    job->redirects = redirect;
    job->redirect_count++;
    bool drop_body = false;
    job->method = redirect_method(job->status, job->method, &drop_body);
    if (drop_body)
        job->body = NULL;
    if (!job->first) {
        job->first = pool_acquire(pool, sizeof *job->first);
        *job->first = job->url;
    } else {
        pool_release_text(pool, (char *)job->url.href);
    }
    job->url = *job->next_url;
    pool_release(pool, job->next_url, sizeof *job->next_url);
    job->next_url = NULL;
    job_leave(job);
    job_go_on(job);
}

/* Doubling from a second, the later half of it at random, so that a server which fell over isn't asked by all at once. */
static uint64_t backoff_ns(struct job *job) {
    const struct sched_options *options = &job->sched->options;
    if (options->retry_delay_ns)
        return options->retry_delay_ns;
    unsigned doublings = job->attempts - 1u;
    uint64_t delay = doublings < 6 ? BACKOFF_FIRST_NS << doublings : BACKOFF_MAX_NS;
    if (delay > BACKOFF_MAX_NS)
        delay = BACKOFF_MAX_NS;
    return delay / 2 + random_below(&job->sched->random, delay / 2 + 1);
}

/* Nothing has reached the server, or asking twice does no harm, or the user takes the risk. */
static bool may_repeat(const struct job *job) {
    return job->exchange.idempotent || job->sched->options.retry_all ||
           job->err.stage == STAGE_RESOLVE || job->err.stage == STAGE_CONNECT ||
           (job->err.stage == STAGE_TLS && !exchange_at(&job->exchange, AT_SENT));
}

/* Whether another attempt is allowed, and if so after how long. */
static bool may_try_again(struct job *job, uint64_t *delay_ns) {
    const struct sched_options *options = &job->sched->options;
    uint64_t now = now_of(job), after = 0;
    if (job->attempts > options->retries || job->sched->stopping || !may_repeat(job))
        return false;
    *delay_ns = backoff_ns(job);
    if (job->retry_after_ms >= 0) {
        after = (uint64_t)job->retry_after_ms * NS_PER_MS;
        if (after > *delay_ns || !options->retry_delay_ns)
            *delay_ns = after;
    }
    uint64_t end = earlier_end(0, job->first_ns, options->retry_max_time_ns);
    end = earlier_end(end, job->first_ns, options->total_time_ns);
    return !end || now + *delay_ns < end;
}

static void job_delay(struct job *job, uint64_t delay_ns) {
    struct sched *sched = job->sched;
    uint64_t until = now_of(job) + delay_ns;
    if (job->retry_after_ms > 0)
        host_hold(sched, job->host, now_of(job) + (uint64_t)job->retry_after_ms * NS_PER_MS);
    job_leave(job);
    sched->counts.retries++;
    job->failed = job->err;
    if (!err_is(job->err))
        job->failed = err_make(STAGE_HEAD, ERR_HTTP_STATUS, job->status);
    job->err = ERR_OK; /* else whoever takes it over would take it for lost */
    job->retrying = true;
    job->state = JOB_DELAYED;
    heap_set(&sched->due, &job->due, until);
}

/* Nothing was asked of anybody. */
static void job_wait_for_network(struct job *job) {
    job->attempts--;
    job->retry_after_ms = -1;
    job_delay(job, NETWORK_PAUSE_NS);
    job->sched->counts.retries--;
}

static void attempt_failed(struct job *job) {
    uint64_t delay_ns;
    job_discard(job);
    if (job_is_checked(job) && !job->sched->stopping && check_waits_for_network(job)) {
        job_wait_for_network(job);
        return;
    }
    bool later = job_is_checked(job) && check_leaves_for_later(job);
    if (!later && err_may_retry(job->err) && may_try_again(job, &delay_ns)) {
        job_delay(job, delay_ns);
    } else {
        job_leave(job);
        job_end(job, job->err);
    }
}

/* ---- the end --------------------------------------------------------------------------------------------- */

static struct err check_size(const struct job *job) {
    if (job->size >= 0 && job->begun && (uint64_t)job->size != job->offset + job->body_bytes)
        return err_make(STAGE_BODY, ERR_SIZE_MISMATCH, 0);
    return ERR_OK;
}

void job_finish(struct job *job) {
    enum sink_answer answer = SINK_GO;
    job->state = JOB_FINISHING;
    if (job_is_checked(job))
        check_judge(job);
    else if (!err_is(job->err))
        job->err = check_size(job);
    if (job->begun && !err_is(job->err))
        answer = job->sched->sink->finish(job);
    if (answer == SINK_WAIT)
        return;
    if (err_is(job->err)) {
        attempt_failed(job);
        return;
    }
    job_leave(job);
    job_end(job, ERR_OK);
}

/* What is no answer at all, on a connection that has served another: the rest of what was said to that one, maybe. */
static bool is_leftover(const struct job *job) {
    return job->exchange.reused && !job->status &&
           (job->err.kind == ERR_HTTP_09 || job->err.kind == ERR_BAD_STATUS_LINE);
}

/* Whether the answer may have been another's, or is to a question that makes no sense any more. */
static bool must_refetch(const struct job *job) {
    if (job->refetches >= REFETCHES_MAX || job->sched->stopping)
        return false;
    if (job->action == ACTION_RESTART)
        return !err_is(job->err);
    return (is_leftover(job) || (!err_is(job->err) && job->exchange.surplus)) && may_repeat(job);
}

/* The exchange is over, the job still at its host. */
void job_exchange_ended(struct job *job) {
    uint64_t delay_ns;
    if (job_is_checked(job) && !job->sched->stopping)
        host_note_end(job->sched, job);
    if (job_is_checked(job) && !job->sched->stopping && check_blames_head(job)) {
        job_ask_by_get(job);
    } else if (must_refetch(job)) {
        job_refetch(job);
    } else if (err_is(job->err)) {
        attempt_failed(job);
    } else if (job->exchange.surplus) {
        job->err = err_make(STAGE_BODY, ERR_UNSOLICITED, 0);
        attempt_failed(job);
    } else if (job->action == ACTION_REDIRECT) {
        job_follow(job);
    } else if (job->action == ACTION_RETRY && may_try_again(job, &delay_ns)) {
        job_delay(job, delay_ns);
    } else if (job->action == ACTION_RETRY) {
        job->err = err_make(STAGE_HEAD, ERR_HTTP_STATUS, job->status);
        attempt_failed(job);
    } else {
        job_finish(job);
    }
}

void job_time_is_up(struct job *job) {
    job_end(job, err_is(job->failed) ? job->failed : err_make(STAGE_CONNECT, ERR_TIMED_OUT, 0));
}

void job_end(struct job *job, struct err err) {
    struct sched *sched = job->sched;
    CHECK(job->state != JOB_ENDED);
    job->err = err;
    job->state = JOB_ENDED;
    job->ended_ns = now_of(job);
    list_remove(&job->all);
    if (err_is(err) && sched->sink->postpone && sched->sink->postpone(job)) {
        job_release(sched->pool, job);
        return;
    }
    sched->counts.ended++;
    sched->counts.ok += !err_is(err);
    sched->counts.skipped += job->skipped;
    sched->counts.failed_by_kind[err.kind] += err_is(err);
    sched->sink->record(job);
    job_release(sched->pool, job);
}
