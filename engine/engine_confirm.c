/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_confirm.c: failures of a check run are not believed at once. Workers write them to a file without a name; when all input is read and
 * all else has ended, the feeder reads them back as jobs of a confirm pass. So that memory does not grow with the failures, they
 * are no jobs meanwhile.
 *
 * Each is recorded exactly once: by a later pass, or, when the run is stopped before that, by confirm_give_up as not confirmed.
 * Where the file can't be written, the first verdict stands.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine.h"
#include "output/text.h"

/* What a failed job leaves, with its texts behind it in the order of their lengths. */
struct failure {
    uint64_t n, line;
    int64_t size;
    const char *source;
    struct unique *unique;
    struct err err;
    struct address avoid;
    uint32_t column, field_count;
    uint16_t status, passes;
    bool is_link, was_answered, has_avoid, has_spec, has_body;
    uint32_t text_bytes, url_bytes, tag_bytes, name_bytes, sha256_bytes, expect_bytes, method_bytes,
        body_bytes;
};

struct confirm {
    pthread_mutex_t lock;
    int fd; /* of the pass that gathers; -1: nothing yet */
    uint64_t end;
    uint64_t count;
    uint64_t last_ns; /* when the latest was put in */
    bool closed;      /* nothing more is taken: the run is being stopped */
    struct text text; /* of the one being written */
    atomic_uint_fast64_t waiting;
    atomic_uint_fast64_t waiting_by_kind[ERR_KIND_COUNT]; /* by what failed first */
};

struct confirm *confirm_open(void) {
    struct confirm *confirm = calloc(1, sizeof *confirm);
    CHECK(confirm);
    confirm->fd = -1;
    pthread_mutex_init(&confirm->lock, NULL);
    return confirm;
}

void confirm_close(struct confirm *confirm) {
    if (!confirm)
        return;
    if (confirm->fd >= 0)
        close(confirm->fd);
    free(confirm->text.at);
    pthread_mutex_destroy(&confirm->lock);
    free(confirm);
}

uint64_t confirm_waiting(const struct confirm *confirm) {
    return confirm ? atomic_load(&confirm->waiting) : 0;
}

uint64_t confirm_waiting_of(const struct confirm *confirm, enum err_kind kind) {
    return confirm ? atomic_load(&confirm->waiting_by_kind[kind]) : 0;
}

void confirm_reopen(struct confirm *confirm) {
    if (confirm)
        confirm->closed = false;
}

/* ---- writing ----------------------------------------------------------------------------------------- */

static int open_file(void) {
    const char *dir = getenv("TMPDIR");
    int fd = open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    char name[] = "/tmp/ringfetch-XXXXXX"; /* a file system without O_TMPFILE */
    if (fd < 0 && (fd = mkostemp(name, O_CLOEXEC)) >= 0)
        unlink(name);
    return fd;
}

static uint32_t text_bytes(const char *text) {
    return text ? (uint32_t)strlen(text) + 1 : 0;
}

static void put(struct text *text, const void *bytes, size_t count) {
    if (count)
        text_put(text, bytes, count);
}

/* As request_field_parse takes it, with a NUL. */
static void put_field(struct text *text, const struct http_field *field) {
    const char *between = !field->value.at ? ":" : field->value.len ? ": " : ";";
    uint32_t bytes = (uint32_t)(field->name.len + strlen(between) + field->value.len + 1);
    put(text, &bytes, sizeof bytes);
    put(text, field->name.at, field->name.len);
    put(text, between, strlen(between));
    put(text, field->value.at, field->value.len);
    put(text, "", 1);
}

/* Fields that every request of the run has are not written. */
static void put_spec(struct text *text, const struct job_spec *spec, unsigned shared_fields) {
    put(text, spec->method, text_bytes(spec->method));
    for (unsigned i = shared_fields; i < spec->field_count; i++)
        put_field(text, &spec->fields[i]);
    if (spec->body)
        put(text, spec->body->at, spec->body->count);
}

static struct err first_err(const struct job *job) {
    return job->extra && job->extra->passes ? job->extra->first_err : job->err;
}

static void describe(const struct job *job, unsigned shared_fields, struct failure *failure) {
    const struct job_spec *spec = job->own_spec;
    const struct job_extra *extra = job->extra;
    bool again = extra && extra->passes;
    *failure = (struct failure){
        .n = job->n,
        .line = job->line,
        .size = job->size,
        .source = job->source,
        .unique = job->unique,
        .column = job->column,
        .err = first_err(job),
        .status = again ? extra->first_status : job->status,
        .avoid = job->exchange.address,
        .has_avoid = job->exchange.address.any.sa_family != AF_UNSPEC,
        .passes = extra ? extra->passes : 0,
        .is_link = job->is_link,
        .was_answered = check_is_answer(job->err) || (again && extra->was_answered),
        .has_spec = spec,
        .text_bytes = text_bytes(job->text),
        .url_bytes = text_bytes(job_first(job)->href),
        .tag_bytes = text_bytes(job->tag),
        .name_bytes = text_bytes(job->name),
        .sha256_bytes = text_bytes(job->sha256),
        .expect_bytes = extra ? text_bytes(extra->expect_text) : 0,
    };
    if (spec) {
        failure->method_bytes = text_bytes(spec->method);
        failure->field_count = spec->field_count - shared_fields;
        failure->has_body = spec->body;
        failure->body_bytes = spec->body ? (uint32_t)spec->body->count : 0;
    }
}

static void put_failure(struct text *text, const struct job *job, unsigned shared_fields) {
    struct failure failure;
    memset(&failure, 0, sizeof failure); /* padding too: it is written */
    describe(job, shared_fields, &failure);
    put(text, &failure, sizeof failure);
    put(text, job->text, failure.text_bytes);
    put(text, job_first(job)->href, failure.url_bytes);
    put(text, job->tag, failure.tag_bytes);
    put(text, job->name, failure.name_bytes);
    put(text, job->sha256, failure.sha256_bytes);
    put(text, job->extra ? job->extra->expect_text : NULL, failure.expect_bytes);
    if (job->own_spec)
        put_spec(text, job->own_spec, shared_fields);
}

/* In one piece, or not at all. */
static bool write_failure(struct confirm *confirm, const struct job *job, unsigned shared_fields) {
    struct text *text = &confirm->text;
    text->len = 0;
    put_failure(text, job, shared_fields);
    for (size_t done = 0; done < text->len;) {
        ssize_t count =
            pwrite(confirm->fd, text->at + done, text->len - done, (off_t)(confirm->end + done));
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    confirm->end += text->len;
    return true;
}

/* Whether asking again makes sense at all. */
static bool is_wanted(const struct rf_engine *engine, const struct job *job) {
    unsigned passes = job->extra ? job->extra->passes : 0;
    return engine->settings.check && !job->is_plain && !job->user && !job->decided &&
           passes < engine->settings.confirms && job->err.stage != STAGE_INPUT &&
           job->err.stage != STAGE_OUTPUT && job->err.kind != ERR_INTERRUPTED &&
           job->err.kind != ERR_CANCELLED;
}

bool confirm_keep(struct rf_engine *engine, struct job *job) {
    struct confirm *confirm = engine->confirm;
    if (!confirm || !is_wanted(engine, job))
        return false;
    pthread_mutex_lock(&confirm->lock);
    job->is_unconfirmed = confirm->closed || atomic_load(&engine->stop);
    if (confirm->fd < 0 && !job->is_unconfirmed)
        confirm->fd = open_file();
    bool ok = confirm->fd >= 0 && !job->is_unconfirmed &&
              write_failure(confirm, job, engine->field_count);
    if (ok) {
        confirm->count++;
        if (job->err.kind != ERR_TIMED_OUT && job->err.kind != ERR_STALLED)
            confirm->last_ns = clock_now_ns(); /* who ran out of time has waited long enough */
        atomic_fetch_add(&confirm->waiting, 1);
        atomic_fetch_add(&confirm->waiting_by_kind[first_err(job).kind], 1);
    }
    pthread_mutex_unlock(&confirm->lock);
    return ok;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

struct confirm_pass {
    struct confirm *confirm;
    FILE *file;
    uint64_t left;
    uint64_t last_ns;
    char *texts;
    size_t texts_room;
};

/* NULL: there was no failure. */
struct confirm_pass *confirm_begin(struct confirm *confirm, bool close) {
    pthread_mutex_lock(&confirm->lock);
    int fd = confirm->fd;
    uint64_t count = confirm->count;
    confirm->fd = -1;
    confirm->count = confirm->end = 0;
    confirm->closed |= close;
    pthread_mutex_unlock(&confirm->lock);
    if (fd < 0)
        return NULL;
    struct confirm_pass *pass = calloc(1, sizeof *pass);
    CHECK(pass);
    lseek(fd, 0, SEEK_SET);
    *pass = (struct confirm_pass){confirm, fdopen(fd, "r"), count, confirm->last_ns, NULL, 0};
    CHECK(pass->file);
    return pass;
}

uint64_t confirm_last_ns(const struct confirm_pass *pass) {
    return pass->last_ns;
}

void confirm_end(struct confirm_pass *pass) {
    if (!pass)
        return;
    fclose(pass->file);
    free(pass->texts);
    free(pass);
}

static void *get(struct confirm_pass *pass, size_t *used, size_t count) {
    void *at = pass->texts + *used;
    CHECK(!count || fread(at, count, 1, pass->file) == 1);
    *used += count;
    return at;
}

static void reserve(struct confirm_pass *pass, size_t used, size_t more) {
    if (used + more <= pass->texts_room)
        return;
    pass->texts_room = 2 * (used + more);
    pass->texts = realloc(pass->texts, pass->texts_room);
    CHECK(pass->texts);
}

/* A text that was written with its NUL; at NULL: none. */
static struct span get_text(struct confirm_pass *pass, uint32_t bytes) {
    size_t used = 0;
    reserve(pass, 0, bytes);
    const char *text = bytes ? get(pass, &used, bytes) : NULL;
    return span_text(text);
}

static void get_spec(struct confirm_pass *pass, struct feeding *feeding, struct job *job,
                     const struct failure *failure) {
    size_t used = 0;
    struct span *headers = calloc(failure->field_count + 1, sizeof *headers);
    size_t *at = calloc(failure->field_count + 1, sizeof *at);
    CHECK(headers && at);
    reserve(pass, 0, failure->method_bytes);
    get(pass, &used, failure->method_bytes);
    for (unsigned i = 0; i < failure->field_count; i++) {
        uint32_t bytes;
        CHECK(fread(&bytes, sizeof bytes, 1, pass->file) == 1);
        reserve(pass, used, bytes);
        at[i] = used;
        headers[i].len = bytes - 1;
        get(pass, &used, bytes);
    }
    reserve(pass, used, failure->body_bytes);
    size_t body_at = used;
    get(pass, &used, failure->body_bytes);
    for (unsigned i = 0; i < failure->field_count; i++)
        headers[i].at = (const uint8_t *)pass->texts + at[i];
    struct span body = {0};
    if (failure->has_body)
        body = span_of(pass->texts + body_at, failure->body_bytes);
    job_set_spec(feeding->pool, job, feeding->spec, failure->method_bytes ? pass->texts : NULL,
                 headers, failure->field_count, body);
    free(headers);
    free(at);
}

static struct job *make_job(struct confirm_pass *pass, struct feeding *feeding,
                            const struct failure *failure) {
    struct url url = {0};
    struct pool *pool = feeding->pool;
    struct span both = get_text(pass, failure->text_bytes + failure->url_bytes);
    struct span text = span_text((const char *)both.at);
    struct span href = span_text((const char *)both.at + failure->text_bytes);
    CHECK(url_parse(&url, href, NULL, feeding->href, URL_HREF_BYTES_MAX + 1) == URL_OK);
    struct job *job = job_new(pool, text, &url, ERR_OK);
    struct job_extra *extra = job_extra_of(pool, job);
    char why[WHY_BYTES];
    job_set_text(pool, &job->tag, get_text(pass, failure->tag_bytes));
    job_set_text(pool, &job->name, get_text(pass, failure->name_bytes));
    job_set_text(pool, &job->sha256, get_text(pass, failure->sha256_bytes));
    struct span expect = get_text(pass, failure->expect_bytes);
    if (expect.at)
        CHECK(job_set_expect(pool, job, expect, why, sizeof why));
    if (failure->has_spec)
        get_spec(pass, feeding, job, failure);
    job->n = failure->n;
    job->line = failure->line;
    job->size = failure->size;
    job->source = failure->source;
    job->column = failure->column;
    job->unique = failure->unique;
    job->is_link = failure->is_link;
    job->read_ns = clock_now_ns();
    extra->passes = (uint16_t)(failure->passes + 1);
    extra->first_err = failure->err;
    extra->was_answered = failure->was_answered;
    extra->first_status = failure->status;
    extra->avoid = failure->avoid;
    extra->has_avoid = failure->has_avoid;
    return job;
}

struct job *confirm_next(struct confirm_pass *pass, struct feeding *feeding) {
    struct failure failure;
    if (!pass->left)
        return NULL;
    pass->left--;
    CHECK(fread(&failure, sizeof failure, 1, pass->file) == 1);
    atomic_fetch_sub(&pass->confirm->waiting, 1);
    atomic_fetch_sub(&pass->confirm->waiting_by_kind[failure.err.kind], 1);
    return make_job(pass, feeding, &failure);
}

/* Nobody will ask again: it is as it was, and not confirmed. */
void confirm_give_up(struct job *job) {
    struct job_extra *extra = job->extra;
    job->decided = job->is_unconfirmed = true;
    job->err = extra->first_err;
    job->status = extra->first_status;
    extra->passes--;
}
