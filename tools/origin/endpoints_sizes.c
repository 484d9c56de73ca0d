/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * endpoints_sizes.c: bodies of a size that the request names, framed in every way there is, and in
 * some that there should not be. Short bodies are copied behind their head and leave in one send;
 * long ones are sent from the pattern itself, piece by piece.
 */
#include <stdio.h>

#include "base/clock.h"
#include "endpoints.h"
#include "pattern.h"
#include "query.h"
#include "range.h"
#include "reply.h"

enum {
    COPIED_BYTES_MAX = 3072, /* with its head this still fits the smallest output buffer */
    CHUNK_BYTES = 4096,
    MODIFIED_S = 1767225600, /* 2026-01-01: when the pattern was last changed, so to say */
};

static struct plan bad_size(struct connection *connection) {
    return reply_line(connection, 400, "the size or a parameter makes no sense\n");
}

static enum after last_of(const struct progress *progress) {
    return progress->is_cut ? AFTER_CLOSE : AFTER_END;
}

/* The next piece of a body whose framing is the head's business. */
static struct plan send_pattern(struct connection *connection) {
    struct progress *progress = &connection->progress;
    struct span piece = pattern_span(progress->at, progress->left);
    progress->at += piece.len;
    progress->left -= piece.len;
    return (struct plan){.body = piece, .after = progress->left ? AFTER_NEXT : last_of(progress)};
}

/* With `is_cut` the connection is closed after it, rudely. */
static struct plan begin_body(struct connection *connection, uint64_t at, uint64_t count,
                              bool is_cut) {
    connection->progress.is_cut = is_cut;
    if (connection->is_head)
        return plan_end();
    if (count == 0)
        return (struct plan){.after = last_of(&connection->progress)};
    connection->progress.at = at % PATTERN_PERIOD;
    connection->progress.left = count;
    connection->progress.next = send_pattern;
    if (count <= COPIED_BYTES_MAX) {
        reply_bytes(connection, pattern_span(at, count).at, count);
        return (struct plan){.after = last_of(&connection->progress)};
    }
    return send_pattern(connection);
}

static struct plan begin_pattern(struct connection *connection, uint64_t at, uint64_t count) {
    return begin_body(connection, at, count, false);
}

/* ---- /bytes ------------------------------------------------------------------------------------ */

/* What snprintf's %llx does, at a fifth of the cost: benchmarks come through here. */
static char *write_hex(char *at, uint64_t number) {
    unsigned shift = number ? (63 - (unsigned)__builtin_clzll(number)) / 4 * 4 : 0;
    for (;; shift -= 4) {
        *at++ = "0123456789abcdef"[number >> shift & 15];
        if (shift == 0)
            return at;
    }
}

static void write_etag(char *at, uint64_t length, uint64_t seed) {
    *at++ = '"';
    at = write_hex(at, length);
    *at++ = '-';
    at = write_hex(at, seed);
    memcpy(at, "\"", 2);
}

struct plan endpoint_bytes(struct connection *connection, const struct request *request,
                           struct span rest) {
    struct resource resource = {.modified_s = MODIFIED_S,
                                .modified = "Thu, 01 Jan 2026 00:00:00 GMT",
                                .type = "application/octet-stream"};
    uint64_t seed = 0;
    if (!size_read(rest, &resource.length) ||
        !query_number(request->query, "seed", INT64_MAX, &seed))
        return bad_size(connection);
    write_etag(resource.etag, resource.length, seed);
    struct selection part = range_select(request, &resource);
    reply_selection(connection, &resource, &part);
    return begin_pattern(connection, seed % PATTERN_PERIOD + part.first % PATTERN_PERIOD,
                         part.count);
}

/* What the lab's floor serves: nothing that could be left out. */
struct plan endpoint_small(struct connection *connection, const struct request *request,
                           struct span rest) {
    (void)request, (void)rest;
    REPLY_LITERAL(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n");
    reply_end(connection);
    return begin_pattern(connection, 0, 100);
}

/* ---- /close, /truncate, /surplus --------------------------------------------------------------- */

struct plan endpoint_close(struct connection *connection, const struct request *request,
                           struct span rest) {
    uint64_t count, notify = 1;
    if (!size_read(rest, &count) || !query_number(request->query, "notify", 1, &notify))
        return bad_size(connection);
    connection->keep_alive = false;
    reply_begin(connection, 200);
    reply_field(connection, "Content-Type", "application/octet-stream");
    reply_end(connection);
    return begin_body(connection, 0, count, notify == 0);
}

struct plan endpoint_truncate(struct connection *connection, const struct request *request,
                              struct span rest) {
    uint64_t count;
    (void)request;
    if (!size_read(rest, &count) || count > INT64_MAX / 2)
        return bad_size(connection);
    reply_begin(connection, 200);
    reply_length(connection, count ? 2 * count : 1);
    reply_end(connection);
    connection->keep_alive = false; /* after the head, which promises more */
    return begin_body(connection, 0, count, true);
}

static struct plan send_surplus(struct connection *connection) {
    struct progress *progress = &connection->progress;
    if (progress->left)
        reply_bytes(connection, pattern_span(progress->at, progress->left).at, progress->left);
    REPLY_LITERAL(connection, "these bytes belong to no response\r\n");
    return plan_end();
}

struct plan endpoint_surplus(struct connection *connection, const struct request *request,
                             struct span rest) {
    uint64_t count;
    (void)request;
    if (!size_read(rest, &count) || count > PATTERN_RUN)
        return bad_size(connection);
    reply_begin(connection, 200);
    reply_length(connection, count);
    reply_end(connection);
    struct progress *progress = &connection->progress;
    if (connection->is_head)
        count = 0;
    /* The last part of a long body goes with the surplus, in one segment if TCP lets it. */
    uint64_t tail = count < COPIED_BYTES_MAX ? count : COPIED_BYTES_MAX;
    *progress = (struct progress){
        .file = -1, .next = send_surplus, .at = (count - tail) % PATTERN_PERIOD, .left = tail};
    if (tail == count)
        return send_surplus(connection);
    return (struct plan){.body = pattern_span(0, count - tail), .after = AFTER_NEXT};
}

/* ---- /chunked ---------------------------------------------------------------------------------- */

static struct plan end_chunks(struct connection *connection) {
    REPLY_LITERAL(connection, "0\r\n");
    if (connection->progress.trailers) {
        REPLY_LITERAL(connection, "X-Body-Bytes: ");
        reply_number(connection, connection->progress.at);
        REPLY_LITERAL(connection, "\r\n");
    }
    REPLY_LITERAL(connection, "\r\n");
    return plan_end();
}

static void begin_chunk(struct connection *connection, size_t bytes) {
    char line[24];
    snprintf(line, sizeof line, "%zx\r\n", bytes);
    reply_text(connection, line);
}

/* Small chunks are gathered in the output; a large one follows its size from the pattern, and the
 * next step begins with its line end. */
static struct plan send_chunks(struct connection *connection) {
    struct progress *progress = &connection->progress;
    if (progress->step_bytes > COPIED_BYTES_MAX && progress->at > 0)
        REPLY_LITERAL(connection, "\r\n");
    while (progress->left) {
        uint64_t size =
            progress->left < progress->step_bytes ? progress->left : progress->step_bytes;
        struct span chunk = pattern_span(progress->at, size);
        begin_chunk(connection, chunk.len);
        progress->at += chunk.len;
        progress->left -= chunk.len;
        if (progress->step_bytes > COPIED_BYTES_MAX)
            return (struct plan){.body = chunk, .after = AFTER_NEXT};
        reply_bytes(connection, chunk.at, chunk.len);
        REPLY_LITERAL(connection, "\r\n");
        if (connection->out_len > COPIED_BYTES_MAX && progress->left)
            return (struct plan){.after = AFTER_NEXT};
    }
    return end_chunks(connection);
}

struct plan endpoint_chunked(struct connection *connection, const struct request *request,
                             struct span rest) {
    uint64_t count, trailers = 0, chunk = CHUNK_BYTES;
    if (!size_read(rest, &count) || !query_size(request->query, "chunk", &chunk) || chunk == 0 ||
        chunk > PATTERN_RUN || !query_number(request->query, "trailers", 1, &trailers))
        return bad_size(connection);
    if (connection->is_http10) /* RFC 9112, 6.1: it would not understand */
        return endpoint_close(connection, request, rest);
    reply_begin(connection, 200);
    REPLY_LITERAL(connection, "Content-Type: application/octet-stream\r\n"
                              "Transfer-Encoding: chunked\r\n");
    if (trailers)
        reply_field(connection, "Trailer", "X-Body-Bytes");
    reply_end(connection);
    if (connection->is_head)
        return plan_end();
    connection->progress = (struct progress){.file = -1,
                                             .next = send_chunks,
                                             .left = count,
                                             .step_bytes = chunk,
                                             .trailers = trailers != 0};
    return send_chunks(connection);
}

/* ---- /drip ------------------------------------------------------------------------------------- */

static struct plan send_drop(struct connection *connection) {
    struct progress *progress = &connection->progress;
    uint64_t size = progress->left < progress->step_bytes ? progress->left : progress->step_bytes;
    struct span drop = pattern_span(progress->at, size);
    progress->at += drop.len;
    progress->left -= drop.len;
    if (progress->left == 0)
        return (struct plan){.body = drop, .after = AFTER_END};
    return (struct plan){.body = drop, .wait_ns = progress->step_ns, .after = AFTER_NEXT};
}

static struct plan begin_drip(struct connection *connection) {
    struct progress *progress = &connection->progress;
    reply_begin(connection, progress->status);
    reply_field(connection, "Content-Type", "application/octet-stream");
    reply_length(connection, progress->left);
    reply_end(connection);
    if (connection->is_head || progress->left == 0)
        return plan_end();
    progress->next = send_drop;
    return send_drop(connection);
}

struct plan endpoint_drip(struct connection *connection, const struct request *request,
                          struct span rest) {
    uint64_t count = 10, duration_ns = 2 * NS_PER_S, delay_ns = 2 * NS_PER_S, status = 200;
    struct span query = request->query;
    (void)rest;
    if (!query_size(query, "numbytes", &count) || !query_size(query, "bytes", &count) ||
        !query_seconds(query, "duration", &duration_ns) ||
        !query_seconds(query, "delay", &delay_ns) || !query_number(query, "code", 599, &status) ||
        status < 200 || status == 204 || status == 304)
        return bad_size(connection);
    /* The timers' grain is a millisecond: what is faster comes in larger drops. */
    uint64_t steps = duration_ns / NS_PER_MS + 1;
    uint64_t size = count / steps + 1;
    if (size > PATTERN_RUN)
        size = PATTERN_RUN;
    uint64_t drops = count ? (count + size - 1) / size : 1;
    connection->progress = (struct progress){.file = -1,
                                             .next = begin_drip,
                                             .left = count,
                                             .step_bytes = size,
                                             .step_ns = duration_ns / drops,
                                             .status = (uint16_t)status};
    if (delay_ns == 0)
        return begin_drip(connection);
    return (struct plan){.wait_ns = delay_ns, .after = AFTER_NEXT};
}
