/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * endpoints_faults.c: answers that come late, in bits, twice, or not at all: what a client must
 * survive. Nothing here holds memory while it waits.
 */
#include "base/clock.h"
#include "endpoints.h"
#include "pattern.h"
#include "query.h"
#include "reply.h"

static struct plan bad_parameter(struct connection *connection) {
    return reply_line(connection, 400, "a number or a parameter makes no sense\n");
}

/* ---- late -------------------------------------------------------------------------------------- */

static struct plan end_delay(struct connection *connection) {
    return reply_line(connection, 200, "here at last\n");
}

struct plan endpoint_delay(struct connection *connection, const struct request *request,
                           struct span rest) {
    uint64_t delay_ns;
    (void)request;
    if (!seconds_read(rest, &delay_ns))
        return bad_parameter(connection);
    connection->progress.next = end_delay;
    return delay_ns ? (struct plan){.wait_ns = delay_ns, .after = AFTER_NEXT}
                    : end_delay(connection);
}

static const char slow_head[] = "HTTP/1.1 200 OK\r\nX-Pace: slow\r\nContent-Length: 5\r\n\r\n";

static struct plan send_head_byte(struct connection *connection) {
    struct progress *progress = &connection->progress;
    if (progress->at == sizeof slow_head - 1) {
        if (!connection->is_head)
            REPLY_LITERAL(connection, "done\n");
        /* Without a body there would be nothing left to send. */
        return plan_end();
    }
    struct span byte = span_of(slow_head + progress->at++, 1);
    bool is_all = progress->at == sizeof slow_head - 1 && connection->is_head;
    return (struct plan){
        .body = byte, .wait_ns = progress->step_ns, .after = is_all ? AFTER_END : AFTER_NEXT};
}

struct plan endpoint_slow_head(struct connection *connection, const struct request *request,
                               struct span rest) {
    uint64_t step_ns = 10 * NS_PER_MS;
    (void)rest;
    if (!query_seconds(request->query, "delay", &step_ns))
        return bad_parameter(connection);
    connection->progress =
        (struct progress){.file = -1, .next = send_head_byte, .step_ns = step_ns};
    return send_head_byte(connection);
}

/* ---- cut off ----------------------------------------------------------------------------------- */

static struct plan reset_now(struct connection *connection) {
    (void)connection;
    return (struct plan){.after = AFTER_RESET};
}

static struct plan send_then_reset(struct connection *connection) {
    struct progress *progress = &connection->progress;
    struct span piece = pattern_span(progress->at, progress->left);
    progress->at += piece.len;
    progress->left -= piece.len;
    if (progress->left)
        return (struct plan){.body = piece, .after = AFTER_NEXT};
    /* A reset throws away what has not left yet. */
    progress->next = reset_now;
    return (struct plan){.body = piece, .wait_ns = 20 * NS_PER_MS, .after = AFTER_NEXT};
}

struct plan endpoint_reset(struct connection *connection, const struct request *request,
                           struct span rest) {
    uint64_t count = 0;
    (void)request;
    if (rest.len && (!size_read(rest, &count) || count > INT64_MAX / 2))
        return bad_parameter(connection);
    if (!rest.len)
        return reset_now(connection);
    reply_begin(connection, 200);
    reply_length(connection, 2 * count + 1);
    reply_end(connection);
    connection->progress = (struct progress){
        .file = -1, .next = send_then_reset, .left = connection->is_head ? 0 : count};
    return send_then_reset(connection);
}

struct plan endpoint_no_response(struct connection *connection, const struct request *request,
                                 struct span rest) {
    (void)connection, (void)request, (void)rest;
    return (struct plan){.after = AFTER_CLOSE};
}

struct plan endpoint_hang(struct connection *connection, const struct request *request,
                          struct span rest) {
    (void)connection, (void)request, (void)rest;
    return (struct plan){.after = AFTER_HANG};
}

/* ---- too much ---------------------------------------------------------------------------------- */

static struct plan send_unasked(struct connection *connection) {
    return reply_line(connection, 408, "nobody asked for this\n");
}

struct plan endpoint_unsolicited(struct connection *connection, const struct request *request,
                                 struct span rest) {
    (void)request, (void)rest;
    reply_line(connection, 200, "asked for\n");
    connection->progress.next = send_unasked;
    return (struct plan){.wait_ns = 50 * NS_PER_MS, .after = AFTER_NEXT};
}

static struct plan send_interim(struct connection *connection) {
    enum { AT_ONCE = 32 };
    struct progress *progress = &connection->progress;
    for (unsigned i = 0; i < AT_ONCE && progress->left; i++, progress->left--)
        REPLY_LITERAL(connection,
                      "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n");
    if (progress->left)
        return (struct plan){.after = AFTER_NEXT};
    return reply_line(connection, 200, "final\n");
}

struct plan endpoint_interim(struct connection *connection, const struct request *request,
                             struct span rest) {
    uint64_t count;
    if (!number_read(rest, 1000000, &count))
        return bad_parameter(connection);
    if (request->minor == 0) /* RFC 9110, 15.2: never to HTTP/1.0 */
        count = 0;
    connection->progress = (struct progress){.file = -1, .next = send_interim, .left = count};
    return send_interim(connection);
}
