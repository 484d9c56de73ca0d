/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * socket.h: sockets that need options before they connect, which the ring's own sockets can't have
 * on every kernel. Any thread.
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <stdbool.h>

#include "net/address.h"

struct socket_options {
    int family;
    const char *interface; /* a device's name or a source address to bind to; or NULL */
    bool crowded;          /* thousands of connections to this peer are open already */
    unsigned turn;         /* with crowded: a number that goes up with every connection */
};

/* A TCP socket. The descriptor, or -errno (-ENODEV: no such device, -EAFNOSUPPORT: a source address
 * of another family). */
int socket_open(const struct socket_options *options);
void socket_close(int fd);

/* Whether there is such a device or such an address of this machine now. True where that can't be told. */
bool socket_has_interface(const char *interface);

/* Whether this machine has an address to reach that one from, by way of `interface` (or NULL): where a connect fails with EADDRNOTAVAIL
 * that is the question, as the same errno says that no local port is free. */
bool socket_has_source(const struct address *to, const char *interface);
typedef bool socket_has_source_fn(const struct address *to, const char *interface);

/* Whether TCP paces on this machine, by timers, what it sends (BBR), unless a program chooses otherwise for its sockets. */
bool socket_is_paced(void);

#endif
