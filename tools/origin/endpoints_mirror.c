/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * endpoints_mirror.c: the request itself, and what the origin has counted. JSON is written by hand:
 * a library's tree would be built only to be printed at once.
 */
#include <stdio.h>

#include "connection_tls.h"
#include "endpoints.h"
#include "http/token.h"
#include "keys.h"
#include "reply.h"
#include "worker.h"

/* A body whose length is known only when it has been written is written first, from `at` on; then
 * the head changes places with it. */
static struct plan end_late(struct connection *connection, const char *type, size_t at) {
    char head[512];
    size_t body_bytes = connection->out_len - at;
    reply_begin(connection, 200);
    reply_field(connection, "Content-Type", type);
    reply_length(connection, body_bytes);
    reply_end(connection);
    size_t head_bytes = connection->out_len - at - body_bytes;
    CHECK(head_bytes <= sizeof head);
    char *out = connection->out + at;
    memcpy(head, out + body_bytes, head_bytes);
    memmove(out + head_bytes, out, body_bytes);
    memcpy(out, head, head_bytes);
    if (connection->is_head)
        connection->out_len -= (uint32_t)body_bytes;
    return plan_end();
}

/* ---- /headers and /echo ------------------------------------------------------------------------ */

/* Bytes beyond ASCII are shown as if they were Latin-1, which is what they may be. */
static void json_text(struct connection *connection, struct span text) {
    for (size_t i = 0; i < text.len; i++) {
        char escaped[8];
        uint8_t c = text.at[i];
        if (c == '"' || c == '\\')
            REPLY_LITERAL(connection, "\\");
        if (c >= 0x20 && c < 0x7f) {
            reply_bytes(connection, &c, 1);
        } else {
            snprintf(escaped, sizeof escaped, "\\u%04x", c);
            reply_text(connection, escaped);
        }
    }
}

/* Fields of one name are joined as RFC 9110, 5.3 has it: an object has a name once. */
static void json_field(struct connection *connection, const struct request *request, unsigned at) {
    struct span name = request->field[at].name;
    for (unsigned i = 0; i < at; i++)
        if (span_same_nocase(request->field[i].name, name))
            return;
    if (at)
        REPLY_LITERAL(connection, ",");
    REPLY_LITERAL(connection, "\n  \"");
    json_text(connection, name);
    REPLY_LITERAL(connection, "\": \"");
    json_text(connection, request->field[at].value);
    for (unsigned i = at + 1; i < request->field_count; i++) {
        if (!span_same_nocase(request->field[i].name, name))
            continue;
        REPLY_LITERAL(connection, ", ");
        json_text(connection, request->field[i].value);
    }
    REPLY_LITERAL(connection, "\"");
}

struct plan endpoint_headers(struct connection *connection, const struct request *request,
                             struct span rest) {
    (void)rest;
    size_t begin = connection->out_len;
    REPLY_LITERAL(connection, "{\"headers\": {");
    for (unsigned i = 0; i < request->field_count; i++)
        json_field(connection, request, i);
    REPLY_LITERAL(connection, "\n}}\n");
    return end_late(connection, "application/json", begin);
}

struct plan endpoint_echo(struct connection *connection, const struct request *request,
                          struct span rest) {
    const struct http_field *type = request_field(request, "content-type");
    bool only_body = span_is(rest, "body");
    if (rest.len && !only_body)
        return reply_line(connection, 404, "/echo or /echo/body\n");
    reply_begin(connection, 200);
    if (only_body && type) {
        REPLY_LITERAL(connection, "Content-Type: ");
        reply_bytes(connection, type->value.at, type->value.len);
        REPLY_LITERAL(connection, "\r\n");
    } else {
        reply_field(connection, "Content-Type",
                    only_body ? "application/octet-stream" : "text/plain");
    }
    reply_length(connection, request->body.len + (only_body ? 0 : request->head.len));
    reply_end(connection);
    if (connection->is_head)
        return plan_end();
    if (!only_body)
        reply_bytes(connection, request->head.at, request->head.len);
    reply_bytes(connection, request->body.at, request->body.len);
    return plan_end();
}

/* ---- /tls -------------------------------------------------------------------------------------- */

static void json_string(struct connection *connection, const char *name, const char *value) {
    REPLY_LITERAL(connection, "\"");
    reply_text(connection, name);
    REPLY_LITERAL(connection, "\": ");
    if (!value || !*value) {
        REPLY_LITERAL(connection, "null");
        return;
    }
    REPLY_LITERAL(connection, "\"");
    json_text(connection, span_text(value));
    REPLY_LITERAL(connection, "\"");
}

static struct plan answer_tls(struct connection *connection) {
    struct tls_facts facts = connection_tls_facts(connection);
    size_t begin = connection->out_len;
    REPLY_LITERAL(connection, "{");
    json_string(connection, "version", tls_version_name(facts.version));
    REPLY_LITERAL(connection, ", ");
    json_string(connection, "cipher", facts.cipher);
    REPLY_LITERAL(connection, ", ");
    json_string(connection, "alpn", connection_tls_alpn(connection));
    reply_text(connection, facts.resumed ? ", \"resumed\": true}\n" : ", \"resumed\": false}\n");
    tls_facts_drop(&facts);
    return end_late(connection, "application/json", begin);
}

/* In a step of its own: the stream must not be asked while what it has decrypted is in use. */
struct plan endpoint_tls(struct connection *connection, const struct request *request,
                         struct span rest) {
    (void)request, (void)rest;
    connection->progress.next = answer_tls;
    return (struct plan){.after = AFTER_NEXT};
}

/* ---- /stats ------------------------------------------------------------------------------------ */

static struct tally_sum sum_up(const struct server *server) {
    struct tally_sum sum = {0};
    for (unsigned i = 0; i < server->worker_count; i++)
        origin_tally_add(&sum, &server->workers[i].tally);
    return sum;
}

static void json_number(struct connection *connection, const char *name, uint64_t number) {
    REPLY_LITERAL(connection, "\"");
    reply_text(connection, name);
    REPLY_LITERAL(connection, "\": ");
    reply_number(connection, number);
}

static void json_gauge(struct connection *connection, const char *name, struct gauge *gauge,
                       int64_t untold) {
    int64_t now = atomic_load(&gauge->now) + untold, most = atomic_load(&gauge->most);
    REPLY_LITERAL(connection, "\"");
    reply_text(connection, name);
    REPLY_LITERAL(connection, "\": {");
    json_number(connection, "now", (uint64_t)now);
    REPLY_LITERAL(connection, ", ");
    json_number(connection, "most", (uint64_t)(most > now ? most : now));
    REPLY_LITERAL(connection, "},\n ");
}

static struct plan reset_stats(struct connection *connection) {
    struct server *server = connection->worker->server;
    struct tally_sum sum = sum_up(server);
    pthread_mutex_lock(&server->lock);
    server->reset = sum;
    pthread_mutex_unlock(&server->lock);
    gauge_reset(&server->connections);
    gauge_reset(&server->in_flight);
    keys_clear(server->keys);
    return reply_line(connection, 200, "reset\n");
}

struct plan endpoint_stats(struct connection *connection, const struct request *request,
                           struct span rest) {
    struct server *server = connection->worker->server;
    const struct tally *own = &connection->worker->tally;
    (void)request;
    if (span_is(rest, "reset"))
        return reset_stats(connection);
    struct tally_sum sum = sum_up(server);
    pthread_mutex_lock(&server->lock);
    tally_sum_subtract(&sum, &server->reset);
    pthread_mutex_unlock(&server->lock);
    size_t begin = connection->out_len;
    REPLY_LITERAL(connection, "{");
    json_gauge(connection, "connections", &server->connections,
               own->connections_now - own->connections_told);
    json_gauge(connection, "in_flight", &server->in_flight,
               own->in_flight_now - own->in_flight_told);
    json_number(connection, "accepted", sum.connections);
    REPLY_LITERAL(connection, ", ");
    json_number(connection, "requests", sum.requests);
    REPLY_LITERAL(connection, ", ");
    json_number(connection, "refused", sum.refused);
    REPLY_LITERAL(connection, ",\n \"tls\": {");
    json_number(connection, "handshakes", sum.handshakes);
    REPLY_LITERAL(connection, ", ");
    json_number(connection, "resumed", sum.resumed);
    REPLY_LITERAL(connection, ", ");
    json_number(connection, "failed", sum.handshakes_failed);
    REPLY_LITERAL(connection, "},\n \"paths\": {");
    for (unsigned i = 0, shown = 0; i < endpoint_count; i++) {
        char path[32];
        if (sum.paths[i] == 0)
            continue;
        if (shown++)
            REPLY_LITERAL(connection, ", ");
        snprintf(path, sizeof path, "/%s", endpoints[i].name);
        json_number(connection, path, sum.paths[i]);
    }
    REPLY_LITERAL(connection, "}}\n");
    return end_late(connection, "application/json", begin);
}
