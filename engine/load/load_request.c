/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_request.c: a request from its beginning to the moment it is counted, and what becomes of those whose connection dies. The worker's
 * thread.
 *
 * A request that began in a turn leaves when the next one submits it, so that is its time: one look at the clock for all of them.
 */
#include "load/load_private.h"

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
    for (unsigned i = 0; i < worker->begun_count; i++) {
        struct load_request *request = worker->begun[i];
        if (request->sent_ns)
            continue;
        request->sent_ns = now;
        if (request->due_ns)
            histogram_record(&worker->now->slip, now - request->due_ns);
    }
    worker->begun_count = 0;
}

static inline struct load_request *place(struct load_conn *conn) {
    unsigned at = (unsigned)conn->first + conn->count++, size = conn->worker->options.pipeline;
    return &conn->request[at < size ? at : at - size];
}

static inline void send_request(struct load_conn *conn, struct load_request *request) {
    struct load_worker *worker = conn->worker;
    struct load_tally *tally = worker->now;
    if (++worker->outstanding > tally->outstanding_max)
        tally->outstanding_max = worker->outstanding;
    tally->sent_bytes += request->message.len;
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

enum load_fed load_request_answered(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    struct load_outcome outcome = {
        .request = load_request_of(conn), .conn = conn, .status = conn->status};
    if (UNLIKELY(conn->evidence))
        load_judge_end(conn);
    if (UNLIKELY(conn->verdict))
        outcome.err = err_make(conn->verdict == ERR_EXPECTATION ? STAGE_EXPECT : STAGE_HEAD,
                               (enum err_kind)conn->verdict, conn->status);
    load_count(worker, &outcome);
    take_first(conn);
    conn->served = true;
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

/* What was sent beyond an answer that announced the end, or as the server was closing an idle connection, had no chance: any client
 * would ask again, once. */
static bool may_repeat(const struct load_conn *conn, const struct load_request *request) {
    bool is_lost = conn->err.kind == ERR_CLOSED || conn->err.kind == ERR_RESET;
    if (conn->worker->options.no_keepalive)
        return false;
    if (conn->announced) /* however often: each time an answer came */
        return true;
    return !request->again && conn->served && !conn->response_bytes && is_lost;
}

void load_requests_settle(struct load_conn *conn) {
    struct load_worker *worker = conn->worker;
    struct err err = conn->err;
    if (!err_is(err))
        err = err_make(STAGE_HEAD, ERR_CLOSED, 0);
    while (conn->count) {
        struct load_request *request = load_request_of(conn);
        if (!worker->dropped && may_repeat(conn, request)) {
            request->again = !conn->announced;
            lane_push_again(worker, conn->lane, request);
            request->own = (struct bytes){0};
        } else {
            load_count(worker,
                       &(struct load_outcome){.request = request, .conn = conn, .err = err});
        }
        take_first(conn);
    }
}
