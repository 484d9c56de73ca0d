/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_private.h: what resolver.c (sources, cache, waiting queries), resolver_question.c (one
 * name's life while it is being asked) and resolver_turn.c (when it may be asked, and whom) share.
 * Seen by these three only.
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
#include "net/resolver_servers.h"

enum { NAME_BYTES_MAX = 254 }; /* RFC 1035's 253 and the dot of the root */

struct resolver {
    struct ring *ring;
    struct resolver_options options;
    struct pool_depot depot;
    struct pool pool;
    struct dns *dns;
    struct servers servers;
    struct hosts *hosts;
    struct overrides overrides;
    struct cache cache;
    struct reach reach;
    struct address_list *literal; /* reused from literal to literal while nobody keeps it */

    struct name_table pending; /* questions by name */
    struct link questions;     /* all of them */
    struct link turn;          /* those that nobody has been asked for yet */
    struct link ready;         /* those that something happened to */
    struct link stranded;      /* lookups that found all servers out */
    struct ring_timer kick;    /* makes the next turn settle */
    struct ring_timer room;    /* for when a server has room again by the clock, or patience ends */
    unsigned in_flight;        /* names */
    unsigned turn_count, held; /* names in `turn`; lookups that wait for a server */
    uint64_t all_out_ns;       /* since when all servers have been out, while they are */
    bool settling, stopped;
    struct resolver_counts counts;
};

enum lookup_state {
    LOOKUP_OFF,   /* not to be asked */
    LOOKUP_HELD,  /* waits for a server: in `waiting` of one, or stranded */
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
    struct link held;
    struct address_list *list; /* with RESULT_ADDRESSES */
    uint32_t ttl_s;
    int family;
    uint8_t state, result;
    uint8_t server; /* the latest that it was held for or sent to */
    uint8_t tried;  /* a bit for each server that was asked in this round */
    bool stranded, probe;
    uint16_t attempt;   /* questions sent */
    uint64_t asked_ns;  /* the latest */
    uint64_t waited_ns; /* since when it has been stranded */
};

enum { LOOKUPS = 2 };

struct question {
    struct name_node node; /* in `pending` */
    struct link all, turn, ready;
    struct link waiters;
    uint64_t opened_ns;
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
/* Hands the lookup to c-ares, for the server it is to go to. */
void lookup_send(struct lookup *lookup);
/* The wait was too long. The latter frees the question, which hasn't begun. */
void lookup_give_up(struct lookup *lookup, enum lookup_result result);
void question_give_up(struct question *question, enum lookup_result result);

/* resolver_turn.c */
void turn_open(struct resolver *resolver);
/* A new question waits for its turn, which may be now. */
void turn_queue(struct question *question);
/* Sends the lookup to the server whose turn it is, or holds it until there is room. */
void turn_ask(struct lookup *lookup);
/* Takes a held lookup back. */
void turn_unhold(struct lookup *lookup);
/* All that may be sent now is. For settling. */
void turn_all(struct resolver *resolver);

/* resolver.c */
void resolver_settle(struct resolver *resolver);
void resolver_ready(struct question *question);
/* To all who wait. */
void resolver_deliver(struct question *question, struct err err, struct address_list *list);

#endif
