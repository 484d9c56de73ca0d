/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_conn.c: a connection's life from opening to release: back-off after failures, patience where this machine lacks something,
 * time limits, and the one door out. The worker's thread.
 *
 * With a connection for each request all of it is one chain: socket, connect, send, receive. Such a connection ends with the server's FIN where
 * the server announced it, else with our RST: closing first would leave a local port in TIME_WAIT for each request, and there are 28,000 of them.
 *
 * Rejected: a timer for each request. One look at all connections every so often finds the late ones, and costs a request nothing.
 */
#include "load/load_private.h"

#include <errno.h>

#include "net/socket.h"

enum {
    ROOM_MS = 10, /* until a lack is looked at again */
    BACK_OFF_MS_MAX = 250,
    TURN_MS = 50,         /* loopback answers at once, or not before the SYN is sent again */
    LINGER_MS = 500,      /* a server that announced the end has so long for its FIN */
    GOODBYE_MS = 1000,    /* and so long to take our close_notify */
    CROWDED_CONNS = 4096, /* so many to one peer make the search for a port worth narrowing */
};

static void start(struct load_conn *conn);

/* ---- states --------------------------------------------------------------------------------------- */

static void account(struct load_conn *conn, int by) {
    struct load_lane *lane = conn->lane;
    struct load_worker *worker = conn->worker;
    unsigned one = (unsigned)by;
    if (conn->state <= LOAD_READY || conn->returns)
        lane->conns += one;
    if (conn->state < LOAD_READY || conn->returns)
        lane->opening += one;
    if (conn->state == LOAD_CONNECT || conn->state == LOAD_SHAKE)
        worker->opening[lane->side] += one;
    if (conn->state == LOAD_READY)
        worker->open[lane->side] += one;
}

static void go(struct load_conn *conn, enum load_conn_state state) {
    account(conn, -1);
    conn->state = (uint8_t)state;
    account(conn, 1);
}

/* Whether it will be opened again when it is closed, and so keeps its place meanwhile. */
static void set_returns(struct load_conn *conn, bool returns) {
    account(conn, -1);
    conn->returns = returns;
    account(conn, 1);
}

static bool wants_it(const struct load_conn *conn) {
    const struct load_worker *worker = conn->worker;
    return !worker->closing && worker->active && worker->order.side == conn->lane->side;
}

bool load_may_open(const struct load_worker *worker, const struct load_lane *lane) {
    return !worker->closing && (!lane->is_near || worker->unanswered < worker->unanswered_max);
}

void load_conn_end_turn(struct load_conn *conn) {
    conn->worker->unanswered -= conn->paced;
    conn->paced = false;
}

/* ---- memory ------------------------------------------------------------------------------------------ */

static size_t conn_bytes(const struct load_worker *worker) {
    return sizeof(struct load_conn) + worker->options.pipeline * sizeof(struct load_request);
}

static void reset(struct load_conn *conn) {
    struct pool *pool = conn->worker->pool;
    tls_stream_close(conn->tls);
    conn->tls = NULL;
    bytes_release(&conn->head, pool);
    bytes_release(&conn->sealed, pool);
    bytes_release(&conn->out, pool);
    bytes_release(&conn->next, pool);
    load_judge_drop(conn);
    conn->served = conn->said_end = conn->peer_ended = conn->in_body = conn->quiet = false;
    conn->announced = conn->goodbye = conn->has_socket = false;
    conn->verdict = conn->interim = 0;
    conn->response_bytes = conn->body_bytes = 0;
    conn->err = ERR_OK;
    conn->slot = RING_NO_SLOT;
}

static void release(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    account(conn, -1);
    ring_timer_stop(&conn->timer);
    list_remove(&conn->all);
    for (unsigned i = 0; i < worker->options.pipeline; i++)
        load_request_release(worker, &conn->request[i]);
    pool_release(worker->pool, conn, conn_bytes(worker));
}

static void on_timer(struct ring_timer *timer) {
    struct load_conn *conn = CONTAINER_OF(timer, struct load_conn, timer);
    if (!wants_it(conn))
        release(conn);
    else if (load_may_open(conn->worker, conn->lane))
        start(conn);
    else
        ring_timer_set(conn->worker->ring, timer, 0);
}

static void pause_for(struct load_conn *conn, unsigned ms) {
    struct ring *ring = conn->worker->ring;
    go(conn, LOAD_PAUSE);
    ring_timer_set(ring, &conn->timer, ring_now(ring) + ms * NS_PER_MS);
}

/* ---- the end -------------------------------------------------------------------------------------------- */

static unsigned back_off_ms(unsigned failures) {
    if (failures < 2)
        return 0;
    return failures > 9 ? BACK_OFF_MS_MAX : 1u << (failures - 2);
}

/* A lack is none of the server's faults: whatever was to be sent waits on. */
static unsigned limit_of(const struct load_conn *conn) {
    const struct load_options *options = &conn->worker->options;
    switch (conn->err.kind) {
    case ERR_DESCRIPTORS:
        return LOAD_LIMIT_DESCRIPTORS;
    case ERR_MEMORY:
        return conn->err.stage == STAGE_CONNECT ? LOAD_LIMIT_MEMORY : 0;
    case ERR_PORTS:
        return options->has_source(&conn->address, options->interface) ? LOAD_LIMIT_PORTS : 0;
    default:
        return 0;
    }
}

static void unbind(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    while (conn->count) {
        struct load_request *request = load_request_of(conn);
        request->sent_ns = 0;
        if (worker->dropped)
            load_request_release(worker, request);
        else
            lane_push_again(worker, conn->lane, request);
        request->own = (struct bytes){0};
        conn->first = 0;
        conn->count--;
        worker->outstanding--;
    }
}

/* True: it lacked something and will try again. */
static bool is_patient(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    unsigned limit = limit_of(conn);
    uint64_t now = ring_now(worker->ring);
    if (!limit)
        return false;
    worker->tally[conn->lane->side]->limits |= limit;
    if (!conn->short_since_ns)
        conn->short_since_ns = now;
    lane_relax(conn->lane);
    return now - conn->short_since_ns < worker->options.connect_timeout_ns;
}

/* Nothing is in flight: what it carried is counted, or given to others. */
static void settle(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    bool failed = err_is(conn->err);
    if (failed && is_patient(conn)) {
        unbind(conn);
        set_returns(conn, true);
        return;
    }
    conn->short_since_ns = 0;
    if (conn->count)
        load_requests_settle(conn);
    else if (failed && !conn->served && wants_it(conn))
        lane_fail_one(worker, conn->lane, conn, conn->err);
    else if (failed && !worker->active)
        load_note_error(worker, conn->lane->side, conn, conn->err);
    conn->failures += failed;
}

static void gone(struct load_conn *conn) {
    bool lacked = conn->short_since_ns != 0;
    load_conn_end_turn(conn);
    bool returns = conn->returns && wants_it(conn);
    set_returns(conn, false);
    reset(conn);
    if (returns)
        pause_for(conn, lacked ? ROOM_MS : back_off_ms(conn->failures));
    else
        release(conn);
}

static void on_closed(struct ring_op *op, const struct ring_event *event) {
    (void)event; /* whatever close says, the descriptor is gone */
    gone(CONTAINER_OF(op, struct load_conn, connect));
}

static bool is_quiet(struct load_conn *conn) {
    struct ring *ring = conn->worker->ring;
    if (ring_op_busy(&conn->socket) || ring_op_busy(&conn->connect)) {
        ring_cancel(ring, &conn->connect); /* what is chained to it ends with it */
        return false;
    }
    ring_cancel(ring, &conn->recv);
    if (!conn->goodbye)
        ring_cancel(ring, &conn->send);
    return !ring_op_busy(&conn->recv) && !ring_op_busy(&conn->send);
}

void load_conn_step(struct load_conn *conn) {
    struct ring *ring = conn->worker->ring;
    if (conn->state != LOAD_QUIET || !is_quiet(conn))
        return;
    settle(conn);
    if (conn->has_socket) {
        go(conn, LOAD_CLOSE);
        ring_op_init(&conn->connect, on_closed);
        ring_close_slot(ring, &conn->connect, conn->slot);
        return;
    }
    if (conn->slot != RING_NO_SLOT)
        ring_slot_release(ring, conn->slot);
    gone(conn);
}

void load_conn_begin_close(struct load_conn *conn) {
    if (conn->state >= LOAD_QUIET)
        return;
    bool was_ready = conn->state == LOAD_READY;
    if (conn->state == LOAD_PAUSE) {
        release(conn);
        return;
    }
    lane_unfile(conn);
    list_remove(&conn->queue);
    if (was_ready && conn->worker->closing)
        load_wire_goodbye(conn);
    load_requests_part(conn);
    go(conn, LOAD_QUIET);
    load_conn_step(conn);
}

void load_conn_fail(struct load_conn *conn, struct err err) {
    if (conn->state >= LOAD_QUIET)
        return;
    conn->err = err;
    if (conn->worker->closed_loop && wants_it(conn) && conn->state != LOAD_PAUSE)
        set_returns(conn, true);
    load_conn_begin_close(conn);
}

/* Room for those that wait for their server's FIN is what others leave. */
static bool is_crowded(const struct ring *ring) {
    unsigned most = ring_slots_max(ring);
    return ring_slots_used(ring) + most / 16 >= most;
}

void load_conn_linger(struct load_conn *conn) {
    struct ring *ring = conn->worker->ring;
    conn->announced = !conn->keep_alive || conn->peer_ended;
    lane_unfile(conn);
    bool ended = !ring_op_busy(&conn->recv), hurry = !conn->announced || is_crowded(ring);
    if (!ended && hurry)
        ring_abortive(ring, conn->slot);
    if (ended || hurry || conn->count) {
        load_conn_begin_close(conn);
        return;
    }
    list_remove(&conn->queue);
    conn->linger_ns = ring_now(ring);
    go(conn, LOAD_LINGER);
}

/* ---- opening ----------------------------------------------------------------------------------------------- */

static void on_socket(struct ring_op *op, const struct ring_event *event) {
    struct load_conn *conn = CONTAINER_OF(op, struct load_conn, socket);
    if (event->result < 0)
        conn->err = err_from_errno(STAGE_CONNECT, -event->result);
    else
        conn->has_socket = true;
    load_conn_step(conn);
}

/* A server on this machine whose TCP paces what it sends does so on its own core, by a timer and a wake-up of ours for each piece. Through
 * a window of some segments it sends when we have read, on ours. A few connections would wait for each other. */
static void narrow(const struct load_conn *conn) {
    const struct load_lane *lane = conn->lane;
    if (conn->worker->narrows && lane->is_near && !lane->target->unix_path)
        ring_narrow(conn->worker->ring, conn->slot);
}

static void on_connect(struct ring_op *op, const struct ring_event *event) {
    struct load_conn *conn = CONTAINER_OF(op, struct load_conn, connect);
    struct load_worker *worker = conn->worker;
    load_conn_end_turn(conn);
    if (conn->state != LOAD_CONNECT) {
        load_conn_step(conn);
        return;
    }
    if (event->result < 0) {
        load_conn_fail(conn, err_is(conn->err) ? conn->err
                                               : err_from_errno(STAGE_CONNECT, -event->result));
        return;
    }
    struct load_tally *tally = worker->tally[conn->lane->side];
    conn->connected_ns = load_clock(worker);
    conn->short_since_ns = 0;
    tally->connects++;
    histogram_record(&tally->connect, conn->connected_ns - conn->opened_ns);
    worker->facts[conn->lane->side].address = conn->address;
    if (!conn->chained) {
        narrow(conn);
        ring_recv(worker->ring, &conn->recv, conn->slot);
    }
    if (worker->options.pipeline > 1) /* a request may follow another before that one's answer */
        ring_nodelay(worker->ring, conn->slot);
    if (conn->lane->target->https)
        go(conn, LOAD_SHAKE);
    load_wire_connected(conn);
}

/* It may serve from now on. */
void load_conn_ready(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    uint8_t side = conn->lane->side;
    struct load_tally *tally = worker->tally[side];
    go(conn, LOAD_READY);
    if (worker->open[side] > tally->connections_max)
        tally->connections_max = worker->open[side];
}

void load_conn_begin(struct load_conn *conn) {
    if (conn->count && !conn->chained) /* it was opened for this request */
        load_wire_send(conn, load_request_of(conn)->message);
    lane_refill(conn);
}

/* A slot, or a negative number with conn->err. Where options must be set before connecting it holds a socket already. */
static int32_t take_slot(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    if (conn->address.any.sa_family == AF_UNSPEC) {
        conn->err = err_make(STAGE_RESOLVE, ERR_NO_ADDRESS, 0);
        return RING_NO_SLOT;
    }
    struct socket_options options = {.family = conn->address.any.sa_family,
                                     .interface = worker->options.interface,
                                     .crowded = conn->lane->conns > CROWDED_CONNS,
                                     .turn = worker->crowd++};
    int32_t slot = RING_NO_SLOT;
    if (options.family != AF_UNIX && (options.interface || options.crowded)) {
        int fd = socket_open(&options);
        slot = fd < 0 ? fd : ring_slot_adopt(worker->ring, fd);
        conn->has_socket = slot >= 0;
        if (fd >= 0 && slot < 0)
            socket_close(fd);
        if (slot < 0 && options.interface) {
            conn->err = err_from_errno(STAGE_CONNECT, -slot);
            return RING_NO_SLOT;
        }
    }
    if (slot < 0)
        slot = ring_slot_acquire(worker->ring);
    if (slot < 0)
        conn->err = err_make(STAGE_CONNECT, ERR_DESCRIPTORS, EMFILE);
    return slot;
}

static void take_address(struct load_conn *conn) {
    struct load_lane *lane = conn->lane;
    const struct plan_target *target = lane->target;
    if (target->unix_path)
        conn->address = (struct address){.any.sa_family = AF_UNIX};
    else if (!target->address_count)
        conn->address = (struct address){.any.sa_family = AF_UNSPEC};
    else
        conn->address = target->address[lane->next_address++ % target->address_count];
}

static void queue_chain(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    struct ring *ring = worker->ring;
    const struct load_lane *lane = conn->lane;
    bool local = lane->target->unix_path;
    const struct sockaddr *address =
        local ? (const struct sockaddr *)&lane->unix_address : &conn->address.any;
    socklen_t len = local ? (socklen_t)sizeof lane->unix_address : address_len(&conn->address);
    conn->chained = conn->count && !lane->target->https;
    ring_op_init(&conn->connect, on_connect);
    ring_chain(ring, (conn->has_socket ? 1u : 2u) + (conn->chained ? 2u : 0u));
    if (!conn->has_socket)
        ring_socket(ring, &conn->socket, conn->slot, address->sa_family);
    ring_connect(ring, &conn->connect, conn->slot, address, len);
    if (!conn->chained)
        return;
    struct span message = load_request_of(conn)->message;
    ring_send(ring, &conn->send, conn->slot, message.at, message.len);
    ring_recv(ring, &conn->recv, conn->slot);
}

static void start(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    go(conn, LOAD_CONNECT);
    take_address(conn);
    conn->opened_ns = load_clock(worker);
    conn->slot = take_slot(conn);
    if (conn->slot < 0) {
        conn->slot = RING_NO_SLOT;
        load_conn_fail(conn, conn->err);
        return;
    }
    if (worker->options.no_keepalive && !lane_next(conn->lane, conn)) {
        load_conn_begin_close(conn); /* what it was opened for is gone */
        return;
    }
    conn->paced = conn->lane->is_near;
    worker->unanswered += conn->paced;
    queue_chain(conn);
}

void load_conn_open(struct load_worker *worker, struct load_lane *lane) {
    struct load_conn *conn = pool_acquire_zeroed(worker->pool, conn_bytes(worker));
    conn->worker = worker;
    conn->lane = lane;
    conn->state = LOAD_PAUSE;
    conn->slot = RING_NO_SLOT;
    account(conn, 1);
    list_init(&conn->file);
    list_init(&conn->queue);
    list_push_back(&worker->all, &conn->all);
    ring_timer_init(&conn->timer, on_timer);
    ring_op_init(&conn->recv, load_wire_on_recv);
    ring_op_init(&conn->send, load_wire_on_send);
    ring_op_init(&conn->socket, on_socket);
    ring_op_init(&conn->connect, on_connect);
    start(conn);
}

/* ---- time limits --------------------------------------------------------------------------------------------- */

static void look_at(struct load_conn *conn, uint64_t now) {
    const struct load_options *options = &conn->worker->options;
    const struct load_request *oldest = load_request_of(conn);
    switch (conn->state) {
    case LOAD_CONNECT:
    case LOAD_SHAKE:
        if (now >= conn->opened_ns + TURN_MS * NS_PER_MS)
            load_conn_end_turn(conn);
        if (now >= conn->opened_ns + options->connect_timeout_ns)
            load_conn_fail(conn, err_make(conn->state == LOAD_SHAKE ? STAGE_TLS : STAGE_CONNECT,
                                          ERR_TIMED_OUT, 0));
        break;
    case LOAD_READY:
        if (conn->count && oldest->sent_ns && now >= oldest->sent_ns + options->request_timeout_ns)
            load_conn_fail(conn,
                           err_make(conn->in_body ? STAGE_BODY : STAGE_HEAD, ERR_TIMED_OUT, 0));
        break;
    case LOAD_LINGER:
        if (now < conn->linger_ns + LINGER_MS * NS_PER_MS)
            break;
        ring_abortive(conn->worker->ring, conn->slot);
        load_conn_begin_close(conn);
        break;
    case LOAD_QUIET:
        if (conn->goodbye && now >= conn->linger_ns + GOODBYE_MS * NS_PER_MS) {
            conn->goodbye = false;
            load_conn_step(conn);
        }
        break;
    default:
        break;
    }
}

void load_conn_sweep(struct load_worker *worker) {
    uint64_t now = ring_now(worker->ring);
    struct link *next;
    for (struct link *link = worker->all.next; link != &worker->all; link = next) {
        next = link->next;
        look_at(LIST_ENTRY(link, struct load_conn, all), now);
    }
}
