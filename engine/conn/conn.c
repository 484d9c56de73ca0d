/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn.c: a connection's life from opening to release, its one timer, and the one door out.
 */
#include "conn/conn.h"

#define BIT(state) (1u << (state))

static const uint16_t conn_may_go[CONN_STATES] = {
    [CONN_ADDRESS] = BIT(CONN_ROOM) | BIT(CONN_CONNECT) | BIT(CONN_QUIET),
    [CONN_ROOM] = BIT(CONN_ADDRESS) | BIT(CONN_CONNECT) | BIT(CONN_QUIET),
    [CONN_CONNECT] = BIT(CONN_ROOM) | BIT(CONN_SECURE) | BIT(CONN_ANSWER) | BIT(CONN_QUIET),
    [CONN_SECURE] = BIT(CONN_ANSWER) | BIT(CONN_QUIET),
    [CONN_ANSWER] = BIT(CONN_REUSE) | BIT(CONN_QUIET),
    [CONN_REUSE] = BIT(CONN_ANSWER) | BIT(CONN_QUIET),
    [CONN_QUIET] = BIT(CONN_CLOSE) | BIT(CONN_GONE),
    [CONN_CLOSE] = BIT(CONN_GONE),
    [CONN_GONE] = 0,
};

void conn_go(struct conn *conn, enum conn_state state) {
    CHECK(conn_may_go[conn->state] & BIT(state));
    conn->state = (uint8_t)state;
}

bool conn_state_may_go(enum conn_state from, enum conn_state to) {
    return conn_may_go[from] & BIT(to);
}

bool conn_is_busy(const struct conn *conn) {
    return conn_chain(conn) || ring_op_busy(&conn->send) || ring_op_busy(&conn->recv);
}

/* The earliest of the limits that apply in this state; UINT64_MAX: none. */
static uint64_t conn_due(const struct conn *conn) {
    const struct conn_pool_options *options = &conn->pool->options;
    uint64_t due = UINT64_MAX;
    switch (conn->state) {
    case CONN_ADDRESS:
    case CONN_CONNECT:
        due = dial_due(conn);
        break;
    case CONN_SECURE:
        due = conn->flow->open_by_ns;
        if (options->stall_ns && conn->activity_ns + options->stall_ns < due)
            due = conn->activity_ns + options->stall_ns;
        break;
    case CONN_ANSWER:
        if (options->stall_ns && !conn->paused)
            due = conn->activity_ns + options->stall_ns;
        break;
    case CONN_REUSE:
        due = conn->activity_ns + options->idle_ns;
        break;
    default:
        break;
    }
    uint64_t deadline = conn->exchange ? conn->exchange->deadline_ns : 0;
    return deadline && deadline < due ? deadline : due;
}

void conn_watch(struct conn *conn) {
    uint64_t due_ns = conn_due(conn);
    if (due_ns != UINT64_MAX && (!ring_timer_is_set(&conn->timer) || conn->timer.due_ns > due_ns))
        ring_timer_set(conn->pool->ring, &conn->timer, due_ns);
}

/* The timer is set early rather than moved with every byte, so most of its firings find nothing. */
void conn_on_timer(struct ring_timer *timer) {
    struct conn *conn = CONTAINER_OF(timer, struct conn, timer);
    uint64_t now = ring_now(conn->pool->ring);
    struct exchange *exchange = conn->exchange;
    if (conn->state == CONN_QUIET) { /* nobody takes the last word */
        ring_cancel(conn->pool->ring, &conn->send);
    } else if (conn_due(conn) > now) {
        conn_watch(conn);
    } else if (exchange && exchange->deadline_ns && exchange->deadline_ns <= now) {
        conn_fail(conn, exchange_timed_out(exchange, ERR_TIMED_OUT));
    } else if (conn->state == CONN_ADDRESS || conn->state == CONN_CONNECT) {
        dial_look(conn, now);
    } else if (conn->state == CONN_SECURE && conn->flow->open_by_ns <= now) {
        conn_fail(conn, exchange_timed_out(exchange, ERR_TIMED_OUT));
    } else if (exchange) {
        conn_fail(conn, exchange_timed_out(exchange, ERR_STALLED));
    } else {
        conn_begin_close(conn);
    }
}

struct conn *conn_open(struct conn_pool *pool, struct exchange *exchange) {
    struct conn *conn = pool_acquire_zeroed(pool->pool, sizeof *conn);
    conn->pool = pool;
    conn->origin = exchange->origin;
    conn->origin->references++;
    conn->origin->conns++;
    conn->exchange = exchange;
    conn->slot = RING_NO_SLOT;
    conn->state = CONN_ADDRESS;
    conn->activity_ns = ring_now(pool->ring);
    exchange->conn = conn;
    list_init(&conn->link);
    ring_timer_init(&conn->timer, conn_on_timer);
    ring_op_init(&conn->send, wire_on_send);
    ring_op_init(&conn->recv, wire_on_recv);
    pool->conns++;
    pool->counts.opened++;
    return conn;
}

struct flow *conn_flow(struct conn *conn) {
    if (conn->flow)
        return conn->flow;
    struct flow *flow = pool_acquire_zeroed(conn->pool->pool, sizeof *flow);
    flow->conn = conn;
    list_init(&flow->age);
    if (conn->exchange)
        flow->address = conn->exchange->address;
    conn->flow = flow;
    return flow;
}

void conn_drop_flow(struct conn *conn) {
    struct pool *pool = conn->pool->pool;
    struct flow *flow = conn->flow;
    if (!flow)
        return;
    h1_drop_request(conn);
    bytes_release(&flow->head, pool);
    bytes_release(&flow->held, pool);
    bytes_release(&flow->sealed, pool);
    bytes_release(&flow->cipher, pool);
    pool_release(pool, flow, sizeof *flow);
    conn->flow = NULL;
}

void conn_rest(struct conn *conn) {
    const struct flow *flow = conn->flow;
    if (!flow || conn->state != CONN_ANSWER || conn->expects != EXPECT_HEAD || conn->peer_ended ||
        conn->paused || ring_op_busy(&conn->send))
        return;
    if (!flow->out && !flow->out_body && !flow->head.len && !flow->held.len && !flow->sealed.len &&
        !flow->incoming && !flow->interim && !err_is(flow->send_err))
        conn_drop_flow(conn);
}

struct exchange *conn_take_exchange(struct conn *conn) {
    struct exchange *exchange = conn->exchange;
    conn->exchange = NULL;
    if (!exchange)
        return NULL;
    exchange->conn = NULL;
    struct pool *pool = conn->pool->pool;
    exchange_forget(exchange, pool); /* an earlier connection's */
    if (conn->tls) {
        exchange->tls = pool_acquire(pool, sizeof *exchange->tls);
        *exchange->tls = tls_stream_facts(conn->tls);
    }
    return exchange;
}

void conn_fail(struct conn *conn, struct err err) {
    struct exchange *exchange = conn_take_exchange(conn);
    conn_begin_close(conn);
    if (exchange)
        exchange_end(exchange, err);
}

static void conn_release(struct conn *conn) {
    struct conn_pool *pool = conn->pool;
    conn_go(conn, CONN_GONE);
    ring_timer_stop(&conn->timer);
    conn_drop_flow(conn);
    tls_stream_close(conn->tls);
    conn->origin->conns--;
    origin_drop(pool, conn->origin);
    pool->conns--;
    pool_release(pool->pool, conn, sizeof *conn);
    pool_room_freed(pool);
}

static void conn_on_closed(struct ring_op *op, const struct ring_event *event) {
    (void)event; /* whatever close says, the descriptor is gone */
    struct conn *conn = CONTAINER_OF(op, struct conn, send);
    conn->slot = RING_NO_SLOT;
    conn_release(conn);
}

void conn_begin_close(struct conn *conn) {
    CHECK(!conn->exchange);
    if (conn->state >= CONN_QUIET)
        return;
    if (conn->state == CONN_REUSE)
        conn_leave_idle(conn);
    list_remove(&conn->link);
    ring_timer_stop(&conn->timer);
    ring_timer_init(&conn->timer, conn_on_timer); /* it may have been waiting to resume */
    dial_end(conn);
    conn_go(conn, CONN_QUIET);
    if (!conn_chain(conn)) {
        ring_cancel(conn->pool->ring, &conn->recv);
        ring_cancel(conn->pool->ring, &conn->send);
        secure_say_goodbye(conn);
    }
    conn_step_close(conn);
}

void conn_step_close(struct conn *conn) {
    if (conn->state != CONN_QUIET || conn_is_busy(conn))
        return;
    if (conn->slot == RING_NO_SLOT) {
        conn_release(conn);
        return;
    }
    conn_go(conn, CONN_CLOSE);
    ring_op_init(&conn->send, conn_on_closed);
    ring_close_slot(conn->pool->ring, &conn->send, conn->slot);
}
