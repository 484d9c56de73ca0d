/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_sim_net.c: the simulated network: who listens where, and the two byte streams of a
 * connection. A stream's pieces are events, whose times never go back within the stream. The
 * client's end keeps what has arrived in an inbox, as a socket's receive buffer does; a running
 * ring_recv empties it. A peer lives until its last event has run after the client closed. The
 * worker's thread only; server models are called from here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ring/ring_sim_parts.h"

enum {
    NS_PER_US = 1000,
    PIECE_BYTES_MAX = 65536,
    PIECES_MAX = 64, /* of one send: enough to cut anywhere, few enough for large bodies */
    SMALL_PIECE_BYTES = 16,
    SPANS_MAX = 3,
    BUFFERS_AT_ONCE = 4
};

/* ---- who listens ----------------------------------------------------------------------------- */

static struct sim_route *add_route(const char *host, uint16_t port) {
    struct sim_route route = {.port = port};
    if (host) {
        route.family = strchr(host, ':') ? AF_INET6 : AF_INET;
        CHECK(inet_pton(route.family, host, route.host) == 1);
    }
    size_t count = sim_world.route_count++;
    sim_world.routes = realloc(sim_world.routes, (count + 1) * sizeof route);
    CHECK(sim_world.routes);
    sim_world.routes[count] = route;
    return &sim_world.routes[count];
}

void sim_listen(const char *host, uint16_t port, const struct sim_server_ops *ops, void *context) {
    struct sim_route *route = add_route(host, port);
    route->ops = ops;
    route->context = context;
}

void sim_blackhole(const char *host) {
    add_route(host, 0)->blackhole = true;
}

void sim_unreachable(const char *host, int error) {
    CHECK(error > 0);
    add_route(host, 0)->error = error;
}

static const struct sim_route *find_route(const struct sockaddr *address) {
    uint8_t host[16] = {0};
    uint16_t port = 0;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        memcpy(host, &v4->sin_addr, sizeof v4->sin_addr);
        port = ntohs(v4->sin_port);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)address;
        memcpy(host, &v6->sin6_addr, sizeof v6->sin6_addr);
        port = ntohs(v6->sin6_port);
    }
    for (size_t i = 0; i < sim_world.route_count; i++) {
        const struct sim_route *route = &sim_world.routes[i];
        bool same_host = !route->family || (route->family == address->sa_family &&
                                            memcmp(route->host, host, sizeof host) == 0);
        if (same_host && (!route->port || route->port == port))
            return route;
    }
    return NULL;
}

/* ---- a peer's life --------------------------------------------------------------------------- */

static struct sim_event *peer_event(struct sim_peer *peer, uint64_t at_ns, sim_event_fn *run,
                                    const void *bytes, size_t count) {
    struct sim_event *event = sim_event_add(peer->ring, at_ns, run, bytes, count);
    event->peer = peer;
    peer->events++;
    return event;
}

void sim_peer_unref(struct sim_peer *peer) {
    if (--peer->events || !peer->gone)
        return;
    list_remove(&peer->link);
    free(peer->inbox);
    free(peer);
}

static uint64_t next_in_stream(struct ring *ring, uint64_t *last_ns) {
    uint64_t at_ns = ring->net_ns + sim_latency_ns();
    if (at_ns < *last_ns)
        at_ns = *last_ns;
    *last_ns = at_ns;
    return at_ns;
}

static void send_event(struct sim_peer *peer, bool to_client, sim_event_fn *run, const void *bytes,
                       size_t count) {
    uint64_t *last_ns = to_client ? &peer->to_client_ns : &peer->to_server_ns;
    peer_event(peer, next_in_stream(peer->ring, last_ns), run, bytes, count);
}

/* `left` bytes remain of a send that has been cut `cuts` times already. */
static size_t cut(size_t left, unsigned cuts) {
    size_t piece = left > PIECE_BYTES_MAX ? PIECE_BYTES_MAX : left;
    if (cuts >= PIECES_MAX || !sim_fault(SIM_FAULT_SHORT_PIECES))
        return piece;
    if (piece > SMALL_PIECE_BYTES && sim_below(2))
        piece = SMALL_PIECE_BYTES;
    return 1 + sim_below(piece);
}

/* ---- receiving at the client ----------------------------------------------------------------- */

static struct sim_task *running_recv(struct ring *ring, const struct sim_peer *peer) {
    if (peer->slot == RING_NO_SLOT)
        return NULL;
    struct sim_slot *slot = sim_slot_of(ring, peer->slot);
    for (struct link *at = slot->tasks.next; at != &slot->tasks; at = at->next) {
        struct sim_task *task = LIST_ENTRY(at, struct sim_task, link);
        if (task->kind == SIM_OP_RECV && task->state == TASK_RUNNING)
            return task;
    }
    return NULL;
}

/* Every span in a block of its own and just as long, gone after the upcall: a sanitizer sees who
 * keeps or overruns it. */
static unsigned fill_spans(struct sim_peer *peer, size_t count, struct span *spans) {
    unsigned span_count = 0;
    while (count) {
        bool last = span_count + 1 == SPANS_MAX;
        size_t len = last ? count : 1 + sim_below(count);
        uint8_t *block = sim_alloc(len);
        memcpy(block, peer->inbox + peer->inbox_at, len);
        spans[span_count++] = span_of(block, len);
        peer->inbox_at += len;
        peer->inbox_len -= len;
        count -= len;
    }
    return span_count;
}

static void deliver(struct ring *ring, struct sim_peer *peer, struct sim_task *task) {
    struct span spans[SPANS_MAX];
    size_t most = (size_t)ring->options.buffer_bytes * BUFFERS_AT_ONCE;
    size_t count = peer->inbox_len < most ? peer->inbox_len : most;
    if (sim_fault(SIM_FAULT_SHORT_PIECES))
        count = 1 + sim_below(count);
    struct ring_event event = {.result = (int32_t)count, .more = true, .span = spans};
    event.span_count = fill_spans(peer, count, spans);
    sim_trace(task, event.result, true);
    sim_world.report.bytes_received += count;
    ring->counts.completions++;
    task->op->done(task->op, &event);
    for (unsigned i = 0; i < event.span_count; i++) {
        memset((void *)(uintptr_t)spans[i].at, 0xdd, spans[i].len);
        free((void *)(uintptr_t)spans[i].at);
    }
}

static void run_fed(struct ring *ring, struct sim_event *event);

static bool starves(struct ring *ring, struct sim_peer *peer) {
    if (!sim_fault(SIM_FAULT_NO_BUFFERS))
        return false;
    ring->counts.out_of_buffers++;
    peer->starved = true;
    peer_event(peer, ring->net_ns + sim_delay_ns(), run_fed, NULL, 0);
    return true;
}

/* Hands the running ring_recv what there is: bytes first, as sockets do, then the error, then
 * the end. */
static void pump(struct ring *ring, struct sim_peer *peer, bool may_starve) {
    struct sim_task *task = running_recv(ring, peer);
    if (!task || peer->starved)
        return;
    if (peer->inbox_len) {
        if (may_starve && starves(ring, peer))
            return;
        deliver(ring, peer, task);
        if (peer->inbox_len || peer->fin || peer->reset)
            sim_net_pump_later(ring, peer);
    } else if (peer->reset && !peer->reset_told) {
        peer->reset_told = true;
        sim_task_end(ring, task, -ECONNRESET);
    } else if (peer->fin || peer->reset) {
        sim_task_end(ring, task, 0);
    }
}

static void run_fed(struct ring *ring, struct sim_event *event) {
    event->peer->starved = false;
    pump(ring, event->peer, false);
}

static void run_pump(struct ring *ring, struct sim_event *event) {
    event->peer->pumping = false;
    pump(ring, event->peer, true);
}

void sim_net_pump_later(struct ring *ring, struct sim_peer *peer) {
    if (peer->pumping)
        return;
    peer->pumping = true;
    peer_event(peer, ring->net_ns, run_pump, NULL, 0);
}

static void inbox_add(struct sim_peer *peer, const uint8_t *bytes, size_t count) {
    if (peer->inbox_len)
        memmove(peer->inbox, peer->inbox + peer->inbox_at, peer->inbox_len);
    peer->inbox_at = 0;
    if (peer->inbox_len + count > peer->inbox_room) {
        peer->inbox_room = 2 * (peer->inbox_len + count);
        peer->inbox = realloc(peer->inbox, peer->inbox_room);
        CHECK(peer->inbox);
    }
    memcpy(peer->inbox + peer->inbox_len, bytes, count);
    peer->inbox_len += count;
}

static void run_bytes_to_client(struct ring *ring, struct sim_event *event) {
    struct sim_peer *peer = event->peer;
    if (peer->slot == RING_NO_SLOT || peer->reset)
        return;
    inbox_add(peer, event->bytes, event->count);
    pump(ring, peer, true);
}

static void run_fin_to_client(struct ring *ring, struct sim_event *event) {
    event->peer->fin = true;
    pump(ring, event->peer, true);
}

static void run_reset_to_client(struct ring *ring, struct sim_event *event) {
    event->peer->reset = true;
    pump(ring, event->peer, true);
}

void sim_net_break(struct ring *ring, struct sim_peer *peer) {
    /* The send that found out may have consumed the socket's error. */
    peer->reset_told = sim_below(2);
    peer->reset = true;
    sim_net_pump_later(ring, peer);
}

/* ---- arriving at the server ------------------------------------------------------------------ */

static void hang_up(struct sim_peer *peer) {
    if (sim_below(2))
        sim_peer_close(peer);
    else
        sim_peer_reset(peer);
}

static void run_accept(struct ring *ring, struct sim_event *event) {
    struct sim_peer *peer = event->peer;
    (void)ring;
    sim_world.report.accepted++;
    if (peer->ops->accepted)
        peer->ops->accepted(peer);
    if (sim_fault(SIM_FAULT_PEER_CLOSES))
        hang_up(peer);
}

static void run_bytes_to_server(struct ring *ring, struct sim_event *event) {
    struct sim_peer *peer = event->peer;
    (void)ring;
    if (peer->deaf) {
        if (!peer->reset)
            send_event(peer, true, run_reset_to_client, NULL, 0);
    } else if (sim_fault(SIM_FAULT_PEER_CLOSES)) {
        hang_up(peer);
    } else if (peer->ops->received) {
        peer->ops->received(peer, event->bytes, event->count);
    }
}

static void run_fin_to_server(struct ring *ring, struct sim_event *event) {
    struct sim_peer *peer = event->peer;
    (void)ring;
    if (!peer->deaf && peer->ops->received)
        peer->ops->received(peer, NULL, 0);
}

static void run_close_to_server(struct ring *ring, struct sim_event *event) {
    struct sim_peer *peer = event->peer;
    (void)ring;
    sim_world.report.closed++;
    peer->finished = true;
    if (peer->ops->closed)
        peer->ops->closed(peer);
    peer->gone = true;
}

void sim_net_take(struct sim_peer *peer, const void *bytes, size_t count) {
    for (unsigned cuts = 0; count; cuts++) {
        size_t piece = cut(count, cuts);
        send_event(peer, false, run_bytes_to_server, bytes, piece);
        bytes = (const uint8_t *)bytes + piece;
        count -= piece;
    }
}

void sim_net_shutdown(struct sim_peer *peer) {
    send_event(peer, false, run_fin_to_server, NULL, 0);
}

void sim_net_close(struct sim_peer *peer) {
    peer->slot = RING_NO_SLOT;
    send_event(peer, false, run_close_to_server, NULL, 0);
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void fail_connect(struct ring *ring, struct sim_task *task, int error) {
    uint64_t after_ns = error == EADDRNOTAVAIL || error == ENETUNREACH ? NS_PER_US
                        : error == ETIMEDOUT ? 2 * NS_PER_S + sim_delay_ns()
                                             : 2 * sim_latency_ns();
    sim_task_end_later(ring, task, -error, after_ns);
}

static void handshake(struct ring *ring, struct sim_task *task, const struct sim_route *route) {
    struct sim_slot *slot = sim_slot_of(ring, task->slot);
    struct sim_peer *peer = sim_alloc(sizeof *peer);
    peer->ring = ring;
    peer->ops = route->ops;
    peer->context = route->context;
    peer->slot = task->slot;
    list_push_back(&ring->peers, &peer->link);
    slot->peer = peer;
    send_event(peer, false, run_accept, NULL, 0);
    /* The answer to SYN comes from the server's kernel; what its model sends at once is behind
     * that. */
    uint64_t arrives_ns = peer->to_server_ns + sim_latency_ns();
    peer->to_client_ns = arrives_ns;
    sim_task_end_later(ring, task, 0, arrives_ns - ring->net_ns);
}

void sim_net_connect(struct ring *ring, struct sim_task *task) {
    static const int errors[] = SIM_CONNECT_ERRORS;
    const struct sockaddr *address = task->bytes;
    struct sim_slot *slot = sim_slot_of(ring, task->slot);
    SIM_CHECK(slot->state == SLOT_SOCKET, "ring_connect on a slot without a socket");
    SIM_CHECK(!slot->peer, "a second ring_connect on a socket");
    const struct sim_route *route = find_route(address);
    if (address->sa_family != slot->family)
        fail_connect(ring, task, EAFNOSUPPORT);
    else if (sim_fault(SIM_FAULT_CONNECT_FAILS))
        fail_connect(ring, task, errors[sim_below(sizeof errors / sizeof *errors)]);
    else if (!route)
        fail_connect(ring, task, ECONNREFUSED);
    else if (route->error)
        fail_connect(ring, task, route->error);
    else if (!route->blackhole)
        handshake(ring, task, route);
    /* Its end is the network's, not the ring's: until then it can be cancelled. */
    task->state = TASK_RUNNING;
}

/* ---- what a server model may call ------------------------------------------------------------ */

void *sim_peer_context(const struct sim_peer *peer) {
    return peer->context;
}

void *sim_peer_user(const struct sim_peer *peer) {
    return peer->user;
}

void sim_peer_set_user(struct sim_peer *peer, void *user) {
    peer->user = user;
}

void sim_peer_send(struct sim_peer *peer, const void *bytes, size_t count) {
    for (unsigned cuts = 0; count && !peer->finished; cuts++) {
        size_t piece = cut(count, cuts);
        if (sim_fault(SIM_FAULT_RECV_RESET)) {
            sim_peer_reset(peer);
        } else if (sim_fault(SIM_FAULT_PEER_CLOSES)) {
            hang_up(peer);
        } else {
            send_event(peer, true, run_bytes_to_client, bytes, piece);
            bytes = (const uint8_t *)bytes + piece;
            count -= piece;
        }
    }
}

void sim_peer_shutdown(struct sim_peer *peer) {
    if (!peer->finished)
        send_event(peer, true, run_fin_to_client, NULL, 0);
    peer->finished = true;
}

void sim_peer_close(struct sim_peer *peer) {
    sim_peer_shutdown(peer);
    peer->deaf = true;
}

void sim_peer_reset(struct sim_peer *peer) {
    if (!peer->reset && !peer->gone)
        send_event(peer, true, run_reset_to_client, NULL, 0);
    peer->finished = peer->deaf = true;
}

static void run_timer(struct ring *ring, struct sim_event *event) {
    (void)ring;
    if (!event->peer->gone)
        event->fire(event->peer);
}

void sim_peer_timer(struct sim_peer *peer, unsigned ms, sim_peer_fn *fire) {
    uint64_t due_ns = peer->ring->net_ns + ms * NS_PER_MS;
    peer_event(peer, due_ns, run_timer, NULL, 0)->fire = fire;
}
