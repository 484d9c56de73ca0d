/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * listen.h: the listening sockets, one a worker, all on one port. Main thread.
 */
#ifndef ORIGIN_LISTEN_H
#define ORIGIN_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

union listen_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* An IP address, "localhost", or an IPv6 address in brackets. */
bool listen_address_parse(union listen_address *address, const char *text, unsigned port);

/* Makes sure that nobody else listens there and puts the port that was found into `address`, if it
 * was 0. 0 or an errno. */
int listen_claim(union listen_address *address);

/* One more listening socket; the descriptor or -errno. */
int listen_open(const union listen_address *address);

enum { LISTEN_URL_BYTES = 96 };
/* The address alone, without brackets. */
void listen_host(const union listen_address *address, char text[INET6_ADDRSTRLEN]);
void listen_url(const union listen_address *address, const char *scheme,
                char text[LISTEN_URL_BYTES]);

#endif
