/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_wire.c: a connection's bytes, both ways, with TLS between them where the target is https. The worker's thread.
 *
 * Without pipelining a message is sent from where it lies, without a completion of its own: that its answer comes says enough. With
 * pipelining messages are gathered and sent together at the end of the turn, one send at a time, as two at once might overtake each other.
 *
 * The costly steps of handshakes take turns, a few in each turn of the ring: a hundred of them at once would add to everybody's latency.
 */
#include "load/load_private.h"

enum { SHAKES_A_TURN = 4 };

/* ---- sending ------------------------------------------------------------------------------------ */

static void send_bytes(struct load_conn *conn, struct span bytes, bool quietly) {
    struct ring *ring = conn->worker->ring;
    conn->quiet = quietly && bytes.len <= RING_QUIET_BYTES;
    if (LIKELY(conn->quiet))
        ring_send_quiet(ring, &conn->send, conn->slot, bytes.at, bytes.len);
    else
        ring_send(ring, &conn->send, conn->slot, bytes.at, bytes.len);
}

static void flush_later(struct load_conn *conn) {
    if (!link_is_linked(&conn->queue))
        list_push_back(&conn->worker->dirty, &conn->queue);
}

bool load_wire_can_send(const struct load_conn *conn) {
    return conn->state == LOAD_READY &&
           (conn->worker->options.pipeline > 1 || !ring_op_busy(&conn->send));
}

void load_wire_send(struct load_conn *conn, struct span message) {
    struct load_worker *worker = conn->worker;
    bool alone = worker->options.pipeline == 1;
    if (LIKELY(alone && !conn->tls)) {
        send_bytes(conn, message, true);
        return;
    }
    if (!conn->tls) {
        bytes_add(&conn->next, worker->pool, message);
    } else if (!tls_write(conn->tls, message)) { /* the end of the receive tells */
        conn->err = err_make(STAGE_TLS, ERR_TLS_FAILED, 0);
        ring_cancel(worker->ring, &conn->recv);
        return;
    }
    if (alone)
        load_wire_flush(conn);
    else
        flush_later(conn);
}

void load_wire_flush(struct load_conn *conn) {
    struct pool *pool = conn->worker->pool;
    if (ring_op_busy(&conn->send))
        return; /* with what comes next */
    if (conn->tls) {
        bytes_release(&conn->out, pool);
        conn->out = tls_take_output(conn->tls);
    } else {
        struct bytes sent = conn->out;
        conn->out = conn->next;
        conn->next = sent;
        conn->next.len = 0;
    }
    bool quietly = conn->worker->options.pipeline == 1 && conn->state == LOAD_READY && conn->count;
    if (conn->out.len)
        send_bytes(conn, bytes_span(&conn->out), quietly);
}

void load_wire_flush_all(struct load_worker *worker) {
    struct link *link;
    while ((link = list_pop_front(&worker->dirty)))
        load_wire_flush(LIST_ENTRY(link, struct load_conn, queue));
}

void load_wire_settle(struct load_conn *conn) {
    if (!conn->quiet)
        return;
    ring_op_settle(conn->worker->ring, &conn->send);
    conn->quiet = false;
}

void load_wire_goodbye(struct load_conn *conn) {
    if (!conn->tls || conn->peer_ended || ring_op_busy(&conn->send))
        return;
    tls_end(conn->tls);
    load_wire_flush(conn);
    conn->goodbye = ring_op_busy(&conn->send);
    conn->linger_ns = ring_now(conn->worker->ring);
}

void load_wire_on_send(struct ring_op *op, const struct ring_event *event) {
    struct load_conn *conn = CONTAINER_OF(op, struct load_conn, send);
    conn->quiet = false;
    if (conn->state >= LOAD_QUIET) {
        load_conn_step(conn);
        return;
    }
    if (event->result <
        0) { /* the server may have answered all the same: the receive tells the rest */
        if (!err_is(conn->err))
            conn->err =
                err_from_errno(conn->state == LOAD_SHAKE ? STAGE_TLS : STAGE_SEND, -event->result);
        return;
    }
    if (conn->tls || conn->next.len)
        load_wire_flush(conn);
    if (conn->state == LOAD_READY)
        lane_refill(conn);
}

/* ---- the handshake ---------------------------------------------------------------------------------- */

static bool take_turn(struct load_worker *worker) {
    return worker->shakes < SHAKES_A_TURN && ++worker->shakes;
}

static void wait_for_turn(struct load_conn *conn) {
    if (!link_is_linked(&conn->queue))
        list_push_back(&conn->worker->shaking, &conn->queue);
    conn->worker->must_turn = true;
}

static enum load_fed feed_secure(struct load_conn *conn, struct span in) {
    struct span data;
    struct err err;
    for (;;) {
        switch (tls_read(conn->tls, &in, &data, &err)) {
        case TLS_DATA:
            if (load_h1_feed(conn, data) == LOAD_FED_AWAY)
                return LOAD_FED_AWAY;
            break;
        case TLS_MORE:
            return LOAD_FED_ON;
        case TLS_END:
            conn->said_end = true;
            load_h1_end(conn, 0);
            return LOAD_FED_AWAY;
        default:
            load_conn_fail(conn, err);
            return LOAD_FED_AWAY;
        }
    }
}

static void note_secured(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    uint8_t side = conn->lane->side;
    struct load_facts *facts = &worker->facts[side];
    struct tls_facts tls = tls_stream_facts(conn->tls);
    facts->tls_version = tls.version;
    facts->tls_cipher = tls.cipher;
    worker->tally[side]->resumed += tls.resumed;
    histogram_record(&worker->tally[side]->tls, load_clock(worker) - conn->connected_ns);
    tls_facts_drop(&tls);
}

/* The first request goes in one send with the handshake's last message. What the server says before it is asked is looked at first. */
static void secured(struct load_conn *conn, struct span rest) {
    note_secured(conn);
    load_conn_ready(conn);
    if (rest.len && feed_secure(conn, rest) == LOAD_FED_AWAY)
        return;
    load_conn_begin(conn);
    if (conn->state == LOAD_READY)
        load_wire_flush(conn);
}

static void shake(struct load_conn *conn, struct span in) {
    struct err err;
    switch (tls_shake(conn->tls, &in, &err)) {
    case STEP_DONE:
        secured(conn, in);
        return;
    case STEP_BAD:
        load_conn_fail(conn, err);
        return;
    default:
        load_wire_flush(conn);
    }
}

static void handshake_ended(struct load_conn *conn, int32_t result) {
    struct err err = conn->err;
    if (!err_is(err) && result == 0)
        err = err_make(STAGE_TLS, ERR_HANDSHAKE_CUT, 0);
    else if (!err_is(err))
        err = err_from_errno(STAGE_TLS, -result);
    load_conn_fail(conn, err);
}

/* Its turn has come. */
static void go_on(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    struct pool *pool = worker->pool;
    struct span none = {0};
    struct err err;
    if (!conn->tls) {
        const struct plan_target *target = conn->lane->target;
        conn->tls = tls_stream_open(worker->tls, target->host, target->port, &err);
        if (!conn->tls)
            load_conn_fail(conn, err);
        else
            shake(conn, none);
    }
    if (conn->state == LOAD_SHAKE && conn->sealed.len) {
        struct bytes sealed = conn->sealed;
        conn->sealed = (struct bytes){0};
        shake(conn, bytes_span(&sealed));
        bytes_release(&sealed, pool);
    }
    if (conn->peer_ended && conn->state == LOAD_SHAKE)
        handshake_ended(conn, 0);
    else if (conn->peer_ended && conn->state == LOAD_READY)
        load_h1_end(conn, 0);
}

void load_wire_shake(struct load_worker *worker) {
    struct link *link;
    worker->shakes = 0;
    while ((link = list_first(&worker->shaking)) && take_turn(worker)) {
        list_remove(link);
        go_on(LIST_ENTRY(link, struct load_conn, queue));
    }
    if (link)
        worker->must_turn = true;
}

void load_wire_connected(struct load_conn *conn) {
    if (!conn->lane->target->https) {
        load_conn_ready(conn);
        load_conn_begin(conn);
    } else if (conn->worker->tls)
        wait_for_turn(conn);
    else
        load_conn_fail(conn, err_make(STAGE_TLS, ERR_TLS_FAILED, 0));
}

/* ---- receiving --------------------------------------------------------------------------------------- */

static void on_sealed(struct load_conn *conn, const struct ring_event *event) {
    for (unsigned i = 0; i < event->span_count; i++)
        bytes_add(&conn->sealed, conn->worker->pool, event->span[i]);
    wait_for_turn(conn);
}

static void on_bytes(struct load_conn *conn, const struct ring_event *event) {
    struct load_worker *worker = conn->worker;
    bool secure = conn->tls;
    if (!secure)
        worker->tally[conn->lane->side]->received_bytes += (uint64_t)event->result;
    for (unsigned i = 0; i < event->span_count; i++) {
        enum load_fed fed =
            secure ? feed_secure(conn, event->span[i]) : load_h1_feed(conn, event->span[i]);
        if (UNLIKELY(fed == LOAD_FED_AWAY))
            return;
    }
    if (LIKELY(conn->count < worker->options.pipeline))
        lane_refill(conn);
    if (secure)
        load_wire_flush(conn); /* what TLS has to say by itself */
}

static void on_end(struct load_conn *conn, int32_t result) {
    switch (conn->state) {
    case LOAD_READY:
        load_h1_end(conn, result);
        return;
    case LOAD_SHAKE:
        conn->peer_ended = true;
        if (!conn->sealed.len || result < 0)
            handshake_ended(conn, result);
        return;
    case LOAD_LINGER:
        load_conn_begin_close(conn);
        return;
    default:
        load_conn_step(conn);
    }
}

void load_wire_on_recv(struct ring_op *op, const struct ring_event *event) {
    struct load_conn *conn = CONTAINER_OF(op, struct load_conn, recv);
    if (UNLIKELY(event->result <= 0)) {
        if (!event->more)
            on_end(conn, event->result);
    } else if (LIKELY(conn->state == LOAD_READY)) {
        on_bytes(conn, event);
    } else if (conn->state == LOAD_SHAKE) {
        on_sealed(conn, event);
    }
}
