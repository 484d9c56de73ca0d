/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * dns_message.h: what the resolver needs to know of a DNS response (RFC 1035 section 4): addresses,
 * how long they may be kept, and how long their absence may. Bytes in, values out; c-ares has
 * matched id and question by then.
 *
 * Rejected: c-ares' own parsers. They tell neither the negative TTL nor the TTL of a CNAME on the
 * way, and newer releases deprecate them.
 */
#ifndef NET_DNS_MESSAGE_H
#define NET_DNS_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "net/address.h"

/* More addresses than anybody would try; a response over TCP could carry thousands. */
enum { DNS_ADDRESSES_MAX = 32 };
enum dns_rcode { DNS_NOERROR = 0, DNS_NXDOMAIN = 3 };

struct dns_answer {
    unsigned rcode;
    unsigned count;
    bool has_ttl;   /* always with addresses; without, when there was an SOA */
    uint32_t ttl_s; /* the least of the answer's records, or RFC 2308's negative TTL */
    struct address address[DNS_ADDRESSES_MAX];
};

/* `family` says which records to take. False: malformed. */
bool dns_answer_parse(struct dns_answer *answer, struct span message, int family);

#endif
