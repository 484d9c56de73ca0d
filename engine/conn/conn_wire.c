/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn_wire.c: a connection's bytes, both ways, between the ring and HTTP; with TLS between them where the origin is https.
 *
 * The receive stays armed from connect to close, so that a byte nobody asked for is noticed when it
 * comes and not taken for the next answer. Bytes are handed on where the kernel put them, or where TLS decrypted them.
 */
#include <errno.h>

#include "conn/conn.h"

/* ---- sending ------------------------------------------------------------------------------- */

static void send_plain(struct conn *conn, struct span bytes, bool quietly) {
    struct ring *ring = conn->pool->ring;
    conn->quiet_send = quietly && bytes.len <= RING_QUIET_BYTES;
    if (conn->quiet_send)
        ring_send_quiet(ring, &conn->send, conn->slot, bytes.at, bytes.len);
    else
        ring_send(ring, &conn->send, conn->slot, bytes.at, bytes.len);
}

void wire_send(struct conn *conn, struct span bytes, bool quietly) {
    if (!conn->tls) {
        send_plain(conn, bytes, quietly);
    } else if (tls_write(conn->tls, bytes)) {
        secure_flush(conn, quietly);
    } else { /* the end of the receive tells */
        conn->flow->send_err = err_make(STAGE_TLS, ERR_TLS_FAILED, 0);
        ring_cancel(conn->pool->ring, &conn->recv);
    }
}

bool wire_has_sent(struct conn *conn) {
    if (conn->quiet_send) { /* answered, and small enough to have left in one piece */
        ring_op_settle(conn->pool->ring, &conn->send);
        conn->quiet_send = false;
        bytes_release(&conn->flow->cipher, conn->pool->pool);
    }
    return !ring_op_busy(&conn->send);
}

void wire_on_send(struct ring_op *op, const struct ring_event *event) {
    struct conn *conn = CONTAINER_OF(op, struct conn, send);
    conn->quiet_send = false;
    if (conn_chain(conn)) {
        dial_on_chain_broken(conn);
        return;
    }
    bytes_release(&conn->flow->cipher, conn->pool->pool);
    if (conn->state >= CONN_QUIET) {
        conn_step_close(conn);
        return;
    }
    if (conn->state == CONN_SECURE && event->result < 0)
        conn->flow->send_err = err_from_errno(STAGE_TLS, -event->result);
    if (conn->tls && event->result >= 0)
        secure_flush(conn, false);
    if (conn->state == CONN_ANSWER && !ring_op_busy(&conn->send))
        h1_on_sent(conn, event->result);
}

/* ---- connected ------------------------------------------------------------------------------- */

void wire_begin_chained(struct conn *conn, int32_t slot) {
    struct ring *ring = conn->pool->ring;
    struct span first;
    if (conn_is_secure(conn)) {
        first = bytes_span(&conn->flow->cipher);
    } else {
        h1_prepare(conn);
        first = span_of(conn->flow->out, conn->flow->out_len);
    }
    ring_send(ring, &conn->send, slot, first.at, first.len);
    ring_recv(ring, &conn->recv, slot);
}

void wire_on_connected(struct conn *conn, bool chained) {
    if (!chained)
        ring_recv(conn->pool->ring, &conn->recv, conn->slot);
    if (conn_is_secure(conn))
        secure_on_connected(conn, chained);
    else if (chained)
        h1_begun(conn);
    else
        h1_begin(conn);
}

/* ---- receiving --------------------------------------------------------------------------------- */

static void count_bytes(struct conn *conn, size_t count) {
    struct exchange *exchange = conn->exchange;
    if (!exchange)
        return;
    if (!exchange->wire_bytes)
        exchange_mark(conn->pool, exchange, AT_FIRST_BYTE);
    exchange->wire_bytes += count;
}

bool incoming_next(struct incoming *incoming) {
    if (!incoming->rest_count)
        return false;
    incoming->now = *incoming->rest++;
    incoming->rest_count--;
    return true;
}

void incoming_keep(struct conn *conn, struct incoming *incoming, struct bytes *into) {
    do {
        if (incoming->now.len)
            bytes_add(into, conn->pool->pool, incoming->now);
    } while (incoming_next(incoming));
}

static enum fed feed_plain(struct conn *conn, struct incoming *incoming) {
    do {
        struct span in = incoming->now;
        incoming->now.len = 0;
        count_bytes(conn, in.len);
        if (in.len && h1_feed(conn, in) == FED_AWAY)
            return FED_AWAY;
    } while (incoming_next(incoming));
    return FED_ON;
}

static enum fed feed_secure(struct conn *conn, struct incoming *incoming) {
    struct span data;
    struct err err;
    while (!conn->paused) {
        switch (secure_read(conn, incoming, &data, &err)) {
        case TLS_DATA:
            count_bytes(conn, data.len);
            if (h1_feed(conn, data) == FED_AWAY)
                return FED_AWAY;
            break;
        case TLS_MORE:
            secure_flush(conn, false);
            return FED_ON;
        case TLS_END:
            h1_on_end(conn, 0);
            return FED_AWAY;
        default:
            conn_fail(conn, err);
            return FED_AWAY;
        }
    }
    incoming_keep(conn, incoming, &conn->flow->sealed);
    return FED_ON;
}

enum fed wire_feed(struct conn *conn, struct incoming *incoming) {
    conn->flow->incoming = incoming;
    enum fed fed = conn->tls ? feed_secure(conn, incoming) : feed_plain(conn, incoming);
    if (fed == FED_ON)
        conn->flow->incoming = NULL;
    return fed;
}

/* What TLS has received beyond a response may be no HTTP at all: tickets, or close_notify. Decrypting it here is not lost work: a
 * connection with more to say is given up. */
bool wire_has_more(struct conn *conn) {
    struct incoming *incoming = conn->flow->incoming;
    struct span data;
    struct err err;
    if (!incoming)
        return false;
    if (!conn->tls)
        return incoming->rest_count > 0;
    enum tls_got got = secure_read(conn, incoming, &data, &err);
    if (got == TLS_END || got == TLS_BAD)
        conn->peer_ended = true;
    return got == TLS_DATA;
}

static void on_bytes(struct conn *conn, const struct ring_event *event) {
    struct incoming incoming = {.rest = event->span, .rest_count = event->span_count};
    conn->pool->counts.received_bytes += (uint64_t)event->result;
    if (conn->state != CONN_REUSE) /* what comes to an idle connection does not keep it young */
        conn->activity_ns = ring_now(conn->pool->ring);
    if (conn->state == CONN_SECURE)
        secure_on_bytes(conn, &incoming);
    else if (wire_feed(conn, &incoming) == FED_ON)
        conn_rest(conn); /* it may have been nothing but TLS's own */
}

static void on_recv_end(struct conn *conn, int32_t result) {
    if (conn->stopping && result == -ECANCELED) { /* our own doing, for a pause */
        conn->stopping = false;
        if (!conn->paused)
            ring_recv(conn->pool->ring, &conn->recv, conn->slot);
    } else if (conn->state == CONN_SECURE) {
        secure_on_end(conn, result);
    } else {
        h1_on_end(conn, result);
    }
}

void wire_on_recv(struct ring_op *op, const struct ring_event *event) {
    struct conn *conn = CONTAINER_OF(op, struct conn, recv);
    if (conn_chain(conn)) {
        dial_on_chain_broken(conn);
        return;
    }
    if (conn->state >= CONN_QUIET) {
        conn_step_close(conn);
        return;
    }
    conn_flow(conn);
    if (event->result > 0) {
        on_bytes(conn, event);
    } else if (!event->more) {
        on_recv_end(conn, event->result);
    }
}

void wire_stop_receiving(struct conn *conn) {
    conn->stopping = true;
    ring_cancel(conn->pool->ring, &conn->recv);
}

/* What was held as HTTP comes first, then what TLS has not decrypted yet. */
static enum fed feed_held(struct conn *conn, struct span held, struct incoming *incoming) {
    conn->flow->incoming = incoming;
    if (h1_body_is_over(conn)) {
        h1_finish(conn, ERR_OK, held.len > 0 || wire_has_more(conn));
        return FED_AWAY;
    }
    if (held.len && h1_feed(conn, held) == FED_AWAY)
        return FED_AWAY;
    return conn->tls ? wire_feed(conn, incoming) : FED_ON;
}

void wire_resume(struct conn *conn) {
    if (!conn->paused)
        return;
    struct pool *pool = conn->pool->pool; /* the connection may be gone before its memory */
    struct flow *flow = conn->flow;
    struct bytes held = flow->held, sealed = flow->sealed;
    struct incoming incoming = {.now = bytes_span(&sealed)};
    flow->held = flow->sealed = (struct bytes){0};
    conn->paused = false;
    conn->activity_ns = ring_now(conn->pool->ring);
    enum fed fed = feed_held(conn, bytes_span(&held), &incoming);
    bytes_release(&held, pool);
    bytes_release(&sealed, pool);
    if (fed == FED_AWAY)
        return;
    conn->flow->incoming = NULL;
    conn_watch(conn); /* paused again or not: resuming took the timer */
    if (conn->paused)
        return;
    if (conn->peer_ended)
        h1_on_end(conn, conn->flow->end_result);
    else if (!ring_op_busy(&conn->recv))
        ring_recv(conn->pool->ring, &conn->recv, conn->slot);
}
