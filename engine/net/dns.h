/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * dns.h: single questions to single DNS servers: c-ares, driven by the ring. Nothing outside dns.c
 * sees c-ares. What to ask, whom next and what the answers mean together is resolver_question.c's
 * business. One resolver's; its thread.
 *
 * There is one c-ares channel a server, each told to try once. Rejected: one channel with all
 * servers. When its last server refuses or fails, c-ares 1.18 says "could not contact DNS servers"
 * for either, and a fault of the target's name servers could not be told from one of ours; with its
 * checks off it would not go on to the next server at all.
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include "base/list.h"
#include "base/span.h"
#include "ring/ring.h"

enum { DNS_SERVERS_MAX = 8, DNS_NAME_BYTES_MAX = 255 };

enum dns_outcome {
    DNS_ANSWERED,    /* the message is there: NOERROR or NXDOMAIN */
    DNS_SERVFAIL,    /* the server could not find out */
    DNS_REFUSED,     /* the server doesn't want to */
    DNS_FAILED,      /* any other answer that helps nobody, or no memory */
    DNS_UNREACHABLE, /* no answer */
    DNS_STOPPED,     /* dns_stop */
};

struct dns_request;
/* May be called from within dns_ask already. `message` is borrowed until the upcall returns. */
typedef void dns_done_fn(struct dns_request *request, enum dns_outcome outcome,
                         struct span message);
struct dns_request {
    dns_done_fn *done;
};

struct dns;
/* After descriptors and timers have been looked at and the requests' upcalls made: the moment to
 * act on them. */
typedef void dns_turned_fn(void *context);

struct dns_options {
    const char *servers; /* as resolver_options has it */
    unsigned timeout_ms;
    dns_turned_fn *turned;
    void *context;
};

/* 0, or a negative errno with one line in `why`. */
int dns_open(struct dns **dns, struct ring *ring, const struct dns_options *options, char *why,
             size_t why_size);
/* Ends every request. The ring must be turned until dns_is_idle before dns_close. */
void dns_stop(struct dns *dns);
bool dns_is_idle(const struct dns *dns);
void dns_close(struct dns *dns); /* NULL is allowed */

/* A (AF_INET) or AAAA (AF_INET6) records of `name`, from one server, one try. Calls done exactly
 * once. */
void dns_ask(struct dns *dns, unsigned server, struct dns_request *request, const char *name,
             int family);

unsigned dns_server_count(const struct dns *dns);
/* The system's search list (resolv.conf, LOCALDOMAIN) and how many dots make a name be asked as it
 * is. */
unsigned dns_domain_count(const struct dns *dns);
const char *dns_domain(const struct dns *dns, unsigned index);
unsigned dns_ndots(const struct dns *dns);
/* The system's servers are to be asked in turn. Not said of servers that the options name. */
bool dns_rotates(const struct dns *dns);

#endif
