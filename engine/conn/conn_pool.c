/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn_pool.c: idle connections, the queue of those that wait for room, and exchanges on their way in and out.
 * Origins are in conn_origin.c.
 *
 * Idle connections are reused last in, first out: the ones in use stay warm and the surplus ages out.
 */
#include "conn/conn.h"

#include <stdlib.h>

#include "base/clock.h"
#include "net/connect_to.h"

enum { TURN_MS = 100, ROOM_RETRY_MS = 20, ROOM_RETRY_CONNS = 16, ROOM_CONNS_A_TURN = 64 };

/* ---- waiting for room ------------------------------------------------------------------------- */

static void close_oldest_idle(struct conn_pool *pool) {
    struct link *oldest = list_first(&pool->idle);
    if (oldest)
        conn_begin_close(LIST_ENTRY(oldest, struct flow, age)->conn);
}

void pool_wait_for_room(struct conn *conn) {
    struct conn_pool *pool = conn->pool;
    conn_go(conn, CONN_ROOM);
    list_push_back(&pool->waiting, &conn->link);
    conn_watch(conn);
    if (!ring_timer_is_set(&pool->room_timer))
        ring_timer_set(pool->ring, &pool->room_timer, pool->room_retry_ns);
    if (pool->is_short)
        close_oldest_idle(pool);
}

/* ---- turns to connect ---------------------------------------------------------------------------- */

void pool_begin_turn(struct attempt *attempt) {
    struct conn_pool *pool = attempt->pool;
    attempt->begun_ns = ring_now(pool->ring);
    list_push_back(&pool->unanswered_ones, &attempt->turn);
    pool->unanswered++;
}

void pool_end_turn(struct attempt *attempt) {
    if (!link_is_linked(&attempt->turn))
        return;
    list_remove(&attempt->turn);
    attempt->pool->unanswered--;
}

/* Loopback answers at once or not before the SYN is sent again: whoever has waited so long is on his own, and keeps nobody else
 * from connecting. */
static void end_late_turns(struct conn_pool *pool, uint64_t now) {
    for (struct link *link; (link = list_first(&pool->unanswered_ones));) {
        struct attempt *attempt = LIST_ENTRY(link, struct attempt, turn);
        if (now < attempt->begun_ns + TURN_MS * NS_PER_MS)
            return;
        pool_end_turn(attempt);
        pool->freed++;
    }
}

/* Called at the end of handlers; the waiting ones go on from the timer, so that no handler runs inside another. Not
 * called for what a shortage ended: it made no room, and whoever tried next would only fail as well. */
void pool_room_freed(struct conn_pool *pool) {
    if (list_is_empty(&pool->waiting))
        return;
    pool->freed++;
    ring_timer_set(pool->ring, &pool->room_timer, ring_now(pool->ring));
}

/* As many go on as room was made for, a few in each turn, as connects cost time that others wait for; besides a few every 20 ms, as others may have given back what the whole system
 * shares. */
static void on_room_timer(struct ring_timer *timer) {
    struct conn_pool *pool = CONTAINER_OF(timer, struct conn_pool, room_timer);
    uint64_t now = ring_now(pool->ring);
    end_late_turns(pool, now);
    unsigned count = pool->freed < ROOM_CONNS_A_TURN ? pool->freed : ROOM_CONNS_A_TURN;
    pool->freed -= count;
    if (now >= pool->room_retry_ns) {
        count += ROOM_RETRY_CONNS;
        pool->room_retry_ns = now + ROOM_RETRY_MS * NS_PER_MS;
    }
    struct link *last = list_last(&pool->waiting), *link = NULL;
    while (count-- && link != last && (link = list_pop_front(&pool->waiting)))
        dial_retry(LIST_ENTRY(link, struct conn, link)); /* may come back to the end of the list */
    if (list_is_empty(&pool->waiting))
        pool->freed = 0;
    else if (pool->freed)
        ring_timer_set(pool->ring, timer, 0); /* in the next turn */
    else if (!ring_timer_is_set(timer))
        ring_timer_set(pool->ring, timer, pool->room_retry_ns);
}

/* ---- idle connections --------------------------------------------------------------------------- */

void conn_leave_idle(struct conn *conn) {
    list_remove(&conn->link);
    list_remove(&conn->flow->age);
    conn->pool->idle_count--;
}

/* Lets an idle connection carry the exchange. */
static void reuse(struct conn *conn, struct exchange *exchange) {
    conn_leave_idle(conn);
    conn_go(conn, CONN_ANSWER);
    conn->exchange = exchange;
    exchange->conn = conn;
    exchange->address = conn->flow->address;
    exchange->after_us[AT_RESOLVED] = exchange->after_us[AT_CONNECTING] = 0;
    conn->pool->counts.reused++;
    h1_begin(conn);
}

/* Where descriptors or ports are short, who waits for one to this origin takes the connection instead. Only the first few are
 * looked at: with many origins waiting it is cheaper to make room. */
static bool serve_waiting(struct conn *conn) {
    struct link *waiting = &conn->pool->waiting, *link = waiting->next;
    for (int i = 0; i < 16 && link != waiting; i++, link = link->next) {
        struct conn *other = LIST_ENTRY(link, struct conn, link);
        if (other->origin != conn->origin || other->exchange->anew)
            continue;
        struct exchange *exchange = conn_take_exchange(other);
        conn_begin_close(other);
        reuse(conn, exchange);
        return true;
    }
    return false;
}

void conn_become_idle(struct conn *conn) {
    struct conn_pool *pool = conn->pool;
    conn_go(conn, CONN_REUSE);
    conn->activity_ns = ring_now(pool->ring);
    list_push_front(&conn->origin->idle, &conn->link);
    list_push_back(&pool->idle, &conn->flow->age);
    pool->idle_count++;
    bool wanted = !list_is_empty(&pool->waiting);
    if (wanted && serve_waiting(conn))
        return;
    conn_watch(conn);
    if ((wanted && pool->is_short) || pool->idle_count > pool->options.idle_max || pool->stopped)
        close_oldest_idle(pool);
}

/* ---- exchanges ------------------------------------------------------------------------------------ */

void exchange_forget(struct exchange *exchange, struct pool *memory) {
    if (!exchange->tls)
        return;
    tls_facts_drop(exchange->tls);
    pool_release(memory, exchange->tls, sizeof *exchange->tls);
    exchange->tls = NULL;
}

const struct tls_facts *exchange_tls(const struct exchange *exchange) {
    static const struct tls_facts none;
    return exchange->tls ? exchange->tls : &none;
}

void exchange_mark(struct conn_pool *pool, struct exchange *exchange, enum exchange_moment moment) {
    uint64_t after_us = (ring_now(pool->ring) - exchange->begun_ns) / 1000;
    exchange->after_us[moment] = after_us < UINT32_MAX ? (uint32_t)after_us + 1 : UINT32_MAX;
}

void exchange_begin(struct conn_pool *pool, struct exchange *exchange, struct origin *origin) {
    CHECK(exchange->phase == EXCHANGE_IDLE && !pool->stopped);
    exchange->origin = origin;
    exchange->phase = EXCHANGE_WAITING;
    /* What a connection garbled is not asked on another's remains. */
    exchange->anew = exchange->fresh || exchange->surplus;
    exchange->surplus = false;
    exchange->begun_ns = ring_now(pool->ring);
    memset(exchange->after_us, 0, sizeof exchange->after_us);
    exchange->wire_bytes = 0;
    exchange_forget(exchange, pool->pool);
    exchange->address = (struct address){.any.sa_family = AF_UNSPEC};
    struct link *idle = exchange->anew ? NULL : list_first(&origin->idle);
    if (idle)
        reuse(LIST_ENTRY(idle, struct conn, link), exchange);
    else
        dial_begin(conn_open(pool, exchange));
}

void exchange_end(struct exchange *exchange, struct err err) {
    exchange->phase = EXCHANGE_IDLE;
    exchange->conn = NULL;
    exchange->ops->on_end(exchange, err);
}

void exchange_cancel(struct conn_pool *pool, struct exchange *exchange, struct err err) {
    (void)pool;
    if (exchange->conn)
        conn_fail(exchange->conn, err);
}

static void resume_later(struct ring_timer *timer) {
    struct conn *conn = CONTAINER_OF(timer, struct conn, timer);
    ring_timer_init(timer, conn_on_timer);
    wire_resume(conn);
}

void exchange_resume(struct conn_pool *pool, struct exchange *exchange) {
    struct conn *conn = exchange->conn;
    if (!conn || !conn->paused)
        return;
    ring_timer_stop(&conn->timer);
    ring_timer_init(&conn->timer, resume_later);
    ring_timer_set(pool->ring, &conn->timer, ring_now(pool->ring));
}

struct err exchange_timed_out(const struct exchange *exchange, enum err_kind kind) {
    const struct conn *conn = exchange->conn;
    switch (exchange->phase) {
    case EXCHANGE_SENT:
        return err_make(ring_op_busy(&conn->send) && !conn->quiet_send ? STAGE_SEND : STAGE_HEAD,
                        kind, 0);
    case EXCHANGE_HEAD:
        return err_make(STAGE_HEAD, kind, 0);
    case EXCHANGE_BODY:
        return err_make(STAGE_BODY, kind, 0);
    default:
        break;
    }
    if (conn->state == CONN_ADDRESS)
        return err_make(STAGE_RESOLVE, ERR_RESOLVER_TIMEOUT, 0);
    if (conn->state == CONN_SECURE)
        return err_make(STAGE_TLS, kind, 0);
    if (conn->state == CONN_ROOM)
        return err_make(STAGE_LOCAL, conn->pool->short_of, 0);
    return err_make(STAGE_CONNECT, kind, 0);
}

/* ---- the pool itself --------------------------------------------------------------------------------- */

static void set_unix_address(struct conn_pool *pool) {
    const char *path = pool->options.unix_socket;
    pool->unix_address.sun_family = AF_UNIX;
    if (path)
        memcpy(pool->unix_address.sun_path, path, strlen(path) + 1);
}

int conn_pool_open(struct conn_pool **out, struct ring *ring, struct resolver *resolver,
                   struct pool *memory, const struct conn_pool_options *options, char *why,
                   size_t why_size) {
    int result = connect_to_check(options->connect_to, why, why_size);
    if (result < 0)
        return result;
    struct conn_pool *pool = calloc(1, sizeof *pool);
    CHECK(pool);
    pool->ring = ring;
    pool->resolver = resolver;
    pool->pool = memory;
    pool->options = *options;
    if (!options->has_source)
        pool->options.has_source = socket_has_source;
    if (!options->unanswered_max)
        pool->options.unanswered_max = UNANSWERED_MAX;
    pool->tls = options->tls;
    secure_pool_init(pool);
    list_init(&pool->idle);
    list_init(&pool->waiting);
    list_init(&pool->unanswered_ones);
    ring_timer_init(&pool->room_timer, on_room_timer);
    set_unix_address(pool);
    *out = pool;
    return 0;
}

void conn_pool_stop(struct conn_pool *pool) {
    pool->stopped = true;
    while (!list_is_empty(&pool->idle))
        close_oldest_idle(pool);
}

bool conn_pool_is_empty(const struct conn_pool *pool) {
    return pool->conns == 0 && pool->attempts == 0;
}

void conn_pool_close(struct conn_pool *pool) {
    if (!pool)
        return;
    CHECK(conn_pool_is_empty(pool) && pool->origin_count == 0);
    ring_timer_stop(&pool->room_timer);
    ring_timer_stop(&pool->shake_timer);
    free(pool->buckets);
    free(pool);
}

uint64_t conn_pool_now(const struct conn_pool *pool) {
    return ring_now(pool->ring);
}

unsigned conn_pool_connections(const struct conn_pool *pool) {
    return pool->conns;
}

size_t conn_pool_conn_bytes(void) {
    return sizeof(struct conn);
}

struct conn_pool_counts conn_pool_counts(const struct conn_pool *pool) {
    struct conn_pool_counts counts = pool->counts;
    counts.connections = pool->conns;
    counts.idle = pool->idle_count;
    counts.starved = 0;
    for (const struct link *link = pool->waiting.next; link != &pool->waiting; link = link->next)
        counts.starved++;
    return counts;
}
