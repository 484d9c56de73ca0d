/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * worker.c: see worker.h. The ring is opened by the main thread, so that what the system refuses is
 * known before the origin says that it listens, and runs in the worker's thread afterwards.
 */
#include "worker.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "connection.h"
#include "tls/tls.h"

enum {
    RECEIVE_BUFFERS = 1024,
    RECEIVE_BUFFER_BYTES = 2048, /* requests are small; uploads come in bundles */
    /* Further rings long before one is full: where a client of many threads leaves two of ours too little of the cores, their
     * listeners' backlogs overflow, and clients wait seconds for their next try. */
    GROW_AT = 16, /* one in so many slots is taken */
};

/* Another worker at the same listening socket. Whichever of the two is asked accepts; a full one doesn't ask. */
static void open_successor(struct worker *worker, struct worker *next) {
    struct server *server = worker->server;
    int listener = worker->spare_listener;
    unsigned before = atomic_load(&server->worker_count);
    char why[512];
    worker->spare_listener = -1;
    worker_init(next, server);
    if (server->tls && worker_open_tls(next, server->tls, why, sizeof why) < 0)
        close(listener);
    else if (worker_open(next, listener) == 0 && origin_worker_start(next) == 0)
        atomic_fetch_add(&server->worker_count, 1);
    else
        worker_close(next);
    if (atomic_load(&server->worker_count) == before)
        origin_worker_deinit(next);
}

static void grow(struct worker *worker) {
    struct server *server = worker->server;
    pthread_mutex_lock(&server->lock);
    unsigned count = atomic_load(&server->worker_count);
    if (!server->is_ending && count < server->workers_max)
        open_successor(worker, &server->workers[count]);
    pthread_mutex_unlock(&server->lock);
}

static bool wants_help(const struct worker *worker) {
    return ring_slots_used(worker->ring) > ring_slots_max(worker->ring) / GROW_AT;
}

static void on_accept(struct ring_op *op, const struct ring_event *event) {
    struct worker *worker = CONTAINER_OF(op, struct worker, accept);
    if (event->result < 0)
        return; /* the ring goes on by itself; at the end it says so once */
    connection_open(worker, event->result);
    if (UNLIKELY(worker->spare_listener >= 0) && wants_help(worker))
        grow(worker);
}

static void on_listener_closed(struct ring_op *op, const struct ring_event *event) {
    (void)event;
    CONTAINER_OF(op, struct worker, close_listener)->listener = RING_NO_SLOT;
}

static void on_wake(void *context) {
    struct worker *worker = context;
    if (worker->is_stopping)
        return;
    worker->is_stopping = true;
    ring_cancel(worker->ring, &worker->accept);
    struct link *next;
    for (struct link *link = worker->connections.next; link != &worker->connections; link = next) {
        next = link->next;
        connection_close(LIST_ENTRY(link, struct connection, link));
    }
}

static void tell_gauges(struct worker *worker) {
    struct tally *tally = &worker->tally;
    struct server *server = worker->server;
    gauge_add(&server->connections, tally->connections_now - tally->connections_told);
    gauge_add(&server->in_flight, tally->in_flight_now - tally->in_flight_told);
    tally->connections_told = tally->connections_now;
    tally->in_flight_told = tally->in_flight_now;
}

static bool is_done(struct worker *worker) {
    if (ring_op_busy(&worker->accept) || !list_is_empty(&worker->connections))
        return false;
    if (worker->listener != RING_NO_SLOT && !ring_op_busy(&worker->close_listener))
        ring_close_slot(worker->ring, &worker->close_listener, worker->listener);
    return worker->listener == RING_NO_SLOT;
}

static void *run(void *context) {
    struct worker *worker = context;
    while (!worker->is_stopping) {
        ring_turn(worker->ring, true);
        tell_gauges(worker);
    }
    while (!is_done(worker))
        ring_turn(worker->ring, true);
    tell_gauges(worker);
    return NULL;
}

void worker_init(struct worker *worker, struct server *server) {
    *worker = (struct worker){.server = server, .listener = RING_NO_SLOT, .spare_listener = -1};
    list_init(&worker->connections);
    pool_init(&worker->pool, &server->depot);
}

int worker_open_tls(struct worker *worker, const struct tls_options *options, char *why,
                    size_t why_size) {
    return tls_open(&worker->tls, options, &worker->pool, why, why_size);
}

int worker_open(struct worker *worker, int listener) {
    struct ring_options options;
    unsigned slots = worker->server->slots;
    ring_options_init(&options, slots);
    options.slots = slots;
    options.buffers = RECEIVE_BUFFERS;
    options.buffer_bytes = RECEIVE_BUFFER_BYTES;
    int error = ring_open(&worker->ring, &options);
    if (error) {
        close(listener);
        return error;
    }
    if (worker->server->workers_max > atomic_load(&worker->server->worker_count))
        worker->spare_listener = fcntl(listener, F_DUPFD_CLOEXEC, 0);
    worker->listener = ring_slot_adopt(worker->ring, listener);
    if (worker->listener < 0)
        return worker->listener;
    ring_on_wake(worker->ring, on_wake, worker);
    ring_op_init(&worker->accept, on_accept);
    ring_op_init(&worker->close_listener, on_listener_closed);
    ring_accept(worker->ring, &worker->accept, worker->listener);
    return 0;
}

void worker_close(struct worker *worker) {
    ring_close(worker->ring);
    if (worker->spare_listener >= 0)
        close(worker->spare_listener);
}

void origin_worker_deinit(struct worker *worker) {
    tls_close(worker->tls);
}

int origin_worker_start(struct worker *worker) {
    return pthread_create(&worker->thread, NULL, run, worker);
}

void worker_stop(struct worker *worker) {
    ring_wake(worker->ring);
    pthread_join(worker->thread, NULL);
}
