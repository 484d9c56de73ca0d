/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn.h: what the files of this room share. A connection is dialled (conn_dial.c), secured if its origin is https
 * (conn_secure.c), carries bytes both ways (conn_wire.c) and on them one HTTP/1.1 exchange after another (conn_h1.c), and is
 * closed through one door (conn.c). It belongs to one worker's pool and thread; its memory goes back only when the kernel
 * holds nothing of it.
 *
 * Rejected: one big state for "what the socket does" times "what the response does". The connection
 * has enum conn_state, the response on it enum conn_expects.
 */
#ifndef CONN_CONN_H
#define CONN_CONN_H

#include <sys/un.h>

#include "base/bytes.h"
#include "conn/conn_pool.h"
#include "tls/tls.h"

/* Named after what they await. The table conn_may_go in conn.c lists the legal moves:
 *
 *     ADDRESS -> CONNECT <-> ROOM;  ADDRESS <-> ROOM;  CONNECT -> ANSWER <-> REUSE
 *     CONNECT -> SECURE -> ANSWER
 *     any of these -> QUIET -> CLOSE -> GONE;  QUIET -> GONE (no socket)
 */
enum conn_state {
    CONN_ADDRESS, /* the resolver's answer */
    CONN_ROOM,    /* a free slot, a free local port, or its turn to connect */
    CONN_CONNECT, /* one of the addresses to accept */
    CONN_SECURE,  /* the end of the TLS handshake */
    CONN_ANSWER,  /* the response to its exchange */
    CONN_REUSE,   /* the next exchange; in its origin's idle list */
    CONN_QUIET,   /* the end of its operations */
    CONN_CLOSE,   /* the end of the socket */
    CONN_GONE,    /* nothing: about to be released */
    CONN_STATES
};

/* What the next received byte means. */
enum conn_expects { EXPECT_NOTHING, EXPECT_HEAD, EXPECT_BODY };

/* One address being tried. It outlives its connection when another address won. */
struct attempt {
    struct conn_pool *pool;
    struct conn *conn; /* NULL: orphaned, closes itself */
    struct link link;
    struct link turn; /* in the pool's unanswered ones */
    uint64_t begun_ns;
    struct ring_op socket, connect, close;
    int32_t slot;
    bool opened; /* the slot holds a socket */
    bool paced;  /* to be counted in the pool's unanswered while it is one of them */
    bool lacked; /* failed for want of descriptors, memory or ports */
    unsigned index;
    struct err err;
    struct address address;
};

/* What a connection needs only until it is connected. */
struct dial {
    struct conn *conn;
    struct resolver_query query;
    struct address_list *list;
    struct link attempts;
    unsigned next;        /* how many addresses have been tried */
    unsigned avoided;     /* place in the list of the one to try last; else UINT_MAX */
    unsigned lacked;      /* the lowest index that there was no room for; else UINT_MAX */
    struct err err;       /* the first failure */
    uint64_t race_ns;     /* when the next address may be tried beside the last (RFC 8305) */
    uint64_t deadline_ns; /* of connecting */
};

/* Received bytes that nobody has looked at yet. */
struct incoming {
    struct span now; /* of the span that is being read */
    const struct span *rest;
    unsigned rest_count;
};

/* What a connection holds while bytes are on their way, and while it is idle. There is none while it waits to connect or, its
 * request sent, for the first byte of an answer: as a million may. */
struct flow {
    struct conn *conn;
    struct attempt *chain; /* heads the chain that `send` and `recv` are part of; else NULL */
    char *out;             /* the request's head; stays until it has gone */
    uint32_t out_len;
    struct body_bytes *out_body;
    size_t out_body_sent;

    struct bytes head; /* a response head that came in pieces */
    struct bytes held; /* what came after a pause, as HTTP */
    struct body_reader reader;
    struct incoming
        *incoming; /* during an upcall of the receive: what lies beyond the bytes being parsed */

    struct bytes sealed; /* TLS records that wait for their turn, or came after a pause */
    struct bytes cipher; /* TLS records that `send` is sending */
    uint64_t open_by_ns; /* address, connecting and TLS handshake together */

    struct link age;        /* pool's idle connections, oldest first */
    struct address address; /* of the peer */
    int32_t end_result;     /* of the receive, once peer_ended */
    struct err send_err;
    uint8_t interim; /* 1xx responses to this request */
};

/* There may be a million: what is not needed by one that waits is in its dial or its flow. */
struct conn {
    struct conn_pool *pool;
    struct origin *origin;
    struct exchange *exchange; /* NULL while idle or closing */
    struct dial *dial;         /* NULL once connected, and while a literal waits for room */
    struct flow *flow;         /* or NULL */
    struct tls_stream *tls;    /* NULL: http, or not connected yet */
    struct link
        link; /* origin's idle list, or the pool's list of those that wait for room, or for their turn to shake hands */
    struct ring_timer timer;
    struct ring_op send, recv; /* `send` closes, too: by then nothing is being sent */
    uint64_t activity_ns;      /* last byte either way, or since when it is idle */
    int32_t slot;
    uint8_t state;       /* enum conn_state */
    uint8_t expects;     /* enum conn_expects */
    bool served : 1;     /* has carried a response to its end */
    bool quiet_send : 1; /* `send` is in flight without completion */
    bool keep_alive : 1; /* the response allows reuse */
    bool paused : 1;     /* the exchange wants no more */
    bool stopping : 1;   /* the receive was cancelled for a pause and has not ended yet */
    bool
        peer_ended : 1; /* the receive has ended: the peer closed, or an error; or it said close_notify */
    bool said_end : 1; /* the peer said close_notify */
};
_Static_assert(sizeof(struct conn) <= 176, "a million connections wait in so many bytes");

struct origin {
    struct origin *next; /* in its bucket */
    struct link idle;    /* most recently used first */
    uint32_t hash;
    uint32_t references; /* callers' and connections' */
    uint32_t conns;      /* open or opening */
    uint16_t port, dial_port;
    uint16_t host_len, dial_len; /* dial_len 0: the host itself */
    uint8_t scheme;
    char host
        []; /* without brackets; behind its NUL where to connect, if --connect-to makes that another. NUL-terminated */
};

struct conn_pool {
    struct ring *ring;
    struct resolver *resolver;
    struct pool *pool;
    struct conn_pool_options options;
    struct sockaddr_un unix_address;
    struct origin **buckets;
    size_t bucket_count, origin_count;
    struct origin *latest;       /* that was asked for, or NULL */
    struct link idle;            /* by age, oldest first */
    struct link waiting;         /* for room or a turn to connect, first come first served */
    struct link unanswered_ones; /* attempts on loopback, oldest first */
    bool is_short;    /* of what the latest attempt needed: not only of turns to connect */
    uint8_t short_of; /* enum err_kind: what the latest one that has to wait, waits for */
    struct ring_timer room_timer;
    struct tls *tls;     /* or NULL: no https */
    struct link shaking; /* for their turn to do the costly part of a handshake */
    struct ring_timer shake_timer;
    uint64_t shake_turn_ns; /* the turn in which ... */
    unsigned shakes;        /* ... so many handshakes went on */
    uint64_t room_retry_ns; /* not before this is it tried without a sign of room */
    unsigned freed;         /* signs of room since the timer's last firing */
    unsigned turn;          /* attempts so far, for windows of ports */
    unsigned conns, idle_count, attempts, unanswered;
    bool stopped;
    struct conn_pool_counts counts;
    struct response_head scratch; /* of the head being parsed: too large for every connection */
};

/* conn.c */
struct conn *conn_open(struct conn_pool *pool, struct exchange *exchange);
/* The connection's flow, made anew where there is none. */
struct flow *conn_flow(struct conn *conn);
/* Gives the flow back, if there is one, with all that it holds. */
void conn_drop_flow(struct conn *conn);
/* The same if it holds nothing and the connection waits for an answer to begin. */
void conn_rest(struct conn *conn);
/* Where to connect: a name or a literal without brackets. */
static inline struct span origin_dial_host(const struct origin *origin) {
    if (origin->dial_len)
        return span_of(origin->host + origin->host_len + 1, origin->dial_len);
    return span_of(origin->host, origin->host_len);
}
/* The attempt whose chain `send` and `recv` are part of, or NULL. */
static inline struct attempt *conn_chain(const struct conn *conn) {
    return conn->flow ? conn->flow->chain : NULL;
}
void conn_on_timer(struct ring_timer *timer);
void conn_go(struct conn *conn, enum conn_state state);
bool conn_state_may_go(enum conn_state from, enum conn_state to);
/* Ends the exchange, if there is one, with `err`, and closes. The upcall comes last. */
void conn_fail(struct conn *conn, struct err err);
void conn_begin_close(struct conn *conn);
/* Goes on closing when an operation has ended. The connection may be gone afterwards. */
void conn_step_close(struct conn *conn);
/* Makes sure that the timer looks at the connection when the next of its limits is due. */
void conn_watch(struct conn *conn);
/* Detaches and returns the exchange. */
struct exchange *conn_take_exchange(struct conn *conn);
bool conn_is_busy(const struct conn *conn);

/* conn_dial.c */
void dial_begin(struct conn *conn);
/* Tries again after waiting for room. */
void dial_retry(struct conn *conn);
/* An operation of a chain has ended without a connection: when it was the last, the next address is tried, or the
 * connection goes on closing. */
void dial_on_chain_broken(struct conn *conn);
/* Orphans attempts and frees the dial. */
void dial_end(struct conn *conn);
/* The next time that dialling needs a look, and the look. */
uint64_t dial_due(const struct conn *conn);
void dial_look(struct conn *conn, uint64_t now);

/* conn_wire.c: the bytes, whether TLS is below them or not */
enum fed {
    FED_ON,
    FED_AWAY
}; /* FED_AWAY: the exchange has ended, and the connection may be gone */
/* Queues the last `count` operations of a chain that the caller began: the first bytes to send, and the receive. */
void wire_begin_chained(struct conn *conn, int32_t slot);
enum { WIRE_CHAINED = 2 };
/* The socket is connected; if it was by a chain, that has sent the first bytes, or is about to. */
void wire_on_connected(struct conn *conn, bool chained);
/* Sends; one at a time, and `bytes` stay until h1_on_sent. `quietly`: no h1_on_sent where all goes well. */
void wire_send(struct conn *conn, struct span bytes, bool quietly);
/* Whether all that was sent has gone, as far as can be known: an answer to it has come. */
bool wire_has_sent(struct conn *conn);
/* Whether bytes of HTTP lie beyond those being parsed, in what has been received. */
bool wire_has_more(struct conn *conn);
/* Feeds received bytes for as long as the exchange wants them; the rest is kept. */
enum fed wire_feed(struct conn *conn, struct incoming *incoming);
void wire_stop_receiving(struct conn *conn);
/* After a pause: takes what was held, then receives on if the owner still wants more. */
void wire_resume(struct conn *conn);
/* Goes on to the next span; false: there is none. */
bool incoming_next(struct incoming *incoming);
void incoming_keep(struct conn *conn, struct incoming *incoming, struct bytes *into);
void wire_on_send(struct ring_op *op, const struct ring_event *event);
void wire_on_recv(struct ring_op *op, const struct ring_event *event);

/* conn_secure.c: TLS below the bytes */
bool conn_is_secure(const struct conn *conn);
/* Makes the stream with its hello, before connecting, if it is to be sent in a chain. False with *err: no memory, no roots. */
bool secure_prepare(struct conn *conn, struct err *err);
/* Whether a handshake's costly part may be done now; otherwise it waits for its turn. */
bool secure_may_shake(struct conn_pool *pool);
void secure_on_connected(struct conn *conn, bool chained);
/* Received bytes during the handshake. */
void secure_on_bytes(struct conn *conn, struct incoming *incoming);
/* The receive has ended during the handshake. */
void secure_on_end(struct conn *conn, int32_t result);
/* Sends what TLS wants to send, unless a send is in flight: then after that. */
void secure_flush(struct conn *conn, bool quietly);
/* Reads the next piece of HTTP from what has been received. TLS_MORE: all of it was used up. */
enum tls_got secure_read(struct conn *conn, struct incoming *incoming, struct span *data,
                         struct err *err);
/* A last word before closing: close_notify, or an alert. */
void secure_say_goodbye(struct conn *conn);
void secure_pool_init(struct conn_pool *pool);

/* conn_h1.c */
/* Writes the request into the flow. */
void h1_prepare(struct conn *conn);
void h1_begin(struct conn *conn);
/* The request is going out by the chain that connected. */
void h1_begun(struct conn *conn);
/* The last wire_send has gone, or failed. */
void h1_on_sent(struct conn *conn, int32_t result);
enum fed h1_feed(struct conn *conn, struct span in);
/* Nothing more will come; `result` as of a receive. */
void h1_on_end(struct conn *conn, int32_t result);
/* Of a body that needs no further byte, after a pause. */
bool h1_body_is_over(const struct conn *conn);
void h1_finish(struct conn *conn, struct err err, bool surplus);
/* Lets go of the request, sent or not. */
void h1_drop_request(struct conn *conn);

/* conn_pool.c */
void pool_room_freed(struct conn_pool *pool);
/* An attempt on loopback takes one of the turns to connect, or gives it back. */
void pool_begin_turn(struct attempt *attempt);
void pool_end_turn(struct attempt *attempt); /* harmless without one */
void pool_wait_for_room(struct conn *conn);
void conn_become_idle(struct conn *conn);
void conn_leave_idle(struct conn *conn);
/* Notes that it happens now; again, if it has happened before. */
void exchange_mark(struct conn_pool *pool, struct exchange *exchange, enum exchange_moment moment);
/* Ends an exchange that no connection holds. */
void exchange_end(struct exchange *exchange, struct err err);
/* The stage at which a time limit finds it. */
struct err exchange_timed_out(const struct exchange *exchange, enum err_kind kind);

#endif
