/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * endpoints_status.c: answers that are about their status and fields more than about a body.
 */
#include <stdio.h>

#include "base/clock.h"
#include "endpoints.h"
#include "http/url.h"
#include "keys.h"
#include "pattern.h"
#include "query.h"
#include "reply.h"
#include "worker.h"

enum { DECODED_BYTES_MAX = 8192 };

static struct plan bad_parameter(struct connection *connection) {
    return reply_line(connection, 400, "a number or a parameter makes no sense\n");
}

struct plan endpoint_help_page(struct connection *connection, const struct request *request,
                               struct span rest) {
    (void)request, (void)rest;
    return reply_line(connection, 200, endpoints_help);
}

struct plan endpoint_status(struct connection *connection, const struct request *request,
                            struct span rest) {
    uint64_t status;
    char body[80];
    (void)request;
    /* 1xx are no final answers, and 101 would be a lie. */
    if (!number_read(rest, 999, &status) || status < 200)
        return bad_parameter(connection);
    bool is_empty = status == 204 || status == 304;
    int len =
        snprintf(body, sizeof body, "%u %s\n", (unsigned)status, reply_reason((unsigned)status));
    reply_begin(connection, (unsigned)status);
    if (status == 401)
        reply_field(connection, "WWW-Authenticate", "Basic realm=\"origin\"");
    if (status == 407)
        reply_field(connection, "Proxy-Authenticate", "Basic realm=\"origin\"");
    if (!is_empty) {
        reply_field(connection, "Content-Type", "text/plain");
        reply_length(connection, (uint64_t)len);
    }
    reply_end(connection);
    if (!is_empty && !connection->is_head)
        reply_text(connection, body);
    return plan_end();
}

/* ---- /redirect --------------------------------------------------------------------------------- */

/* Decoded, or at NULL when it would be too long or would end the field. */
static struct span decode(struct span text, char *memory) {
    if (text.len > DECODED_BYTES_MAX)
        return span_of(NULL, 0);
    size_t len = url_percent_decode(text, memory);
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)memory[i] < 0x20 || memory[i] == 0x7f)
            return span_of(NULL, 0);
    return span_of(memory, len);
}

static void write_location(struct connection *connection, const struct request *request,
                           uint64_t hops, struct span to) {
    REPLY_LITERAL(connection, "Location: ");
    if (hops > 1) {
        REPLY_LITERAL(connection, "/redirect/");
        reply_number(connection, hops - 1);
        if (request->query.len) {
            REPLY_LITERAL(connection, "?");
            reply_bytes(connection, request->query.at, request->query.len);
        }
    } else {
        reply_bytes(connection, to.at, to.len);
    }
    REPLY_LITERAL(connection, "\r\n");
}

struct plan endpoint_redirect(struct connection *connection, const struct request *request,
                              struct span rest) {
    uint64_t hops, code = 302;
    char memory[DECODED_BYTES_MAX];
    struct span to = query_value(request->query, "to");
    to = to.at ? decode(to, memory) : span_text("/bytes/2");
    if (!number_read(rest, 1000000, &hops) || !query_number(request->query, "code", 399, &code) ||
        code < 300 || code == 304 || !to.at)
        return bad_parameter(connection);
    if (hops == 0)
        return reply_whole(connection, 200, "application/octet-stream", pattern_span(0, 2));
    reply_begin(connection, (unsigned)code);
    write_location(connection, request, hops, to);
    reply_length(connection, 0);
    reply_end(connection);
    return plan_end();
}

/* ---- failing a few times ----------------------------------------------------------------------- */

/* Whether this is one of the first `times` requests under the endpoint's and the query's key. */
static bool is_early(struct connection *connection, const char *endpoint,
                     const struct request *request, uint64_t times, bool *is_known) {
    char memory[KEY_BYTES_MAX];
    struct span name = query_value(request->query, "key");
    uint64_t before = 0;
    int len = snprintf(memory, sizeof memory, "%s %.*s", endpoint, (int)name.len,
                       name.at ? (const char *)name.at : "");
    *is_known = len < (int)sizeof memory &&
                keys_count(connection->worker->server->keys, span_of(memory, (size_t)len), &before);
    return before < times;
}

static struct plan too_many_keys(struct connection *connection) {
    return reply_line(connection, 400, "the key is too long, or there are too many\n");
}

struct plan endpoint_retry_after(struct connection *connection, const struct request *request,
                                 struct span rest) {
    uint64_t times = 1, status = 503, after_s;
    char date[HTTP_DATE_BYTES + 1];
    bool is_known;
    if (!number_read(rest, 1000000000, &after_s) ||
        !query_number(request->query, "times", INT64_MAX, &times) ||
        !query_number(request->query, "status", 599, &status) || status < 300)
        return bad_parameter(connection);
    bool early = is_early(connection, "retry-after", request, times, &is_known);
    if (!is_known)
        return too_many_keys(connection);
    if (!early)
        return reply_line(connection, 200, "ready now\n");
    reply_begin(connection, (unsigned)status);
    REPLY_LITERAL(connection, "Retry-After: ");
    if (query_value(request->query, "date").at) {
        http_date_write(clock_wall_us() / 1000000 + (int64_t)after_s, date);
        reply_text(connection, date);
    } else {
        reply_number(connection, after_s);
    }
    REPLY_LITERAL(connection, "\r\n");
    reply_length(connection, 0);
    reply_end(connection);
    return plan_end();
}

struct plan endpoint_flaky(struct connection *connection, const struct request *request,
                           struct span rest) {
    uint64_t times = 1, status = 503;
    bool is_known;
    (void)rest;
    if (!query_number(request->query, "fail", INT64_MAX, &times) ||
        !query_number(request->query, "status", 599, &status) || (status && status < 300))
        return bad_parameter(connection);
    bool early = is_early(connection, "flaky", request, times, &is_known);
    if (!is_known)
        return too_many_keys(connection);
    if (!early)
        return reply_line(connection, 200, "it works\n");
    if (status == 0)
        return (struct plan){.after = AFTER_RESET};
    return reply_line(connection, (unsigned)status, "not yet\n");
}

/* ---- /name ------------------------------------------------------------------------------------- */

/* RFC 6266: a quoted string for everybody, and filename* where the name is not ASCII. */
static void write_disposition(struct connection *connection, struct span raw, struct span name) {
    bool is_ascii = true;
    REPLY_LITERAL(connection, "Content-Disposition: attachment; filename=\"");
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '"' || name.at[i] == '\\')
            REPLY_LITERAL(connection, "\\");
        is_ascii &= name.at[i] < 0x80;
        reply_bytes(connection, &name.at[i], 1);
    }
    REPLY_LITERAL(connection, "\"");
    if (!is_ascii) {
        REPLY_LITERAL(connection, "; filename*=UTF-8''");
        reply_bytes(connection, raw.at, raw.len);
    }
    REPLY_LITERAL(connection, "\r\n");
}

struct plan endpoint_name(struct connection *connection, const struct request *request,
                          struct span rest) {
    char memory[DECODED_BYTES_MAX];
    (void)request;
    struct span name = decode(rest, memory), body = pattern_span(0, 16);
    if (!name.at)
        return bad_parameter(connection);
    reply_begin(connection, 200);
    reply_field(connection, "Content-Type", "application/octet-stream");
    write_disposition(connection, rest, name);
    reply_length(connection, body.len);
    reply_end(connection);
    if (!connection->is_head)
        reply_bytes(connection, body.at, body.len);
    return plan_end();
}
