/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * job_check.c: judging responses. The status decides first, alone where an expectation is about it; then header fields; what takes the body,
 * its end or the whole exchange is judged when that is there. Only what somebody looks at is kept of a body.
 */
#include "job/job_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "document/document.h"
#include "job/sched.h"

enum {
    WHY_BYTES = 512,
    TITLE_BYTES = 512,
    CHARSET_BYTES = 64,
    DRAIN_BYTES_MAX = 65536, /* beyond what is sniffed: cheaper to read than a new connection */
    FRAGMENT_BYTES_MAX = 8 << 20, /* of a page, to look a fragment up in */
    NEED_FRAGMENT = 1 << 16,      /* beside enum expect_needs */
    TIME_LIMIT_SHARE = 8,
};

static const uint64_t PATIENCE_NS = 10 * NS_PER_S;
static const uint64_t TIME_LIMIT_LEAST_NS = 1 * NS_PER_S, TIME_LIMIT_USUAL_NS = 30 * NS_PER_S;

static const struct check_rules *rules_of(const struct job *job) {
    return job->sched->options.check;
}

/* ---- what only some jobs have -------------------------------------------------------------------- */

struct job_extra *job_extra_of(struct pool *pool, struct job *job) {
    if (!job->extra)
        job->extra = pool_acquire_zeroed(pool, sizeof *job->extra);
    return job->extra;
}

static void forget_body(struct job_extra *extra) {
    free(extra->kept);
    extra->kept = NULL;
    extra->kept_bytes = extra->kept_room = 0;
}

void job_extra_release(struct pool *pool, struct job *job) {
    struct job_extra *extra = job->extra;
    if (!extra)
        return;
    pool_release_text(pool, extra->expect_text);
    expect_free(extra->expect);
    pool_release_text(pool, extra->title);
    forget_body(extra);
    digest_close(extra->digest);
    pool_release(pool, extra, sizeof *extra);
    job->extra = NULL;
}

bool job_set_expect(struct pool *pool, struct job *job, struct span lines, char *why,
                    size_t why_size) {
    struct job_extra *extra = job_extra_of(pool, job);
    job_set_text(pool, &extra->expect_text, lines.at ? lines : span_text("")); /* wrong, not none */
    extra->expect = expect_new();
    char *copy = strdup(extra->expect_text), *rest = copy, *line;
    CHECK(copy);
    bool ok = true;
    while (ok && (line = strsep(&rest, "\n")))
        ok = expect_add(extra->expect, line, why, why_size);
    free(copy);
    if (!ok) {
        expect_free(extra->expect);
        extra->expect = NULL;
    }
    return ok;
}

/* ---- what is needed -------------------------------------------------------------------------------- */

static const struct expect *own_expect(const struct job *job) {
    return job->extra ? job->extra->expect : NULL;
}

static bool has_fragment(const struct job *job) {
    const struct url *url = job_first(job);
    return url->href && url->fragment + 1 < url->href_len;
}

static unsigned needs_of(const struct job *job) {
    const struct check_rules *rules = rules_of(job);
    unsigned needs = expect_needs(rules->expect) | expect_needs(own_expect(job));
    if (rules->title)
        needs |= EXPECT_TITLE;
    if (job->is_link && has_fragment(job))
        needs |= NEED_FRAGMENT;
    if (job->size >= 0)
        needs |= EXPECT_WHOLE;
    if (job->sha256)
        needs |= EXPECT_SHA256;
    return needs;
}

static bool needs_body(unsigned needs) {
    return needs & (EXPECT_BODY | EXPECT_TITLE | EXPECT_WHOLE | EXPECT_SHA256 | NEED_FRAGMENT);
}

static bool needs_all(unsigned needs) {
    return needs & (EXPECT_WHOLE | EXPECT_SHA256);
}

static bool keeps_body(unsigned needs) {
    return needs & (EXPECT_BODY | EXPECT_TITLE | NEED_FRAGMENT);
}

/* Nobody has asked for a method, so that another may be tried. */
static bool chooses_method(const struct job *job) {
    const struct job_spec *spec = job_spec_of(job);
    return !spec->method && !spec->body;
}

const char *check_method(const struct job *job) {
    if (!chooses_method(job))
        return job_spec_method(job_spec_of(job));
    bool confirms = job->extra && job->extra->passes;
    return confirms || needs_body(needs_of(job)) ? "GET" : "HEAD";
}

static bool ran_out_of_time(struct err err) {
    return err.kind == ERR_TIMED_OUT || err.kind == ERR_STALLED;
}

uint64_t check_time_limit_ns(const struct job *job, uint64_t limit_ns) {
    if (!job->extra || !job->extra->passes || !ran_out_of_time(job->extra->first_err))
        return limit_ns;
    uint64_t share = (limit_ns ? limit_ns : TIME_LIMIT_USUAL_NS) / TIME_LIMIT_SHARE;
    return share > TIME_LIMIT_LEAST_NS ? share : TIME_LIMIT_LEAST_NS;
}

const struct address *check_avoid(const struct job *job) {
    return job->extra && job->extra->has_avoid ? &job->extra->avoid : NULL;
}

bool check_leaves_for_later(const struct job *job) {
    const struct check_rules *rules = rules_of(job);
    bool confirms = job->extra && job->extra->passes;
    return confirms || (rules->confirms && !job->user && ran_out_of_time(job->err));
}

bool check_waits_for_network(struct job *job) {
    uint64_t now = conn_pool_now(job->sched->conns);
    uint64_t answered = atomic_load(&job->sched->shared->answered_ns);
    if (job->err.kind != ERR_NETWORK_DOWN && job->err.kind != ERR_NO_SOURCE_ADDRESS)
        return false;
    struct job_extra *extra = job_extra_of(job->sched->pool, job);
    if (!answered || extra->passes)
        return false; /* it never worked, or was waited for already */
    if (!extra->local_since_ns)
        extra->local_since_ns = now;
    else if (answered > extra->local_since_ns)
        return false; /* others get through: there is no way to this one */
    return now < extra->local_since_ns + PATIENCE_NS;
}

/* ---- the head --------------------------------------------------------------------------------------- */

static enum check_answer bad(struct job *job, struct err err, const char *why) {
    job->err = err;
    job_set_text(job->sched->pool, &job->why, span_text(why));
    return CHECK_BAD;
}

static struct span without_parameters(const struct http_field *type) {
    size_t len = 0;
    if (!type)
        return (struct span){0};
    while (len < type->value.len && type->value.at[len] != ';')
        len++;
    while (len && (type->value.at[len - 1] == ' ' || type->value.at[len - 1] == '\t'))
        len--;
    return span_of(type->value.at, len);
}

/* Refused (405, 501), or what servers answer HEAD with that have never been asked with it. */
static bool head_is_suspicious(const struct job *job) {
    unsigned status = job->status;
    return job->exchange.head_method && chooses_method(job) &&
           (status == 400 || status == 403 || status == 404 || status == 405 || status == 501);
}

static bool status_is_well(const struct job *job, unsigned needs, char *why) {
    const struct expect_facts facts = {.status = job->status};
    if (!(needs & EXPECT_STATUS))
        return job->status < 400;
    return expect_status(rules_of(job)->expect, &facts, why, WHY_BYTES) &&
           expect_status(own_expect(job), &facts, why, WHY_BYTES);
}

static bool fields_are_well(const struct job *job, const struct response_head *head, char *why) {
    struct expect_field fields[HEAD_FIELDS_MAX];
    for (unsigned i = 0; i < head->field_count; i++)
        fields[i] = (struct expect_field){head->field[i].name, head->field[i].value};
    const struct expect_facts facts = {
        .status = job->status,
        .fields = fields,
        .field_count = head->field_count,
        .content_type = without_parameters(response_field(head, "content-type")),
    };
    return expect_fields(rules_of(job)->expect, &facts, why, WHY_BYTES) &&
           expect_fields(own_expect(job), &facts, why, WHY_BYTES);
}

/* What is left of the body once enough was read. */
static bool is_worth_draining(const struct job *job, const struct response_framing *framing) {
    uint64_t sniffed = rules_of(job)->sniff_bytes;
    return framing->framing == FRAMING_CHUNKED ||
           (framing->framing == FRAMING_LENGTH &&
            (uint64_t)framing->length <= sniffed + DRAIN_BYTES_MAX);
}

enum check_answer check_head(struct job *job, const struct response_head *head,
                             const struct response_framing *framing) {
    char why[WHY_BYTES] = "";
    unsigned needs = needs_of(job);
    if (!status_is_well(job, needs, why)) {
        if (head_is_suspicious(job))
            return CHECK_BY_GET;
        if (needs & EXPECT_STATUS)
            return bad(job, err_make(STAGE_EXPECT, ERR_EXPECTATION, job->status), why);
        return bad(job, err_make(STAGE_HEAD, ERR_HTTP_STATUS, job->status), NULL);
    }
    if ((needs & EXPECT_FIELDS) && !fields_are_well(job, head, why))
        return bad(job, err_make(STAGE_EXPECT, ERR_EXPECTATION, job->status), why);
    uint64_t limit = job->sched->options.filesize_max;
    if (limit && framing->length > 0 && (uint64_t)framing->length > limit)
        return bad(job, err_make(STAGE_BODY, ERR_TOO_LARGE, 0), NULL);
    job->drains = is_worth_draining(job, framing);
    if (job->extra) {
        job->extra->kept_bytes = 0;
        if (job->extra->digest)
            digest_restart(job->extra->digest);
    }
    return CHECK_WELL;
}

/* ---- the body ----------------------------------------------------------------------------------------- */

static void keep(struct job_extra *extra, struct span bytes) {
    size_t wanted = extra->kept_bytes + bytes.len;
    if (wanted > extra->kept_room) {
        size_t room = extra->kept_room ? extra->kept_room * 2 : 16384;
        while (room < wanted)
            room *= 2;
        extra->kept = realloc(extra->kept, room);
        CHECK(extra->kept);
        extra->kept_room = room;
    }
    memcpy(extra->kept + extra->kept_bytes, bytes.at, bytes.len);
    extra->kept_bytes = wanted;
}

/* How much of a body is read before the rest is drained or given up. */
static uint64_t bytes_wanted(const struct job *job, unsigned needs) {
    uint64_t sniffed = rules_of(job)->sniff_bytes;
    if (needs_all(needs))
        return UINT64_MAX;
    return needs & NEED_FRAGMENT && sniffed < FRAGMENT_BYTES_MAX ? FRAGMENT_BYTES_MAX : sniffed;
}

static uint64_t bytes_kept(const struct job *job, unsigned needs) {
    uint64_t wanted = bytes_wanted(job, needs & ~(unsigned)(EXPECT_WHOLE | EXPECT_SHA256));
    return keeps_body(needs) ? wanted : 0;
}

enum exchange_answer check_body(struct job *job, struct span bytes) {
    unsigned needs = needs_of(job);
    uint64_t wanted = bytes_wanted(job, needs), kept = bytes_kept(job, needs);
    uint64_t left = wanted - job->body_bytes, limit = job->sched->options.filesize_max;
    struct span taken = span_of(bytes.at, bytes.len < left ? bytes.len : (size_t)left);
    if (needs & EXPECT_SHA256) {
        struct job_extra *extra = job_extra_of(job->sched->pool, job);
        if (!extra->digest)
            extra->digest = digest_open();
        digest_feed(extra->digest, taken.at, taken.len);
    }
    if (job->body_bytes < kept) {
        uint64_t room = kept - job->body_bytes;
        keep(job_extra_of(job->sched->pool, job),
             span_of(taken.at, taken.len < room ? taken.len : (size_t)room));
    }
    job->body_bytes += taken.len;
    if (limit && job->body_bytes > limit) {
        job->err = err_make(STAGE_BODY, ERR_TOO_LARGE, 0);
        return EXCHANGE_STOP;
    }
    if (job->body_bytes < wanted)
        return EXCHANGE_GO;
    job->action = ACTION_SNIFFED;
    job->dropped_bytes = bytes.len - taken.len;
    return job->drains ? EXCHANGE_GO : EXCHANGE_STOP;
}

/* ---- the end ------------------------------------------------------------------------------------------- */

bool check_blames_head(const struct job *job) {
    if (!job->exchange.head_method || !chooses_method(job) || job->err.kind == ERR_CANCELLED)
        return false;
    if (job->action == ACTION_BY_GET || job->exchange.surplus)
        return true;
    switch (job->err.kind) {
    case ERR_HTTP_09:
    case ERR_BAD_STATUS_LINE:
    case ERR_BAD_FIELD:
    case ERR_HEAD_TOO_LARGE:
    case ERR_TOO_MANY_INTERIM:
    case ERR_BAD_LENGTH:
    case ERR_BAD_TRANSFER_ENCODING:
    case ERR_BAD_CHUNK:
    case ERR_UNSOLICITED:
    case ERR_TRUNCATED:
        return true;
    case ERR_CLOSED: /* without a byte, twice */
    case ERR_RESET:
        return job->err.stage == STAGE_HEAD;
    default:
        return false;
    }
}

static struct span kept_of(const struct job *job) {
    const struct job_extra *extra = job->extra;
    return extra ? span_of(extra->kept, extra->kept_bytes) : (struct span){0};
}

static struct span content_type_of(const struct job *job) {
    const struct http_field type = {.value = span_text(job->content_type)};
    return job->content_type ? without_parameters(&type) : (struct span){0};
}

static const char *charset_of(const struct job *job, char *room) {
    bool known =
        job->content_type && document_charset(span_text(job->content_type), room, CHARSET_BYTES);
    return known ? room : NULL;
}

static bool is_html(struct span type) {
    return span_is_nocase(type, "text/html") || span_is_nocase(type, "application/xhtml+xml");
}

static void find_title(struct job *job) {
    char title[TITLE_BYTES] = "", charset[CHARSET_BYTES];
    struct job_extra *extra = job_extra_of(job->sched->pool, job);
    struct span type = content_type_of(job);
    if (is_html(type) || !type.at)
        document_title(kept_of(job), charset_of(job, charset), title, sizeof title);
    job_set_text(job->sched->pool, &extra->title, span_text(title[0] ? title : NULL));
}

/* A page that is not there whole may have the name further down. */
static bool fragment_is_well(const struct job *job, char *why) {
    char charset[CHARSET_BYTES], *name;
    struct span type = content_type_of(job);
    bool is_markdown = span_is_nocase(type, "text/markdown");
    if ((!is_html(type) && !is_markdown) || job->action == ACTION_SNIFFED)
        return true;
    const struct url *first = job_first(job);
    struct span fragment = url_part(first, first->fragment + 1, first->href_len);
    name = malloc(fragment.len + 1);
    CHECK(name);
    size_t len = url_percent_decode(fragment, name);
    bool found = document_has_name(is_markdown ? DOCUMENT_MARKDOWN : DOCUMENT_HTML, kept_of(job),
                                   charset_of(job, charset), span_of(name, len));
    snprintf(why, WHY_BYTES, "the page has no id or name \"%.*s\"", (int)(len < 200 ? len : 200),
             name);
    free(name);
    return found;
}

static int cert_days(const struct job *job) {
    const int64_t day_s = 24 * 60 * 60;
    int64_t left_s = exchange_tls(&job->exchange)->cert->not_after - clock_wall_us() / 1000000;
    return (int)(left_s / day_s - (left_s % day_s < 0));
}

static double ms_since(uint64_t from, uint64_t to) {
    return from && to >= from ? (double)(to - from) / 1e6 : -1;
}

static bool end_is_well(const struct job *job, char *why) {
    const struct exchange *exchange = &job->exchange;
    const struct job_extra *extra = job->extra;
    uint64_t sent = exchange_at(exchange, AT_SENT);
    bool has_cert = exchange_tls(exchange)->cert;
    const struct expect_facts facts = {
        .status = job->status,
        .content_type = content_type_of(job),
        .body = kept_of(job),
        .title = extra ? extra->title : NULL,
        .total_ms = ms_since(job->first_ns, conn_pool_now(job->sched->conns)),
        .wait_ms = sent ? ms_since(sent, exchange_at(exchange, AT_FIRST_BYTE)) : -1,
        .has_cert = has_cert,
        .cert_days = has_cert ? cert_days(job) : 0,
        .redirects = job->redirect_count,
        .final_host = url_host(&job->url),
        .final_url = span_of(job->url.href, job->url.href_len),
        .body_bytes = job->body_bytes,
        .sha256 = extra && extra->sha256[0] ? extra->sha256 : NULL,
    };
    return expect_end(rules_of(job)->expect, &facts, why, WHY_BYTES) &&
           expect_end(own_expect(job), &facts, why, WHY_BYTES);
}

/* What the input line says of the body. */
static struct err check_line(const struct job *job) {
    if (job->size >= 0 && (uint64_t)job->size != job->body_bytes)
        return err_make(STAGE_BODY, ERR_SIZE_MISMATCH, 0);
    if (job->sha256 && strcmp(job->sha256, job->extra->sha256) != 0)
        return err_make(STAGE_BODY, ERR_HASH_MISMATCH, 0);
    return ERR_OK;
}

void check_judge(struct job *job) {
    char why[WHY_BYTES] = "";
    unsigned needs = needs_of(job);
    if (err_is(job->err))
        return;
    if (needs & EXPECT_SHA256) {
        struct job_extra *extra = job_extra_of(job->sched->pool, job);
        if (!extra->digest) /* an empty body */
            extra->digest = digest_open();
        digest_hex(extra->digest, extra->sha256);
    }
    if (needs & EXPECT_TITLE)
        find_title(job);
    job->err = check_line(job);
    if (err_is(job->err))
        return;
    if (!end_is_well(job, why))
        bad(job, err_make(STAGE_EXPECT, ERR_EXPECTATION, job->status), why);
    else if ((needs & NEED_FRAGMENT) && !fragment_is_well(job, why))
        bad(job, err_make(STAGE_EXPECT, ERR_NO_SUCH_FRAGMENT, 0), why);
    if (job->extra)
        forget_body(job->extra);
}
