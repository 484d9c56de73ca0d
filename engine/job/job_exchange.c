/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * job_exchange.c: what a response means for its job, as its bytes arrive.
 *
 * The body of an answer nobody wants (a redirect, an error status) is read to its end when that is near, because the connection can then
 * serve again; otherwise the connection is given up.
 */
#include "base/clock.h"
#include "job/sched.h"

enum { DROP_BYTES_MAX = 65536, CONTENT_TYPE_BYTES_MAX = 256 };

/* What may come in a burst under --limit-rate. */
static const uint64_t BURST_NS = 50 * NS_PER_MS, ANSWERED_STEP_NS = 100 * NS_PER_MS;

static struct job *job_of(struct exchange *exchange) {
    return CONTAINER_OF(exchange, struct job, exchange);
}

static enum exchange_answer refuse(struct job *job, enum err_stage stage, enum err_kind kind,
                                   int32_t detail) {
    job->err = err_make(stage, kind, detail);
    return EXCHANGE_STOP;
}

static enum exchange_answer obey(enum sink_answer answer) {
    switch (answer) {
    case SINK_WAIT:
        return EXCHANGE_PAUSE;
    case SINK_FAIL:
        return EXCHANGE_STOP;
    default:
        return EXCHANGE_GO;
    }
}

static enum exchange_answer drop(const struct response_framing *framing) {
    bool near = framing->framing == FRAMING_NONE || framing->framing == FRAMING_CHUNKED ||
                (framing->framing == FRAMING_LENGTH && framing->length <= DROP_BYTES_MAX);
    return near ? EXCHANGE_GO : EXCHANGE_STOP;
}

/* ---- the head -------------------------------------------------------------------------------------- */

/* Asked only when the limit is reached: some servers send a client round until what it wants is ready. With a loop it is
 * the target that is at fault, without one it may be our limit. */
static bool was_here(const struct job *job, const struct url *next) {
    if (strcmp(next->href, job->url.href) == 0)
        return true;
    for (const struct job_redirect *at = job->redirects; at; at = at->next)
        if (strcmp(next->href, at->url) == 0)
            return true;
    return false;
}

static enum exchange_answer on_redirect(struct job *job, const struct http_field *location,
                                        const struct response_framing *framing) {
    struct sched *sched = job->sched;
    struct url next;
    switch (url_parse(&next, location->value, &job->url, sched->href, sizeof sched->href)) {
    case URL_OK:
        break;
    case URL_OTHER_SCHEME:
        return refuse(job, STAGE_HEAD, ERR_REDIRECT_SCHEME, job->status);
    default:
        return refuse(job, STAGE_HEAD, ERR_BAD_REDIRECT, job->status);
    }
    if (job->redirect_count >= sched->options.redirects_max) {
        bool loops = job_is_checked(job) && was_here(job, &next);
        return refuse(job, STAGE_HEAD, loops ? ERR_REDIRECT_LOOP : ERR_TOO_MANY_REDIRECTS,
                      job->status);
    }
    job_url_release(sched->pool, job->next_url); /* of an answer that broke off */
    job->next_url = job_url_new(sched->pool, &next);
    job->action = ACTION_REDIRECT;
    return drop(framing);
}

static bool is_retry_status(unsigned status) {
    return status == 408 || status == 425 || status == 429 || status == 500 ||
           (status >= 502 && status <= 504);
}

static enum exchange_answer on_retry_status(struct job *job, const struct response_head *head,
                                            const struct response_framing *framing) {
    const struct http_field *after = response_field(head, "retry-after");
    if (after)
        job->retry_after_ms = retry_after_ms(after->value, clock_wall_us() / 1000000);
    job->action = ACTION_RETRY;
    return drop(framing);
}

/* The first byte's position in "bytes 100-199/200", or -1. */
static int64_t range_start(const struct response_head *head) {
    const struct http_field *field = response_field(head, "content-range");
    if (!field || field->value.len < 7 || memcmp(field->value.at, "bytes ", 6) != 0)
        return -1;
    int64_t start = 0;
    size_t i = 6;
    for (; i < field->value.len && field->value.at[i] >= '0' && field->value.at[i] <= '9'; i++) {
        if (start > INT64_MAX / 10 - 1)
            return -1;
        start = start * 10 + (field->value.at[i] - '0');
    }
    return i > 6 && i < field->value.len && field->value.at[i] == '-' ? start : -1;
}

static enum exchange_answer deliver(struct job *job, const struct response_head *head,
                                    const struct response_framing *framing) {
    uint64_t limit = job->sched->options.filesize_max;
    if (job->resume_from && head->status == 206) {
        if (range_start(head) != (int64_t)job->resume_from) {
            job->resume_from = 0; /* the next attempt asks for all of it */
            return refuse(job, STAGE_HEAD, ERR_BAD_RANGE, 206);
        }
        job->offset = job->resume_from;
    }
    if (limit && framing->length > 0 && job->offset + (uint64_t)framing->length > limit)
        return refuse(job, STAGE_BODY, ERR_TOO_LARGE, 0);
    job->action = ACTION_DELIVER;
    enum sink_answer answer = job->sched->sink->begin(job, head, framing);
    if (answer == SINK_GO || answer == SINK_WAIT)
        job->begun = true;
    if (answer == SINK_SKIP) {
        job->skipped = true;
        job->action = ACTION_DISCARD;
        return EXCHANGE_STOP;
    }
    return obey(answer);
}

/* The network works, for those who doubt it. Written rarely, as all workers share it. */
static void note_answer(struct job *job) {
    atomic_uint_fast64_t *answered_ns = &job->sched->shared->answered_ns;
    uint64_t now = conn_pool_now(job->sched->conns);
    if (now > atomic_load_explicit(answered_ns, memory_order_relaxed) + ANSWERED_STEP_NS)
        atomic_store_explicit(answered_ns, now, memory_order_relaxed);
}

/* What the record tells of the response. */
static void note(struct job *job, const struct response_head *head) {
    note_answer(job);
    const struct http_field *type = response_field(head, "content-type");
    job->status = head->status;
    job->minor = head->minor;
    if (!type)
        return;
    size_t len =
        type->value.len < CONTENT_TYPE_BYTES_MAX ? type->value.len : CONTENT_TYPE_BYTES_MAX;
    job_set_text(job->sched->pool, &job->content_type, span_of(type->value.at, len));
}

static bool may_retry_status(const struct job *job) {
    const struct sched_options *options = &job->sched->options;
    return is_retry_status(job->status) && job->attempts <= options->retries &&
           (job->exchange.idempotent || options->retry_all);
}

/* Where the response's Location is to be followed; NULL: nowhere. */
static const struct http_field *redirect_location(const struct job *job,
                                                  const struct response_head *head) {
    if (!redirect_status(head->status) || !job->sched->options.redirects_max)
        return NULL;
    return response_field(head, "location");
}

/* At the end of a run connections are closed as their answers come, not thousands at once afterwards. */
static bool is_last(const struct job *job) {
    return !job->host->waiting_count &&
           atomic_load_explicit(&job->sched->shared->draining, memory_order_relaxed);
}

static enum exchange_answer on_checked_head(struct job *job, const struct response_head *head,
                                            const struct response_framing *framing) {
    switch (check_head(job, head, framing)) {
    case CHECK_WELL:
        job->action = ACTION_SNIFF;
        job->exchange.last = is_last(job);
        return EXCHANGE_GO;
    case CHECK_BY_GET:
        job->action = ACTION_BY_GET;
        return drop(framing);
    default:
        if (may_retry_status(job) && !check_leaves_for_later(job)) {
            job->err = ERR_OK;
            return on_retry_status(job, head, framing);
        }
        job->action = ACTION_DISCARD;
        job->exchange.last = is_last(job);
        return drop(framing);
    }
}

static enum exchange_answer on_head(struct exchange *exchange, const struct response_head *head,
                                    const struct response_framing *framing) {
    struct job *job = job_of(exchange);
    note(job, head);
    const struct http_field *location = redirect_location(job, head);
    if (location)
        return on_redirect(job, location, framing);
    if (job_is_checked(job))
        return on_checked_head(job, head, framing);
    if (may_retry_status(job))
        return on_retry_status(job, head, framing);
    if (head->status == 416 && job->resume_from) {
        job->resume_from = 0; /* the part kept is no part of what is there now */
        job->action = ACTION_RESTART;
        return drop(framing);
    }
    exchange->last = is_last(job);
    if (job->sched->options.fail_on_status && head->status >= 400) {
        job->err = err_make(STAGE_HEAD, ERR_HTTP_STATUS, head->status);
        job->action = ACTION_DISCARD;
        return drop(framing);
    }
    if (exchange->head_method || head->status == 304) {
        job->action = ACTION_DISCARD; /* there is no body to write anywhere */
        return EXCHANGE_GO;
    }
    return deliver(job, head, framing);
}

/* ---- the body ------------------------------------------------------------------------------------------ */

/* Counts received bytes against the run's rate. When the next ones may come; 0: at once. */
static uint64_t charge(struct job *job, size_t count) {
    struct job_shared *shared = job->sched->shared;
    uint64_t now = conn_pool_now(job->sched->conns), next = atomic_load(&shared->bytes_next_ns),
             after;
    uint64_t cost = (uint64_t)((double)count * 1e9 / (double)shared->limit_rate_bytes);
    do
        after = (next > now ? next : now) + cost;
    while (!atomic_compare_exchange_weak(&shared->bytes_next_ns, &next, after));
    return after > now + BURST_NS ? after - BURST_NS : 0;
}

static enum exchange_answer on_sniffed(struct job *job, struct span bytes) {
    struct sched *sched = job->sched;
    uint64_t before = job->body_bytes;
    uint64_t later = sched->shared->limit_rate_bytes ? charge(job, bytes.len) : 0;
    enum exchange_answer answer = check_body(job, bytes);
    sched->counts.body_bytes += job->body_bytes - before;
    if (answer != EXCHANGE_GO || !later)
        return answer;
    heap_set(&sched->due, &job->due, later);
    return EXCHANGE_PAUSE;
}

static enum exchange_answer on_body(struct exchange *exchange, struct span bytes) {
    struct job *job = job_of(exchange);
    struct sched *sched = job->sched;
    if (job->action == ACTION_SNIFF)
        return on_sniffed(job, bytes);
    if (job->action != ACTION_DELIVER) {
        job->dropped_bytes += bytes.len;
        return job->dropped_bytes > DROP_BYTES_MAX ? EXCHANGE_STOP : EXCHANGE_GO;
    }
    job->body_bytes += bytes.len;
    sched->counts.body_bytes += bytes.len;
    uint64_t limit = sched->options.filesize_max;
    if (limit && job->offset + job->body_bytes > limit)
        return refuse(job, STAGE_BODY, ERR_TOO_LARGE, 0);
    uint64_t later = sched->shared->limit_rate_bytes ? charge(job, bytes.len) : 0;
    enum exchange_answer answer = obey(sched->sink->body(job, bytes));
    if (answer != EXCHANGE_GO || !later)
        return answer; /* an output that makes it wait decides alone when it goes on */
    heap_set(&sched->due, &job->due, later);
    return EXCHANGE_PAUSE;
}

static void on_end(struct exchange *exchange, struct err err) {
    struct job *job = job_of(exchange);
    heap_remove(&job->sched->due, &job->due);
    origin_drop(job->sched->conns, exchange->origin);
    exchange->origin = NULL;
    if (!err_is(job->err) && job->action != ACTION_SNIFFED)
        job->err = err; /* else our own reason to stop came first */
    job_exchange_ended(job);
}

const struct exchange_ops job_exchange_ops = {
    .write_head = job_write_head,
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
};
