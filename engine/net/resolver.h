/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver.h: names to addresses through c-ares, driven by the worker's ring, with a cache. One per
 * worker; all calls and upcalls on its thread.
 *
 * Servers that the user names share the load; of the system's the first goes first, unless
 * resolv.conf says `rotate`. One that answers nothing is left out, probed after 1 s, 2 s, 4 s ... up
 * to 30 s, and comes back with its first answer. While all are out, questions wait.
 *
 * Order of sources: literals, --resolve, cache, hosts file, "localhost" (RFC 6761: never asked of a
 * server), DNS (A and AAAA, side by side). One query for a name however many wait for it. Answers
 * stay for their TTL (at least 1 s, at most 1 h; a hosts entry for the run), negative ones for the
 * SOA's minimum or 30 s; failures are not kept. When one family's addresses are there and the
 * other's are 50 ms late, the list is handed out without them. The system's search list applies to
 * names with fewer dots than its ndots, and to no others.
 */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "base/err.h"
#include "base/list.h"
#include "net/address.h"
#include "ring/ring.h"

struct resolver;

/* The addresses of a name in the order to try them (RFC 6724 as far as it matters, families
 * interleaved as RFC 8305 says, IPv6 first). Shared and counted: keep one with address_list_keep,
 * give it back with address_list_drop. */
struct address_list {
    unsigned references; /* the resolver's and each keeper's */
    unsigned count;
    struct address address[];
};
void address_list_drop(struct address_list *list); /* NULL is allowed */
static inline struct address_list *address_list_keep(struct address_list *list) {
    list->references++;
    return list;
}

struct resolver_options {
    int family;          /* AF_UNSPEC, AF_INET, AF_INET6 */
    const char *servers; /* "ADDR[:PORT],[ADDR6]:PORT,..." at most 8; NULL: the system's */
    /* "HOST:PORT:ADDR[,ADDR]", "*" for any host, "+..." and "-HOST:PORT" as curl has them; NULL
     * ends. */
    const char *const *resolve;
    const char *hosts_path; /* NULL: /etc/hosts */
    unsigned timeout_ms;    /* of one try at a server; 0: 2000 */
    unsigned tries;         /* rounds over all servers; 0: 3 */
    unsigned in_flight_max; /* names asked for at once; the rest wait their turn. 0: 500 */
    /* Questions in flight to one server, at most (a name is two, A and AAAA). 0: 128, and more
     * while it is slow, so that a burst doesn't overrun its socket. */
    unsigned server_in_flight_max;
    double server_rate;   /* questions a second to one server, at most; 0: any */
    unsigned back_off_ms; /* how long a server is left out at first; 0: 1000 */
    unsigned patience_ms; /* how long a question waits while all are left out; 0: 30000 */
    unsigned cache_max;   /* entries, a quarter of them negative at most; 0: 100000 */
    /* And bytes of them, all told; 0: 32 MiB. The oldest go first. */
    size_t cache_bytes_max;
};

/* Version of c-ares. */
const char *resolver_library(void);

/* 0, or a negative number with one line in `why` (bad --resolve or --dns-servers, no memory). */
int resolver_open(struct resolver **resolver, struct ring *ring,
                  const struct resolver_options *options, char *why, size_t why_size);
/* Waiting queries are dropped without an upcall; the ring must be turned until resolver_is_idle
 * before resolver_close and ring_close. May be called from inside an upcall; resolver_close may
 * not. */
void resolver_stop(struct resolver *resolver);
bool resolver_is_idle(const struct resolver *resolver);
void resolver_close(struct resolver *resolver);

struct resolver_query;
/* `list` is NULL on error; otherwise borrowed for the upcall. Its ports are 0, as it serves every
 * port of the name: the caller sets the port in its copy of an address. */
typedef void resolver_done_fn(struct resolver_query *query, struct err err,
                              struct address_list *list);

struct resolver_query {
    resolver_done_fn *done;
    struct link link; /* the resolver's */
};

/* True: the answer was at hand and `done` has been called before this returned. False: it will
 * come. */
bool resolver_ask(struct resolver *resolver, struct resolver_query *query, struct span host,
                  uint16_t port);
/* No upcall after this. Harmless when nothing waits. */
void resolver_forget(struct resolver *resolver, struct resolver_query *query);

struct resolver_counts {
    uint64_t asked, cache_hits, dns_queries;
    uint64_t server_trips; /* how often a server was left out, as it answered nothing */
    /* At this moment. */
    uint64_t waiting;     /* names and lookups that wait for their turn, or for any server */
    unsigned servers_out; /* left out */
    uint64_t cache_entries, cache_bytes;
};
struct resolver_counts resolver_counts(const struct resolver *resolver);

#endif
