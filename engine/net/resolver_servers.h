/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_servers.h: which DNS server is to be asked, and when: limits of questions in flight and
 * a second, and a circuit breaker for each. Numbers in, numbers out: no sockets, no clock of its
 * own. One resolver's.
 *
 * A server trips when question after question brings nothing: silence, or refusals, for names of * several domains, as one lame domain must not condemn the server that others still get answers
 * from. For the same reason a silence counts only if the server has been silent to all since the
 * question was sent. It is left out for a while, then one question probes it; any answer brings it back.
 *
 * Rejected: a share of failures over a window of time. A list sorted by domain has stretches where
 * nearly all fail although the server is well, and one answer in between proves that it is.
 */
#ifndef NET_RESOLVER_SERVERS_H
#define NET_RESOLVER_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "net/dns.h"

enum { SERVERS_NONE = -1, SERVERS_TRIP_DOMAINS = 4 };

struct servers_options {
    unsigned count;
    bool spread;            /* over all that are well; else the first that is well */
    unsigned in_flight_max; /* questions to one; 0: as many as its latency calls for */
    unsigned in_flight_cap; /* of the latter */
    double rate;            /* questions a second to one; 0: any */
    uint64_t back_off_ns;   /* before the first probe; doubles up to 30 s */
};

struct server {
    struct link waiting; /* the resolver's: lookups that are to go to this one */
    unsigned waiting_count;
    unsigned in_flight;
    unsigned window;      /* questions in flight that it has borne of late */
    unsigned credit;      /* answers towards a larger one */
    uint64_t shrunk_ns;   /* when the window shrank last */
    uint64_t latency_ns;  /* running mean */
    uint64_t answered_ns; /* the latest */
    uint64_t paced_ns;    /* when its questions would have been sent, had they been evenly spaced */
    unsigned troubles;    /* questions since the last answer that brought nothing */
    unsigned silences;    /* those of them that got no reply at all */
    unsigned domains;     /* how many different ones they were of, as far as we count */
    uint64_t domain[SERVERS_TRIP_DOMAINS];
    bool out, probing;
    uint64_t back_off_ns, probe_ns; /* while out */
};

struct servers {
    struct servers_options options;
    unsigned first; /* where the search begins */
    unsigned out;   /* how many are */
    bool refuses;   /* the latest trouble was a refusal */
    uint64_t trips;
    struct server server[DNS_SERVERS_MAX];
};

enum server_verdict { SERVER_ANSWERED, SERVER_REFUSED, SERVER_SILENT };

void servers_init(struct servers *servers, const struct servers_options *options);

/* The one to ask, whether it has room or not; those in the bit mask `tried` only when no other is
 * left. A server whose time to be probed has come goes first. SERVERS_NONE: all are out. */
int servers_choose(const struct servers *servers, unsigned tried, uint64_t now_ns);
/* Whether the server may be asked one more question at this moment. A probe always may. */
bool servers_has_room(const struct servers *servers, unsigned index, uint64_t now_ns);
/* Whether a name that nobody has asked for yet could be asked for right now. */
bool servers_have_room(const struct servers *servers, uint64_t now_ns);
bool servers_all_out(const struct servers *servers);

/* A question leaves; true: it is a probe. */
bool servers_asked(struct servers *servers, unsigned index, uint64_t now_ns);
/* What became of it. */
struct server_reply {
    enum server_verdict verdict;
    bool probe;
    uint64_t domain; /* a hash of what was asked about */
    uint64_t asked_ns;
};
void servers_replied(struct servers *servers, unsigned index, const struct server_reply *reply,
                     uint64_t now_ns);
void servers_learn_latency(struct servers *servers, unsigned index, uint64_t latency_ns);

/* When room comes by itself, by the clock; UINT64_MAX: never. */
uint64_t servers_room_ns(const struct servers *servers, uint64_t now_ns);

#endif
