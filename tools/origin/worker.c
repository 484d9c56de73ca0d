/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * worker.c: see worker.h. The ring is opened by the main thread, so that what the system refuses is
 * known before the origin says that it listens, and runs in the worker's thread afterwards.
 */
#include "worker.h"

#include "base/clock.h"
#include "connection.h"
#include "tls/tls.h"

enum {
    RECEIVE_BUFFERS = 1024,
    RECEIVE_BUFFER_BYTES = 2048, /* requests are small; uploads come in bundles */
};

static void on_accept(struct ring_op *op, const struct ring_event *event) {
    struct worker *worker = CONTAINER_OF(op, struct worker, accept);
    if (event->result < 0)
        return; /* the ring goes on by itself; at the end it says so once */
    connection_open(worker, event->result);
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
    *worker = (struct worker){.server = server, .listener = RING_NO_SLOT};
    list_init(&worker->connections);
    pool_init(&worker->pool, &server->depot);
}

int worker_open_tls(struct worker *worker, const struct tls_options *options, char *why,
                    size_t why_size) {
    return tls_open(&worker->tls, options, &worker->pool, why, why_size);
}

int worker_open(struct worker *worker, int listener, unsigned slots) {
    struct ring_options options;
    ring_options_init(&options, slots);
    options.slots = slots;
    options.buffers = RECEIVE_BUFFERS;
    options.buffer_bytes = RECEIVE_BUFFER_BYTES;
    int error = ring_open(&worker->ring, &options);
    if (error)
        return error;
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
