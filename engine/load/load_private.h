/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_private.h: what the files of a load's worker share; private to them. All of it belongs to the worker's thread.
 *
 * A lane is one target of the plan, with its connections. A request waits in its lane (as a due time and an entry's number, 16 bytes, for a
 * stalled server lets millions of them wait) until a connection takes it; then it lies in the connection's own array until it is answered.
 * A connection that dies keeps its requests until the kernel has let go of their bytes, and only then are they counted or asked again.
 *
 * States of a connection, named after what they await:
 *
 *     PAUSE -> CONNECT -> SHAKE -> READY -> LINGER -> QUIET -> CLOSE -> gone, or PAUSE
 *
 * with SHAKE for https only, LINGER (the server's FIN) after an answer that announced the end, and QUIET (operations in flight) from everywhere.
 */
#ifndef LOAD_LOAD_PRIVATE_H
#define LOAD_LOAD_PRIVATE_H

#include <sys/un.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "http/response.h"
#include "load/load.h"

enum {
    KNOWN_HEAD_BYTES = 512,
    WHY_BYTES = 256,
};

enum load_conn_state {
    LOAD_PAUSE, /* for the back-off to pass, or for room */
    LOAD_CONNECT,
    LOAD_SHAKE,
    LOAD_READY,
    LOAD_LINGER,
    LOAD_QUIET,
    LOAD_CLOSE,
};

/* Whether the connection can still take bytes after a call: AWAY, it is closing. */
enum load_fed { LOAD_FED_ON, LOAD_FED_AWAY };

struct load_request {
    uint64_t sent_ns; /* 0: not submitted yet */
    uint64_t due_ns;  /* open loop; else 0 */
    struct span message;
    struct bytes own; /* what a message with holes was written to; the worker's pool */
    uint32_t entry;
    bool again;  /* it met a connection that was being closed */
    bool unsent; /* set when its connection dies: it had not been submitted by then */
};

/* A head that came before, and what it means: parsing is a function of the bytes alone, and so is judging by expectations that look no
 * further than the head. */
struct known_head {
    uint16_t len, status;
    uint8_t verdict; /* enum err_kind */
    bool head_method;
    struct response_framing framing;
    const struct expect *expect;
    uint8_t bytes[KNOWN_HEAD_BYTES];
};

struct load_conn {
    struct ring_op recv, send;
    struct load_worker *worker;
    struct load_lane *lane;
    int32_t slot;
    uint16_t first, count; /* the oldest of the outstanding requests, and how many */
    uint8_t state;         /* enum load_conn_state */
    uint8_t filed;         /* enum filed */
    uint8_t verdict;       /* of the current answer: enum err_kind */
    uint8_t interim;
    uint16_t status; /* of the current answer */
    bool in_body, keep_alive;
    bool quiet;  /* the send in flight reports failures only */
    bool served; /* an answer has come */
    bool said_end, peer_ended;
    uint64_t response_bytes, body_bytes; /* of the current answer so far */
    uint64_t first_byte_ns;
    uint64_t answered_ns; /* when the last answer was whole */
    struct body_reader reader;
    struct bytes head; /* of an answer, that came in pieces */
    struct link file;  /* in the lane's `idle` or `partial` */

    struct link all;   /* the worker's */
    struct link queue; /* the worker's `shaking` or `dirty` */
    struct ring_op socket, connect;
    struct ring_timer timer;
    struct tls_stream *tls;
    struct bytes sealed;            /* received, and waiting for a turn to shake hands */
    struct bytes out;               /* being sent */
    struct bytes next;              /* to be sent then; pipelining without TLS */
    struct load_evidence *evidence; /* what an answer is judged by at its end; NULL: nothing */
    uint64_t opened_ns, connected_ns, short_since_ns, linger_ns;
    struct err err; /* why it died */
    struct address address;
    unsigned failures; /* in a row */
    bool paced;        /* counted in worker->unanswered */
    bool has_socket, chained, announced, goodbye, returns;
    struct load_request request[]; /* options.pipeline of them, a ring */
};

enum filed { FILED_NOT, FILED_IDLE, FILED_PARTIAL };

struct load_due {
    uint64_t due_ns;
    uint32_t entry;
};

struct load_lane {
    const struct plan_target *target;
    uint8_t side;
    bool is_near; /* loopback or a UNIX socket: connecting is paced */
    struct link idle, partial;
    struct link again;    /* of struct load_again: for any connection, */
    struct link anew;     /* and for new ones only */
    struct load_due *due; /* a ring */
    unsigned due_first, due_count, due_room, again_count, anew_count;
    unsigned conns;   /* that are to serve: all but those that linger and close */
    unsigned opening; /* of these: not ready yet */
    unsigned next_address;
    struct sockaddr_un unix_address;
    struct known_head known;
};

/* A request on its way to another connection. */
struct load_again {
    struct link link;
    struct load_request request;
};

struct load_worker {
    struct ring *ring;
    struct tls *tls;
    struct pool *pool;
    struct load_shared *shared;
    struct plan *plan;
    struct load_options options;
    struct load_lane *lane; /* one for each of the plan's targets */

    /* The order. */
    struct load_order order;
    bool active;    /* from load_worker_begin until the last tally is handed in */
    bool started;   /* its start has come */
    bool exhausted; /* the quota, or the schedule */
    bool dropped;   /* what is outstanding is not counted */
    bool closed_loop, uses_quota;
    uint64_t roll_ns; /* when the block ends; UINT64_MAX: the last one */
    uint64_t block, block_start_ns;
    struct load_tally *tally[PLAN_SIDES];
    struct load_tally *now; /* the order's side's */
    uint64_t cpu_user_ns, cpu_system_ns;

    unsigned outstanding; /* sent, not answered */
    unsigned waiting;     /* in lanes */
    unsigned token_max;   /* closed loop: how many of both there may be */
    struct arrivals arrivals;
    uint64_t due_ns; /* of the next arrival */
    /* Late by its own fault since then, without having been on time in any turn; 0: it is. */
    uint64_t behind_since_ns;
    uint64_t caught_up_ns;  /* should have made up for it by then */
    uint64_t look_again_ns; /* what waits may have further connections then */

    struct plan_turn *turn[PLAN_SIDES];
    int64_t only_entry[PLAN_SIDES]; /* if a side has one only, else -1 */
    struct load_request **begun;    /* since the last submission */
    unsigned begun_count, begun_room;

    struct link all;     /* connections */
    struct link shaking; /* wait for a turn to shake hands */
    struct link dirty;   /* have something to send at the end of the turn */
    unsigned unanswered, unanswered_max;
    unsigned open[PLAN_SIDES];    /* ready */
    unsigned opening[PLAN_SIDES]; /* connecting or shaking hands */
    unsigned to_open[PLAN_SIDES]; /* by load_worker_connect */
    unsigned next_lane[PLAN_SIDES];
    unsigned crowd;  /* turns of port windows */
    unsigned shakes; /* in this turn */
    bool must_turn;  /* the next turn must not sleep */
    bool closing;
    bool narrows; /* the receive buffers of connections to this machine */
    struct ring_timer sweep;
    uint64_t sweep_ns;

    struct load_facts facts[PLAN_SIDES];
    struct load_entry_tally *entry;
    struct response_head head; /* scratch */
};

/* ---- load_order.c: when requests may begin ----------------------------------------------------- */

/* Whether a request may begin now; takes one from the quota if so. */
bool load_take_quota(struct load_worker *worker);
bool load_may_begin(const struct load_worker *worker);
/* Open loop: whether it has been late by its own fault, and makes up for that. */
bool load_is_catching_up(const struct load_worker *worker);
/* How long what was due then waits for that at most, before it gets a connection of its own. */
uint64_t load_patience_ns(const struct load_worker *worker, uint64_t due_ns);
/* Begins the order, ends its blocks, lets requests be due: whatever the time says. */
void load_order_step(struct load_worker *worker);
void load_order_finish(struct load_worker *worker);
/* The block is over by now. */
void load_roll(struct load_worker *worker, uint64_t now);
uint64_t load_order_wake_ns(const struct load_worker *worker);
/* No request begins from now on. */
void load_order_exhaust(struct load_worker *worker);

/* ---- load_lane.c: who sends what ------------------------------------------------------------------ */

void lane_init(struct load_lane *lane, const struct plan_target *target);
void lane_deinit(struct load_lane *lane, struct load_worker *worker);
void lane_push(struct load_worker *worker, uint32_t entry, uint64_t due_ns);
/* Drops what waits without having been sent. */
void lane_clear(struct load_worker *worker, struct load_lane *lane);
/* The same with what is to be repeated. */
void lane_clear_all(struct load_worker *worker, struct load_lane *lane);
void lane_push_again(struct load_worker *worker, struct load_lane *lane,
                     const struct load_request *request);
void lane_relax(struct load_lane *lane);
/* Gives the connection its next request. False: there is none. */
bool lane_next(struct load_lane *lane, struct load_conn *conn);
/* One that waits fails with its connection. */
void lane_fail_one(struct load_worker *worker, struct load_lane *lane, struct load_conn *conn,
                   struct err err);
/* Gives what waits to connections, and opens more of them. */
void lane_serve(struct load_worker *worker, struct load_lane *lane);
/* Those that have waited unsent for as long as a request may take. */
void lane_expire(struct load_worker *worker, struct load_lane *lane, uint64_t now);
/* As many requests as the connection may have, then files it. */
void lane_refill(struct load_conn *conn);
void lane_unfile(struct load_conn *conn);
/* What load_worker_connect asked for. */
void lane_open_ahead(struct load_worker *worker, uint8_t side);
uint32_t load_next_entry(struct load_worker *worker, uint8_t side);

/* ---- load_conn.c: a connection's life ---------------------------------------------------------------- */

/* False: no turn to connect is free. */
bool load_may_open(const struct load_worker *worker, const struct load_lane *lane);
void load_conn_open(struct load_worker *worker, struct load_lane *lane);
void load_conn_ready(struct load_conn *conn);
/* Gives it its first requests, or sends the one that it was opened for. */
void load_conn_begin(struct load_conn *conn);
/* Dies of it; its requests are counted or repeated once the kernel has let go of them. */
void load_conn_fail(struct load_conn *conn, struct err err);
void load_conn_begin_close(struct load_conn *conn);
/* The last answer has come; the server is to close first. */
void load_conn_linger(struct load_conn *conn);
/* Goes on closing when an operation has ended. */
void load_conn_step(struct load_conn *conn);
void load_conn_sweep(struct load_worker *worker);
/* Connected or not: it no longer counts as unanswered. */
void load_conn_end_turn(struct load_conn *conn);

/* ---- load_request.c: from beginning to counting ----------------------------------------------------- */

void load_request_begin(struct load_conn *conn, uint32_t entry, uint64_t due_ns);
void load_request_repeat(struct load_conn *conn, const struct load_request *request);
/* The current answer is whole. */
enum load_fed load_request_answered(struct load_conn *conn);
/* The connection dies: which of its requests have not left is known now only. */
void load_requests_part(struct load_conn *conn);
/* Each of a dead connection's. */
void load_requests_settle(struct load_conn *conn);
/* One that is over, wherever it was then: with how late it left, if it did. */
struct load_outcome;
void load_request_count(struct load_worker *worker, const struct load_outcome *outcome);
/* The requests that began since are on their way now. */
void load_requests_stamp(struct load_worker *worker);
void load_request_release(struct load_worker *worker, struct load_request *request);
static inline struct load_request *load_request_of(struct load_conn *conn) {
    return &conn->request[conn->first];
}

/* ---- load_wire.c: bytes ---------------------------------------------------------------------------- */

void load_wire_on_recv(struct ring_op *op, const struct ring_event *event);
void load_wire_on_send(struct ring_op *op, const struct ring_event *event);
void load_wire_connected(struct load_conn *conn);
void load_wire_send(struct load_conn *conn, struct span message);
bool load_wire_can_send(const struct load_conn *conn);
/* All outstanding answers have come, so their requests have gone. */
void load_wire_settle(struct load_conn *conn);
void load_wire_flush(struct load_conn *conn);
void load_wire_flush_all(struct load_worker *worker);
/* Handshakes whose turn has come. */
void load_wire_shake(struct load_worker *worker);
void load_wire_goodbye(struct load_conn *conn);

/* ---- load_h1.c: answers ---------------------------------------------------------------------------- */

enum load_fed load_h1_feed(struct load_conn *conn, struct span in);
/* The connection has ended: with 0, or -errno. */
void load_h1_end(struct load_conn *conn, int32_t result);

/* ---- load_judge.c: whether an answer is well ---------------------------------------------------------- */

/* Sets conn->verdict. */
void load_judge_head(struct load_conn *conn, const struct response_head *head);
void load_judge_body(struct load_conn *conn, struct span data);
void load_judge_end(struct load_conn *conn);
void load_judge_drop(struct load_conn *conn);
/* Whether the entry expects something of what comes behind the head. */
bool load_judge_looks_on(const struct plan_entry *entry);

/* ---- load_tally.c: counting ------------------------------------------------------------------------- */

struct load_outcome {
    const struct load_request *request;
    struct load_conn *conn; /* NULL: it never had one */
    uint16_t status;        /* 0: none came */
    struct err err;
};
void load_count(struct load_worker *worker, const struct load_outcome *outcome);
/* Bytes that came to the connection and answer no request: an error of its own. */
void load_count_stray(struct load_conn *conn);
/* Keeps the first error of a side as a sentence. `conn` may be NULL. */
void load_note_error(struct load_worker *worker, uint8_t side, const struct load_conn *conn,
                     struct err err);
void load_hand_in(struct load_worker *worker, bool last, uint64_t stop_ns);
void load_cpu_begin(struct load_worker *worker);
void load_note_server(struct load_worker *worker, uint8_t side, const struct response_head *head);

/* A fresh look at the clock, for what is about to be submitted. A simulated ring keeps a time of its own, which is then as fresh as
 * it gets; a real one's is never a second old. */
static inline uint64_t load_clock(const struct load_worker *worker) {
    uint64_t now = ring_now(worker->ring), fresh = clock_now_ns();
    return fresh - now < NS_PER_S ? fresh : now;
}

#endif
