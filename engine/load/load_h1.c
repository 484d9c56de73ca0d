/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_h1.c: answers, parsed where they lie; only a head that comes in pieces is copied. The worker's thread.
 *
 * A server under load says the same head again and again, but for a Date that changes once a second. Parsing is a function of the bytes, so a head
 * that is equal to the lane's last one means what that one meant, and comparing costs a tenth of parsing.
 */
#include <errno.h>

#include "load/load_private.h"

/* ---- answers ------------------------------------------------------------------------------------- */

static enum load_fed bad(struct load_conn *conn, struct err err) {
    load_conn_fail(conn, err);
    return LOAD_FED_AWAY;
}

static enum load_fed on_head(struct load_conn *conn, unsigned status,
                             const struct response_framing *framing) {
    conn->status = (uint16_t)status;
    conn->keep_alive = framing->keep_alive;
    if (framing->framing == FRAMING_NONE)
        return load_request_answered(conn);
    body_begin(&conn->reader, framing);
    conn->in_body = true;
    return LOAD_FED_ON;
}

static enum load_fed on_interim(struct load_conn *conn, unsigned status) {
    if (status == 101)
        return bad(conn, err_make(STAGE_HEAD, ERR_BAD_UPGRADE, 101));
    if (++conn->interim > INTERIM_MAX)
        return bad(conn, err_make(STAGE_HEAD, ERR_TOO_MANY_INTERIM, INTERIM_MAX));
    return LOAD_FED_ON;
}

/* ---- a head that is known ------------------------------------------------------------------------- */

static inline const struct plan_entry *entry_of(const struct load_conn *conn) {
    return &conn->worker->plan->entry[conn->request[conn->first].entry];
}

static inline const struct known_head *known_head_of(const struct load_conn *conn,
                                                     struct span bytes) {
    const struct known_head *known = &conn->lane->known;
    const struct plan_entry *entry = entry_of(conn);
    if (known->len && bytes.len >= known->len && !conn->head.len &&
        memcmp(bytes.at, known->bytes, known->len) == 0 &&
        known->head_method == entry->head_method && known->expect == entry->expect)
        return known;
    return NULL;
}

static void know_head(struct load_conn *conn, struct span bytes, unsigned status,
                      const struct response_framing *framing) {
    struct known_head *known = &conn->lane->known;
    const struct plan_entry *entry = entry_of(conn);
    if (bytes.len > sizeof known->bytes || load_judge_looks_on(entry))
        return;
    memcpy(known->bytes, bytes.at, bytes.len);
    known->len = (uint16_t)bytes.len;
    known->status = (uint16_t)status;
    known->head_method = entry->head_method;
    known->expect = entry->expect;
    known->verdict = conn->verdict;
    known->framing = *framing;
}

/* The head and, where all of the body lies behind it, the body. */
static inline enum load_fed feed_known(struct load_conn *conn, struct span *in,
                                       const struct known_head *known) {
    const struct response_framing *framing = &known->framing;
    *in = span_skip(*in, known->len);
    conn->response_bytes += known->len;
    conn->verdict = known->verdict;
    if (framing->framing != FRAMING_LENGTH || (uint64_t)framing->length > in->len)
        return on_head(conn, known->status, framing);
    conn->status = known->status;
    conn->keep_alive = framing->keep_alive;
    conn->body_bytes = (uint64_t)framing->length;
    conn->response_bytes += conn->body_bytes;
    *in = span_skip(*in, (size_t)framing->length);
    return load_request_answered(conn);
}

/* ---- any head ---------------------------------------------------------------------------------------- */

static enum load_fed take_head(struct load_conn *conn, struct span bytes) {
    const struct response_head *head = &conn->worker->head;
    struct response_framing framing;
    struct err err;
    if (head->status < 200)
        return on_interim(conn, head->status);
    if (response_framing(&framing, head, entry_of(conn)->head_method, &err) == STEP_BAD)
        return bad(conn, err);
    load_note_server(conn->worker, conn->lane->side, head);
    load_judge_head(conn, head);
    know_head(conn, bytes, head->status, &framing);
    return on_head(conn, head->status, &framing);
}

static enum load_fed feed_head(struct load_conn *conn, struct span *in) {
    struct pool *pool = conn->worker->pool;
    struct bytes *gathered = &conn->head;
    size_t before = gathered->len, head_bytes;
    struct span bytes = *in;
    struct err err;
    if (before) {
        /* More than a head may hold need not be copied to find that out. */
        size_t room = HEAD_BYTES_MAX + 1 > before ? HEAD_BYTES_MAX + 1 - before : 0;
        bytes_add(gathered, pool, span_of(in->at, in->len < room ? in->len : room));
        bytes = bytes_span(gathered);
    }
    switch (response_head_parse(&conn->worker->head, bytes, before, &head_bytes, &err)) {
    case STEP_BAD:
        return bad(conn, err);
    case STEP_MORE:
        if (!before)
            bytes_add(gathered, pool, *in);
        conn->response_bytes += in->len;
        *in = span_skip(*in, in->len);
        return LOAD_FED_ON;
    default:
        break;
    }
    *in = span_skip(*in, head_bytes - before);
    conn->response_bytes += head_bytes - before;
    struct bytes held = *gathered; /* the fields point into it */
    *gathered = (struct bytes){0};
    enum load_fed fed = take_head(conn, span_of(bytes.at, head_bytes));
    bytes_release(&held, pool);
    return fed;
}

static enum load_fed feed_body(struct load_conn *conn, struct span *in) {
    struct span data;
    struct err err;
    size_t before = in->len;
    enum step step = body_feed(&conn->reader, in, &data, &err);
    conn->response_bytes += before - in->len;
    if (step == STEP_BAD)
        return bad(conn, err);
    conn->body_bytes += data.len;
    if (UNLIKELY(conn->evidence) && data.len)
        load_judge_body(conn, data);
    return step == STEP_DONE ? load_request_answered(conn) : LOAD_FED_ON;
}

/* A byte that answers no request: the connection is not to be trusted. A request that was about to leave had no chance on it. */
static enum load_fed unsolicited(struct load_conn *conn) {
    load_count_stray(conn);
    conn->announced = true;
    load_conn_begin_close(conn);
    return LOAD_FED_AWAY;
}

enum load_fed load_h1_feed(struct load_conn *conn, struct span in) {
    enum load_fed fed = LOAD_FED_ON;
    if (conn->tls)
        conn->worker->tally[conn->lane->side]->received_bytes += in.len;
    while (in.len && fed == LOAD_FED_ON) {
        if (UNLIKELY(!conn->count || !load_request_of(conn)->sent_ns))
            return unsolicited(conn);
        if (!conn->response_bytes)
            conn->first_byte_ns = ring_now(conn->worker->ring);
        const struct known_head *known;
        if (conn->in_body)
            fed = feed_body(conn, &in);
        else if (LIKELY((known = known_head_of(conn, in)) != NULL))
            fed = feed_known(conn, &in, known);
        else
            fed = feed_head(conn, &in);
    }
    return fed;
}

/* ---- the end ---------------------------------------------------------------------------------------- */

/* A body without a length ends with the connection; over TLS only if the server said so, as anybody can cut a connection. */
static struct err end_err(const struct load_conn *conn, int32_t result) {
    if (result == -ECANCELED && err_is(conn->err))
        return conn->err;
    if (result < 0)
        return err_from_errno(conn->in_body ? STAGE_BODY : STAGE_HEAD, -result);
    return conn->response_bytes
               ? err_make(conn->in_body ? STAGE_BODY : STAGE_HEAD, ERR_TRUNCATED, 0)
               : err_make(STAGE_HEAD, ERR_CLOSED, 0);
}

void load_h1_end(struct load_conn *conn, int32_t result) {
    struct err err;
    bool cut = conn->tls && !conn->said_end;
    conn->peer_ended = true;
    if (!conn->count) {
        load_conn_begin_close(conn);
    } else if (result == 0 && conn->in_body && !cut && body_end(&conn->reader, &err) == STEP_DONE) {
        conn->keep_alive = false;
        load_request_answered(conn);
    } else {
        load_conn_fail(conn, end_err(conn, result));
    }
}
