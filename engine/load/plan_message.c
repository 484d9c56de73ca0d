/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plan_message.c: compiles a request. The head is written by http/request.h as every other's is, with marks where placeholders were, and is
 * then cut at the marks. So which field replaces which, and in what order they stand, is decided in one place. The plan's thread.
 *
 * Two kinds of marks. In the URL, which the parser normalises, a mark is made of unreserved characters that no step of the URL standard
 * touches, and of a number that makes it differ from everything in that URL. In values of fields, a placeholder stands between two NULs,
 * which no valid value holds.
 *
 * Rejected: to write heads here, piece by piece, and with that the rules of defaults and replacements for a second time.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "http/request.h"
#include "load/plan_private.h"
#include "load/template_private.h"

/* What a request is made of while it is compiled. All of it is scratch memory of the plan's pool. */
struct compiler {
    struct pool *pool;
    struct plan *plan;
    const struct plan_request *request;
    const char *method;
    struct bytes typed;  /* the URL without the tabs and line ends that its parser would drop */
    struct bytes marked; /* the same with marks */
    char mark[16];       /* how each mark begins: "~N~"; its index and "~" follow */
    char *href;          /* URL_HREF_BYTES_MAX + 1 */
    struct url url;
    struct http_field *field;
    unsigned field_count, field_room;
    uint8_t *values; /* of the fields, with marks */
    size_t values_room;
    struct bytes authorization;
    struct bytes head;
    char *why;
    size_t why_size;
};

static bool refuse(const struct compiler *compiler, const char *what, const char *text) {
    snprintf(compiler->why, compiler->why_size, "%s: \"%.300s\"", what, text);
    return false;
}

/* ---- the URL -------------------------------------------------------------------------------------- */

static bool begins_nocase(struct span text, const char *with) {
    size_t len = strlen(with);
    return text.len >= len && span_is_nocase(span_of(text.at, len), with);
}

struct span plan_authority(struct span url) {
    while (url.len && url.at[0] <= ' ')
        url = span_skip(url, 1);
    if (begins_nocase(url, "http:"))
        url = span_skip(url, sizeof "http:" - 1);
    else if (begins_nocase(url, "https:"))
        url = span_skip(url, sizeof "https:" - 1);
    while (url.len && (url.at[0] == '/' || url.at[0] == '\\'))
        url = span_skip(url, 1);
    size_t len = 0;
    while (len < url.len && !memchr("/\\?#", url.at[len], 4))
        len++;
    return span_of(url.at, len);
}

static bool span_contains(struct span text, const char *part) {
    return text.len && memmem(text.at, text.len, part, strlen(part));
}

static void clean_url(struct compiler *compiler) {
    for (const char *at = compiler->request->url; *at; at++)
        if (*at != '\t' && *at != '\n' && *at != '\r')
            bytes_add(&compiler->typed, compiler->pool, span_of(at, 1));
    for (unsigned number = 0;; number++) {
        snprintf(compiler->mark, sizeof compiler->mark, "~%u~", number);
        if (!span_contains(bytes_span(&compiler->typed), compiler->mark))
            return;
    }
}

/* The placeholder of that index; one that isn't there has no length. */
static struct span url_hole(const struct compiler *compiler, unsigned index) {
    struct template_scan scan = {.rest = bytes_span(&compiler->typed)};
    for (;;) {
        struct template_piece piece = template_next(&scan);
        if (piece.kind == PIECE_END || (piece.kind == PIECE_HOLE && index-- == 0))
            return piece.text;
    }
}

static void mark_url(struct compiler *compiler) {
    struct template_scan scan = {.rest = bytes_span(&compiler->typed)};
    if (compiler->request->raw) {
        bytes_add(&compiler->marked, compiler->pool, scan.rest);
        return;
    }
    for (unsigned holes = 0;;) {
        struct template_piece piece = template_next(&scan);
        char mark[32];
        if (piece.kind == PIECE_END)
            return;
        if (piece.kind == PIECE_HOLE) {
            snprintf(mark, sizeof mark, "%s%u~", compiler->mark, holes++);
            piece.text = span_text(mark);
        }
        bytes_add(&compiler->marked, compiler->pool, piece.text);
    }
}

static bool parse_url(struct compiler *compiler) {
    const char *typed = compiler->request->url;
    if (!typed || !typed[0]) {
        snprintf(compiler->why, compiler->why_size, "there is no URL");
        return false;
    }
    clean_url(compiler);
    mark_url(compiler);
    if (span_contains(plan_authority(bytes_span(&compiler->marked)), compiler->mark)) {
        struct span hole = url_hole(compiler, 0);
        snprintf(compiler->why, compiler->why_size,
                 "\"%.*s\" stands in the host of \"%.200s\": only path and query of a URL may hold "
                 "placeholders",
                 hole.len < 60 ? (int)hole.len : 60, (const char *)hole.at, typed);
        return false;
    }
    compiler->href = pool_acquire(compiler->pool, URL_HREF_BYTES_MAX + 1);
    enum url_fault fault = url_parse_typed(&compiler->url, bytes_span(&compiler->marked),
                                           compiler->href, URL_HREF_BYTES_MAX + 1);
    return fault == URL_OK || refuse(compiler, url_fault_text(fault), typed);
}

/* ---- fields --------------------------------------------------------------------------------------- */

/* The value with each placeholder between two NULs; returns where the next may be written. */
static uint8_t *mark_value(struct http_field *field, uint8_t *to) {
    struct template_scan scan = {.rest = field->value};
    field->value = span_of(to, 0);
    for (;;) {
        struct template_piece piece = template_next(&scan);
        if (piece.kind == PIECE_END)
            break;
        if (piece.kind == PIECE_HOLE)
            *to++ = 0;
        memcpy(to, piece.text.at, piece.text.len);
        to += piece.text.len;
        if (piece.kind == PIECE_HOLE)
            *to++ = 0;
    }
    field->value.len = (size_t)(to - field->value.at);
    return to;
}

static bool parse_fields(struct compiler *compiler) {
    const struct plan_request *request = compiler->request;
    compiler->field_room = (unsigned)request->header_count + 1;
    compiler->field = pool_acquire(compiler->pool, compiler->field_room * sizeof *compiler->field);
    for (size_t i = 0; i < request->header_count; i++) {
        struct http_field *field = &compiler->field[compiler->field_count++];
        if (!request_field_parse(field, request->headers[i]))
            return refuse(compiler, "not a header field", request->headers[i]);
        if (request_field_is_framing(field))
            return refuse(compiler, "this header field is ringfetch's own to set",
                          request->headers[i]);
        /* A placeholder has five bytes at least, so two marks a piece are room enough. */
        compiler->values_room += 2 * field->value.len;
    }
    if (request->close)
        compiler->field[compiler->field_count++] =
            (struct http_field){.name = span_text("Connection"), .value = span_text("close")};
    return true;
}

static void mark_fields(struct compiler *compiler) {
    if (compiler->request->raw)
        return;
    uint8_t *to = compiler->values = pool_acquire(compiler->pool, compiler->values_room);
    for (size_t i = 0; i < compiler->request->header_count; i++)
        if (compiler->field[i].value.at)
            to = mark_value(&compiler->field[i], to);
}

/* The URL's own credentials go before the settings'. */
static void add_user(struct compiler *compiler) {
    const struct url *url = &compiler->url;
    size_t room = (size_t)url->username_len + url->password_len + 2;
    char *user = pool_acquire(compiler->pool, room);
    struct bytes own = {.at = (uint8_t *)user, .room = room};
    own.len = url_percent_decode(span_of(url->href + url->username, url->username_len), user);
    user[own.len++] = ':';
    own.len +=
        url_percent_decode(span_of(url->href + url->password, url->password_len), user + own.len);
    user[own.len] = '\0';
    bool has_own = own.len > 1 && !memchr(user, 0, own.len);
    const char *credentials = has_own ? user : compiler->request->user;
    if (credentials) {
        struct bytes *basic = &compiler->authorization;
        basic->room = sizeof "Basic " + 4 * (strlen(credentials) / 3 + 1);
        basic->at = pool_acquire(compiler->pool, basic->room);
        basic->len = request_basic(credentials, (char *)basic->at, basic->room);
    }
    bytes_release(&own, compiler->pool);
}

static bool check_texts(const struct compiler *compiler) {
    const struct plan_request *request = compiler->request;
    const char *texts[] = {request->user_agent, request->referer, request->user};
    if (!request_method_is_valid(compiler->method))
        return refuse(compiler, "not a method", compiler->method);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i] && !request_value_is_valid(texts[i]))
            return refuse(compiler, "control characters in a header field's value", texts[i]);
    return true;
}

static void write_head(struct compiler *compiler) {
    const struct plan_request *request = compiler->request;
    struct request_head head = {
        .method = compiler->method,
        .url = &compiler->url,
        .extra = compiler->field,
        .extra_count = compiler->field_count,
        .user_agent = request->user_agent,
        .referer = request->referer,
        .authorization = bytes_span(&compiler->authorization),
        .body_bytes = request->body.at ? 0 : -1,
        .content_type = request->body.at ? "application/x-www-form-urlencoded" : NULL,
    };
    struct bytes *text = &compiler->head;
    text->len = text->room = request_write(&head, NULL, 0);
    text->at = pool_acquire(compiler->pool, text->room);
    request_write(&head, (char *)text->at, text->room);
}

/* ---- cutting -------------------------------------------------------------------------------------- */

static enum template_result cut_target(const struct compiler *compiler,
                                       struct template_builder *builder) {
    struct span target = url_target(&compiler->url);
    size_t mark_len = strlen(compiler->mark);
    for (;;) {
        const uint8_t *mark = memmem(target.at, target.len, compiler->mark, mark_len);
        size_t len = mark ? (size_t)(mark - target.at) : target.len;
        template_add_text(builder, span_of(target.at, len));
        if (!mark)
            return TEMPLATE_OK;
        char *end;
        unsigned long index = strtoul((const char *)mark + mark_len, &end, 10);
        enum template_result result = template_add(builder, url_hole(compiler, (unsigned)index),
                                                   TEMPLATE_URL, compiler->why, compiler->why_size);
        if (result != TEMPLATE_OK)
            return result;
        size_t used = (size_t)((const uint8_t *)end + 1 - target.at);
        target = span_skip(target, used);
    }
}

/* Text, NUL, placeholder, NUL, text ... */
static enum template_result cut_fields(const struct compiler *compiler,
                                       struct template_builder *builder, struct span fields) {
    enum template_result result = TEMPLATE_OK;
    for (bool hole = false; result == TEMPLATE_OK; hole = !hole) {
        const uint8_t *nul = memchr(fields.at, 0, fields.len);
        struct span piece = span_of(fields.at, nul ? (size_t)(nul - fields.at) : fields.len);
        if (hole)
            result =
                template_add(builder, piece, TEMPLATE_FIELD, compiler->why, compiler->why_size);
        else
            template_add_text(builder, piece);
        if (!nul)
            break;
        fields = span_skip(fields, piece.len + 1);
    }
    return result;
}

static enum template_result add_body(const struct compiler *compiler,
                                     struct template_builder *builder) {
    struct span body = compiler->request->body;
    template_add_length(builder);
    template_add_text(builder, span_text("\r\n\r\n"));
    template_add_body(builder);
    if (!compiler->request->raw)
        return template_add(builder, body, TEMPLATE_BODY, compiler->why, compiler->why_size);
    template_add_text(builder, body);
    return TEMPLATE_OK;
}

/* The head is: method, space, target, and the rest, which for a body ends with a length of 0. */
static enum template_result cut(const struct compiler *compiler, struct template_builder *builder) {
    static const char no_length[] = "0\r\n\r\n";
    struct span head = bytes_span(&compiler->head);
    size_t before = strlen(compiler->method) + 1;
    bool has_body = compiler->request->body.at;
    template_add_text(builder, span_of(head.at, before));
    enum template_result result = cut_target(compiler, builder);
    if (result != TEMPLATE_OK)
        return result;
    struct span rest = span_skip(head, before + url_target(&compiler->url).len);
    if (has_body) {
        rest.len -= sizeof no_length - 1;
        CHECK(memcmp(rest.at + rest.len, no_length, sizeof no_length - 1) == 0);
    }
    result = cut_fields(compiler, builder, rest);
    return result == TEMPLATE_OK && has_body ? add_body(compiler, builder) : result;
}

static enum template_result compile_message(const struct compiler *compiler,
                                            struct template *message) {
    struct template_builder *builder = template_begin(&compiler->plan->shared);
    enum template_result result = cut(compiler, builder);
    if (result == TEMPLATE_OK)
        template_end(builder, message);
    else
        template_abandon(builder);
    return result;
}

/* ---- what is shown -------------------------------------------------------------------------------- */

/* The URL of the first request, without user and password: those are in a field, and it will be printed. */
static bool sample_url(const struct compiler *compiler, struct url *sampled) {
    struct pool *pool = compiler->pool;
    struct template target;
    struct bytes text = {0}, filled = {0};
    struct template_builder *builder = template_begin(&compiler->plan->shared);
    if (cut_target(compiler, builder) != TEMPLATE_OK) {
        template_abandon(builder);
        return false;
    }
    template_end(builder, &target);
    bytes_add(&text, pool, span_text(compiler->url.scheme == URL_HTTPS ? "https://" : "http://"));
    bytes_add(&text, pool, url_authority(&compiler->url));
    bytes_add(&text, pool, template_sample(&target, &filled, pool));
    char *href = pool_acquire(pool, URL_HREF_BYTES_MAX + 1);
    struct url url;
    enum url_fault fault = url_parse(&url, bytes_span(&text), NULL, href, URL_HREF_BYTES_MAX + 1);
    if (fault == URL_OK)
        *sampled = url_copy(&url, pool_acquire(pool, (size_t)url.href_len + 1));
    pool_release(pool, href, URL_HREF_BYTES_MAX + 1);
    bytes_release(&text, pool);
    bytes_release(&filled, pool);
    template_deinit(&target, pool);
    return fault == URL_OK || refuse(compiler, url_fault_text(fault), compiler->request->url);
}

/* Method and URL as typed, but without user and password. */
static const char *name_of(const struct compiler *compiler) {
    struct span typed = bytes_span(&compiler->typed), authority = plan_authority(typed);
    struct bytes name = {0};
    if (compiler->request->name)
        return pool_text(compiler->pool, compiler->request->name, strlen(compiler->request->name));
    const uint8_t *user = authority.len ? memrchr(authority.at, '@', authority.len) : NULL;
    bytes_add(&name, compiler->pool, span_text(compiler->method));
    bytes_add(&name, compiler->pool, span_text(" "));
    if (user) {
        bytes_add(&name, compiler->pool, span_of(typed.at, (size_t)(authority.at - typed.at)));
        typed = span_skip(typed, (size_t)(user + 1 - typed.at));
    }
    bytes_add(&name, compiler->pool, typed);
    const char *text = pool_text(compiler->pool, name.at, name.len);
    bytes_release(&name, compiler->pool);
    return text;
}

/* ---- the whole ------------------------------------------------------------------------------------- */

static void release(struct compiler *compiler) {
    struct pool *pool = compiler->pool;
    bytes_release(&compiler->typed, pool);
    bytes_release(&compiler->marked, pool);
    bytes_release(&compiler->authorization, pool);
    bytes_release(&compiler->head, pool);
    pool_release(pool, compiler->href, URL_HREF_BYTES_MAX + 1);
    pool_release(pool, compiler->field, compiler->field_room * sizeof *compiler->field);
    pool_release(pool, compiler->values, compiler->values_room);
}

static enum plan_result compile(struct compiler *compiler, struct plan_entry *entry) {
    static const enum plan_result results[] = {[TEMPLATE_OK] = PLAN_OK,
                                               [TEMPLATE_BAD] = PLAN_BAD,
                                               [TEMPLATE_UNREADABLE] = PLAN_UNREADABLE};
    if (!check_texts(compiler) || !parse_url(compiler) || !parse_fields(compiler))
        return PLAN_BAD;
    mark_fields(compiler);
    add_user(compiler);
    write_head(compiler);
    enum template_result result = compile_message(compiler, &entry->message);
    if (result != TEMPLATE_OK)
        return results[result];
    if (!sample_url(compiler, &entry->url))
        return PLAN_BAD;
    entry->name = name_of(compiler);
    entry->head_method = strcmp(compiler->method, "HEAD") == 0;
    entry->idempotent = request_method_is_idempotent(compiler->method);
    return PLAN_OK;
}

enum plan_result plan_compile(struct plan *plan, struct plan_entry *entry,
                              const struct plan_request *request, char *why, size_t why_size) {
    struct compiler compiler = {.pool = plan->pool,
                                .plan = plan,
                                .request = request,
                                .method = request->method,
                                .why = why,
                                .why_size = why_size};
    if (!compiler.method)
        compiler.method = request->body.at ? "POST" : "GET";
    enum plan_result result = compile(&compiler, entry);
    release(&compiler);
    return result;
}
