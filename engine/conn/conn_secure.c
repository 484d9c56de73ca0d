/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn_secure.c: TLS between the wire and HTTP: the handshake, and what TLS wants to send by itself.
 *
 * The costly parts of a handshake (making a key, checking the server's signatures: 50 to 150 us) are done for a few connections in
 * each turn of the ring; further ones wait in a queue, so that a thousand handshakes at once hold nobody else up for longer
 * than a few of them take. Rejected: threads for handshakes (every worker already has a core to itself).
 */
#include "base/clock.h"
#include "conn/conn.h"

enum { SHAKES_A_TURN = 4, GOODBYE_MS = 1000 };

bool conn_is_secure(const struct conn *conn) {
    return conn->origin->scheme == URL_HTTPS;
}

/* ---- turns ----------------------------------------------------------------------------------- */

static bool take_turn(struct conn_pool *pool) {
    uint64_t now = ring_now(pool->ring);
    if (pool->shake_turn_ns != now) {
        pool->shake_turn_ns = now;
        pool->shakes = 0;
    }
    if (pool->shakes >= SHAKES_A_TURN)
        return false;
    pool->shakes++;
    return true;
}

bool secure_may_shake(struct conn_pool *pool) {
    return list_is_empty(&pool->shaking) && take_turn(pool);
}

static void wait_for_turn(struct conn *conn) {
    struct conn_pool *pool = conn->pool;
    if (!link_is_linked(&conn->link))
        list_push_back(&pool->shaking, &conn->link);
    if (!ring_timer_is_set(&pool->shake_timer))
        ring_timer_set(pool->ring, &pool->shake_timer, 0); /* in the next turn */
}

/* ---- sending ----------------------------------------------------------------------------------- */

void secure_flush(struct conn *conn, bool quietly) {
    struct ring *ring = conn->pool->ring;
    /* What can't be sent now goes with the next: after a quiet send, with the next request. */
    if (ring_op_busy(&conn->send))
        return;
    struct bytes *cipher = &conn_flow(conn)->cipher;
    bytes_release(cipher, conn->pool->pool);
    *cipher = tls_take_output(conn->tls);
    size_t count = cipher->len;
    if (!count)
        return;
    conn->quiet_send = quietly && count <= RING_QUIET_BYTES;
    if (conn->quiet_send)
        ring_send_quiet(ring, &conn->send, conn->slot, cipher->at, count);
    else
        ring_send(ring, &conn->send, conn->slot, cipher->at, count);
}

/* ---- the handshake ------------------------------------------------------------------------------- */

bool secure_prepare(struct conn *conn, struct err *err) {
    struct conn_pool *pool = conn->pool;
    struct origin *origin = conn->origin;
    struct span nothing = {0};
    if (conn->tls) /* an earlier attempt to connect made it, and never sent it */
        return true;
    if (!pool->tls) {
        *err = err_make(STAGE_TLS, ERR_TLS_FAILED, 0);
        return false;
    }
    conn->tls =
        tls_stream_open(pool->tls, span_of(origin->host, origin->host_len), origin->port, err);
    if (!conn->tls)
        return false;
    if (tls_shake(conn->tls, &nothing, err) == STEP_BAD) {
        tls_stream_close(conn->tls);
        conn->tls = NULL;
        return false;
    }
    conn_flow(conn)->cipher = tls_take_output(conn->tls);
    return true;
}

static void send_hello(struct conn *conn) {
    struct err err;
    if (!secure_prepare(conn, &err)) {
        conn_fail(conn, err);
        return;
    }
    struct span hello = bytes_span(&conn->flow->cipher);
    ring_send(conn->pool->ring, &conn->send, conn->slot, hello.at, hello.len);
}

void secure_on_connected(struct conn *conn, bool chained) {
    conn_watch(conn);
    if (chained)
        return;
    if (secure_may_shake(conn->pool))
        send_hello(conn);
    else
        wait_for_turn(conn);
}

/* The request goes in one send with the handshake's last message. */
static void on_established(struct conn *conn, struct incoming *incoming) {
    exchange_mark(conn->pool, conn->exchange, AT_SECURED);
    conn_go(conn, CONN_ANSWER);
    h1_begin(conn);
    if (wire_feed(conn, incoming) == FED_ON && conn->peer_ended)
        h1_on_end(conn, conn->flow->end_result);
}

static struct err end_err(const struct conn *conn) {
    if (err_is(conn->flow->send_err))
        return conn->flow->send_err;
    if (conn->flow->end_result == 0)
        return err_make(STAGE_TLS, ERR_HANDSHAKE_CUT, 0);
    return err_from_errno(STAGE_TLS, -conn->flow->end_result);
}

static void shake(struct conn *conn, struct incoming *incoming) {
    struct err err;
    do {
        switch (tls_shake(conn->tls, &incoming->now, &err)) {
        case STEP_DONE:
            on_established(conn, incoming);
            return;
        case STEP_BAD:
            conn_fail(conn, err);
            return;
        default:
            break;
        }
    } while (incoming_next(incoming));
    secure_flush(conn, false);
    if (conn->peer_ended)
        conn_fail(conn, end_err(conn));
}

void secure_on_bytes(struct conn *conn, struct incoming *incoming) {
    if (!link_is_linked(&conn->link) && secure_may_shake(conn->pool)) {
        shake(conn, incoming);
        return;
    }
    incoming_keep(conn, incoming, &conn->flow->sealed);
    wait_for_turn(conn);
}

void secure_on_end(struct conn *conn, int32_t result) {
    conn->peer_ended = true;
    conn->flow->end_result = result;
    if (!conn->flow->sealed.len) /* else what came before it is looked at first */
        conn_fail(conn, end_err(conn));
}

/* A connection's turn has come. */
static void go_on(struct conn *conn) {
    struct pool *pool = conn->pool->pool; /* the connection may be gone before its memory */
    struct bytes sealed = conn->flow->sealed;
    struct incoming incoming = {.now = bytes_span(&sealed)};
    conn->flow->sealed = (struct bytes){0};
    if (!conn->tls)
        send_hello(conn);
    if (conn->state == CONN_SECURE && sealed.len) /* some servers speak before they are spoken to */
        shake(conn, &incoming);
    bytes_release(&sealed, pool);
}

static void on_shake_timer(struct ring_timer *timer) {
    struct conn_pool *pool = CONTAINER_OF(timer, struct conn_pool, shake_timer);
    while (!list_is_empty(&pool->shaking) && take_turn(pool))
        go_on(LIST_ENTRY(list_pop_front(&pool->shaking), struct conn, link));
    if (!list_is_empty(&pool->shaking))
        ring_timer_set(pool->ring, timer, 0);
}

void secure_pool_init(struct conn_pool *pool) {
    list_init(&pool->shaking);
    ring_timer_init(&pool->shake_timer, on_shake_timer);
}

/* ---- reading ------------------------------------------------------------------------------------- */

enum tls_got secure_read(struct conn *conn, struct incoming *incoming, struct span *data,
                         struct err *err) {
    for (;;) {
        enum tls_got got = tls_read(conn->tls, &incoming->now, data, err);
        conn->said_end |= got == TLS_END;
        if (got != TLS_MORE || !incoming_next(incoming))
            return got;
    }
}

/* ---- the end ------------------------------------------------------------------------------------- */

void secure_say_goodbye(struct conn *conn) {
    struct ring *ring = conn->pool->ring;
    bool deaf = conn->peer_ended && !conn->said_end;
    if (!conn->tls || conn->slot == RING_NO_SLOT || ring_op_busy(&conn->send) || deaf)
        return;
    tls_end(conn->tls);
    secure_flush(conn, false);
    if (ring_op_busy(&conn->send)) /* a peer that takes nothing must not keep us */
        ring_timer_set(ring, &conn->timer, ring_now(ring) + GOODBYE_MS * NS_PER_MS);
}
