/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * exchange.h: one request and its response, as job/ sees them: begun with an origin, carried by whichever connection
 * conn/ finds or opens, ended exactly once by on_end. Lives in its owner (a job); one worker's thread.
 *
 * Upcalls: write_head (maybe twice, when a dropped connection makes a second try), on_head for the final response,
 * on_body for each piece, on_end. From on_end the exchange may be begun anew at once. Inside the other upcalls
 * no exchange_ function may be called for the same exchange; their return values steer it.
 */
#ifndef CONN_EXCHANGE_H
#define CONN_EXCHANGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"
#include "base/span.h"
#include "http/response.h"
#include "net/address.h"
#include "tls/tls.h"

struct conn;
struct conn_pool;
struct exchange;
struct origin;

/* What the owner wants next. */
enum exchange_answer {
    EXCHANGE_GO,    /* more, please */
    EXCHANGE_PAUSE, /* these bytes are taken; no more until exchange_resume */
    EXCHANGE_STOP, /* enough: end well, without the rest. The connection is given up unless the rest is here already */
};

/* A request body, shared by the jobs that send it and the connections that are sending it. A job may take it along to another
 * worker while a connection here still sends it, hence the atomic count; the run's own body is made once per worker. */
struct body_bytes {
    atomic_uint references;
    size_t count;
    uint8_t at[];
};

struct exchange_ops {
    /* The length of the request's head; written to `memory` if it fits. */
    size_t (*write_head)(struct exchange *exchange, char *memory, size_t room);
    enum exchange_answer (*on_head)(struct exchange *exchange, const struct response_head *head,
                                    const struct response_framing *framing);
    enum exchange_answer (*on_body)(struct exchange *exchange, struct span bytes);
    /* The last upcall. `err` is ERR_OK when the response is whole or the owner stopped it. */
    void (*on_end)(struct exchange *exchange, struct err err);
};

enum exchange_phase {
    EXCHANGE_IDLE,
    EXCHANGE_WAITING, /* for an address, a slot, a connection */
    EXCHANGE_SENT,    /* no byte of the response yet */
    EXCHANGE_HEAD,
    EXCHANGE_BODY,
};

/* What a record tells the times of. */
enum exchange_moment {
    AT_RESOLVED,
    AT_CONNECTING,
    AT_CONNECTED,
    AT_SECURED,
    AT_SENT,
    AT_FIRST_BYTE,
    EXCHANGE_MOMENTS
};

struct exchange {
    /* Set by the owner before exchange_begin. */
    const struct exchange_ops *ops;
    struct body_bytes *body; /* or NULL; the owner's reference */
    uint64_t deadline_ns;    /* 0: none. Ends it with timed-out at the stage it is in */
    /* NULL, or an address that stays until on_end: where a connection is opened and the host has others, they are tried before it. */
    const struct address *avoid;
    bool head_method;
    bool idempotent;
    bool fresh; /* only a new connection will do */
    bool last;  /* nobody will want the connection afterwards. May be set as late as in on_head */

    /* conn's. */
    uint8_t phase; /* enum exchange_phase */
    bool anew;     /* `fresh`, or others have failed it: only a new connection will do */
    bool reused;   /* for the record: the connection had served before */
    bool
        surplus; /* with on_end: the server sent more than one response; this one may not be ours */
    struct conn *conn;
    struct origin *origin;

    /* Facts for the record; times by exchange_at, TLS's by exchange_tls. */
    uint64_t begun_ns;
    uint32_t after_us[EXCHANGE_MOMENTS]; /* begun_ns, and one more; 0: it did not happen */
    uint64_t wire_bytes;                 /* of HTTP: without what TLS adds */
    struct tls_facts *tls;               /* or NULL: none */
    struct address address;              /* of the connection; family 0 where there was none */
};

/* The exchange's members above the second comment must be set, the rest zero or as the last on_end left them. */
void exchange_begin(struct conn_pool *pool, struct exchange *exchange, struct origin *origin);
/* Ends it early, with on_end(cancelled kind as given) before this returns. Harmless when idle. */
void exchange_cancel(struct conn_pool *pool, struct exchange *exchange, struct err err);
/* Gives back what the facts hold. Before the exchange's memory goes; any pool of the engine. */
void exchange_forget(struct exchange *exchange, struct pool *memory);
/* Of the connection, once the exchange has ended; all zero where there was no TLS. */
const struct tls_facts *exchange_tls(const struct exchange *exchange);
/* On the ring's clock, in whole microseconds; 0 where it did not happen. What was later than 71 minutes was then. */
static inline uint64_t exchange_at(const struct exchange *exchange, enum exchange_moment moment) {
    uint64_t after_us = exchange->after_us[moment];
    return after_us ? exchange->begun_ns + (after_us - 1) * 1000 : 0;
}
/* After EXCHANGE_PAUSE. Upcalls come later, from the loop. */
void exchange_resume(struct conn_pool *pool, struct exchange *exchange);

#endif
