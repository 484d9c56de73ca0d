/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_request.c: a request from its beginning to the moment it is counted, and what becomes of those whose connection dies. The worker's
 * thread.
 *
 * A request that began in a turn leaves when the next one submits it, so that is its time: one look at the clock for all of them.
 */
#include "load/load_private.h"

enum { RACE_IDLE_MS = 500 }; /* servers count a connection's idle time in seconds */

/* ---- beginning --------------------------------------------------------------------------------- */

static void note_begun(struct load_worker *worker, struct load_request *request) {
    if (UNLIKELY(worker->begun_count == worker->begun_room)) {
        unsigned room = worker->begun_room * 2;
        struct load_request **begun = pool_acquire(worker->pool, room * sizeof *begun);
        memcpy(begun, worker->begun, worker->begun_count * sizeof *begun);
        pool_release(worker->pool, worker->begun, worker->begun_room * sizeof *begun);
        worker->begun = begun;
        worker->begun_room = room;
    }
    worker->begun[worker->begun_count++] = request;
}

void load_requests_stamp(struct load_worker *worker) {
    if (!worker->begun_count)
        return;
    uint64_t now = load_clock(worker);
    for (unsigned i = 0; i < worker->begun_count; i++)
        worker->begun[i]->sent_ns = now;
    worker->begun_count = 0;
}

static inline struct load_request *request_at(struct load_conn *conn, unsigned behind) {
    unsigned at = conn->first + behind, size = conn->worker->options.pipeline;
    return &conn->request[at < size ? at : at - size];
}

static inline struct load_request *place(struct load_conn *conn) {
    return request_at(conn, conn->count++);
}

static inline void send_request(struct load_conn *conn, struct load_request *request) {
    struct load_worker *worker = conn->worker;
    struct load_tally *tally = worker->now;
    if (++worker->outstanding > tally->outstanding_max)
        tally->outstanding_max = worker->outstanding;
    tally->sent_bytes += request->message.len;
    if (LIKELY(!request->sent_ns))
        note_begun(worker, request);
    if (LIKELY(conn->state == LOAD_READY))
        load_wire_send(conn, request->message);
}

void load_request_begin(struct load_conn *conn, uint32_t entry, uint64_t due_ns) {
    struct load_worker *worker = conn->worker;
    struct load_request *request = place(conn);
    const struct plan_entry *asked = &worker->plan->entry[entry];
    request->sent_ns = 0;
    request->due_ns = due_ns;
    request->entry = entry;
    request->again = false;
    request->message =
        LIKELY(asked->message.constant)
            ? asked->message.text
            : plan_turn_message(worker->turn[asked->side], entry, &request->own, worker->pool);
    send_request(conn, request);
}

void load_request_repeat(struct load_conn *conn, const struct load_request *again) {
    struct load_request *request = place(conn);
    bytes_release(&request->own, conn->worker->pool);
    *request = *again;
    send_request(conn, request);
}

void load_request_release(struct load_worker *worker, struct load_request *request) {
    bytes_release(&request->own, worker->pool);
}

/* ---- the end ------------------------------------------------------------------------------------- */

static inline void take_first(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    unsigned next = conn->first + 1u;
    conn->first = (uint16_t)(next < worker->options.pipeline ? next : 0);
    conn->count--;
    worker->outstanding--;
}

/* One that is put back, as there is no port for it, leaves once more: how late it did is known when it is over. Those that failed slipped as well. */
void load_request_count(struct load_worker *worker, const struct load_outcome *outcome) {
    const struct load_request *request = outcome->request;
    load_count(worker, outcome);
    if (request->due_ns && request->sent_ns && LIKELY(!worker->dropped))
        histogram_record(&worker->now->slip, request->sent_ns - request->due_ns);
}

enum load_fed load_request_answered(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    struct load_outcome outcome = {
        .request = load_request_of(conn), .conn = conn, .status = conn->status};
    if (UNLIKELY(conn->evidence))
        load_judge_end(conn);
    if (UNLIKELY(conn->verdict))
        outcome.err = err_make(conn->verdict == ERR_EXPECTATION ? STAGE_EXPECT : STAGE_HEAD,
                               (enum err_kind)conn->verdict, conn->status);
    load_request_count(worker, &outcome);
    take_first(conn);
    conn->served = true;
    conn->answered_ns = ring_now(worker->ring);
    conn->failures = 0;
    conn->in_body = false;
    conn->interim = 0;
    conn->response_bytes = conn->body_bytes = 0;
    if (!conn->count)
        load_wire_settle(conn);
    if (LIKELY(conn->keep_alive && !worker->options.no_keepalive && !conn->peer_ended))
        return LOAD_FED_ON;
    load_conn_linger(conn);
    return LOAD_FED_AWAY;
}

/* ---- a connection's death ------------------------------------------------------------------------ */

static bool mark_unsent(struct load_conn *conn) {
    bool any = false;
    for (unsigned i = 0; i < conn->count; i++) {
        struct load_request *request = request_at(conn, i);
        request->unsent = !request->sent_ns;
        any |= request->unsent;
    }
    return any;
}

/* Those that haven't left are not to be stamped from now on: the connection's memory may go before that. */
void load_requests_part(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    const struct load_request *end = conn->request + worker->options.pipeline;
    unsigned kept = 0;
    if (!mark_unsent(conn))
        return;
    for (unsigned i = 0; i < worker->begun_count; i++)
        if (worker->begun[i] < conn->request || worker->begun[i] >= end)
            worker->begun[kept++] = worker->begun[i];
    worker->begun_count = kept;
}

/* A server may close a connection that has been idle for a while, and the next request may cross with that. Without such a pause nothing speaks
 * for a race: the server has dropped what it was asked, and dropping is what a load is to find out. The oldest request tells for those behind
 * it, as until it left nothing was outstanding. */
static bool was_idle(struct load_conn *conn) {
    uint64_t sent_ns = load_request_of(conn)->sent_ns;
    return conn->served && sent_ns >= conn->answered_ns + RACE_IDLE_MS * NS_PER_MS;
}

/* What any client would ask again. Beyond an answer that announced the end a server must not look at anything (RFC 9112, 9.6), so that
 * is for all methods and however often: each time an answer came. A race is for idempotent ones (9.2.2 of RFC 9110) and lost once. */
static bool may_repeat(const struct load_conn *conn, const struct load_request *request,
                       bool idle) {
    const struct load_worker *worker = conn->worker;
    bool is_lost = conn->err.kind == ERR_CLOSED || conn->err.kind == ERR_RESET;
    if (worker->options.no_keepalive)
        return false;
    if (conn->announced)
        return true;
    return is_lost && !request->again && conn->served && !conn->response_bytes &&
           (idle || request->unsent) && worker->plan->entry[request->entry].idempotent;
}

void load_requests_settle(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    bool idle = was_idle(conn);
    struct err err = conn->err;
    if (!err_is(err))
        err = err_make(STAGE_HEAD, ERR_CLOSED, 0);
    while (conn->count) {
        struct load_request *request = load_request_of(conn);
        if (!worker->dropped && may_repeat(conn, request, idle)) {
            request->again = !conn->announced;
            lane_push_again(worker, conn->lane, request);
            request->own = (struct bytes){0};
        } else {
            load_request_count(
                worker, &(struct load_outcome){.request = request, .conn = conn, .err = err});
        }
        take_first(conn);
    }
}
