/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn_dial.c: from a host name to a connected socket: all addresses in turn, the next one beside
 * the last after 250 ms (RFC 8305), and patience where this machine lacks descriptors or ports.
 *
 * With one address to try, socket, connect, send and receive are one linked chain: a request costs no
 * round through the loop before its answer. With several, the request waits for the first that accepts, so
 * that it is not sent twice; and so does one that must not be repeated, as a chain that is given up while connecting
 * may still have sent it.
 */
#include <limits.h>
#include <sys/un.h>

#include "base/clock.h"
#include "conn/conn.h"
#include "net/socket.h"

/* So many connections to one origin make the kernel's search for a local port worth narrowing. */
enum { RACE_MS = 250, CROWDED_CONNS = 4096 };

static void attempt_release(struct attempt *attempt) {
    struct conn_pool *pool = attempt->pool;
    list_remove(&attempt->link);
    pool->attempts--;
    pool_release(pool->pool, attempt, sizeof *attempt);
}

/* The slot is free again. Where it was this machine that had no room, others would only meet the same shortage: they
 * go on by the timer, as this one does. */
static void attempt_gone(struct attempt *attempt) {
    struct conn_pool *pool = attempt->pool;
    bool lacked = attempt->lacked;
    attempt_release(attempt);
    if (!lacked)
        pool_room_freed(pool);
}

static void attempt_on_closed(struct ring_op *op, const struct ring_event *event) {
    (void)event;
    attempt_gone(CONTAINER_OF(op, struct attempt, close));
}

/* Gives back the slot, and the memory once that is done. */
static void attempt_end(struct attempt *attempt) {
    struct conn_pool *pool = attempt->pool;
    list_remove(&attempt->link);
    if (attempt->opened) {
        ring_op_init(&attempt->close, attempt_on_closed);
        ring_close_slot(pool->ring, &attempt->close, attempt->slot);
        return;
    }
    ring_slot_release(pool->ring, attempt->slot);
    attempt_gone(attempt);
}

static void attempt_on_socket(struct ring_op *op, const struct ring_event *event) {
    struct attempt *attempt = CONTAINER_OF(op, struct attempt, socket);
    if (event->result < 0)
        attempt->err = err_from_errno(STAGE_CONNECT, -event->result);
    else
        attempt->opened = true;
}

static void conn_use(struct conn *conn, struct attempt *attempt, bool chained) {
    conn->slot = attempt->slot;
    conn->exchange->address = attempt->address;
    if (conn->flow)
        conn->flow->address = attempt->address;
    if (conn_is_secure(conn))
        conn_flow(conn)->open_by_ns = conn->dial->deadline_ns;
    exchange_mark(conn->pool, conn->exchange, AT_CONNECTED);
    conn->activity_ns = ring_now(conn->pool->ring);
    attempt_release(attempt);
    dial_end(conn);
    conn_go(conn, conn_is_secure(conn) ? CONN_SECURE : CONN_ANSWER);
    wire_on_connected(conn, chained);
}

/* Whether the failure is this machine's shortage, which time and closed connections cure. */
static bool is_shortage(const struct conn_pool *pool, const struct address *address,
                        struct err err) {
    switch (err.kind) {
    case ERR_DESCRIPTORS:
    case ERR_MEMORY:
        return true;
    case ERR_PORTS:
        return pool->options.has_source(address, pool->options.interface);
    default:
        return false;
    }
}

static void dial_step(struct conn *conn);

/* Of failures the first is kept; a shortage is none. */
static void dial_note(struct dial *dial, unsigned index, struct err err, bool lacked) {
    if (lacked)
        dial->conn->pool->short_of = err.kind;
    if (lacked && index < dial->lacked)
        dial->lacked = index;
    else if (!lacked && !err_is(dial->err))
        dial->err = err;
}

static void attempt_failed(struct attempt *attempt) {
    struct conn *conn = attempt->conn;
    attempt->lacked = is_shortage(attempt->pool, &attempt->address, attempt->err);
    attempt->pool->is_short |= attempt->lacked;
    if (conn)
        dial_note(conn->dial, attempt->index, attempt->err, attempt->lacked);
    attempt_end(attempt);
    if (conn)
        dial_step(conn);
}

/* The connection began to close before the head of its chain had ended. Only now can the rest of the chain be found
 * and cancelled. */
static void chain_abandoned(struct conn *conn, struct attempt *attempt) {
    conn->slot = attempt->slot;
    attempt_release(attempt);
    ring_cancel(conn->pool->ring, &conn->recv);
    ring_cancel(conn->pool->ring, &conn->send);
    conn_step_close(conn);
}

/* The socket may not be closed before the rest of the chain has ended, which it does by itself. */
void dial_on_chain_broken(struct conn *conn) {
    struct attempt *attempt = conn->flow->chain;
    if (ring_op_busy(&attempt->connect) || ring_op_busy(&conn->send) || ring_op_busy(&conn->recv))
        return;
    conn->flow->chain = NULL;
    if (conn->state == CONN_QUIET) {
        attempt_end(attempt);
        conn_step_close(conn);
    } else {
        attempt_failed(attempt);
    }
}

static void attempt_on_connect(struct ring_op *op, const struct ring_event *event) {
    struct attempt *attempt = CONTAINER_OF(op, struct attempt, connect);
    struct conn *conn = attempt->conn;
    pool_end_turn(attempt);
    if (attempt->paced && event->result == 0)
        pool_room_freed(attempt->pool);
    if (!err_is(attempt->err) && event->result < 0)
        attempt->err = err_from_errno(STAGE_CONNECT, -event->result);
    bool chained = conn && conn_chain(conn) == attempt;
    if (chained && event->result < 0) {
        dial_on_chain_broken(conn);
        return;
    }
    if (chained)
        conn->flow->chain = NULL;
    if (chained && conn->state == CONN_QUIET)
        chain_abandoned(conn, attempt);
    else if (conn && event->result == 0)
        conn_use(conn, attempt, chained);
    else
        attempt_failed(attempt);
}

/* A slot for the attempt, or RING_NO_SLOT, maybe with attempt->err. Where options must be set before connecting it holds a
 * socket already. */
static int32_t attempt_slot(struct conn *conn, struct attempt *attempt) {
    struct conn_pool *pool = conn->pool;
    struct socket_options options = {
        .family = attempt->address.any.sa_family,
        .interface = pool->options.interface,
        .crowded = conn->origin->conns > CROWDED_CONNS,
        .turn = pool->turn++,
    };
    if (options.family == AF_UNIX || (!options.interface && !options.crowded))
        return ring_slot_acquire(pool->ring);
    int fd = socket_open(&options);
    int32_t slot = fd < 0 ? fd : ring_slot_adopt(pool->ring, fd);
    attempt->opened = slot >= 0;
    if (slot >= 0)
        return slot;
    if (fd >= 0)
        socket_close(fd);
    if (!options.interface) /* it would only have been quicker */
        return ring_slot_acquire(pool->ring);
    attempt->err = err_from_errno(STAGE_CONNECT, -slot);
    return RING_NO_SLOT;
}

static const struct sockaddr *attempt_target(const struct attempt *attempt, socklen_t *len) {
    const struct conn_pool *pool = attempt->pool;
    if (pool->options.unix_socket) {
        *len = (socklen_t)sizeof pool->unix_address;
        return (const struct sockaddr *)&pool->unix_address;
    }
    *len = address_len(&attempt->address);
    return &attempt->address.any;
}

static void attempt_queue(struct conn *conn, struct attempt *attempt, bool chained) {
    struct ring *ring = conn->pool->ring;
    socklen_t len;
    const struct sockaddr *target = attempt_target(attempt, &len);
    ring_op_init(&attempt->socket, attempt_on_socket);
    ring_op_init(&attempt->connect, attempt_on_connect);
    ring_chain(ring, (attempt->opened ? 1u : 2u) + (chained ? WIRE_CHAINED : 0u));
    if (!attempt->opened)
        ring_socket(ring, &attempt->socket, attempt->slot, target->sa_family);
    ring_connect(ring, &attempt->connect, attempt->slot, target, len);
    if (chained) {
        conn_flow(conn)->chain = attempt;
        wire_begin_chained(conn, attempt->slot);
    }
}

static bool is_loopback(const struct address *address) {
    if (address->any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
    return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
}

static unsigned dial_count(const struct conn *conn) {
    return conn->pool->options.unix_socket ? 1 : conn->dial->list->count;
}

/* Where in the list the address is that comes `next`th: the one to avoid comes last. */
static unsigned dial_place(const struct dial *dial, unsigned next) {
    if (next < dial->avoided)
        return next;
    return next + 1 < dial->list->count ? next + 1 : dial->avoided;
}

static unsigned find_avoided(const struct address_list *list, const struct address *avoid) {
    for (unsigned i = 0; avoid && i < list->count; i++)
        if (address_same_host(&list->address[i], avoid))
            return i;
    return UINT_MAX;
}

/* Whether the first bytes can be queued behind the connect. TLS's hello may be sent more than once, but making one has to
 * wait for its turn. False with *err when it can't be made. */
static bool may_chain(struct conn *conn, struct err *err) {
    if (dial_count(conn) != 1)
        return false;
    if (!conn_is_secure(conn))
        return conn->exchange->idempotent;
    return (conn->tls || secure_may_shake(conn->pool)) && secure_prepare(conn, err);
}

/* The one that comes next. */
static struct address dial_address(const struct conn *conn) {
    const struct dial *dial = conn->dial;
    struct address address = {.any.sa_family = AF_UNIX};
    if (!conn->pool->options.unix_socket) {
        address = dial->list->address[dial_place(dial, dial->next)];
        address_set_port(&address, conn->origin->dial_port);
    }
    return address;
}

/* Starts it, or says why it can't be. */
static struct err attempt_begin(struct conn *conn, const struct address *address) {
    struct conn_pool *pool = conn->pool;
    struct dial *dial = conn->dial;
    struct err err = err_make(STAGE_LOCAL, ERR_DESCRIPTORS, 0);
    bool paced = pool->options.unix_socket || is_loopback(address);
    if (paced && pool->unanswered >= pool->options.unanswered_max)
        return err;
    struct err tls_err = ERR_OK;
    bool chained = may_chain(conn, &tls_err);
    if (err_is(tls_err))
        return tls_err;
    struct attempt *attempt = pool_acquire_zeroed(pool->pool, sizeof *attempt);
    *attempt = (struct attempt){
        .pool = pool, .conn = conn, .address = *address, .paced = paced, .index = dial->next};
    list_init(&attempt->turn);
    attempt->slot = attempt_slot(conn, attempt);
    pool->is_short = attempt->slot == RING_NO_SLOT;
    pool->attempts++;
    list_push_back(&dial->attempts, &attempt->link);
    if (attempt->slot == RING_NO_SLOT) {
        if (err_is(attempt->err))
            err = attempt->err;
        attempt_release(attempt);
        return err;
    }
    if (paced)
        pool_begin_turn(attempt);
    attempt_queue(conn, attempt, chained);
    return ERR_OK;
}

/* Whether beginning anew costs nothing: there is no name to ask for. */
static bool is_at_hand(const struct conn *conn) {
    struct address address;
    return conn->pool->options.unix_socket ||
           address_parse(&address, origin_dial_host(conn->origin), 0);
}

/* The address that there was no room for is tried again, and those behind it. A million may wait, so what can be made again is
 * given up: the request and, where nothing has failed yet, the dial. */
static void dial_wait(struct conn *conn) {
    struct dial *dial = conn->dial;
    dial->next = dial->lacked;
    dial->lacked = UINT_MAX;
    if (!conn->tls)
        conn_drop_flow(conn);
    if (!dial->next && !err_is(dial->err) && is_at_hand(conn))
        dial_end(conn);
    pool_wait_for_room(conn);
}

static void dial_give_up(struct conn *conn) {
    struct err err = conn->dial->err;
    if (err.kind == ERR_PORTS)
        err.kind = ERR_NO_SOURCE_ADDRESS;
    conn_fail(conn, err);
}

static void dial_next(struct conn *conn) {
    struct dial *dial = conn->dial;
    uint64_t now = ring_now(conn->pool->ring);
    bool begun = false;
    if (conn->state != CONN_CONNECT) {
        conn_go(conn, CONN_CONNECT);
        dial->deadline_ns = now + conn->pool->options.connect_timeout_ns;
        if (!conn->exchange->after_us[AT_CONNECTING])
            exchange_mark(conn->pool, conn->exchange, AT_CONNECTING);
    }
    while (!begun && dial->next < dial_count(conn)) {
        struct address address = dial_address(conn);
        struct err err = attempt_begin(conn, &address);
        bool lacked = is_shortage(conn->pool, &address, err);
        begun = !err_is(err);
        if (!begun)
            dial_note(dial, dial->next, err, lacked);
        if (lacked)
            break;
        dial->next++;
    }
    dial->race_ns = now + RACE_MS * NS_PER_MS;
    if (!list_is_empty(&dial->attempts))
        conn_watch(conn);
    else
        dial_step(conn);
}

/* Nothing is being tried any more, or something still may succeed. */
static void dial_step(struct conn *conn) {
    struct dial *dial = conn->dial;
    if (!list_is_empty(&dial->attempts))
        return;
    if (dial->lacked != UINT_MAX)
        dial_wait(conn);
    else if (dial->next < dial_count(conn))
        dial_next(conn);
    else
        dial_give_up(conn);
}

void dial_retry(struct conn *conn) {
    if (conn->dial) {
        dial_next(conn);
        return;
    }
    conn_go(conn, CONN_ADDRESS);
    dial_begin(conn);
}

static void dial_on_address(struct resolver_query *query, struct err err,
                            struct address_list *list) {
    struct dial *dial = CONTAINER_OF(query, struct dial, query);
    struct conn *conn = dial->conn;
    if (err_is(err)) {
        conn_fail(conn, err);
        return;
    }
    dial->list = address_list_keep(list);
    dial->avoided = find_avoided(list, conn->exchange->avoid);
    if (!conn->exchange->after_us[AT_RESOLVED])
        exchange_mark(conn->pool, conn->exchange, AT_RESOLVED);
    dial_next(conn);
}

void dial_begin(struct conn *conn) {
    struct conn_pool *pool = conn->pool;
    struct dial *dial = pool_acquire_zeroed(pool->pool, sizeof *dial);
    conn->dial = dial;
    dial->conn = conn;
    dial->lacked = UINT_MAX;
    dial->query.done = dial_on_address;
    list_init(&dial->query.link);
    list_init(&dial->attempts);
    dial->deadline_ns = ring_now(pool->ring) + pool->options.connect_timeout_ns;
    if (pool->options.unix_socket) {
        dial_next(conn);
        return;
    }
    struct span host = origin_dial_host(conn->origin);
    if (!resolver_ask(pool->resolver, &dial->query, host, conn->origin->dial_port))
        conn_watch(conn);
}

void dial_end(struct conn *conn) {
    struct dial *dial = conn->dial;
    if (!dial)
        return;
    struct conn_pool *pool = conn->pool;
    if (conn->state == CONN_ADDRESS)
        resolver_forget(pool->resolver, &dial->query);
    for (struct link *link; (link = list_pop_front(&dial->attempts));) {
        struct attempt *attempt = LIST_ENTRY(link, struct attempt, link);
        if (attempt != conn_chain(conn))
            attempt->conn = NULL;
        ring_cancel(pool->ring, &attempt->connect);
    }
    address_list_drop(dial->list);
    pool_release(pool->pool, dial, sizeof *dial);
    conn->dial = NULL;
}

uint64_t dial_due(const struct conn *conn) {
    const struct dial *dial = conn->dial;
    if (conn->state == CONN_CONNECT && dial->next < dial_count(conn) &&
        dial->race_ns < dial->deadline_ns)
        return dial->race_ns;
    return dial->deadline_ns;
}

void dial_look(struct conn *conn, uint64_t now) {
    if (conn->dial->deadline_ns <= now)
        conn_fail(conn, exchange_timed_out(conn->exchange, ERR_TIMED_OUT));
    else
        dial_next(conn); /* the last address takes its time: try the next beside it */
}
