/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * socket.h: sockets that need options before they connect, which the ring's own sockets can't have
 * on every kernel. Any thread.
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

/* A TCP socket of that family bound to `interface`: a device's name or a source address. The
 * descriptor, or -errno (-ENODEV: no such device, -EAFNOSUPPORT: an address of another family). */
int socket_open_bound(int family, const char *interface);
void socket_close(int fd);

#endif
