/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * worker.h: one thread of the origin, with its ring, its listener and its connections; and what all
 * of them share. Each worker listens on a socket of its own (SO_REUSEPORT), so that the kernel
 * deals out the connections and nothing is handed from thread to thread. A ring holds no more sockets
 * than the descriptor limit says: before one is full, a further worker joins it at its listening
 * socket, without which the kernel would go on dealing connections to the full one.
 */
#ifndef ORIGIN_WORKER_H
#define ORIGIN_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/list.h"
#include "base/pool.h"
#include "request.h"
#include "ring/ring.h"
#include "tally.h"

struct keys;
struct tls;
struct tls_options;

/* Shared. Constant once the workers run, but for the gauges and what has a lock. */
struct server {
    struct pool_depot depot;
    struct worker *workers;
    atomic_uint worker_count;
    unsigned workers_max, slots;   /* slots: of a ring */
    const struct tls_options *tls; /* NULL: plain HTTP */
    int directory;                 /* of /file/, or -1 */
    FILE *log;                     /* or NULL */
    uint64_t work_ns;
    struct gauge connections, in_flight;
    struct keys *keys;
    pthread_mutex_t lock; /* guards `reset`, `is_ending`, and beginning a further worker */
    struct tally_sum reset;
    bool is_ending; /* no further workers */
};

struct worker {
    struct ring *ring;
    struct pool pool;
    struct tls *tls; /* NULL: plain HTTP */
    struct server *server;
    struct ring_op accept, close_listener;
    int32_t listener;
    int spare_listener; /* a descriptor of the same socket, for the next worker at it; -1: none */
    struct link connections;
    struct request request; /* scratch: the one that is being handled */
    char head[128];         /* "HTTP/1.1 200 OK" and Date */
    uint32_t head_len;
    uint64_t head_until_ns; /* when its Date is stale */
    bool is_stopping;       /* from the ring's thread only */
    struct tally tally;
    pthread_t thread;
};

void worker_init(struct worker *worker, struct server *server);
/* All connections must be closed. Harmless on a worker that is all zero. */
void origin_worker_deinit(struct worker *worker);
/* Makes it speak TLS: 0, or negative with one line in `why`. */
int worker_open_tls(struct worker *worker, const struct tls_options *options, char *why,
                    size_t why_size);
/* Takes over the descriptor of a listening socket. 0 or -errno. Before the thread exists. */
int worker_open(struct worker *worker, int listener);
void worker_close(struct worker *worker);

/* Starts and ends the thread. 0 or an errno. */
int origin_worker_start(struct worker *worker);
void worker_stop(struct worker *worker);

#endif
