/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * liar.h: a DNS server on a loopback port whose answers are decided by the first label of the
 * name, on the test's own ring and thread, so that every test is one sequence of events. UDP and
 * TCP. Included once by each test program, hence no .c file.
 *
 *   both v4 v6 none nx           what they say (A 127.0.0.1, AAAA ::1)
 *   servfail refused silent      so for both families
 *   garbage                      an answer whose record is cut off
 *   trunc                        TC over UDP, A 127.0.0.7 over TCP
 *   late6 late4                  that family's answer is held back until liar_release
 *   half                         A: NODATA, AAAA: silent
 *   fail6                        A: 127.0.0.1, AAAA: SERVFAIL
 *   found                        both under other.test, else nx
 *   anything else                both
 */
#ifndef TESTS_LIAR_H
#define TESTS_LIAR_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "ring/ring.h"

enum liar_mode { LIAR_BY_NAME, LIAR_SILENT, LIAR_REFUSING };
enum { LIAR_LOG = 64, LIAR_MESSAGE_BYTES = 512 };

struct liar {
    struct ring *ring;
    struct ring_op udp_poll, tcp_poll, connection_poll;
    int udp, tcp, connection;
    uint16_t port;
    enum liar_mode mode;
    unsigned asked;           /* over UDP and TCP */
    unsigned names;           /* A questions */
    char name[LIAR_LOG][256]; /* of the first A questions */
    uint8_t held[LIAR_MESSAGE_BYTES];
    size_t held_len;
    struct sockaddr_in held_for;
    bool closing;
};

enum { A = 1, AAAA = 28, NXDOMAIN = 3, SERVFAIL = 2, REFUSED = 5, SILENT = 100 };

struct reply {
    uint8_t bytes[LIAR_MESSAGE_BYTES];
    size_t len;
};

static void put(struct reply *reply, const void *bytes, size_t len) {
    CHECK(reply->len + len <= sizeof reply->bytes);
    memcpy(reply->bytes + reply->len, bytes, len);
    reply->len += len;
}

static void put_address(struct reply *reply, int type, uint8_t last) {
    const uint8_t v4[] = {0xc0, 12, 0, A, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, last};
    const uint8_t v6[] = {0xc0, 12, 0, AAAA, 0, 1, 0, 0, 0, 60, 0, 16, 0, 0,
                          0,    0,  0, 0,    0, 0, 0, 0, 0, 0,  0, 0,  0, 1};
    reply->bytes[7]++;
    if (type == A)
        put(reply, v4, sizeof v4);
    else
        put(reply, v6, sizeof v6);
}

static void put_soa(struct reply *reply) {
    const uint8_t soa[] = {0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 60, 0, 22, 0, 0, 0, 0, 0,
                           1,    0,  0, 0, 2, 0, 0, 0, 3, 0,  0, 0,  4, 0, 0, 0, 60};
    reply->bytes[9]++;
    put(reply, soa, sizeof soa);
}

static bool is(const char *name, const char *label) {
    size_t len = strlen(label);
    return strncmp(name, label, len) == 0 && (name[len] == '.' || !name[len]);
}

/* The rcode, or SILENT; records go into the reply. */
static int compose(struct reply *reply, const char *name, int type, bool tcp) {
    if (is(name, "nx") || (is(name, "found") && !strstr(name, ".other.test"))) {
        put_soa(reply);
        return NXDOMAIN;
    }
    if (is(name, "servfail") || (is(name, "fail6") && type == AAAA))
        return SERVFAIL;
    if (is(name, "refused"))
        return REFUSED;
    if (is(name, "silent") || (is(name, "half") && type == AAAA))
        return SILENT;
    bool none = is(name, "none") || is(name, "half") || (is(name, "v4") && type == AAAA) ||
                (is(name, "v6") && type == A) || (is(name, "trunc") && type == AAAA);
    if (none)
        put_soa(reply);
    else if (!is(name, "trunc"))
        put_address(reply, type, 1);
    else if (tcp)
        put_address(reply, type, 7);
    else
        reply->bytes[2] |= 2; /* TC */
    if (is(name, "garbage"))
        reply->len -= 3;
    return 0;
}

/* The name as text; returns the question's end. */
static size_t read_name(const uint8_t *query, size_t len, char *name) {
    size_t at = 12, out = 0;
    while (at < len && query[at] && out < 254) {
        if (out)
            name[out++] = '.';
        for (uint8_t left = query[at++]; left && at < len && out < 254; left--)
            name[out++] = (char)query[at++];
    }
    name[out] = 0;
    return at + 5;
}

static void note(struct liar *liar, const char *name, int type) {
    liar->asked++;
    if (type != A)
        return;
    if (liar->names < LIAR_LOG)
        snprintf(liar->name[liar->names], sizeof liar->name[0], "%s", name);
    liar->names++;
}

/* False: nothing is to be sent. */
static bool answer(struct liar *liar, const uint8_t *query, size_t len, bool tcp,
                   struct reply *reply, bool *late) {
    char name[256];
    CHECK(len > 16);
    size_t end = read_name(query, len, name);
    CHECK(end <= len);
    int type = query[end - 3];
    note(liar, name, type);
    *reply = (struct reply){.len = 0};
    put(reply, query, end);
    reply->bytes[2] = 0x81;
    memset(reply->bytes + 6, 0, 6);
    int rcode = liar->mode == LIAR_SILENT     ? SILENT
                : liar->mode == LIAR_REFUSING ? REFUSED
                                              : compose(reply, name, type, tcp);
    reply->bytes[3] = (uint8_t)(0x80 | (rcode & 15));
    *late = (is(name, "late6") && type == AAAA) || (is(name, "late4") && type == A);
    return rcode != SILENT;
}

static void on_udp(struct ring_op *op, const struct ring_event *event) {
    struct liar *liar = CONTAINER_OF(op, struct liar, udp_poll);
    uint8_t query[LIAR_MESSAGE_BYTES];
    struct sockaddr_in from;
    struct reply reply;
    socklen_t from_len = sizeof from;
    bool late;
    if (liar->closing)
        return;
    CHECK(event->result > 0);
    ssize_t got;
    while ((got = recvfrom(liar->udp, query, sizeof query, MSG_DONTWAIT, (struct sockaddr *)&from,
                           &from_len)) > 0) {
        if (!answer(liar, query, (size_t)got, false, &reply, &late))
            continue;
        if (late) {
            memcpy(liar->held, reply.bytes, reply.len);
            liar->held_len = reply.len;
            liar->held_for = from;
            continue;
        }
        sendto(liar->udp, reply.bytes, reply.len, 0, (struct sockaddr *)&from, sizeof from);
    }
    ring_poll(liar->ring, &liar->udp_poll, liar->udp, POLLIN);
}

/* One connection at a time, one question each. */
static void on_connection(struct ring_op *op, const struct ring_event *event) {
    struct liar *liar = CONTAINER_OF(op, struct liar, connection_poll);
    uint8_t query[2 + LIAR_MESSAGE_BYTES];
    struct reply reply;
    bool late;
    ssize_t got = event->result > 0 ? recv(liar->connection, query, sizeof query, 0) : 0;
    if (got > 2 && answer(liar, query + 2, (size_t)got - 2, true, &reply, &late)) {
        uint8_t framed[2 + LIAR_MESSAGE_BYTES] = {(uint8_t)(reply.len >> 8), (uint8_t)reply.len};
        memcpy(framed + 2, reply.bytes, reply.len);
        CHECK(send(liar->connection, framed, reply.len + 2, MSG_NOSIGNAL) ==
              (ssize_t)reply.len + 2);
    }
    close(liar->connection);
    if (!liar->closing)
        ring_poll(liar->ring, &liar->tcp_poll, liar->tcp, POLLIN);
}

static void on_tcp(struct ring_op *op, const struct ring_event *event) {
    struct liar *liar = CONTAINER_OF(op, struct liar, tcp_poll);
    if (liar->closing)
        return;
    CHECK(event->result > 0);
    liar->connection = accept(liar->tcp, NULL, NULL);
    CHECK(liar->connection >= 0);
    ring_poll(liar->ring, &liar->connection_poll, liar->connection, POLLIN);
}

static void liar_open(struct liar *liar, struct ring *ring) {
    *liar = (struct liar){.ring = ring};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    const int yes = 1;
    /* The port must be free for both protocols. */
    for (bool bound = false; !bound;) {
        address.sin_port = 0;
        liar->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        liar->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(liar->tcp, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        CHECK(bind(liar->udp, (struct sockaddr *)&address, len) == 0);
        CHECK(getsockname(liar->udp, (struct sockaddr *)&address, &len) == 0);
        bound = bind(liar->tcp, (struct sockaddr *)&address, len) == 0;
        if (!bound) {
            close(liar->udp);
            close(liar->tcp);
        }
    }
    CHECK(listen(liar->tcp, 16) == 0);
    liar->port = ntohs(address.sin_port);
    ring_op_init(&liar->udp_poll, on_udp);
    ring_op_init(&liar->tcp_poll, on_tcp);
    ring_op_init(&liar->connection_poll, on_connection);
    ring_poll(ring, &liar->udp_poll, liar->udp, POLLIN);
    ring_poll(ring, &liar->tcp_poll, liar->tcp, POLLIN);
}

__attribute__((unused)) static void liar_release(struct liar *liar) {
    CHECK(liar->held_len);
    sendto(liar->udp, liar->held, liar->held_len, 0, (struct sockaddr *)&liar->held_for,
           sizeof liar->held_for);
    liar->held_len = 0;
}

/* Turns the ring until its polls are over. */
static void liar_close(struct liar *liar) {
    liar->closing = true;
    ring_cancel(liar->ring, &liar->udp_poll);
    ring_cancel(liar->ring, &liar->tcp_poll);
    ring_cancel(liar->ring, &liar->connection_poll);
    while (ring_op_busy(&liar->udp_poll) || ring_op_busy(&liar->tcp_poll) ||
           ring_op_busy(&liar->connection_poll))
        ring_turn(liar->ring, true);
    close(liar->udp);
    close(liar->tcp);
}

#endif
