/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_order.c: when requests may begin: an order's start, blocks and stop, the quota, and in open loop the schedule. The worker's
 * thread; looked at once a turn, so that a request costs no look at any of it but the time.
 */
#include "load/load_private.h"

enum {
    RAMP_STEP_MS = 10,
    LATE_NS = 200 * 1000, /* less than that is what a kernel's timer and a turn's work take */
    CATCH_UP_TIMES = 4,
    PATIENCE_MS = 100,
};

/* ---- may one begin? -------------------------------------------------------------------------------- */

bool load_may_begin(const struct load_worker *worker) {
    return worker->started && !worker->exhausted && ring_now(worker->ring) < worker->order.stop_ns;
}

bool load_take_quota(struct load_worker *worker) {
    if (LIKELY(!worker->uses_quota))
        return true;
    if (atomic_fetch_sub_explicit(&worker->shared->quota, 1, memory_order_relaxed) > 0)
        return true;
    load_order_exhaust(worker);
    return false;
}

static void forget_unsent(struct load_worker *worker) {
    for (unsigned i = 0; i < worker->plan->target_count; i++)
        lane_clear(worker, &worker->lane[i]);
}

void load_order_exhaust(struct load_worker *worker) {
    worker->exhausted = true;
    if (worker->closed_loop)
        forget_unsent(worker);
}

/* ---- blocks ------------------------------------------------------------------------------------------ */

/* The block that holds the stop is the last one and has no end of its own. */
static void set_roll(struct load_worker *worker) {
    const struct load_order *order = &worker->order;
    uint64_t start = worker->block_start_ns;
    bool is_last = order->block_ns >= order->stop_ns - start;
    worker->roll_ns = is_last ? UINT64_MAX : start + order->block_ns;
}

void load_roll(struct load_worker *worker, uint64_t now) {
    while (now >= worker->roll_ns) {
        uint64_t end = worker->roll_ns;
        load_hand_in(worker, false, end);
        worker->block++;
        worker->block_start_ns = end;
        set_roll(worker);
    }
}

/* ---- how many connections are in use ------------------------------------------------------------------- */

static unsigned share_of(const struct load_worker *worker, double all) {
    unsigned whole = all > 0 ? (unsigned)all : 0, workers = worker->options.workers;
    return whole / workers + (worker->options.worker < whole % workers);
}

static void set_tokens(struct load_worker *worker) {
    const struct load_options *options = &worker->options;
    unsigned connections = options->connections;
    if (options->ramp_connections) {
        uint64_t into_ns = ring_now(worker->ring) - worker->order.start_ns;
        /* A warm-up stays where the ramp begins. */
        double seconds = worker->order.counted ? (double)into_ns / (double)NS_PER_S : 0;
        connections = share_of(worker, ramp_at(options->ramp, options->ramp_count, seconds) + 0.5);
        if (seconds >= ramp_seconds(options->ramp, options->ramp_count))
            load_order_exhaust(worker);
    }
    worker->token_max = connections * options->pipeline;
}

/* ---- the schedule ------------------------------------------------------------------------------------- */

static void next_arrival(struct load_worker *worker) {
    uint64_t after_ns = arrivals_next(&worker->arrivals);
    if (after_ns == UINT64_MAX) {
        worker->due_ns = UINT64_MAX;
        worker->exhausted = true;
    } else {
        worker->due_ns = worker->order.start_ns + after_ns;
    }
}

static void begin_schedule(struct load_worker *worker) {
    const struct load_options *options = &worker->options;
    struct arrivals_options arrivals = {.rate = options->rate,
                                        .ramp = options->ramp,
                                        .ramp_count = options->ramp_count,
                                        .poisson = options->poisson,
                                        .worker = options->worker,
                                        .workers = options->workers,
                                        .seed = options->seed + worker->order.number};
    arrivals_init(&worker->arrivals, &arrivals);
    next_arrival(worker);
}

static bool has_arrived(const struct load_worker *worker, uint64_t now) {
    return worker->due_ns <= now && worker->due_ns < worker->order.stop_ns && !worker->exhausted;
}

/* What is let in late, is late by the worker's own fault: no server has seen it yet. To make up for it takes as long again where half of the
 * worker's time is free, and four times as long where a fifth is. */
static void note_lateness(struct load_worker *worker, uint64_t now) {
    uint64_t late_ns = has_arrived(worker, now) ? now - worker->due_ns : 0;
    uint64_t until_ns = now + CATCH_UP_TIMES * late_ns;
    if (late_ns >= LATE_NS && worker->caught_up_ns < until_ns)
        worker->caught_up_ns = until_ns;
    if (!load_is_catching_up(worker))
        worker->behind_since_ns = 0;
    else if (!worker->behind_since_ns)
        worker->behind_since_ns = now;
}

bool load_is_catching_up(const struct load_worker *worker) {
    return ring_now(worker->ring) < worker->caught_up_ns;
}

/* It counts from when the worker fell behind: after a pause of a second all that was due then would have lost its patience already. */
uint64_t load_patience_ns(const struct load_worker *worker, uint64_t due_ns) {
    uint64_t from_ns = due_ns > worker->behind_since_ns ? due_ns : worker->behind_since_ns;
    return from_ns + PATIENCE_MS * NS_PER_MS;
}

static void let_arrive(struct load_worker *worker, uint64_t now) {
    note_lateness(worker, now);
    while (has_arrived(worker, now) && load_take_quota(worker)) {
        lane_push(worker, load_next_entry(worker, worker->order.side), worker->due_ns);
        next_arrival(worker);
    }
}

/* A request for every connection that has none. */
static void fill(struct load_worker *worker) {
    if (worker->options.ramp_connections)
        set_tokens(worker);
    if (!load_may_begin(worker))
        return;
    while (worker->outstanding + worker->waiting < worker->token_max)
        lane_push(worker, load_next_entry(worker, worker->order.side), 0);
}

/* In closed loop what waits at the stop has not begun. In open loop it was due, and is sent still, or a server that stalls at the end could hide
 * it; but what a warm-up has not got rid of nobody counts, and the measured part would have to wait for it. */
static bool drops_unsent(const struct load_worker *worker) {
    if (worker->closed_loop)
        return !load_may_begin(worker);
    return !worker->order.counted && ring_now(worker->ring) >= worker->order.stop_ns;
}

/* ---- orders ---------------------------------------------------------------------------------------------- */

void load_worker_begin(struct load_worker *worker, const struct load_order *order) {
    CHECK(!worker->active && worker->plan->has_side[order->side] && order->block_ns > 0);
    worker->order = *order;
    if (!order->start_ns)
        worker->order.start_ns = ring_now(worker->ring);
    worker->active = true;
    worker->started = worker->exhausted = worker->dropped = false;
    worker->closed_loop = !(worker->options.open_loop && order->schedule);
    worker->uses_quota = order->counted && worker->shared->has_quota;
    worker->block = 0;
    worker->block_start_ns = worker->order.start_ns;
    worker->now = worker->tally[order->side];
    worker->roll_ns = UINT64_MAX;
    worker->due_ns = UINT64_MAX;
    worker->behind_since_ns = worker->caught_up_ns = 0;
    worker->look_again_ns = UINT64_MAX;
    worker->to_open[order->side] = 0; /* from now on as needed */
}

static void start(struct load_worker *worker) {
    worker->started = true;
    if (worker->order.stop_ns < worker->order.start_ns)
        worker->order.stop_ns = worker->order.start_ns;
    set_roll(worker);
    load_cpu_begin(worker);
    worker->now->connections_max = worker->open[worker->order.side];
    if (worker->closed_loop)
        set_tokens(worker);
    else
        begin_schedule(worker);
}

static bool is_over(const struct load_worker *worker, uint64_t now) {
    return !worker->outstanding && !worker->waiting &&
           (now >= worker->order.stop_ns || worker->exhausted);
}

void load_order_finish(struct load_worker *worker) {
    uint64_t now = ring_now(worker->ring), stop_ns = worker->order.stop_ns;
    load_hand_in(worker, true, stop_ns < now ? stop_ns : now);
    worker->active = worker->started = false;
    worker->roll_ns = UINT64_MAX;
}

void load_order_step(struct load_worker *worker) {
    uint64_t now = ring_now(worker->ring);
    if (!worker->started) {
        if (now < worker->order.start_ns && now < worker->order.stop_ns)
            return;
        start(worker);
    }
    if (now >= worker->roll_ns)
        load_roll(worker, now);
    if (worker->closed_loop)
        fill(worker);
    else
        let_arrive(worker, now);
    if (worker->waiting && drops_unsent(worker))
        forget_unsent(worker);
    worker->look_again_ns = UINT64_MAX;
    for (unsigned i = 0; worker->waiting && i < worker->plan->target_count; i++)
        lane_serve(worker, &worker->lane[i]);
    if (is_over(worker, now))
        load_order_finish(worker);
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

uint64_t load_order_wake_ns(const struct load_worker *worker) {
    const struct load_order *order = &worker->order;
    uint64_t now = ring_now(worker->ring), at = UINT64_MAX;
    if (!worker->active)
        return UINT64_MAX;
    if (!worker->started)
        return earlier(order->start_ns, order->stop_ns);
    if (now < order->stop_ns)
        at = order->stop_ns;
    at = earlier(earlier(at, worker->roll_ns), worker->look_again_ns);
    if (!worker->closed_loop && !worker->exhausted && worker->due_ns < order->stop_ns)
        at = earlier(at, worker->due_ns);
    if (worker->options.ramp_connections && !worker->exhausted)
        at = earlier(at, now + RAMP_STEP_MS * NS_PER_MS);
    return at;
}

void load_worker_stop(struct load_worker *worker) {
    uint64_t now = ring_now(worker->ring);
    if (!worker->active || worker->order.stop_ns <= now)
        return;
    worker->order.stop_ns = now;
    if (worker->started && worker->roll_ns != UINT64_MAX && worker->roll_ns > now)
        worker->roll_ns = UINT64_MAX;
    worker->must_turn = true;
}

void load_worker_abandon(struct load_worker *worker) {
    load_worker_stop(worker);
    if (!worker->active)
        return;
    worker->dropped = worker->exhausted = true;
    for (unsigned i = 0; i < worker->plan->target_count; i++)
        lane_clear_all(worker, &worker->lane[i]);
    struct link *next;
    for (struct link *link = worker->all.next; link != &worker->all; link = next) {
        struct load_conn *conn = LIST_ENTRY(link, struct load_conn, all);
        next = link->next;
        if (conn->count)
            load_conn_begin_close(conn);
    }
    worker->must_turn = true;
}
