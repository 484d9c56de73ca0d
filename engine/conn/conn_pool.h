/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn_pool.h: a worker's connections: origins, idle connections kept for reuse, and those waiting for a descriptor, a port or their
 * turn to connect. One per worker; all calls on its thread.
 */
#ifndef CONN_CONN_POOL_H
#define CONN_CONN_POOL_H

#include "base/pool.h"
#include "conn/exchange.h"
#include "http/url.h"
#include "net/resolver.h"
#include "net/socket.h"
#include "ring/ring.h"
#include "tls/tls.h"

/* Loopback answers a SYN at once, so unanswered ones mean that the listener's backlog is full and that
 * more would only wait for retransmission (1 s, 3 s, 7 s). */
enum { UNANSWERED_MAX = 384 };

struct conn_pool_options {
    uint64_t connect_timeout_ns;
    uint64_t stall_ns; /* no byte sent or received for so long; 0: off */
    uint64_t idle_ns;  /* how long an idle connection is kept */
    unsigned idle_max;
    unsigned unanswered_max; /* on loopback; 0: UNANSWERED_MAX */
    struct tls *tls;         /* for https; NULL: every https exchange fails. Outlives the pool */
    const char *unix_socket; /* or NULL; connect here whatever the origin */
    const char *interface;   /* or NULL: device or source address for every socket */
    const char *const *connect_to;    /* "HOST1:PORT1:HOST2:PORT2"; NULL ends; may be NULL */
    socket_has_source_fn *has_source; /* NULL: socket_has_source */
};

/* `pool` memory outlives the conn_pool. 0, or negative with a line in `why` (a bad --connect-to). */
int conn_pool_open(struct conn_pool **out, struct ring *ring, struct resolver *resolver,
                   struct pool *pool, const struct conn_pool_options *options, char *why,
                   size_t why_size);
/* Closes idle connections and takes no more exchanges; those in flight must have been cancelled. Turn the ring until
 * conn_pool_is_empty, then conn_pool_close. */
void conn_pool_stop(struct conn_pool *pool);
bool conn_pool_is_empty(const struct conn_pool *pool);
void conn_pool_close(struct conn_pool *pool);

/* Where a URL's requests go: scheme, host and port. Counted: one reference a caller, given back by origin_drop. */
struct origin *origin_acquire(struct conn_pool *pool, const struct url *url);
void origin_drop(struct conn_pool *pool, struct origin *origin);

struct conn_pool_counts {
    unsigned connections, idle, starved;
    uint64_t opened, reused, retried_dropped;
    uint64_t received_bytes;
};
/* The loop's clock, for those who don't know the ring. */
uint64_t conn_pool_now(const struct conn_pool *pool);
unsigned conn_pool_connections(const struct conn_pool *pool);
/* What one connection takes while it waits for an answer. */
size_t conn_pool_conn_bytes(void);
struct conn_pool_counts conn_pool_counts(const struct conn_pool *pool);

#endif
