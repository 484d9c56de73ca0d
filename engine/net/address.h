/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * address.h: one network address and port, small enough to keep many of. Any thread.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/span.h"

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};

enum { ADDRESS_TEXT_BYTES = 46 };

static inline socklen_t address_len(const struct address *address) {
    return address->any.sa_family == AF_INET6 ? (socklen_t)sizeof address->v6
                                              : (socklen_t)sizeof address->v4;
}

/* From 4 or 16 bytes in network order, as `family` says. */
void address_set(struct address *address, int family, const void *bytes, uint16_t port);
/* An IPv4 or IPv6 literal (no brackets; "%zone" is allowed where it names an interface); false
 * otherwise. */
bool address_parse(struct address *address, struct span text, uint16_t port);
void address_set_port(struct address *address, uint16_t port);
uint16_t address_port(const struct address *address);
/* "127.0.0.1" or "::1" into text[ADDRESS_TEXT_BYTES]; returns text. */
char *address_text(const struct address *address, char *text);
bool address_is_loopback(const struct address *address);
bool address_same_host(const struct address *a, const struct address *b);

#endif
