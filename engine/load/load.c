/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load.c: a worker from opening to closing, and its turn: what began since the last one is stamped and submitted, what the ring has to say is
 * heard (load_wire.c), and then once for all of it the order is looked at. The worker's thread.
 */
#include "load/load_private.h"

#include <stdlib.h>

enum {
    BEGUN_ROOM_MIN = 256,
    SWEEP_MS_MAX = 100,
    SWEEPS_A_LIMIT = 8,   /* a time limit is kept to an eighth */
    UNANSWERED_MAX = 384, /* beyond, a listener's backlog overflows and a SYN waits a second */
    UNANSWERED_MIN = 8,
    NARROW_CONNS = 16, /* fewer leave a core idle while both sides wait for a window */
};

/* ---- opening ------------------------------------------------------------------------------------ */

static void on_sweep(struct ring_timer *timer) {
    struct load_worker *worker = CONTAINER_OF(timer, struct load_worker, sweep);
    uint64_t now = ring_now(worker->ring);
    load_conn_sweep(worker);
    for (unsigned i = 0; worker->active && worker->waiting && i < worker->plan->target_count; i++)
        lane_expire(worker, &worker->lane[i], now);
    if (!list_is_empty(&worker->all) || worker->waiting)
        ring_timer_set(worker->ring, timer, now + worker->sweep_ns);
}

static uint64_t sweep_interval(const struct load_options *options) {
    uint64_t least = options->connect_timeout_ns < options->request_timeout_ns
                         ? options->connect_timeout_ns
                         : options->request_timeout_ns;
    uint64_t every = least / SWEEPS_A_LIMIT;
    if (every > SWEEP_MS_MAX * NS_PER_MS)
        return SWEEP_MS_MAX * NS_PER_MS;
    return every > NS_PER_MS ? every : NS_PER_MS;
}

static void init(struct load_worker *worker) {
    struct load_options *options = &worker->options;
    list_init(&worker->all);
    list_init(&worker->shaking);
    list_init(&worker->dirty);
    ring_timer_init(&worker->sweep, on_sweep);
    worker->roll_ns = UINT64_MAX;
    if (!options->pipeline)
        options->pipeline = 1;
    if (!options->workers)
        options->workers = 1;
    if (options->open_loop && !options->outstanding_max)
        options->outstanding_max = 1;
    worker->sweep_ns = sweep_interval(options);
    worker->unanswered_max = UNANSWERED_MAX / options->workers;
    if (worker->unanswered_max < UNANSWERED_MIN)
        worker->unanswered_max = UNANSWERED_MIN;
    worker->narrows = options->paced && options->connections >= NARROW_CONNS;
    worker->begun_room = BEGUN_ROOM_MIN;
    worker->begun = pool_acquire(worker->pool, worker->begun_room * sizeof *worker->begun);
}

static void count_entries(struct load_worker *worker) {
    unsigned count[PLAN_SIDES] = {0};
    for (unsigned i = 0; i < worker->plan->entry_count; i++) {
        uint8_t side = worker->plan->entry[i].side;
        worker->only_entry[side] = count[side]++ ? -1 : (int64_t)i;
    }
}

static bool open_parts(struct load_worker *worker) {
    struct plan *plan = worker->plan;
    const struct load_options *options = &worker->options;
    worker->lane = calloc(plan->target_count, sizeof *worker->lane);
    worker->entry = calloc(plan->entry_count, sizeof *worker->entry);
    if (!worker->lane || !worker->entry)
        return false;
    for (unsigned i = 0; i < plan->target_count; i++)
        lane_init(&worker->lane[i], &plan->target[i]);
    count_entries(worker);
    for (unsigned side = 0; side < PLAN_SIDES; side++) {
        worker->tally[side] = load_tally_new(options->open_loop);
        if (plan->has_side[side])
            worker->turn[side] = plan_turn_new(plan, (uint8_t)side, options->worker,
                                               options->workers, options->seed);
        if (!worker->tally[side] || (plan->has_side[side] && !worker->turn[side]))
            return false;
    }
    return true;
}

struct load_worker *load_worker_open(struct ring *ring, struct tls *tls, struct pool *pool,
                                     struct load_shared *shared,
                                     const struct load_options *options) {
    struct load_worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return NULL;
    worker->ring = ring;
    worker->tls = tls;
    worker->pool = pool;
    worker->shared = shared;
    worker->plan = shared->plan;
    worker->options = *options;
    init(worker);
    if (open_parts(worker))
        return worker;
    load_worker_free(worker);
    return NULL;
}

/* ---- the turn --------------------------------------------------------------------------------------- */

static void watch(struct load_worker *worker) {
    struct ring_timer *sweep = &worker->sweep;
    bool needed = !list_is_empty(&worker->all) || worker->waiting;
    if (needed && !ring_timer_is_set(sweep))
        ring_timer_set(worker->ring, sweep, ring_now(worker->ring) + worker->sweep_ns);
    else if (!needed)
        ring_timer_stop(sweep);
}

void load_worker_turn(struct load_worker *worker) {
    ring_wake_at(worker->ring, worker->must_turn ? 0 : load_order_wake_ns(worker));
    worker->must_turn = false;
    load_requests_stamp(worker);
    ring_turn(worker->ring, true);
    if (worker->active)
        load_order_step(worker);
    for (unsigned side = 0; side < PLAN_SIDES; side++)
        if (UNLIKELY(worker->to_open[side]))
            lane_open_ahead(worker, (uint8_t)side);
    if (!list_is_empty(&worker->shaking))
        load_wire_shake(worker);
    if (!list_is_empty(&worker->dirty))
        load_wire_flush_all(worker);
    if (UNLIKELY(!ring_timer_is_set(&worker->sweep) || list_is_empty(&worker->all)))
        watch(worker);
}

/* ---- connecting ahead ----------------------------------------------------------------------------------- */

void load_worker_connect(struct load_worker *worker, uint8_t side) {
    const struct load_options *options = &worker->options;
    unsigned wanted = options->connections;
    if (!worker->plan->has_side[side] || options->no_keepalive)
        return;
    if (options->ramp_connections) {
        double first = ramp_at(options->ramp, options->ramp_count, 0) / options->workers;
        if (first < wanted)
            wanted = (unsigned)first;
    }
    unsigned there = worker->open[side] + worker->opening[side];
    worker->to_open[side] = wanted > there ? wanted - there : 0;
    lane_open_ahead(worker, side);
}

bool load_worker_is_connected(const struct load_worker *worker, uint8_t side) {
    return !worker->to_open[side] && !worker->opening[side];
}

/* ---- looking at it ------------------------------------------------------------------------------------- */

bool load_worker_is_idle(const struct load_worker *worker) {
    return !worker->active;
}

unsigned load_worker_outstanding(const struct load_worker *worker) {
    return worker->outstanding;
}

unsigned load_worker_connections(const struct load_worker *worker) {
    return worker->open[0] + worker->open[1];
}

const struct load_facts *load_worker_facts(const struct load_worker *worker, uint8_t side) {
    return &worker->facts[side];
}

const struct load_entry_tally *load_worker_entries(const struct load_worker *worker) {
    return worker->entry;
}

/* ---- closing ------------------------------------------------------------------------------------------- */

void load_worker_begin_close(struct load_worker *worker) {
    struct link *next;
    worker->closing = worker->dropped = true;
    worker->active = false;
    worker->to_open[0] = worker->to_open[1] = 0;
    for (unsigned i = 0; i < worker->plan->target_count; i++)
        lane_clear_all(worker, &worker->lane[i]);
    for (struct link *link = worker->all.next; link != &worker->all; link = next) {
        next = link->next;
        load_conn_begin_close(LIST_ENTRY(link, struct load_conn, all));
    }
    worker->must_turn = true;
}

bool load_worker_is_closed(const struct load_worker *worker) {
    return list_is_empty(&worker->all);
}

void load_worker_free(struct load_worker *worker) {
    if (!worker)
        return;
    ring_timer_stop(&worker->sweep);
    for (unsigned i = 0; worker->lane && i < worker->plan->target_count; i++)
        lane_deinit(&worker->lane[i], worker);
    for (unsigned i = 0; worker->entry && i < worker->plan->entry_count; i++)
        histogram_deinit(&worker->entry[i].latency);
    for (unsigned side = 0; side < PLAN_SIDES; side++) {
        load_tally_free(worker->tally[side]);
        plan_turn_free(worker->turn[side]);
    }
    pool_release(worker->pool, worker->begun, worker->begun_room * sizeof *worker->begun);
    free(worker->lane);
    free(worker->entry);
    free(worker);
}
