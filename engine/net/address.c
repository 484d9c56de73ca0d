/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * address.c: literals and their text, on top of the C library's inet_pton, which takes the strict
 * forms only: the looser ones (octal, three parts, one number) are the URL parser's to normalise
 * before they come here.
 */
#include "net/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#include "base/assert.h"
#include "http/url.h"

enum { LITERAL_BYTES_MAX = INET6_ADDRSTRLEN + 1 + IF_NAMESIZE };

void address_set(struct address *address, int family, const void *bytes, uint16_t port) {
    *address = (struct address){.any.sa_family = (sa_family_t)family};
    if (family == AF_INET6)
        memcpy(&address->v6.sin6_addr, bytes, sizeof address->v6.sin6_addr);
    else
        memcpy(&address->v4.sin_addr, bytes, sizeof address->v4.sin_addr);
    address_set_port(address, port);
}

/* The zone of RFC 4007: an interface's name or its number. 0 when there is none such. */
static uint32_t zone_index(const char *zone) {
    uint64_t number = 0;
    const char *at = zone;
    for (; *at >= '0' && *at <= '9' && number <= UINT32_MAX; at++)
        number = number * 10 + (uint64_t)(*at - '0');
    if (at > zone && !*at && number <= UINT32_MAX)
        return (uint32_t)number;
    return if_nametoindex(zone);
}

bool address_parse(struct address *address, struct span text, uint16_t port) {
    char literal[LITERAL_BYTES_MAX + 1];
    if (text.len == 0 || text.len > LITERAL_BYTES_MAX || memchr(text.at, 0, text.len))
        return false;
    memcpy(literal, text.at, text.len);
    literal[text.len] = 0;

    struct in_addr v4;
    if (inet_pton(AF_INET, literal, &v4) == 1) {
        address_set(address, AF_INET, &v4, port);
        return true;
    }
    uint32_t zone = 0;
    char *percent = strchr(literal, '%');
    if (percent) {
        *percent = 0;
        zone = zone_index(percent + 1);
        if (!zone)
            return false;
    }
    struct in6_addr v6;
    if (inet_pton(AF_INET6, literal, &v6) != 1)
        return false;
    address_set(address, AF_INET6, &v6, port);
    address->v6.sin6_scope_id = zone;
    return true;
}

void address_set_port(struct address *address, uint16_t port) {
    if (address->any.sa_family == AF_INET6)
        address->v6.sin6_port = htons(port);
    else
        address->v4.sin_port = htons(port);
}

uint16_t address_port(const struct address *address) {
    return ntohs(address->any.sa_family == AF_INET6 ? address->v6.sin6_port : address->v4.sin_port);
}

char *address_text(const struct address *address, char *text) {
    if (address->any.sa_family == AF_INET)
        text[url_ipv4_write(ntohl(address->v4.sin_addr.s_addr), text)] = '\0';
    else
        CHECK(inet_ntop(AF_INET6, &address->v6.sin6_addr, text, ADDRESS_TEXT_BYTES));
    return text;
}

bool address_is_loopback(const struct address *address) {
    if (address->any.sa_family == AF_INET)
        return (ntohl(address->v4.sin_addr.s_addr) >> 24) == 127;
    const struct in6_addr *v6 = &address->v6.sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}

bool address_same_host(const struct address *a, const struct address *b) {
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
           memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}
