/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_private.h: what resolver.c (sources, cache, waiting queries) and resolver_question.c
 * (one name's life while it is being asked) share. Seen by these two only.
 *
 * c-ares makes its upcalls from inside its own calls, possibly from inside dns_ask. So they only
 * write down what came and put the question on `ready`; resolver_settle, called when c-ares has
 * returned, does what follows from it. Queries' upcalls are therefore free to ask, forget and stop.
 */
#ifndef NET_RESOLVER_PRIVATE_H
#define NET_RESOLVER_PRIVATE_H

#include "base/pool.h"
#include "net/dns.h"
#include "net/resolver_cache.h"
#include "net/resolver_hosts.h"
#include "net/resolver_order.h"
#include "net/resolver_override.h"

enum { NAME_BYTES_MAX = 254 }; /* RFC 1035's 253 and the dot of the root */

struct resolver {
    struct ring *ring;
    struct resolver_options options;
    struct pool_depot depot;
    struct pool pool;
    struct dns *dns;
    struct hosts *hosts;
    struct overrides overrides;
    struct cache cache;
    struct reach reach;
    struct address_list *literal; /* reused from literal to literal while nobody keeps it */

    struct name_table pending; /* questions by name */
    struct link questions;     /* all of them */
    struct link turn;          /* those that wait until fewer are in flight */
    struct link ready;         /* those that something happened to */
    struct ring_timer kick;    /* makes the next turn settle */
    unsigned in_flight;
    uint64_t latency_ns;   /* running mean of answers that came at the first try */
    unsigned first_server; /* the one that answers */
    bool settling, stopped;
    struct resolver_counts counts;
};

enum lookup_state {
    LOOKUP_OFF,   /* not to be asked */
    LOOKUP_ASKED, /* c-ares has it */
    LOOKUP_AGAIN, /* another server is to be asked */
    LOOKUP_DONE,
};

/* What a lookup came to; of two that failed the question takes the greater. Between servers: of the
 * answers to one lookup the one that says most about the name. */
enum lookup_result {
    RESULT_NONE,
    RESULT_ADDRESSES,
    RESULT_NO_DATA,
    RESULT_NO_NAME,
    RESULT_SERVFAIL,
    RESULT_REFUSED,
    RESULT_FAILED,
    RESULT_TIMEOUT,
};

/* One family's part of a question. */
struct lookup {
    struct dns_request request;
    struct question *question;
    struct address_list *list; /* with RESULT_ADDRESSES */
    uint32_t ttl_s;
    int family;
    uint8_t state, result;
    uint16_t attempt;
    uint64_t asked_ns;
    unsigned first_server; /* the resolver's when it began */
};

enum { LOOKUPS = 2 };

struct question {
    struct name_node node; /* in `pending` */
    struct link all, turn, ready;
    struct link waiters;
    struct ring_timer delay; /* RFC 8305's resolution delay */
    struct resolver *resolver;
    struct lookup lookup[LOOKUPS];
    unsigned candidate; /* which name of the search list is being asked */
    uint32_t negative_ttl_s;
    bool pending, started, delay_over, delivered, no_data_seen;
    char name[];
};

/* The question for a name that nobody asks for yet; it waits for its turn. */
struct question *question_open(struct resolver *resolver, struct name_key key);
/* Nothing of it may be with c-ares any more. */
void question_close(struct question *question);
void question_start(struct question *question);
/* Does what the news allow. The question may be gone afterwards. */
void question_step(struct question *question);

/* resolver.c */
void resolver_settle(struct resolver *resolver);
void resolver_ready(struct question *question);
/* To all who wait. */
void resolver_deliver(struct question *question, struct err err, struct address_list *list);

#endif
