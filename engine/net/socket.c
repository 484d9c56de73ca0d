/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * socket.c: binding to a device or a source address, and narrowing the search for a local port.
 *
 * The port is left to connect (IP_BIND_ADDRESS_NO_PORT): bound early, it could serve one peer only,
 * and 28,000 connections would be the end.
 *
 * To find a free port, connect looks at one after another, all those of one parity first. With
 * 15,000 connections to one peer that is 14,000 in vain for each new one: 5 s of computing for
 * 19,000 connections. So in a crowd each socket is told to look in a small window only
 * (IP_LOCAL_PORT_RANGE, Linux 6.3), the windows taking turns.
 */
#include "net/socket.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

enum { WINDOW_PORTS = 128 };

static unsigned first_port = 32768, last_port = 60999; /* the kernel's own defaults */
static pthread_once_t ports_once = PTHREAD_ONCE_INIT;

static void read_port_range(void) {
    char text[64], *end;
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    bool read = file && fgets(text, sizeof text, file);
    if (file)
        fclose(file);
    if (!read)
        return;
    unsigned long first = strtoul(text, &end, 10), last = strtoul(end, NULL, 10);
    if (first && first <= last && last <= 65535) {
        first_port = (unsigned)first;
        last_port = (unsigned)last;
    }
}

/* Best effort: an older kernel searches the whole range. */
static void narrow_ports(int fd, unsigned turn) {
    pthread_once(&ports_once, read_port_range);
    unsigned windows = (last_port - first_port + 1) / WINDOW_PORTS;
    if (!windows)
        return;
    unsigned low = first_port + turn % windows * WINDOW_PORTS;
    uint32_t range = (low + WINDOW_PORTS - 1) << 16 | low;
    setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof range);
}

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

int socket_open(const struct socket_options *options) {
    int fd = socket(options->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int result = options->interface ? bind_to(fd, options->family, options->interface) : 0;
    if (result < 0) {
        close(fd);
        return result;
    }
    if (options->crowded)
        narrow_ports(fd, options->turn);
    return fd;
}

void socket_close(int fd) {
    close(fd);
}

bool socket_has_interface(const char *interface) {
    struct address address;
    bool is_address = address_parse(&address, span_text(interface), 0);
    int family = is_address ? address.any.sa_family : AF_INET;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true;
    int result = bind_to(fd, family, interface);
    close(fd);
    return result != -ENODEV && result != -EADDRNOTAVAIL;
}

/* A datagram socket takes the same way and sends nothing, and its ports are others. */
bool socket_has_source(const struct address *to, const char *interface) {
    int family = to->any.sa_family;
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true; /* then descriptors are short too, and time cures both */
    bool found = (!interface || bind_to(fd, family, interface) == 0) &&
                 (connect(fd, &to->any, address_len(to)) == 0 || errno == EAGAIN);
    close(fd);
    return found;
}

bool socket_is_paced(void) {
    char name[16] = ""; /* TCP_CA_NAME_MAX */
    socklen_t len = sizeof name - 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len);
    close(fd);
    return strncmp(name, "bbr", 3) == 0;
}
