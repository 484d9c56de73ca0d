/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * socket.c: binding to a device or a source address.
 *
 * The port is left to connect (IP_BIND_ADDRESS_NO_PORT): bound early, it could serve one peer only,
 * and 28,000 connections would be the end.
 */
#include "net/socket.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "net/address.h"

static int bind_to(int fd, int family, const char *interface) {
    struct address address;
    int one = 1;
    if (!address_parse(&address, span_text(interface), 0)) {
        socklen_t len = (socklen_t)strlen(interface);
        return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, len) ? -errno : 0;
    }
    if (address.any.sa_family != family)
        return -EAFNOSUPPORT;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    return bind(fd, &address.any, address_len(&address)) ? -errno : 0;
}

int socket_open_bound(int family, const char *interface) {
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int result = bind_to(fd, family, interface);
    if (result < 0) {
        close(fd);
        return result;
    }
    return fd;
}

void socket_close(int fd) {
    close(fd);
}
