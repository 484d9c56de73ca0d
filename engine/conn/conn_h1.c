/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn_h1.c: HTTP/1.1 on a connection: one exchange at a time. Bytes are parsed where they lie; only a head
 * that arrives in pieces, and what comes after a pause, is copied.
 */
#include <errno.h>

#include "conn/conn.h"

enum { HEAD_BYTES_USUAL = 1024, JOINED_BYTES_MAX = 16 * 1024, SEND_BYTES_MAX = 64 * 1024 };

/* ---- sending ------------------------------------------------------------------------------- */

static void drop_out(struct conn *conn) {
    struct flow *flow = conn->flow;
    pool_release(conn->pool->pool, flow->out, flow->out_len);
    flow->out = NULL;
    flow->out_len = 0;
}

/* The head and, if it is small, the body: in two sends the second would wait for the first one's acknowledgement, 40 ms where
 * the server delays it. In a block of just that size, as on a connection that is used again it stays until the answer comes.
 * True: the body is in. */
static bool write_request(struct conn *conn) {
    struct exchange *exchange = conn->exchange;
    struct flow *flow = conn->flow;
    struct body_bytes *body = exchange->body;
    size_t joined = body && body->count <= JOINED_BYTES_MAX ? body->count : 0;
    char head[HEAD_BYTES_USUAL];
    size_t len = exchange->ops->write_head(exchange, head, sizeof head);
    drop_out(conn);
    flow->out_len = (uint32_t)(len + joined);
    flow->out = pool_acquire(conn->pool->pool, flow->out_len);
    if (len <= sizeof head)
        memcpy(flow->out, head, len);
    else
        exchange->ops->write_head(exchange, flow->out, len);
    if (joined)
        memcpy(flow->out + len, body->at, joined);
    return joined == (body ? body->count : 0);
}

static void drop_body(struct conn *conn) {
    struct body_bytes *body = conn->flow->out_body;
    conn->flow->out_body = NULL;
    if (body && --body->references == 0)
        pool_release(conn->pool->pool, body, sizeof *body + body->count);
}

void h1_drop_request(struct conn *conn) {
    drop_out(conn);
    drop_body(conn);
}

/* Everything that belongs to one response. */
static void reset_for_exchange(struct conn *conn) {
    struct exchange *exchange = conn->exchange;
    struct flow *flow = conn_flow(conn);
    conn->expects = EXPECT_HEAD;
    flow->interim = 0;
    flow->head.len = 0;
    flow->send_err = ERR_OK;
    drop_body(conn); /* of a chain that broke */
    flow->out_body_sent = 0;
    exchange->reused = conn->served;
    exchange->wire_bytes = 0;
    exchange->after_us[AT_FIRST_BYTE] = 0;
    exchange->phase = EXCHANGE_SENT;
    if (write_request(conn))
        return;
    flow->out_body = exchange->body;
    flow->out_body->references++;
}

void h1_prepare(struct conn *conn) {
    reset_for_exchange(conn);
    conn->exchange->phase = EXCHANGE_WAITING; /* until it is connected */
}

void h1_begun(struct conn *conn) {
    conn->exchange->phase = EXCHANGE_SENT;
    exchange_mark(conn->pool, conn->exchange, AT_SENT);
    conn_watch(conn);
}

void h1_begin(struct conn *conn) {
    reset_for_exchange(conn);
    conn->activity_ns = ring_now(conn->pool->ring);
    exchange_mark(conn->pool, conn->exchange, AT_SENT);
    const struct flow *flow = conn->flow;
    wire_send(conn, span_of(flow->out, flow->out_len), !flow->out_body);
    if (conn->tls) /* what is sent lies elsewhere, and many connections may wait for their answers */
        drop_out(conn);
    conn_watch(conn);
}

static void send_body_piece(struct conn *conn) {
    struct flow *flow = conn->flow;
    size_t left = flow->out_body->count - flow->out_body_sent;
    if (!flow->out_body_sent)
        ring_nodelay(conn->pool->ring, conn->slot); /* the last piece shall not wait either */
    size_t count = left < SEND_BYTES_MAX ? left : SEND_BYTES_MAX;
    const uint8_t *at = flow->out_body->at + flow->out_body_sent;
    flow->out_body_sent += count;
    wire_send(conn, span_of(at, count), false);
}

void h1_on_sent(struct conn *conn, int32_t result) {
    struct flow *flow = conn->flow;
    if (result < 0) {
        /* The server may have answered before it closed: the receive tells the rest. A chain that broke
         * here never began to receive. */
        flow->send_err = err_from_errno(STAGE_SEND, -result);
        return;
    }
    drop_out(conn);
    conn->activity_ns = ring_now(conn->pool->ring);
    if (conn->exchange->phase == EXCHANGE_SENT)
        exchange_mark(conn->pool, conn->exchange, AT_SENT);
    if (flow->out_body && flow->out_body_sent < flow->out_body->count) {
        send_body_piece(conn);
        return;
    }
    drop_body(conn);
    conn_rest(conn); /* a million may wait for their answers */
}

/* ---- the end of a response ------------------------------------------------------------------- */

static bool request_has_gone(struct conn *conn) {
    return wire_has_sent(conn) && !conn->flow->out_body && !err_is(conn->flow->send_err);
}

/* The exchange is over. `surplus`: bytes lie beyond the response. */
void h1_finish(struct conn *conn, struct err err, bool surplus) {
    struct exchange *exchange = conn_take_exchange(conn);
    conn->flow->incoming =
        NULL; /* nothing of it is left, or the connection will not be used again */
    /* The first answer on a connection cannot have been another's; later ones may be when the server says more than it was
     * asked. */
    exchange->surplus = surplus && conn->served;
    conn->expects = EXPECT_NOTHING;
    conn->served = true;
    bool wanted = !exchange->last || !list_is_empty(&conn->pool->waiting);
    bool reusable = request_has_gone(conn) && conn->keep_alive && !surplus && !conn->peer_ended &&
                    !conn->paused && !err_is(err) && wanted && ring_op_busy(&conn->recv);
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
    return conn->served && !exchange->wire_bytes && exchange->idempotent && !exchange->anew;
}

static void ask_again(struct conn *conn) {
    struct conn_pool *pool = conn->pool;
    struct exchange *exchange = conn_take_exchange(conn);
    pool->counts.retried_dropped++;
    exchange->anew = true;
    conn_begin_close(conn);
    struct conn *again = conn_open(pool, exchange);
    exchange->phase = EXCHANGE_WAITING;
    dial_begin(again);
}

/* What a receive that ended with this result means for the response. */
static struct err end_err(const struct conn *conn, int32_t result) {
    if (result == 0)
        return err_make(STAGE_HEAD, conn->exchange->wire_bytes ? ERR_TRUNCATED : ERR_CLOSED, 0);
    if (result == -ECANCELED && err_is(conn->flow->send_err))
        return conn->flow->send_err; /* the chain broke before the receive began */
    return err_from_errno(conn->expects == EXPECT_BODY ? STAGE_BODY : STAGE_HEAD, -result);
}

/* A body without a length ends with the connection; over TLS only if the server said so, as anybody can cut a connection. */
static struct err end_of_body(struct conn *conn) {
    struct err err;
    if (body_end(&conn->flow->reader, &err) != STEP_DONE)
        return err;
    return conn->tls && !conn->said_end ? err_make(STAGE_BODY, ERR_TRUNCATED, 0) : ERR_OK;
}

void h1_on_end(struct conn *conn, int32_t result) {
    conn->peer_ended = true;
    conn->flow->end_result = result;
    if (conn->state == CONN_REUSE)
        conn_begin_close(conn);
    else if (conn->paused)
        return; /* the end comes when what is held has been taken */
    else if (may_ask_again(conn))
        ask_again(conn);
    else if (result == 0 && conn->expects == EXPECT_BODY)
        h1_finish(conn, end_of_body(conn), false);
    else
        conn_fail(conn, end_err(conn, result));
}

/* ---- receiving --------------------------------------------------------------------------------- */

/* What the owner's answer to an upcall means for the connection. */
static enum fed obey(struct conn *conn, enum exchange_answer answer) {
    if (answer == EXCHANGE_PAUSE) {
        conn->paused = true;
        wire_stop_receiving(conn);
    } else if (answer == EXCHANGE_STOP) {
        conn->keep_alive = false;
        h1_finish(conn, ERR_OK, false);
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
        else if (++conn->flow->interim > INTERIM_MAX)
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
    body_begin(&conn->flow->reader, &framing);
    return obey(conn, exchange->ops->on_head(exchange, head, &framing));
}

static enum fed feed_head(struct conn *conn, struct span *in) {
    struct response_head *head = &conn->pool->scratch;
    struct span bytes = *in;
    struct bytes *gathered = &conn->flow->head;
    size_t before = gathered->len, head_bytes;
    struct err err;
    conn->exchange->phase = EXCHANGE_HEAD;
    if (before) {
        /* More than a head may hold need not be copied to find that out. */
        size_t room = HEAD_BYTES_MAX + 1 > before ? HEAD_BYTES_MAX + 1 - before : 0;
        bytes_add(gathered, conn->pool->pool, span_of(in->at, in->len < room ? in->len : room));
        bytes = bytes_span(gathered);
    }
    switch (response_head_parse(head, bytes, before, &head_bytes, &err)) {
    case STEP_BAD:
        conn_fail(conn, err);
        return FED_AWAY;
    case STEP_MORE:
        if (!before)
            bytes_add(gathered, conn->pool->pool, *in);
        *in = span_skip(*in, in->len);
        return FED_ON;
    default:
        *in = span_skip(*in, head_bytes - before);
    }
    gathered->len = 0; /* the text itself stays until the upcall is over */
    enum fed fed = on_head(conn, head);
    if (fed == FED_ON && before)
        bytes_release(gathered, conn->pool->pool);
    return fed;
}

/* Hands on body bytes until the input, the response or the owner's patience ends. */
static enum fed feed_body(struct conn *conn, struct span *in) {
    struct exchange *exchange = conn->exchange;
    struct span data;
    struct err err;
    do {
        enum step step = body_feed(&conn->flow->reader, in, &data, &err);
        if (step == STEP_BAD) {
            conn_fail(conn, err);
            return FED_AWAY;
        }
        enum exchange_answer answer =
            data.len ? exchange->ops->on_body(exchange, data) : EXCHANGE_GO;
        if (step == STEP_DONE && answer != EXCHANGE_PAUSE) {
            h1_finish(conn, ERR_OK, in->len > 0 || wire_has_more(conn));
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

bool h1_body_is_over(const struct conn *conn) {
    if (conn->expects != EXPECT_BODY)
        return false;
    const struct body_reader *reader = &conn->flow->reader;
    return reader->framing == FRAMING_NONE ||
           (reader->framing == FRAMING_LENGTH && reader->left == 0);
}

enum fed h1_feed(struct conn *conn, struct span in) {
    while (in.len && !conn->paused) {
        enum fed fed;
        if (conn->expects == EXPECT_NOTHING)
            return unsolicited(conn);
        if (conn->expects == EXPECT_BODY)
            fed = feed_body(conn, &in);
        else
            fed = feed_head(conn, &in);
        if (fed == FED_AWAY)
            return FED_AWAY;
        if (!conn->paused && h1_body_is_over(conn)) {
            h1_finish(conn, ERR_OK, in.len > 0 || wire_has_more(conn));
            return FED_AWAY;
        }
    }
    if (in.len)
        bytes_add(&conn->flow->held, conn->pool->pool, in);
    return FED_ON;
}
