/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_order.c: RFC 6724 as far as it decides anything for a client with one uplink: unusable
 * destinations go (rule 1), IPv6 comes first unless its source would be a unique local address and
 * the destination is a global one (rule 5: labels differ), and within a family the server's order
 * stays, because round-robin DNS spreads load by it. Then families alternate (RFC 8305 section 4).
 *
 * Rejected: asking the kernel for the source address of every destination, as getaddrinfo does:
 * three system calls an address.
 */
#include "net/resolver_order.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"

/* Any global address serves, as connecting a datagram socket only looks up the route: a root
 * server's. */
static const char probe_v4[] = "198.41.0.4", probe_v6[] = "2001:503:ba3e::2:30";
enum { DISCARD_PORT = 9 };

static struct reach machine;
static pthread_once_t machine_once = PTHREAD_ONCE_INIT;

static bool is_unique_local(const struct address *address) {
    return address->any.sa_family == AF_INET6 && (address->v6.sin6_addr.s6_addr[0] & 0xfe) == 0xfc;
}

static bool has_route(const char *text, struct address *source) {
    struct address target;
    if (!address_parse(&target, span_text(text), DISCARD_PORT))
        return false;
    int fd = socket(target.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    socklen_t len = sizeof *source;
    bool found = connect(fd, &target.any, address_len(&target)) == 0 &&
                 getsockname(fd, &source->any, &len) == 0;
    close(fd);
    return found;
}

/* IPv6 may be compiled out or switched off, and then ::1 in a hosts file leads nowhere. */
static bool has_v6_loopback(void) {
    struct address loopback;
    address_set(&loopback, AF_INET6, &in6addr_loopback, 0);
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool bound = bind(fd, &loopback.any, address_len(&loopback)) == 0;
    close(fd);
    return bound;
}

static void probe(void) {
    struct address source = {0};
    machine.v6_loopback = has_v6_loopback();
    machine.v4 = has_route(probe_v4, &source);
    machine.v6 = has_route(probe_v6, &source) && !IN6_IS_ADDR_LINKLOCAL(&source.v6.sin6_addr);
    machine.v6_is_local = machine.v6 && is_unique_local(&source);
    if (!machine.v4 && !machine.v6)
        machine.v4 = machine.v6 = true;
}

struct reach reach_of_machine(void) {
    pthread_once(&machine_once, probe);
    return machine;
}

struct address_list *address_list_copy(const struct address *address, unsigned count) {
    struct address_list *list = malloc(sizeof *list + count * sizeof *address);
    if (!list)
        return NULL;
    list->references = 1;
    list->count = count;
    if (count)
        memcpy(list->address, address, count * sizeof *address);
    return list;
}

void address_list_drop(struct address_list *list) {
    if (!list)
        return;
    CHECK(list->references > 0);
    if (--list->references == 0)
        free(list);
}

unsigned addresses_restrict(struct address *address, unsigned count, int family) {
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++)
        if (family == AF_UNSPEC || address[i].any.sa_family == family)
            address[kept++] = address[i];
    return kept;
}

static bool is_reachable(const struct address *address, struct reach reach) {
    if (address_is_loopback(address))
        return address->any.sa_family == AF_INET || reach.v6_loopback;
    return address->any.sa_family == AF_INET6 ? reach.v6 : reach.v4;
}

static bool is_among(const struct address *address, const struct address *others, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        if (address_same_host(address, &others[i]))
            return true;
    return false;
}

static bool v6_goes_first(const struct address *first_v6, struct reach reach) {
    return !reach.v6_is_local || is_unique_local(first_v6) || address_is_loopback(first_v6);
}

/* The next address of `family` at or after `at`; `count` when there is none. */
static unsigned next_of(const struct address *address, unsigned count, unsigned at, int family) {
    while (at < count && address[at].any.sa_family != family)
        at++;
    return at;
}

static void interleave(struct address *address, unsigned count, struct reach reach) {
    unsigned v6 = next_of(address, count, 0, AF_INET6), v4 = next_of(address, count, 0, AF_INET);
    if (v6 == count || v4 == count)
        return;
    struct address_list *mixed = address_list_copy(address, count);
    if (!mixed)
        return; /* any order is a right one */
    bool take_v6 = v6_goes_first(&address[v6], reach);
    for (unsigned i = 0; i < count; i++, take_v6 = !take_v6) {
        unsigned *next = (take_v6 && v6 < count) || v4 == count ? &v6 : &v4;
        address[i] = mixed->address[*next];
        *next = next_of(mixed->address, count, *next + 1, mixed->address[*next].any.sa_family);
    }
    address_list_drop(mixed);
}

unsigned addresses_order(struct address *address, unsigned count, int family, struct reach reach) {
    unsigned kept = 0;
    count = addresses_restrict(address, count, family);
    for (unsigned i = 0; i < count; i++)
        if ((family != AF_UNSPEC || is_reachable(&address[i], reach)) &&
            !is_among(&address[i], address, kept))
            address[kept++] = address[i];
    interleave(address, kept, reach);
    return kept;
}
