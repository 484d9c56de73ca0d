/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * connection_read.c: requests out of a connection's bytes. A request that arrives in one piece is
 * parsed where it was received; only what is unfinished, or comes while an answer is under way, is
 * copied. Reading stops while too much of that has gathered, so a client that pipelines without
 * reading is held back by TCP.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "connection.h"
#include "connection_parts.h"
#include "endpoints.h"
#include "log.h"
#include "reply.h"
#include "worker.h"

enum {
    IN_BYTES = 1024,
    IN_BYTES_PAUSE = 64 * 1024,          /* gathered behind an answer: no more is read */
    BATCH_ROOM = 2048,                   /* left in the output for another pipelined answer */
    UPLOAD_BYTES_MAX = 64 * 1024 * 1024, /* kept for /echo; anything longer is 413 */
};

/* A request whose body is coming in. Its head is kept because its spans must outlive the receive. */
struct upload {
    struct body_reader reader;
    const struct endpoint *endpoint;
    size_t head_bytes, bytes, room;
    bool is_kept;
    uint8_t *memory; /* head, then body */
};

/* ---- what must be kept ------------------------------------------------------------------------- */

static void release_in(struct connection *connection) {
    pool_release(&connection->worker->pool, connection->in, connection->in_room);
    connection->in = NULL;
    connection->in_len = connection->in_room = connection->in_scanned = 0;
}

static void release_upload(struct connection *connection) {
    if (!connection->upload)
        return;
    free(connection->upload->memory);
    free(connection->upload);
    connection->upload = NULL;
}

void connection_release_input(struct connection *connection) {
    release_in(connection);
    release_upload(connection);
}

static void append_in(struct connection *connection, struct span bytes) {
    struct pool *pool = &connection->worker->pool;
    size_t needed = connection->in_len + bytes.len;
    if (needed > connection->in_room) {
        size_t room = connection->in_room ? connection->in_room : IN_BYTES;
        while (room < needed)
            room *= 2;
        uint8_t *in = pool_acquire(pool, room);
        if (connection->in_len)
            memcpy(in, connection->in, connection->in_len);
        pool_release(pool, connection->in, connection->in_room);
        connection->in = in;
        connection->in_room = (uint32_t)room;
    }
    memcpy(connection->in + connection->in_len, bytes.at, bytes.len);
    connection->in_len += (uint32_t)bytes.len;
}

/* What the input buffer holds now is its last `left` bytes. */
static void keep_last(struct connection *connection, size_t left) {
    if (left == 0) {
        release_in(connection);
        return;
    }
    memmove(connection->in, connection->in + connection->in_len - left, left);
    connection->in_len = (uint32_t)left;
}

/* ---- answering a request ----------------------------------------------------------------------- */

static void work(uint64_t duration_ns) {
    uint64_t end = clock_now_ns() + duration_ns;
    while (clock_now_ns() < end)
        continue;
}

/* Either leaves the answer in the output, for the next one to join it, or follows its plan. */
static void settle(struct connection *connection, struct plan plan) {
    bool may_join = plan.after == AFTER_END && plan.wait_ns == 0 && plan.body.len == 0 &&
                    connection->keep_alive &&
                    connection->out_len + BATCH_ROOM <= connection->out_room;
    if (!may_join)
        connection_follow(connection, plan);
}

static void begin_answer(struct connection *connection, const struct request *request) {
    connection->answered++;
    connection->worker->tally.in_flight_now++;
    connection->is_head = request->is_head;
    connection->keep_alive = request->keep_alive && !connection->worker->is_stopping;
    connection->is_http10 = request->minor == 0;
    counter_add(&connection->worker->tally.requests, 1);
}

static void refuse(struct connection *connection, unsigned status) {
    connection->answered++;
    connection->worker->tally.in_flight_now++;
    connection->is_head = false;
    counter_add(&connection->worker->tally.refused, 1);
    connection_follow(connection, reply_refusal(connection, status));
}

static void answer(struct connection *connection, const struct request *request,
                   const struct endpoint *endpoint, struct span rest) {
    struct server *server = connection->worker->server;
    struct plan plan;
    begin_answer(connection, request);
    if (UNLIKELY(server->work_ns))
        work(server->work_ns);
    size_t status_at = connection->out_len;
    if (!endpoint) {
        plan = reply_line(connection, 404, "no such endpoint; GET / lists them\n");
    } else {
        counter_add(&connection->worker->tally.paths[endpoint - endpoints], 1);
        bool is_get = request->is_head || span_is(request->method, "GET");
        plan = is_get || endpoint->traits & ENDPOINT_ANY_METHOD
                   ? endpoint->answer(connection, request, rest)
                   : reply_line(connection, 405, "only GET and HEAD\n");
    }
    if (UNLIKELY(server->log))
        log_request(server->log, request,
                    span_of(connection->out + status_at, connection->out_len - status_at));
    settle(connection, plan);
}

/* ---- request bodies ---------------------------------------------------------------------------- */

static void begin_upload(struct connection *connection, const struct request *request,
                         const struct endpoint *endpoint) {
    struct response_framing framing = {.framing =
                                           request->is_chunked ? FRAMING_CHUNKED : FRAMING_LENGTH,
                                       .length = request->is_chunked ? -1 : request->length};
    bool is_kept = endpoint && endpoint->traits & ENDPOINT_WANTS_BODY;
    if (is_kept && request->length > UPLOAD_BYTES_MAX) {
        refuse(connection, 413);
        return;
    }
    struct upload *upload = calloc(1, sizeof *upload);
    CHECK(upload);
    body_begin(&upload->reader, &framing);
    upload->endpoint = endpoint;
    upload->is_kept = is_kept;
    upload->head_bytes = upload->bytes = request->head.len;
    upload->room = request->head.len + (is_kept ? (size_t)request->length : 0);
    upload->memory = malloc(upload->room);
    CHECK(upload->memory);
    memcpy(upload->memory, request->head.at, request->head.len);
    connection->upload = upload;
}

static bool keep_body(struct upload *upload, struct span data) {
    size_t needed = upload->bytes + data.len;
    if (!upload->is_kept || data.len == 0)
        return true;
    if (needed - upload->head_bytes > UPLOAD_BYTES_MAX)
        return false;
    if (needed > upload->room) {
        upload->room = needed * 2;
        upload->memory = realloc(upload->memory, upload->room);
        CHECK(upload->memory);
    }
    memcpy(upload->memory + upload->bytes, data.at, data.len);
    upload->bytes = needed;
    return true;
}

static void answer_upload(struct connection *connection) {
    struct upload *upload = connection->upload;
    struct request *request = &connection->worker->request;
    struct span rest = span_of(NULL, 0);
    size_t used;
    unsigned status;
    enum step step =
        request_parse(request, span_of(upload->memory, upload->head_bytes), 0, &used, &status);
    CHECK(step == STEP_DONE); /* as it did before */
    request->body =
        span_of(upload->memory + upload->head_bytes, upload->bytes - upload->head_bytes);
    const struct endpoint *endpoint = endpoint_find(request->path, &rest);
    connection->upload = NULL;
    answer(connection, request, endpoint, rest);
    free(upload->memory);
    free(upload);
}

static struct span feed_upload(struct connection *connection, struct span bytes) {
    struct upload *upload = connection->upload;
    enum step step = STEP_MORE;
    do {
        struct span data = span_of(NULL, 0);
        struct err err;
        step = body_feed(&upload->reader, &bytes, &data, &err);
        if (step == STEP_BAD || !keep_body(upload, data)) {
            release_upload(connection);
            refuse(connection, step == STEP_BAD ? 400 : 413);
            return bytes;
        }
    } while (step == STEP_MORE && bytes.len);
    if (step == STEP_DONE)
        answer_upload(connection);
    return bytes;
}

/* ---- requests ---------------------------------------------------------------------------------- */

static void on_request(struct connection *connection, const struct request *request,
                       bool body_follows) {
    struct span rest = span_of(NULL, 0);
    const struct endpoint *endpoint = endpoint_find(request->path, &rest);
    if (LIKELY(request->length == 0 && !request->is_chunked)) {
        answer(connection, request, endpoint, rest);
        return;
    }
    begin_upload(connection, request, endpoint);
    if (connection->upload && request->expects_continue && !body_follows) {
        REPLY_LITERAL(connection, "HTTP/1.1 100 Continue\r\n\r\n");
        connection_follow(connection, (struct plan){.after = AFTER_UPLOAD});
    }
}

/* Takes what it can from the front of `bytes`, until an answer must go out first. */
static struct span serve(struct connection *connection, struct span bytes) {
    struct request *request = &connection->worker->request;
    while (bytes.len && !connection->is_busy && !connection->is_closing) {
        size_t used;
        unsigned status;
        if (connection->upload) {
            bytes = feed_upload(connection, bytes);
            continue;
        }
        enum step step = request_parse(request, bytes, connection->in_scanned, &used, &status);
        connection->in_scanned = 0;
        if (step == STEP_MORE) {
            connection->in_scanned = (uint32_t)bytes.len;
            break;
        }
        if (step == STEP_BAD) {
            refuse(connection, status);
            break;
        }
        bytes = span_skip(bytes, used);
        on_request(connection, request, bytes.len > 0);
    }
    /* Answers that waited for others to join them. */
    if (connection->out_len && !connection->is_busy && !connection->is_closing)
        connection_follow(connection, plan_end());
    return bytes;
}

static void pause_if_full(struct connection *connection) {
    if (connection->in_len < IN_BYTES_PAUSE || connection->is_paused)
        return;
    connection->is_paused = true;
    ring_cancel(connection->worker->ring, &connection->receive);
}

void connection_read(struct connection *connection, struct span bytes) {
    if (connection->is_busy || connection->in_len) {
        append_in(connection, bytes);
        if (!connection->is_busy)
            connection_resume(connection);
        pause_if_full(connection);
        return;
    }
    struct span left = serve(connection, bytes);
    if (left.len && !connection->is_closing)
        append_in(connection, left);
}

void connection_resume(struct connection *connection) {
    if (connection->in_len && !connection->is_busy) {
        struct span left = serve(connection, span_of(connection->in, connection->in_len));
        if (connection->is_closing)
            return;
        keep_last(connection, left.len);
    }
    if (connection->is_closing || connection->is_lingering)
        return;
    if (connection->is_ended && !connection->is_busy) {
        connection_end(connection);
    } else if (connection->is_paused && connection->in_len < IN_BYTES_PAUSE &&
               !ring_op_busy(&connection->receive)) {
        connection->is_paused = false;
        ring_recv(connection->worker->ring, &connection->receive, connection->slot);
    }
}
