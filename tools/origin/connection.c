/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * connection.c: the connection's life; see connection.h. Reading lives in connection_read.c.
 *
 * Every operation of a connection ends before its socket is closed, and the memory goes with the
 * close: nothing in the kernel can name it then. Sends have completions although the ring offers
 * quiet ones: those need to know when the client has got the answer, and a client that pipelines
 * makes that unknowable.
 */
#include "connection.h"

#include <unistd.h>

#include "base/clock.h"
#include "connection_parts.h"
#include "connection_tls.h"
#include "worker.h"

enum {
    OUT_BYTES = 4096,       /* what one response takes, but for long ones */
    LINGER_NS = 1000000000, /* for the client to read the refusal and go */
};

/* ---- output ------------------------------------------------------------------------------------ */

char *connection_reserve(struct connection *connection, size_t count) {
    struct pool *pool = &connection->worker->pool;
    size_t needed = connection->out_len + count;
    if (LIKELY(needed <= connection->out_room))
        return connection->out + connection->out_len;
    size_t room = connection->out_room ? connection->out_room : OUT_BYTES;
    while (room < needed)
        room *= 2;
    CHECK(room <= UINT32_MAX);
    char *out = pool_acquire(pool, room);
    if (connection->out_len)
        memcpy(out, connection->out, connection->out_len);
    pool_release(pool, connection->out, connection->out_room);
    connection->out = out;
    connection->out_room = (uint32_t)room;
    return out + connection->out_len;
}

static void release_out(struct connection *connection) {
    pool_release(&connection->worker->pool, connection->out, connection->out_room);
    connection->out = NULL;
    connection->out_len = connection->out_room = 0;
}

/* ---- closing ----------------------------------------------------------------------------------- */

static void on_closed(struct ring_op *op, const struct ring_event *event) {
    struct connection *connection = CONTAINER_OF(op, struct connection, close);
    struct worker *worker = connection->worker;
    (void)event;
    worker->tally.connections_now--;
    list_remove(&connection->link);
    connection_tls_close(connection);
    pool_release(&worker->pool, connection, sizeof *connection);
}

static void close_when_idle(struct connection *connection) {
    if (ring_op_busy(&connection->receive) || ring_op_busy(&connection->send) ||
        ring_op_busy(&connection->send_body) || ring_op_busy(&connection->close))
        return;
    release_out(connection);
    connection_release_input(connection);
    ring_close_slot(connection->worker->ring, &connection->close, connection->slot);
}

void connection_close(struct connection *connection) {
    if (connection->is_closing)
        return;
    struct ring *ring = connection->worker->ring;
    connection->is_closing = true;
    connection->worker->tally.in_flight_now -= connection->answered;
    connection->answered = 0;
    if (connection->progress.file >= 0)
        close(connection->progress.file);
    ring_timer_stop(&connection->timer);
    ring_cancel(ring, &connection->receive);
    ring_cancel(ring, &connection->send);
    ring_cancel(ring, &connection->send_body);
    close_when_idle(connection);
}

void connection_end(struct connection *connection) {
    if (connection->tls)
        connection_tls_end(connection, false);
    else
        connection_close(connection);
}

void connection_linger(struct connection *connection) {
    struct ring *ring = connection->worker->ring;
    if (connection->is_ended) {
        connection_close(connection);
        return;
    }
    connection->is_lingering = true;
    ring_shutdown(ring, &connection->send, connection->slot);
    ring_timer_set(ring, &connection->timer, ring_now(ring) + LINGER_NS);
}

/* ---- answering --------------------------------------------------------------------------------- */

static void finish_response(struct connection *connection) {
    connection->worker->tally.in_flight_now -= connection->answered;
    connection->answered = 0;
    connection->is_busy = false;
    release_out(connection);
    if (!connection->keep_alive)
        connection_end(connection);
    else
        connection_resume(connection);
}

/* All of the plan but its end has been done. */
static void proceed(struct connection *connection) {
    switch (connection->plan.after) {
    case AFTER_END:
        finish_response(connection);
        return;
    case AFTER_NEXT:
        connection_follow(connection, connection->progress.next(connection));
        return;
    case AFTER_CLOSE:
        connection_close(connection);
        return;
    case AFTER_LINGER:
        if (connection->tls)
            connection_tls_end(connection, true);
        else
            connection_linger(connection);
        return;
    case AFTER_RESET:
        ring_abortive(connection->worker->ring, connection->slot);
        connection_close(connection);
        return;
    case AFTER_HANG:
        if (connection->is_ended)
            connection_close(connection);
        return;
    case AFTER_UPLOAD:
        connection->is_busy = false;
        release_out(connection);
        connection_resume(connection);
        return;
    }
}

void connection_sent(struct connection *connection) {
    struct ring *ring = connection->worker->ring;
    connection->out_len = 0;
    if (connection->plan.wait_ns == 0) {
        proceed(connection);
        return;
    }
    if (connection->is_ended) { /* nobody is there to wait for it */
        connection_close(connection);
        return;
    }
    release_out(connection);
    ring_timer_set(ring, &connection->timer, ring_now(ring) + connection->plan.wait_ns);
}

static void on_timer(struct ring_timer *timer) {
    struct connection *connection = CONTAINER_OF(timer, struct connection, timer);
    if (connection->is_lingering)
        connection_close(connection);
    else
        proceed(connection);
}

/* Of head and body; whichever comes last. */
static void on_sent(struct connection *connection, int32_t result) {
    if (result < 0)
        connection->is_sending_failed = true;
    if (ring_op_busy(&connection->send) || ring_op_busy(&connection->send_body))
        return;
    if (connection->is_closing)
        close_when_idle(connection);
    else if (connection->is_sending_failed || (connection->is_lingering && connection->is_ended))
        connection_close(connection);
    else if (connection->is_lingering)
        return;
    else if (connection->tls)
        connection_tls_sent(connection);
    else
        connection_sent(connection);
}

static void on_send(struct ring_op *op, const struct ring_event *event) {
    on_sent(CONTAINER_OF(op, struct connection, send), event->result);
}

static void on_send_body(struct ring_op *op, const struct ring_event *event) {
    on_sent(CONTAINER_OF(op, struct connection, send_body), event->result);
}

void connection_follow(struct connection *connection, struct plan plan) {
    struct ring *ring = connection->worker->ring;
    connection->plan = plan;
    connection->is_busy = true;
    if (connection->tls) {
        connection_tls_follow(connection);
        return;
    }
    if (connection->out_len && plan.body.len)
        ring_chain(ring, 2);
    if (connection->out_len)
        ring_send(ring, &connection->send, connection->slot, connection->out, connection->out_len);
    if (plan.body.len)
        ring_send(ring, &connection->send_body, connection->slot, plan.body.at, plan.body.len);
    if (!connection->out_len && !plan.body.len)
        connection_sent(connection);
}

/* ---- the beginning, and what arrives ----------------------------------------------------------- */

/* A client that has closed its side may still read. */
void connection_on_end(struct connection *connection, bool is_told) {
    connection->is_ended = true;
    if (ring_op_busy(&connection->send) || ring_op_busy(&connection->send_body))
        return;
    if (is_told && !connection->is_busy)
        connection_end(connection);
    else
        connection_close(connection);
}

static void on_bytes(struct connection *connection, const struct ring_event *event) {
    if (connection->is_lingering)
        return;
    if (connection->tls) {
        connection_tls_receive(connection, event->span, event->span_count);
        return;
    }
    for (unsigned i = 0; i < event->span_count && !connection->is_closing; i++)
        if (!connection->is_lingering)
            connection_read(connection, event->span[i]);
}

static void on_receive(struct ring_op *op, const struct ring_event *event) {
    struct connection *connection = CONTAINER_OF(op, struct connection, receive);
    if (connection->is_closing) {
        close_when_idle(connection);
    } else if (event->result > 0) {
        on_bytes(connection, event);
    } else if (connection->is_paused) {
        /* It may have been answered while the cancel was under way. */
        connection_resume(connection);
    } else if (event->result == 0) {
        connection_on_end(connection, false);
    } else {
        connection_close(connection);
    }
}

void connection_open(struct worker *worker, int32_t slot) {
    struct connection *connection = pool_acquire_zeroed(&worker->pool, sizeof *connection);
    connection->worker = worker;
    connection->slot = slot;
    connection->progress.file = -1;
    ring_op_init(&connection->receive, on_receive);
    ring_op_init(&connection->send, on_send);
    ring_op_init(&connection->send_body, on_send_body);
    ring_op_init(&connection->close, on_closed);
    ring_timer_init(&connection->timer, on_timer);
    list_push_back(&worker->connections, &connection->link);
    counter_add(&worker->tally.connections, 1);
    worker->tally.connections_now++;
    if (worker->tls && !worker->is_stopping)
        connection->tls = connection_tls_open(worker);
    if (worker->is_stopping || (worker->tls && !connection->tls))
        connection_close(connection);
    else
        ring_recv(worker->ring, &connection->receive, slot);
}
