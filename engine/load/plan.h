/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plan.h: what a load asks, and of whom: made before the run by one thread, then read by all workers. Requests are
 * compiled once into bytes with holes where placeholders stood; one without any is sent from where it lies, and costs
 * nothing to make. What changes from request to request (counters, random numbers, whose turn it is) is in a struct plan_turn of each
 * worker, and in two counters that all share.
 */
#ifndef LOAD_PLAN_H
#define LOAD_PLAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/pool.h"
#include "base/span.h"
#include "expect/expect.h"
#include "http/url.h"
#include "load/template.h"
#include "net/address.h"

enum { PLAN_SIDES = 2 };

/* Where connections go. Entries of equal scheme, host and port (and side) share one. Addresses are filled in by the engine before the
 * workers start; connections take them in turns, a round for each worker. */
struct plan_target {
    uint8_t side;
    bool https;
    uint16_t port;
    struct span host; /* as TLS and the resolver want it: A-labels or literal without brackets */
    struct span
        connect_host; /* whom to resolve and connect to: `host` unless --connect-to says otherwise */
    uint16_t connect_port;
    const char *unix_path; /* connect to this instead; NULL: none */
    struct address *address;
    unsigned address_count;
};

struct plan_entry {
    const char *name; /* owned, as everything here */
    double weight;
    uint8_t side;
    bool head_method;        /* responses have no body */
    bool idempotent;         /* asking twice does no more than asking once */
    unsigned target;         /* index */
    struct url url;          /* of the first request: holes filled with what comes first */
    struct expect *expect;   /* NULL: none */
    unsigned expect_needs;   /* enum expect_needs */
    struct template message; /* head and body, ready to be sent */
};

struct plan {
    struct pool *pool;
    struct plan_entry *entry;
    unsigned entry_count;
    struct plan_target *target;
    unsigned target_count;
    bool has_side[PLAN_SIDES];
    struct template_shared shared;
};

/* What rf_load_request and the settings say of one request, already merged. Borrowed for the call. */
struct plan_request {
    const char *name, *method, *url; /* method NULL: GET, or POST with a body */
    const char *const *headers;      /* curl's forms; NULL: none */
    size_t header_count;
    struct span body; /* at NULL: none */
    const char *user_agent, *referer, *user;
    const char *const *expect[2];  /* two lists, each may be NULL */
    const char *const *connect_to; /* "HOST1:PORT1:HOST2:PORT2"; NULL ends; NULL: none */
    const char *unix_path;
    double weight;
    bool raw;   /* braces mean nothing */
    bool close; /* ask for Connection: close */
};

void plan_init(struct plan *plan, struct pool *pool);
void plan_deinit(struct plan *plan);

enum plan_result { PLAN_OK, PLAN_BAD, PLAN_UNREADABLE /* a {line:FILE} */ };
/* Compiles it. What is wrong (no URL, a field with CR, a placeholder in the authority or malformed, an expectation) is one line in `why`. */
enum plan_result plan_add(struct plan *plan, uint8_t side, const struct plan_request *request,
                          char *why, size_t why_size);

/* One worker's place in the plan, on one side. */
struct plan_turn;
/* `worker` of `workers`: their turns are staggered, so that all together keep the weights in short runs too. NULL: memory is out. */
struct plan_turn *plan_turn_new(struct plan *plan, uint8_t side, unsigned worker, unsigned workers,
                                uint64_t seed);
void plan_turn_free(struct plan_turn *turn); /* NULL is allowed */
/* Which entry's turn it is, by weight; with equal weights in the order added, round and round. O(log entries), and nothing to speak of for one. */
unsigned plan_turn_next(struct plan_turn *turn);
/* The entry's next message: where it lies if it has no holes, else written to `into` (whose old content goes), in memory of `pool`, the worker's.
 * Counts {seq} on if the message says it. */
struct span plan_turn_message(struct plan_turn *turn, unsigned entry, struct bytes *into,
                              struct pool *pool);

#endif
