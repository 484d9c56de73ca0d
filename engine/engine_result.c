/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_result.c: what the outputs and callbacks are told of a job: its facts put into the public structs. On the job's worker's thread;
 * nothing is copied but what has no text yet, so a result is valid for as long as its job and the texts beside it, and until the
 * worker's next one.
 */
#include <stdio.h>

#include "base/clock.h"
#include "engine.h"

static double ms_between(uint64_t from, uint64_t to) {
    return from && to && to >= from ? (double)(to - from) / 1e6 : -1;
}

static struct rf_times times_of(const struct job *job) {
    const struct exchange *exchange = &job->exchange;
    uint64_t resolved = exchange_at(exchange, AT_RESOLVED);
    uint64_t connecting = exchange_at(exchange, AT_CONNECTING);
    uint64_t connected = exchange_at(exchange, AT_CONNECTED);
    uint64_t first_byte = exchange_at(exchange, AT_FIRST_BYTE);
    bool dialled = connecting || resolved;
    return (struct rf_times){
        .queue = ms_between(job->read_ns, job->first_ns),
        .dns = dialled ? ms_between(exchange->begun_ns, resolved) : -1,
        .connect = ms_between(connecting, connected),
        .tls = ms_between(connected, exchange_at(exchange, AT_SECURED)),
        .wait = ms_between(exchange_at(exchange, AT_SENT), first_byte),
        .body = ms_between(first_byte, job->ended_ns),
        .total = ms_between(job->first_ns, job->ended_ns),
    };
}

void result_fill_redirects(const struct job *job, struct rf_redirect *redirects) {
    size_t i = job->redirect_count;
    for (const struct job_redirect *at = job->redirects; at; at = at->next)
        redirects[--i] = (struct rf_redirect){.status = at->status, .url = at->url};
}

static const char *explain_tls(const struct job *job, char *room, size_t size) {
    struct span bare = url_host_bare(&job->url);
    char host[256];
    snprintf(host, sizeof host, "%.*s", (int)bare.len, (const char *)bare.at);
    return tls_explain(job->err, exchange_tls(&job->exchange), host, room, size);
}

static const char *detail_of(const struct job *job, struct result_texts *texts) {
    if (!err_is(job->err))
        return NULL;
    if (job->why)
        return job->why;
    if (job->err.stage == STAGE_TLS)
        return explain_tls(job, texts->detail, sizeof texts->detail);
    return err_text(job->err, texts->detail, sizeof texts->detail);
}

/* ---- tls ------------------------------------------------------------------------------------------ */

static void put_hex(char *text, const uint8_t *bytes, size_t count) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        *text++ = digits[bytes[i] >> 4];
        *text++ = digits[bytes[i] & 15];
    }
    *text = 0;
}

static void fill_cert(const struct tls_cert *cert, struct rf_tls_facts *facts,
                      struct result_texts *texts) {
    const int64_t day_s = 24 * 60 * 60;
    int64_t left_s = cert->not_after - clock_wall_us() / 1000000;
    put_hex(texts->fingerprint, cert->fingerprint, sizeof cert->fingerprint);
    facts->has_cert = true;
    facts->subject = cert->subject;
    facts->issuer = cert->issuer;
    facts->sans = cert->sans;
    facts->san_count = cert->san_count;
    facts->not_before = cert->not_before;
    facts->not_after = cert->not_after;
    facts->days_left = (int)(left_s / day_s - (left_s % day_s < 0));
    facts->fingerprint = texts->fingerprint;
}

/* NULL where nothing of TLS was begun: http, or no connection. */
static const struct rf_tls_facts *tls_of(const struct job *job, struct result_texts *texts) {
    const struct tls_facts *tls = exchange_tls(&job->exchange);
    struct rf_tls_facts *facts = &texts->tls;
    if (!tls->version && !tls->cert && job->err.stage != STAGE_TLS)
        return NULL;
    *facts = (struct rf_tls_facts){
        .version = tls_version_name(tls->version),
        .cipher = tls->cipher,
        .verify = tls->insecure         ? "off"
                  : err_is(tls->verify) ? err_kind_name(tls->verify.kind)
                  : tls->cert           ? "ok"
                                        : NULL,
        .resumed = tls->resumed,
    };
    if (tls->cert)
        fill_cert(tls->cert, facts, texts);
    return facts;
}

/* ---- check ------------------------------------------------------------------------------------------ */

static void fill_check(const struct job *job, struct rf_result *result) {
    const struct job_extra *extra = job->extra;
    result->verdict = check_verdict(job);
    result->own_request = job_asks_its_own(job);
    if (!extra)
        return;
    result->title = extra->title;
    result->passes = extra->passes;
    if (!result->sha256 && extra->sha256[0])
        result->sha256 = extra->sha256;
    if (extra->passes) {
        struct err first = extra->first_err;
        result->first_status = extra->first_status;
        result->first_error = (struct rf_error){first.stage, first.kind, first.detail};
    }
}

/* ---- the whole -------------------------------------------------------------------------------------- */

/* What it was asked with last, or would have been first. */
static const char *method_of(const struct job *job) {
    if (job->method)
        return job->method;
    return job_is_checked(job) ? check_method(job) : job_spec_method(job_spec_of(job));
}

/* NULL: it was never known where to connect. Valid until the worker's next result. */
static const char *ip_of(const struct job *job) {
    const struct address *peer = &job->exchange.address;
    struct told *told = &worker_of(job)->told;
    if (peer->any.sa_family != AF_INET && peer->any.sa_family != AF_INET6)
        return NULL;
    if (!address_same_host(&told->peer, peer)) {
        told->peer = *peer;
        address_text(peer, told->ip);
    }
    return told->ip;
}

/* Whatever ends in one turn of the ring ends at the same time, as its durations have it as well. */
static int64_t wall_us_of(const struct job *job) {
    struct worker *worker = worker_of(job);
    struct told *told = &worker->told;
    if (told->turn_ns != ring_now(worker->ring)) {
        told->turn_ns = ring_now(worker->ring);
        told->wall_us = clock_wall_us();
    }
    return told->wall_us;
}

void result_fill(const struct job *job, struct rf_result *result, struct result_texts *texts) {
    const struct exchange *exchange = &job->exchange;
    const char *ip = ip_of(job);
    *result = (struct rf_result){
        .n = job->n,
        .line = job->line,
        .url = job->text,
        .tag = job->tag,
        .ok = !err_is(job->err),
        .skipped = job->skipped,
        .status = job->status,
        .error = {.stage = job->err.stage, .kind = job->err.kind, .detail = job->err.detail},
        .detail = detail_of(job, texts),
        .method = method_of(job),
        .final_url = job->url.href,
        .redirect_count = job->redirect_count,
        .http = !job->status || job->skipped ? NULL
                : job->minor                 ? "1.1"
                                             : "1.0",
        .ip = ip,
        .port = ip ? address_port(&exchange->address) : job->url.port,
        .reused = exchange->reused,
        .attempts = job->attempts,
        .body_bytes = job->body_bytes,
        .wire_bytes = exchange->wire_bytes,
        .content_type = job->content_type,
        .tls = tls_of(job, texts),
        .ms = times_of(job),
        .time_us = wall_us_of(job),
        .source = job->source,
        .column = job->column,
        .cached = job->is_cached,
    };
    if (job_is_checked(job))
        fill_check(job, result);
}
