/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load.h: one worker of a load: its connections on its own ring, each asking again as soon as it may, and what that
 * came to. It carries out orders (this side, from then until then) and hands in tallies, one for each block of time. The engine builds workers, gives
 * orders and adds the tallies up.
 *
 * It stands beside conn/, not on it: what conn/ is for (pools for any number of origins, retries, redirected bodies, a life for each exchange) costs
 * more than the request itself where a server is measured, and there is no pipelining in it. Bytes go through the same ring/, tls/ and http/.
 *
 * What was sent on a connection and lost with it is an error, but for what any client would ask again: what lay beyond an answer that announced
 * the connection's end, and, once and of an idempotent method, what met the unannounced end of a connection that had been idle for half a second, or
 * had not left when that end came.
 *
 * One thread for all of it, but where another is named.
 */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "base/pool.h"
#include "load/arrivals.h"
#include "load/plan.h"
#include "net/socket.h"
#include "ring/ring.h"
#include "stats/histogram.h"
#include "tls/tls.h"

enum {
    LOAD_STATUSES = 1000,
    LOAD_KINDS = 128,
};
/* What histograms reach to: an hour, in nanoseconds. */
#define LOAD_HIGHEST_NS UINT64_C(3600000000000)

/* What limited the load; numbers as enum rf_load_limit. */
enum load_limit {
    LOAD_LIMIT_PORTS = 4,
    LOAD_LIMIT_DESCRIPTORS = 8,
    LOAD_LIMIT_OUTSTANDING = 16,
    LOAD_LIMIT_MEMORY = 32,
};

/* ---- tallies ------------------------------------------------------------------------------------ */

/* What one worker saw in one block of an order. */
struct load_tally {
    struct link link; /* whoever holds it */
    uint64_t order;   /* its number */
    uint64_t block;   /* of the order, from 0 */
    unsigned worker;
    uint8_t side;
    bool last;                  /* the order is over for this worker: nothing is outstanding */
    uint64_t start_ns, stop_ns; /* the block's bounds, on ring_now's clock */

    /* That were begun and have ended, errors included, and one for each time that bytes came which answer none (ERR_UNSOLICITED). */
    uint64_t requests;
    uint64_t late;   /* of these, after the order's stop: they don't count for the rate */
    uint64_t errors; /* of `requests`; the sum of all kinds */
    uint64_t received_bytes, sent_bytes, body_bytes;
    uint32_t status[LOAD_STATUSES];
    uint32_t kind[LOAD_KINDS];
    uint64_t connects, resumed;
    unsigned connections; /* open when it was handed in */
    unsigned connections_max, outstanding_max;
    unsigned limits;                     /* enum load_limit */
    uint64_t cpu_user_ns, cpu_system_ns; /* of the thread */

    /* Nanoseconds, of successes. */
    struct histogram latency;    /* closed loop: from sending; open: from when it was due */
    struct histogram first_byte; /* from sending */
    /* Open loop only, else not initialised (highest 0). Slip is also of what left and failed. */
    struct histogram raw, slip;
    struct histogram connect, tls;
};
/* False: memory is out. */
bool load_tally_init(struct load_tally *tally, bool open_loop);
void load_tally_deinit(struct load_tally *tally);
void load_tally_reset(struct load_tally *tally);
/* On the heap, ready: what workers hold and hand in. NULL: memory is out. */
struct load_tally *load_tally_new(bool open_loop);
void load_tally_free(struct load_tally *tally); /* NULL is allowed */

/* What a worker saw of one entry in all counted orders. */
struct load_entry_tally {
    uint64_t requests, errors, bytes;
    struct histogram latency;
};

/* What is worth a line in a report: of the first, or last, that showed it. */
struct load_facts {
    struct address address; /* of the last connection; family 0: none */
    char server[128];       /* the Server field; "" */
    char first_error[256];  /* a sentence; "" */
    uint8_t tls_version;    /* enum tls_version */
    const char *tls_cipher; /* static; NULL */
};

/* ---- settings ------------------------------------------------------------------------------------- */

struct load_options {
    unsigned worker, workers;
    unsigned connections; /* this worker's share, on each side */
    unsigned pipeline;    /* 1 and up */
    bool no_keepalive;
    uint64_t connect_timeout_ns, request_timeout_ns;
    uint64_t seed;
    const char *interface; /* or NULL */
    bool paced;            /* socket_is_paced */
    socket_has_source_fn *has_source;

    bool open_loop;
    bool poisson;
    double rate;              /* of all workers */
    unsigned outstanding_max; /* this worker's share */
    const struct ramp_part *ramp;
    unsigned ramp_count;
    bool ramp_connections; /* closed loop: how many are in use, of all workers */
};

/* What all workers share. */
struct load_shared {
    struct plan *plan;
    atomic_int_fast64_t
        quota; /* requests that may still begin in counted orders; a large number: any */
    bool has_quota;
    /* Takes a full tally, which is the engine's then, and returns an empty one made by load_tally_new: a worker frees those it holds. On the
     * worker's thread. */
    struct load_tally *(*hand_in)(void *context, struct load_tally *full);
    void *context;
};

/* ---- orders ----------------------------------------------------------------------------------------- */

struct load_order {
    uint64_t number;
    uint8_t side;
    bool counted; /* the measured part: entries are tallied, the quota is used */
    bool
        schedule; /* open loop: the schedule (of the order, from its start). Warm-up orders have one too */
    uint64_t start_ns; /* on ring_now's clock; in the past: at once */
    uint64_t
        stop_ns; /* no request begins at or after it. UINT64_MAX: when the quota is used up, or the ramp is over */
    uint64_t block_ns; /* tallies are handed in that often; UINT64_MAX: once, at the end */
};

/* ---- the worker --------------------------------------------------------------------------------------- */

struct load_worker;

/* `tls` may be NULL where no target is https. NULL: memory is out. */
struct load_worker *load_worker_open(struct ring *ring, struct tls *tls, struct pool *pool,
                                     struct load_shared *shared,
                                     const struct load_options *options);
/* Opens connections to a side, up to its share, before any order for it; `load_worker_is_connected` when all that can be are. */
void load_worker_connect(struct load_worker *worker, uint8_t side);
bool load_worker_is_connected(const struct load_worker *worker, uint8_t side);
/* Begins an order; the last one must be over. */
void load_worker_begin(struct load_worker *worker, const struct load_order *order);
/* No further request begins; what is outstanding is waited for as usual. */
void load_worker_stop(struct load_worker *worker);
/* The same, and what is outstanding is dropped: not counted at all. */
void load_worker_abandon(struct load_worker *worker);
bool load_worker_is_idle(const struct load_worker *worker);
/* One turn of the ring and what follows from it. Sleeps until something happens, the next request is due, or ring_wake. */
void load_worker_turn(struct load_worker *worker);
/* For progress; what is outstanding now and open. */
unsigned load_worker_outstanding(const struct load_worker *worker);
unsigned load_worker_connections(const struct load_worker *worker);
const struct load_facts *load_worker_facts(const struct load_worker *worker, uint8_t side);
/* One for each entry of the plan (index), as it is now; the histogram's `highest` is 0 where nothing was counted. */
const struct load_entry_tally *load_worker_entries(const struct load_worker *worker);
/* Closes all connections; turn on until it is closed, then free it. */
void load_worker_begin_close(struct load_worker *worker);
bool load_worker_is_closed(const struct load_worker *worker);
void load_worker_free(struct load_worker *worker);

#endif
