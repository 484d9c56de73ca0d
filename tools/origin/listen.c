/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 65535 }; /* the kernel cuts it to net.core.somaxconn */

bool listen_address_parse(union listen_address *address, const char *text, unsigned port) {
    char bare[INET6_ADDRSTRLEN];
    size_t len = strlen(text);
    *address = (union listen_address){0};
    if (strcmp(text, "localhost") == 0)
        text = "127.0.0.1";
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
        return true;
    }
    if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= sizeof bare)
        return false;
    memcpy(bare, text, len);
    bare[len] = '\0';
    if (inet_pton(AF_INET6, bare, &address->v6.sin6_addr) != 1)
        return false;
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = htons((uint16_t)port);
    return true;
}

static socklen_t length(const union listen_address *address) {
    return address->any.sa_family == AF_INET ? sizeof address->v4 : sizeof address->v6;
}

/* A bound socket or -errno. */
static int open_bound(const union listen_address *address, bool is_shared) {
    static const int on = 1;
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (is_shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    /* Accepted sockets inherit it. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, &address->any, length(address)) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

/* SO_REUSEPORT alone would let two origins share a port by mistake, each getting half of what is
 * meant for the other. So it is first bound without. */
int listen_claim(union listen_address *address) {
    int fd = open_bound(address, false);
    socklen_t len = sizeof *address;
    if (fd < 0)
        return -fd;
    /* Ports of sockets that are merely bound can be shared; one that listens can't. */
    int error = listen(fd, 1) == 0 && getsockname(fd, &address->any, &len) == 0 ? 0 : errno;
    close(fd);
    return error;
}

int listen_open(const union listen_address *address) {
    int fd = open_bound(address, true);
    if (fd < 0 || listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

void listen_host(const union listen_address *address, char text[INET6_ADDRSTRLEN]) {
    const void *at = address->any.sa_family == AF_INET ? (const void *)&address->v4.sin_addr
                                                       : (const void *)&address->v6.sin6_addr;
    inet_ntop(address->any.sa_family, at, text, INET6_ADDRSTRLEN);
}

void listen_url(const union listen_address *address, const char *scheme,
                char text[LISTEN_URL_BYTES]) {
    char host[INET6_ADDRSTRLEN] = "";
    bool is_v4 = address->any.sa_family == AF_INET;
    listen_host(address, host);
    snprintf(text, LISTEN_URL_BYTES, is_v4 ? "%s://%s:%u" : "%s://[%s]:%u", scheme, host,
             ntohs(is_v4 ? address->v4.sin_port : address->v6.sin6_port));
}
