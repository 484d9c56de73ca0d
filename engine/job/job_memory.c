/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * job_memory.c: making a job from a record and giving its memory back. Any thread, each with its own pool.
 */
#include "job/job_check.h"

struct body_bytes *body_new(struct pool *pool, const void *bytes, size_t count) {
    struct body_bytes *body = pool_acquire(pool, sizeof *body + count);
    body->references = 1;
    body->count = count;
    if (count)
        memcpy(body->at, bytes, count);
    return body;
}

void body_drop(struct pool *pool, struct body_bytes *body) {
    if (body && --body->references == 0)
        pool_release(pool, body, sizeof *body + body->count);
}

struct url *job_url_new(struct pool *pool, const struct url *url) {
    struct url *copy = pool_acquire(pool, sizeof *copy);
    *copy = url_copy(url, pool_acquire(pool, url->href_len + 1));
    return copy;
}

static void release_href(struct pool *pool, const struct url *url) {
    if (url->href)
        pool_release(pool, (char *)(uintptr_t)url->href, (size_t)url->href_len + 1);
}

void job_url_release(struct pool *pool, struct url *url) {
    if (!url)
        return;
    release_href(pool, url);
    pool_release(pool, url, sizeof *url);
}

void job_set_text(struct pool *pool, char **field, struct span text) {
    if (!*field && !text.at)
        return;
    pool_release_text(pool, *field);
    *field = pool_text(pool, text.at, text.len);
}

struct job *job_new(struct pool *pool, struct span text, const struct url *url, struct err err) {
    struct job *job = pool_acquire_zeroed(pool, sizeof *job);
    list_init(&job->link);
    list_init(&job->all);
    job->size = -1;
    job->retry_after_ms = -1;
    job->err = err;
    job->due.second = true;
    if (url && url->href) {
        job->url = url_copy(url, pool_acquire(pool, url->href_len + 1));
    }
    /* Most URLs are given as they are sent, and a million may be in flight. */
    if (url && url->href && text.len == url->href_len && memcmp(text.at, url->href, text.len) == 0)
        job->text = (char *)(uintptr_t)job->url.href;
    else
        job->text = pool_text(pool, text.at ? (const void *)text.at : "", text.len);
    return job;
}

/* The bytes that a spec of its own needs behind it for fields and their text. */
static size_t spec_bytes(const struct job_spec *spec) {
    size_t bytes = sizeof *spec + spec->field_count * sizeof *spec->fields;
    for (unsigned i = 0; i < spec->field_count; i++)
        bytes += spec->fields[i].name.len + spec->fields[i].value.len;
    return bytes + (spec->method ? strlen(spec->method) + 1 : 0);
}

static struct span put(char **at, struct span text) {
    if (!text.at)
        return text;
    memcpy(*at, text.at, text.len);
    struct span copy = span_of(*at, text.len);
    *at += text.len;
    return copy;
}

/* One block: the spec, its fields, their text, the method. */
static struct job_spec *spec_pack(struct pool *pool, const struct job_spec *spec) {
    struct job_spec *packed = pool_acquire(pool, spec_bytes(spec));
    struct http_field *fields = (void *)(packed + 1);
    char *at = (void *)(fields + spec->field_count);
    *packed = *spec;
    packed->fields = fields;
    for (unsigned i = 0; i < spec->field_count; i++) {
        fields[i].name = put(&at, spec->fields[i].name);
        fields[i].value = put(&at, spec->fields[i].value);
    }
    if (spec->method) {
        packed->method = at;
        memcpy(at, spec->method, strlen(spec->method) + 1);
    }
    return packed;
}

void job_set_spec(struct pool *pool, struct job *job, const struct job_spec *run,
                  const char *method, const struct span *headers, unsigned header_count,
                  struct span body) {
    struct job_spec spec = *run;
    unsigned count = run->field_count + header_count;
    struct http_field *fields = pool_acquire(pool, count * sizeof *fields);
    if (run->field_count)
        memcpy(fields, run->fields, run->field_count * sizeof *fields);
    for (unsigned i = 0; i < header_count; i++)
        CHECK(request_field_parse(&fields[run->field_count + i], (const char *)headers[i].at));
    spec.fields = fields;
    spec.field_count = count;
    if (method)
        spec.method = method;
    /* The run's body is counted by its own worker only: a job that may be made elsewhere gets a copy. */
    if (body.at)
        spec.body = body_new(pool, body.at, body.len);
    else if (run->body)
        spec.body = body_new(pool, run->body->at, run->body->count);
    if (body.at && !method && !run->method)
        spec.method = "POST";
    job->own_spec = spec_pack(pool, &spec);
    pool_release(pool, fields, count * sizeof *fields);
}

void job_release(struct pool *pool, struct job *job) {
    CHECK(job->exchange.phase == EXCHANGE_IDLE && !job->due.place);
    if (job->text != job_first(job)->href)
        pool_release_text(pool, job->text);
    job_url_release(pool, job->first);
    release_href(pool, &job->url);
    job_url_release(pool, job->next_url);
    exchange_forget(&job->exchange, pool);
    job_extra_release(pool, job);
    pool_release_text(pool, job->name);
    pool_release_text(pool, job->tag);
    pool_release_text(pool, job->sha256);
    pool_release_text(pool, job->why);
    pool_release_text(pool, job->content_type);
    while (job->redirects) {
        struct job_redirect *redirect = job->redirects;
        job->redirects = redirect->next;
        pool_release(pool, redirect, sizeof *redirect + redirect->url_len + 1);
    }
    if (job->own_spec) {
        body_drop(pool, job->own_spec->body);
        pool_release(pool, job->own_spec, spec_bytes(job->own_spec));
    }
    pool_release(pool, job, sizeof *job);
}
