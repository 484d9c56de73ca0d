/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_lane.c: which connection sends which request. A lane's idle connections are a stack, so that those in use are few and warm; one that
 * has been answered goes on at once, without being filed anywhere, which is all that happens in a plain closed loop. The worker's thread.
 *
 * Rejected: requests that belong to a connection from the start. With several targets a connection would have to be closed whenever the
 * next request is for another one.
 */
#include "load/load_private.h"

enum { DUE_ROOM_MIN = 64 };

void lane_init(struct load_lane *lane, const struct plan_target *target) {
    *lane = (struct load_lane){.target = target, .side = target->side};
    list_init(&lane->idle);
    list_init(&lane->partial);
    list_init(&lane->again);
    list_init(&lane->anew);
    lane->is_near =
        target->unix_path || (target->address_count && address_is_loopback(target->address));
    if (target->unix_path) {
        lane->unix_address.sun_family = AF_UNIX;
        strncpy(lane->unix_address.sun_path, target->unix_path,
                sizeof lane->unix_address.sun_path - 1);
    }
}

void lane_deinit(struct load_lane *lane, struct load_worker *worker) {
    lane_clear_all(worker, lane);
    pool_release(worker->pool, lane->due, lane->due_room * sizeof *lane->due);
}

uint32_t load_next_entry(struct load_worker *worker, uint8_t side) {
    int64_t only = worker->only_entry[side];
    return only >= 0 ? (uint32_t)only : plan_turn_next(worker->turn[side]);
}

/* ---- what waits --------------------------------------------------------------------------------- */

static void make_room(struct load_lane *lane, struct pool *pool) {
    unsigned room = lane->due_room ? lane->due_room * 2 : DUE_ROOM_MIN;
    struct load_due *due = pool_acquire(pool, room * sizeof *due);
    for (unsigned i = 0; i < lane->due_count; i++)
        due[i] = lane->due[(lane->due_first + i) & (lane->due_room - 1)];
    pool_release(pool, lane->due, lane->due_room * sizeof *due);
    lane->due = due;
    lane->due_room = room;
    lane->due_first = 0;
}

void lane_push(struct load_worker *worker, uint32_t entry, uint64_t due_ns) {
    struct load_lane *lane = &worker->lane[worker->plan->entry[entry].target];
    if (lane->due_count == lane->due_room)
        make_room(lane, worker->pool);
    unsigned at = (lane->due_first + lane->due_count++) & (lane->due_room - 1);
    lane->due[at] = (struct load_due){.due_ns = due_ns, .entry = entry};
    worker->waiting++;
}

static struct load_due *due_at(const struct load_lane *lane, unsigned behind) {
    return &lane->due[(lane->due_first + behind) & (lane->due_room - 1)];
}

static struct load_due pop(struct load_worker *worker, struct load_lane *lane) {
    struct load_due due = *due_at(lane, 0);
    lane->due_first = (lane->due_first + 1) & (lane->due_room - 1);
    lane->due_count--;
    worker->waiting--;
    return due;
}

void lane_push_again(struct load_worker *worker, struct load_lane *lane,
                     const struct load_request *request) {
    struct load_again *again = pool_acquire(worker->pool, sizeof *again);
    again->request = *request;
    list_push_back(request->again ? &lane->anew : &lane->again, &again->link);
    *(request->again ? &lane->anew_count : &lane->again_count) += 1;
    worker->waiting++;
}

static bool pop_again(struct load_worker *worker, struct load_lane *lane, bool is_new,
                      struct load_request *request) {
    bool anew = is_new && lane->anew_count;
    struct link *link = list_pop_front(anew ? &lane->anew : &lane->again);
    if (!link)
        return false;
    struct load_again *again = LIST_ENTRY(link, struct load_again, link);
    *request = again->request;
    pool_release(worker->pool, again, sizeof *again);
    *(anew ? &lane->anew_count : &lane->again_count) -= 1;
    worker->waiting--;
    return true;
}

/* No further connection can be opened now: those that are there will do. */
void lane_relax(struct load_lane *lane) {
    struct link *link;
    while ((link = list_pop_front(&lane->anew)))
        list_push_back(&lane->again, link);
    lane->again_count += lane->anew_count;
    lane->anew_count = 0;
}

void lane_clear(struct load_worker *worker, struct load_lane *lane) {
    worker->waiting -= lane->due_count;
    lane->due_count = 0;
}

void lane_clear_all(struct load_worker *worker, struct load_lane *lane) {
    struct load_request request;
    lane_clear(worker, lane);
    while (pop_again(worker, lane, true, &request))
        load_request_release(worker, &request);
}

static bool lane_is_waiting(const struct load_lane *lane) {
    return lane->due_count || lane->again_count || lane->anew_count;
}

/* ---- what fails without having been sent --------------------------------------------------------------- */

static void fail_due(struct load_worker *worker, struct load_due due, struct load_conn *conn,
                     struct err err) {
    struct load_request request = {.entry = due.entry, .due_ns = due.due_ns};
    load_request_count(worker,
                       &(struct load_outcome){.request = &request, .conn = conn, .err = err});
}

void lane_fail_one(struct load_worker *worker, struct load_lane *lane, struct load_conn *conn,
                   struct err err) {
    struct load_request request;
    if (pop_again(worker, lane, true, &request)) {
        load_request_count(worker,
                           &(struct load_outcome){.request = &request, .conn = conn, .err = err});
        load_request_release(worker, &request);
    } else if (lane->due_count) {
        struct load_due due = pop(worker, lane);
        if (!worker->closed_loop || load_take_quota(worker))
            fail_due(worker, due, conn, err);
    }
}

static bool is_expired(const struct load_worker *worker, uint64_t due_ns, uint64_t now) {
    return due_ns && now >= due_ns + worker->options.request_timeout_ns;
}

/* What is asked again has the time that it had at first: a connection that can't be had for want of descriptors must not give each of
 * them a turn to wait. */
static void expire_again(struct load_worker *worker, struct link *list, unsigned *count,
                         uint64_t now) {
    while (!list_is_empty(list)) {
        struct load_again *again = LIST_ENTRY(list->next, struct load_again, link);
        if (!is_expired(worker, again->request.sent_ns, now))
            return;
        list_remove(&again->link);
        *count -= 1;
        worker->waiting--;
        load_request_count(worker,
                           &(struct load_outcome){.request = &again->request,
                                                  .err = err_make(STAGE_LOCAL, ERR_TIMED_OUT, 0)});
        load_request_release(worker, &again->request);
        pool_release(worker->pool, again, sizeof *again);
    }
}

/* A time limit counts from when a request was due: a server that has stalled ends a run no later for what piled up meanwhile. */
void lane_expire(struct load_worker *worker, struct load_lane *lane, uint64_t now) {
    expire_again(worker, &lane->again, &lane->again_count, now);
    expire_again(worker, &lane->anew, &lane->anew_count, now);
    while (lane->due_count && is_expired(worker, due_at(lane, 0)->due_ns, now))
        fail_due(worker, pop(worker, lane), NULL, err_make(STAGE_LOCAL, ERR_TIMED_OUT, 0));
}

/* ---- connections and their places ---------------------------------------------------------------------- */

void lane_unfile(struct load_conn *conn) {
    if (conn->filed != FILED_NOT)
        list_remove(&conn->file);
    conn->filed = FILED_NOT;
}

static void file(struct load_conn *conn) {
    const struct load_options *options = &conn->worker->options;
    struct load_lane *lane = conn->lane;
    enum filed filed = FILED_NOT;
    if (!options->no_keepalive && load_wire_can_send(conn)) {
        if (!conn->count)
            filed = FILED_IDLE;
        else if (conn->count < options->pipeline)
            filed = FILED_PARTIAL;
    }
    if (filed == conn->filed)
        return;
    lane_unfile(conn);
    conn->filed = (uint8_t)filed;
    if (filed == FILED_IDLE)
        list_push_front(&lane->idle, &conn->file);
    else if (filed == FILED_PARTIAL)
        list_push_back(&lane->partial, &conn->file);
}

/* What is due beyond that waits, and the wait counts. */
static bool is_full(const struct load_worker *worker) {
    return !worker->closed_loop && worker->outstanding >= worker->options.outstanding_max;
}

bool lane_next(struct load_lane *lane, struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    struct load_request request;
    uint64_t now = ring_now(worker->ring);
    if (!worker->active)
        return false;
    if (pop_again(worker, lane, !conn->served, &request)) {
        load_request_repeat(conn, &request);
        return true;
    }
    while (lane->due_count) {
        if (is_full(worker))
            return false;
        struct load_due due = pop(worker, lane);
        if (worker->closed_loop) {
            if (!load_may_begin(worker) || !load_take_quota(worker))
                return false;
        } else if (is_expired(worker, due.due_ns, now)) {
            fail_due(worker, due, NULL, err_make(STAGE_LOCAL, ERR_TIMED_OUT, 0));
            continue;
        }
        load_request_begin(conn, due.entry, due.due_ns);
        return true;
    }
    return false;
}

/* Closed loop: the next request of all, if it is for this lane. */
static bool go_on(struct load_lane *lane, struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    if (!worker->closed_loop || lane->side != worker->order.side || !load_may_begin(worker))
        return false;
    while (worker->outstanding + worker->waiting < worker->token_max) {
        uint32_t entry = load_next_entry(worker, lane->side);
        if (UNLIKELY(&worker->lane[worker->plan->entry[entry].target] != lane)) {
            lane_push(worker, entry, 0);
            continue;
        }
        if (!load_take_quota(worker))
            return false;
        load_request_begin(conn, entry, 0);
        return true;
    }
    return false;
}

void lane_refill(struct load_conn *conn) {
    struct load_lane *lane = conn->lane;
    const struct load_options *options = &conn->worker->options;
    if (UNLIKELY(options->no_keepalive))
        return;
    while (conn->count < options->pipeline && load_wire_can_send(conn)) {
        if (UNLIKELY(lane_is_waiting(lane)) && lane_next(lane, conn))
            continue;
        if (!go_on(lane, conn))
            break;
    }
    file(conn);
}

/* ---- serving what waits ------------------------------------------------------------------------------------ */

static struct load_conn *pick(const struct load_worker *worker, struct load_lane *lane) {
    struct link *link = list_first(&lane->idle);
    if (!link && lane->conns >= worker->options.connections)
        link = list_first(&lane->partial);
    return link ? LIST_ENTRY(link, struct load_conn, file) : NULL;
}

/* What was due first comes first, so these are the first ones. */
static unsigned count_impatient(const struct load_worker *worker, const struct load_lane *lane) {
    uint64_t now = ring_now(worker->ring);
    unsigned low = 0, high = lane->due_count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (now >= load_patience_ns(worker, due_at(lane, middle)->due_ns))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* In open loop connections are added as answers stay out. A handshake costs as much as ten requests: a worker that has lost a hundredth of
 * a second and opened one for each request due meanwhile would be late because of that, open more, and never recover. What it has let pile
 * up itself it makes up for with the connections that it has. But it may not be what is slow, or not alone, so that patience ends. */
static unsigned hold_back(struct load_worker *worker, const struct load_lane *lane, unsigned more) {
    const struct load_options *options = &worker->options;
    unsigned missing = options->connections > lane->conns ? options->connections - lane->conns : 0;
    unsigned impatient = count_impatient(worker, lane);
    unsigned urgent = impatient + lane->again_count;
    unsigned most = urgent > lane->opening ? urgent - lane->opening : 0;
    if (most < missing)
        most = missing;
    if (options->no_keepalive || more <= most || impatient == lane->due_count)
        return more;
    uint64_t again_ns = load_patience_ns(worker, due_at(lane, impatient)->due_ns);
    if (again_ns > worker->caught_up_ns)
        again_ns = worker->caught_up_ns;
    if (worker->look_again_ns > again_ns)
        worker->look_again_ns = again_ns;
    return most;
}

/* How many connections may be opened for what still waits. */
static unsigned wanted(struct load_worker *worker, const struct load_lane *lane) {
    const struct load_options *options = &worker->options;
    unsigned most = worker->closed_loop
                        ? (worker->token_max + options->pipeline - 1) / options->pipeline
                        : options->outstanding_max;
    unsigned waiting = lane->due_count + lane->again_count;
    unsigned each = options->no_keepalive ? 1 : options->pipeline;
    unsigned opening = lane->opening;
    if (!worker->closed_loop && lane->conns < options->connections)
        each = 1; /* more connections come before fuller ones */
    unsigned needed = (waiting + each - 1) / each;
    unsigned anew = (lane->anew_count + options->pipeline - 1) / options->pipeline;
    unsigned room = most > lane->conns ? most - lane->conns : 0;
    unsigned more = needed > opening ? needed - opening : 0;
    if (more > room)
        more = room;
    if (more && !worker->closed_loop && load_is_catching_up(worker))
        more = hold_back(worker, lane, more);
    /* What is asked again must be, whatever the limits say. */
    if (!more && !lane->conns && waiting)
        more = 1;
    return anew > opening + more ? anew - opening : more;
}

void lane_serve(struct load_worker *worker, struct load_lane *lane) {
    struct load_conn *conn;
    while (lane_is_waiting(lane) && (conn = pick(worker, lane)) && lane_next(lane, conn))
        file(conn);
    if (!lane_is_waiting(lane) || !worker->active)
        return;
    if (is_full(worker))
        worker->now->limits |= LOAD_LIMIT_OUTSTANDING;
    for (unsigned n = wanted(worker, lane); n && load_may_open(worker, lane); n--)
        load_conn_open(worker, lane);
}

void lane_open_ahead(struct load_worker *worker, uint8_t side) {
    unsigned count = worker->plan->target_count;
    while (worker->to_open[side]) {
        struct load_lane *lane = &worker->lane[worker->next_lane[side] % count];
        if (lane->side == side) {
            if (!load_may_open(worker, lane))
                return;
            worker->to_open[side]--;
            load_conn_open(worker, lane);
        }
        worker->next_lane[side]++;
    }
}
