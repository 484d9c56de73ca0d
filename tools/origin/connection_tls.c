/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * connection_tls.c: see connection_tls.h. Everything that the stream has to say leaves through flush(), which is called after
 * all that may have made it speak, and again when a send has completed; `then` is what comes once there is nothing left.
 *
 * Decrypted bytes are borrowed until the next call with the stream, and while they are being parsed an endpoint may
 * already answer. So a plan that is made meanwhile (is_reading) is carried out afterwards. Encrypting it at once and
 * copying all that was received was rejected: most receives hold one request and nothing behind it.
 */
#include "connection_tls.h"

#include "connection_parts.h"
#include "worker.h"

/* Four whole records at a time: enough to fill a connection, little enough for thousands of them. */
enum { PIECE_BYTES = 64 * 1024 };

enum then { THEN_NOTHING, THEN_SENT, THEN_CLOSE, THEN_LINGER };

struct connection_tls {
    struct tls_stream *stream;
    struct bytes sending; /* the kernel's until connection->send has completed */
    uint32_t out_done;    /* so much of connection->out is encrypted */
    uint8_t then;         /* enum then */
    bool is_established, is_reading;
    bool is_over; /* what arrives is dropped */
};

struct connection_tls *connection_tls_open(struct worker *worker) {
    struct err err;
    struct tls_stream *stream = tls_stream_open(worker->tls, span_of(NULL, 0), 0, &err);
    if (!stream)
        return NULL;
    struct connection_tls *tls = pool_acquire_zeroed(&worker->pool, sizeof *tls);
    tls->stream = stream;
    return tls;
}

void connection_tls_close(struct connection *connection) {
    struct connection_tls *tls = connection->tls;
    struct pool *pool = &connection->worker->pool;
    if (!tls)
        return;
    bytes_release(&tls->sending, pool);
    tls_stream_close(tls->stream);
    pool_release(pool, tls, sizeof *tls);
    connection->tls = NULL;
}

/* ---- sending ----------------------------------------------------------------------------------- */

static struct span piece_of(struct span span) {
    return span_of(span.at, span.len < PIECE_BYTES ? span.len : PIECE_BYTES);
}

/* Encrypts what comes next of the plan's output and body. False: the stream is broken. */
static bool encrypt_piece(struct connection *connection) {
    struct connection_tls *tls = connection->tls;
    struct span *body = &connection->plan.body;
    struct span out = span_of(connection->out + tls->out_done, connection->out_len - tls->out_done);
    struct span piece = piece_of(out);
    if (piece.len && !tls_write(tls->stream, piece))
        return false;
    tls->out_done += (uint32_t)piece.len;
    if (piece.len < out.len)
        return true;
    piece = piece_of(*body);
    if (piece.len && !tls_write(tls->stream, piece))
        return false;
    *body = span_skip(*body, piece.len);
    return true;
}

static void on_all_sent(struct connection *connection) {
    struct connection_tls *tls = connection->tls;
    enum then then = tls->then;
    tls->then = THEN_NOTHING;
    switch (then) {
    case THEN_NOTHING: /* the end may have come while tickets were on their way */
        if (connection->is_ended && !connection->is_busy)
            connection_end(connection);
        return;
    case THEN_SENT:
        tls->out_done = 0;
        connection_sent(connection);
        return;
    case THEN_CLOSE:
        connection_close(connection);
        return;
    case THEN_LINGER:
        connection_linger(connection);
        return;
    }
}

/* The connection may be closing afterwards. */
static void flush(struct connection *connection) {
    struct connection_tls *tls = connection->tls;
    if (ring_op_busy(&connection->send))
        return;
    if (tls->then == THEN_SENT && !encrypt_piece(connection)) {
        connection_close(connection);
        return;
    }
    tls->sending = tls_take_output(tls->stream);
    if (tls->sending.len)
        ring_send(connection->worker->ring, &connection->send, connection->slot, tls->sending.at,
                  tls->sending.len);
    else
        on_all_sent(connection);
}

void connection_tls_follow(struct connection *connection) {
    struct connection_tls *tls = connection->tls;
    if (tls->is_over) { /* a wait's end, after what came has broken the stream */
        connection_close(connection);
        return;
    }
    tls->then = THEN_SENT;
    if (!tls->is_reading)
        flush(connection);
}

void connection_tls_sent(struct connection *connection) {
    bytes_release(&connection->tls->sending, &connection->worker->pool);
    if (!connection->is_closing)
        flush(connection);
}

void connection_tls_end(struct connection *connection, bool lingers) {
    struct connection_tls *tls = connection->tls;
    if (tls->is_over)
        return;
    tls->is_over = true;
    tls->then = lingers ? THEN_LINGER : THEN_CLOSE;
    tls_end(tls->stream);
    flush(connection);
}

/* ---- receiving --------------------------------------------------------------------------------- */

/* The alert that may have to be sent must be seen by the client, which a reset would prevent. */
static void fail(struct connection *connection) {
    struct connection_tls *tls = connection->tls;
    tls->is_over = true;
    tls->then = THEN_LINGER;
}

static void shake(struct connection *connection, struct span *bytes) {
    struct connection_tls *tls = connection->tls;
    struct tally *tally = &connection->worker->tally;
    struct err err;
    switch (tls_shake(tls->stream, bytes, &err)) {
    case STEP_MORE:
        return;
    case STEP_BAD:
        counter_add(&tally->handshakes_failed, 1);
        fail(connection);
        return;
    case STEP_DONE:
        break;
    }
    struct tls_facts facts = tls_stream_facts(tls->stream);
    tls->is_established = true;
    counter_add(&tally->handshakes, 1);
    counter_add(&tally->resumed, facts.resumed);
    tls_facts_drop(&facts);
}

static enum tls_got read_record(struct connection *connection, struct span *bytes) {
    struct connection_tls *tls = connection->tls;
    struct span data;
    struct err err;
    enum tls_got got = tls_read(tls->stream, bytes, &data, &err);
    if (got == TLS_DATA) {
        tls->is_reading = true;
        connection_read(connection, data);
        tls->is_reading = false;
    } else if (got == TLS_BAD) {
        fail(connection);
    }
    return got;
}

/* True: the client has said close_notify. */
static bool receive(struct connection *connection, struct span bytes) {
    struct connection_tls *tls = connection->tls;
    enum tls_got got = TLS_DATA;
    if (!tls->is_established)
        shake(connection, &bytes);
    if (!tls->is_established)
        return false;
    while (got == TLS_DATA && !connection->is_closing)
        got = read_record(connection, &bytes);
    return got == TLS_END;
}

void connection_tls_receive(struct connection *connection, const struct span *spans,
                            unsigned count) {
    struct connection_tls *tls = connection->tls;
    bool is_end = false;
    if (tls->is_over)
        return;
    for (unsigned i = 0; i < count && !is_end && !tls->is_over && !connection->is_closing; i++)
        is_end = receive(connection, spans[i]);
    if (connection->is_closing)
        return;
    flush(connection); /* before the end is dealt with: a request may have come with it */
    if (is_end && !connection->is_closing)
        connection_on_end(connection, true);
}

/* ---- what is known of it ----------------------------------------------------------------------- */

struct tls_facts connection_tls_facts(const struct connection *connection) {
    return connection->tls ? tls_stream_facts(connection->tls->stream) : (struct tls_facts){0};
}

const char *connection_tls_alpn(const struct connection *connection) {
    return connection->tls ? tls_stream_alpn(connection->tls->stream) : "";
}
