/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn_h1.c: HTTP/1.1 on a connected socket: one exchange at a time. Bytes are parsed where the kernel put
 * them; only a head that arrives in pieces, and what comes after a pause, is copied.
 *
 * The receive stays armed from connect to close, so that a byte nobody asked for is noticed when it
 * comes and not taken for the next answer.
 */
#include <errno.h>

#include "conn/conn.h"

enum { OUT_BYTES_FIRST = 512, JOINED_BYTES_MAX = 16 * 1024, SEND_BYTES_MAX = 64 * 1024 };

/* ---- sending ------------------------------------------------------------------------------- */

static void make_room(struct conn *conn, size_t room) {
    struct pool *pool = conn->pool->pool;
    if (room <= conn->out_room)
        return;
    pool_release(pool, conn->out, conn->out_room);
    conn->out_room = (uint32_t)room;
    conn->out = pool_acquire(pool, room);
}

/* The head and, if it is small, the body: in two sends the second would wait for the first one's acknowledgement, 40 ms where
 * the server delays it. True: the body is in. */
static bool write_request(struct conn *conn) {
    struct exchange *exchange = conn->exchange;
    struct body_bytes *body = exchange->body;
    size_t joined = body && body->count <= JOINED_BYTES_MAX ? body->count : 0;
    make_room(conn, OUT_BYTES_FIRST);
    size_t len = exchange->ops->write_head(exchange, conn->out, conn->out_room);
    if (len + joined > conn->out_room) {
        make_room(conn, len + joined);
        len = exchange->ops->write_head(exchange, conn->out, conn->out_room);
    }
    if (joined)
        memcpy(conn->out + len, body->at, joined);
    conn->out_len = (uint32_t)(len + joined);
    return joined == (body ? body->count : 0);
}

static void drop_body(struct conn *conn) {
    struct body_bytes *body = conn->out_body;
    conn->out_body = NULL;
    if (body && --body->references == 0)
        pool_release(conn->pool->pool, body, sizeof *body + body->count);
}

/* Everything that belongs to one response. */
static void reset_for_exchange(struct conn *conn) {
    struct exchange *exchange = conn->exchange;
    conn->expects = EXPECT_HEAD;
    conn->interim = 0;
    conn->head.len = 0;
    conn->send_err = ERR_OK;
    drop_body(conn); /* of a chain that broke */
    conn->out_body_sent = 0;
    exchange->reused = conn->served > 0;
    exchange->wire_bytes = 0;
    exchange->first_byte_ns = 0;
    exchange->phase = EXCHANGE_SENT;
    if (write_request(conn))
        return;
    conn->out_body = exchange->body;
    conn->out_body->references++;
}

void h1_begin(struct conn *conn) {
    struct ring *ring = conn->pool->ring;
    reset_for_exchange(conn);
    conn->activity_ns = conn->exchange->sent_ns = ring_now(ring);
    if (conn->out_len <= RING_QUIET_BYTES && !conn->out_body) {
        conn->quiet_send = true;
        ring_send_quiet(ring, &conn->send, conn->slot, conn->out, conn->out_len);
    } else {
        ring_send(ring, &conn->send, conn->slot, conn->out, conn->out_len);
    }
    conn_watch(conn);
}

void h1_begin_chained(struct conn *conn, int32_t slot) {
    struct ring *ring = conn->pool->ring;
    reset_for_exchange(conn);
    conn->exchange->phase = EXCHANGE_WAITING; /* until it is connected */
    ring_send(ring, &conn->send, slot, conn->out, conn->out_len);
    ring_recv(ring, &conn->recv, slot);
}

void h1_on_connected(struct conn *conn) {
    uint64_t now = ring_now(conn->pool->ring);
    if (conn->out_len) { /* the chain has sent it, or is about to */
        conn->exchange->phase = EXCHANGE_SENT;
        conn->exchange->sent_ns = now;
        conn_watch(conn);
    } else {
        ring_recv(conn->pool->ring, &conn->recv, conn->slot);
        h1_begin(conn);
    }
}

static void send_body_piece(struct conn *conn) {
    size_t left = conn->out_body->count - conn->out_body_sent;
    if (!conn->out_body_sent)
        ring_nodelay(conn->pool->ring, conn->slot); /* the last piece shall not wait either */
    size_t count = left < SEND_BYTES_MAX ? left : SEND_BYTES_MAX;
    const uint8_t *at = conn->out_body->at + conn->out_body_sent;
    conn->out_body_sent += count;
    ring_send(conn->pool->ring, &conn->send, conn->slot, at, count);
}

void h1_on_send(struct ring_op *op, const struct ring_event *event) {
    struct conn *conn = CONTAINER_OF(op, struct conn, send);
    conn->quiet_send = false;
    if (conn->chain) {
        dial_on_chain_broken(conn);
        return;
    }
    if (conn->state != CONN_ANSWER) {
        conn_step_close(conn);
        return;
    }
    if (event->result < 0) {
        /* The server may have answered before it closed: the receive tells the rest. A chain that broke
         * here never began to receive. */
        conn->send_err = err_from_errno(STAGE_SEND, -event->result);
        return;
    }
    conn->activity_ns = ring_now(conn->pool->ring);
    if (conn->exchange->phase == EXCHANGE_SENT)
        conn->exchange->sent_ns = conn->activity_ns;
    if (conn->out_body && conn->out_body_sent < conn->out_body->count)
        send_body_piece(conn);
    else
        drop_body(conn);
}

/* ---- the end of a response ------------------------------------------------------------------- */

static bool request_has_gone(struct conn *conn) {
    if (conn->quiet_send) { /* answered, and small enough to have left in one piece */
        ring_op_settle(conn->pool->ring, &conn->send);
        conn->quiet_send = false;
    }
    return !ring_op_busy(&conn->send) && !conn->out_body && !err_is(conn->send_err);
}

/* The exchange is over. `surplus`: bytes lie beyond the response. */
static void finish(struct conn *conn, struct err err, bool surplus) {
    struct exchange *exchange = conn_take_exchange(conn);
    /* The first answer on a connection cannot have been another's; later ones may be when the server says more than it was
     * asked. */
    exchange->surplus = surplus && conn->served > 0;
    conn->expects = EXPECT_NOTHING;
    conn->served++;
    bool reusable = request_has_gone(conn) && conn->keep_alive && !surplus && !conn->peer_ended &&
                    !conn->paused && !err_is(err) && !exchange->last && ring_op_busy(&conn->recv);
    if (reusable)
        conn_become_idle(conn);
    else
        conn_begin_close(conn);
    exchange_end(exchange, err);
}

/* No byte of the response came on a connection that had served before: the server had closed it while our request was on its
 * way. Once, on a new connection, and only where asking twice does no harm. */
static bool may_ask_again(const struct conn *conn) {
    const struct exchange *exchange = conn->exchange;
    return conn->served > 0 && !exchange->wire_bytes && exchange->idempotent && !exchange->fresh;
}

static void ask_again(struct conn *conn) {
    struct conn_pool *pool = conn->pool;
    struct exchange *exchange = conn_take_exchange(conn);
    pool->counts.retried_dropped++;
    exchange->fresh = true;
    conn_begin_close(conn);
    struct conn *again = conn_open(pool, exchange);
    exchange->phase = EXCHANGE_WAITING;
    dial_begin(again);
}

/* What a receive that ended with this result means for the response. */
static struct err end_err(const struct conn *conn, int32_t result) {
    if (result == 0)
        return err_make(STAGE_HEAD, conn->exchange->wire_bytes ? ERR_TRUNCATED : ERR_CLOSED, 0);
    if (result == -ECANCELED && err_is(conn->send_err))
        return conn->send_err; /* the chain broke before the receive began */
    return err_from_errno(conn->expects == EXPECT_BODY ? STAGE_BODY : STAGE_HEAD, -result);
}

static void on_recv_end(struct conn *conn, int32_t result) {
    struct err err;
    if (conn->stopping && result == -ECANCELED) { /* our own doing, for a pause */
        conn->stopping = false;
        if (!conn->paused)
            ring_recv(conn->pool->ring, &conn->recv, conn->slot);
        return;
    }
    conn->peer_ended = true;
    conn->end_result = result;
    if (conn->state == CONN_REUSE)
        conn_begin_close(conn);
    else if (conn->paused)
        return; /* the end comes when what is held has been taken */
    else if (may_ask_again(conn))
        ask_again(conn);
    else if (result == 0 && conn->expects == EXPECT_BODY)
        finish(conn, body_end(&conn->reader, &err) == STEP_DONE ? ERR_OK : err, false);
    else
        conn_fail(conn, end_err(conn, result));
}

/* ---- receiving --------------------------------------------------------------------------------- */

enum fed {
    FED_ON,
    FED_AWAY
}; /* FED_AWAY: the exchange has ended or paused; the connection may be gone */

/* What the owner's answer to an upcall means for the connection. */
static enum fed obey(struct conn *conn, enum exchange_answer answer) {
    if (answer == EXCHANGE_PAUSE) {
        conn->paused = conn->stopping = true;
        ring_cancel(conn->pool->ring, &conn->recv);
    } else if (answer == EXCHANGE_STOP) {
        conn->keep_alive = false;
        finish(conn, ERR_OK, false);
        return FED_AWAY;
    }
    return FED_ON;
}

static enum fed on_head(struct conn *conn, struct response_head *head) {
    struct exchange *exchange = conn->exchange;
    struct response_framing framing;
    struct err err;
    if (head->status < 200) {
        if (head->status == 101)
            err = err_make(STAGE_HEAD, ERR_BAD_UPGRADE, 101);
        else if (++conn->interim > INTERIM_MAX)
            err = err_make(STAGE_HEAD, ERR_TOO_MANY_INTERIM, INTERIM_MAX);
        else
            return FED_ON;
        conn_fail(conn, err);
        return FED_AWAY;
    }
    if (response_framing(&framing, head, exchange->head_method, &err) == STEP_BAD) {
        conn_fail(conn, err);
        return FED_AWAY;
    }
    conn->keep_alive = framing.keep_alive;
    conn->expects = EXPECT_BODY;
    exchange->phase = EXCHANGE_BODY;
    body_begin(&conn->reader, &framing);
    return obey(conn, exchange->ops->on_head(exchange, head, &framing));
}

static enum fed feed_head(struct conn *conn, struct span *in) {
    struct response_head *head = &conn->pool->scratch;
    struct span bytes = *in;
    size_t before = conn->head.len, head_bytes;
    struct err err;
    conn->exchange->phase = EXCHANGE_HEAD;
    if (before) {
        /* More than a head may hold need not be copied to find that out. */
        size_t room = HEAD_BYTES_MAX + 1 > before ? HEAD_BYTES_MAX + 1 - before : 0;
        bytes_add(&conn->head, conn->pool->pool, span_of(in->at, in->len < room ? in->len : room));
        bytes = bytes_span(&conn->head);
    }
    switch (response_head_parse(head, bytes, before, &head_bytes, &err)) {
    case STEP_BAD:
        conn_fail(conn, err);
        return FED_AWAY;
    case STEP_MORE:
        if (!before)
            bytes_add(&conn->head, conn->pool->pool, *in);
        *in = span_skip(*in, in->len);
        return FED_ON;
    default:
        *in = span_skip(*in, head_bytes - before);
    }
    conn->head.len = 0; /* the text itself stays until the upcall is over */
    enum fed fed = on_head(conn, head);
    if (fed == FED_ON && before)
        bytes_release(&conn->head, conn->pool->pool);
    return fed;
}

/* Hands on body bytes until the input, the response or the owner's patience ends. `more` says whether bytes lie beyond *in. */
static enum fed feed_body(struct conn *conn, struct span *in, bool more) {
    struct exchange *exchange = conn->exchange;
    struct span data;
    struct err err;
    do {
        enum step step = body_feed(&conn->reader, in, &data, &err);
        if (step == STEP_BAD) {
            conn_fail(conn, err);
            return FED_AWAY;
        }
        enum exchange_answer answer =
            data.len ? exchange->ops->on_body(exchange, data) : EXCHANGE_GO;
        if (step == STEP_DONE && answer != EXCHANGE_PAUSE) {
            finish(conn, ERR_OK, in->len > 0 || more);
            return FED_AWAY;
        }
        if (obey(conn, answer) == FED_AWAY)
            return FED_AWAY;
    } while (in->len && !conn->paused);
    return FED_ON;
}

/* A byte that answers no request: the connection is not to be trusted. */
static enum fed unsolicited(struct conn *conn) {
    if (conn->exchange)
        conn_fail(conn, err_make(STAGE_HEAD, ERR_UNSOLICITED, 0));
    else
        conn_begin_close(conn);
    return FED_AWAY;
}

static void hold(struct conn *conn, struct span in) {
    bytes_add(&conn->held, conn->pool->pool, in);
}

/* Whether a body is complete without a further byte: none, or of length 0. */
static bool body_is_over(const struct conn *conn) {
    return conn->expects == EXPECT_BODY &&
           (conn->reader.framing == FRAMING_NONE ||
            (conn->reader.framing == FRAMING_LENGTH && conn->reader.left == 0));
}

static enum fed feed(struct conn *conn, struct span in, bool more) {
    while (in.len && !conn->paused) {
        enum fed fed;
        if (conn->expects == EXPECT_NOTHING)
            return unsolicited(conn);
        if (conn->expects == EXPECT_BODY)
            fed = feed_body(conn, &in, more);
        else
            fed = feed_head(conn, &in);
        if (fed == FED_AWAY)
            return FED_AWAY;
        if (!conn->paused && body_is_over(conn)) {
            finish(conn, ERR_OK, in.len > 0 || more);
            return FED_AWAY;
        }
    }
    if (in.len)
        hold(conn, in);
    return FED_ON;
}

static void on_bytes(struct conn *conn, const struct ring_event *event) {
    conn->activity_ns = ring_now(conn->pool->ring);
    conn->pool->counts.received_bytes += (uint64_t)event->result;
    if (conn->exchange) {
        if (!conn->exchange->wire_bytes)
            conn->exchange->first_byte_ns = conn->activity_ns;
        conn->exchange->wire_bytes += (uint64_t)event->result;
    }
    for (unsigned i = 0; i < event->span_count; i++) {
        if (conn->paused)
            hold(conn, event->span[i]);
        else if (feed(conn, event->span[i], i + 1 < event->span_count) == FED_AWAY)
            return;
    }
}

void h1_on_recv(struct ring_op *op, const struct ring_event *event) {
    struct conn *conn = CONTAINER_OF(op, struct conn, recv);
    if (conn->chain) {
        dial_on_chain_broken(conn);
    } else if (conn->state == CONN_QUIET) {
        conn_step_close(conn);
    } else if (event->result > 0) {
        on_bytes(conn, event);
    } else if (!event->more) {
        on_recv_end(conn, event->result);
    }
}

/* Takes what was held during the pause; then receives on, if the owner still wants more. */
void h1_resume(struct conn *conn) {
    if (!conn->paused)
        return;
    conn->paused = false;
    conn->activity_ns = ring_now(conn->pool->ring);
    struct bytes held = conn->held;
    struct pool *pool = conn->pool->pool; /* the connection may be gone before its memory */
    conn->held = (struct bytes){0};
    enum fed fed = FED_ON;
    if (body_is_over(conn)) {
        finish(conn, ERR_OK, held.len > 0);
        fed = FED_AWAY;
    } else if (held.len) {
        fed = feed(conn, bytes_span(&held), false);
    }
    bytes_release(&held, pool);
    if (fed == FED_AWAY)
        return;
    conn_watch(conn); /* paused again or not: resuming took the timer */
    if (conn->paused)
        return;
    if (conn->peer_ended)
        on_recv_end(conn, conn->end_result);
    else if (!ring_op_busy(&conn->recv))
        ring_recv(conn->pool->ring, &conn->recv, conn->slot);
}
