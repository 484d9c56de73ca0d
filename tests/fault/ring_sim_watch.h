/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_sim_watch.h: what the tests of the simulated ring share: ops that are watched, a server that
 * echoes and one that is mute, and one connection between them. A header, as every test is
 * one program made of one file.
 */
#ifndef TESTS_RING_SIM_WATCH_H
#define TESTS_RING_SIM_WATCH_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ring/ring_sim.h"

enum { SLOTS = 4 };

/* One op and what it has come to. */
struct watch {
    struct ring_op op;
    int finals;
    int32_t result;
    size_t received;
    uint8_t bytes[256];
    unsigned rank; /* among all final completions */
};

static struct ring *ring;
static int32_t slot;
static struct watch dial[4]; /* socket, connect, send, recv */
static struct watch closer;
static unsigned finals;
static struct sim_peer *peer;
static unsigned accepted, closed, heard, ends_heard;

static inline void on_done(struct ring_op *op, const struct ring_event *event) {
    struct watch *watch = CONTAINER_OF(op, struct watch, op);
    assert_int_equal(ring_op_busy(op), event->more);
    size_t sum = 0;
    for (unsigned i = 0; i < event->span_count; i++) {
        size_t room = sizeof watch->bytes - watch->received, len = event->span[i].len;
        memcpy(watch->bytes + watch->received, event->span[i].at, len < room ? len : room);
        watch->received += len < room ? len : room;
        sum += len;
    }
    if (event->more) {
        assert_int_equal(sum, event->result);
        return;
    }
    watch->finals++;
    watch->result = event->result;
    watch->rank = ++finals;
}

static inline void watch_init(struct watch *watch) {
    *watch = (struct watch){0};
    ring_op_init(&watch->op, on_done);
}

/* ---- an echo server that can be told to behave otherwise ------------------------------------- */

static inline void on_accepted(struct sim_peer *who) {
    peer = who;
    accepted++;
}

static inline void on_received(struct sim_peer *who, const uint8_t *bytes, size_t count) {
    heard += (unsigned)count;
    ends_heard += count == 0;
    sim_peer_send(who, bytes, count);
}

static inline void on_closed(struct sim_peer *who) {
    assert_ptr_equal(who, peer);
    peer = NULL;
    closed++;
}

static const struct sim_server_ops echo = {on_accepted, on_received, on_closed};
static const struct sim_server_ops mute = {on_accepted, NULL, on_closed};

static inline const struct sockaddr_in *address(const char *host, uint16_t port) {
    static struct sockaddr_in address;
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, host, &address.sin_addr), 1);
    return &address;
}

static inline void open_with(const struct sim_options *options) {
    struct ring_options ring_options;
    ring_options_init(&ring_options, SLOTS);
    ring_options.slots = SLOTS;
    sim_configure(options);
    sim_listen("192.0.2.1", 80, &echo, NULL);
    sim_listen("192.0.2.1", 81, &mute, NULL);
    sim_blackhole("192.0.2.9");
    sim_unreachable("192.0.2.8", EHOSTUNREACH);
    assert_int_equal(ring_open(&ring, &ring_options), 0);
    finals = accepted = closed = heard = ends_heard = 0;
    peer = NULL;
    for (unsigned i = 0; i < 4; i++)
        watch_init(&dial[i]);
    watch_init(&closer);
    slot = ring_slot_acquire(ring);
    assert_int_not_equal(slot, RING_NO_SLOT);
}

static inline int setup(void **state) {
    struct sim_options options;
    (void)state;
    sim_options_init(&options, 7);
    open_with(&options);
    return 0;
}

static inline void turn_until(const int *finals_of_one) {
    while (!*finals_of_one)
        ring_turn(ring, true);
    assert_int_equal(*finals_of_one, 1);
}

/* Socket, connect and send as one chain, receiving behind it when `count` is 4. */
static inline void queue_dial(const char *host, uint16_t port, unsigned count) {
    ring_chain(ring, count);
    ring_socket(ring, &dial[0].op, slot, AF_INET);
    if (count > 1)
        ring_connect(ring, &dial[1].op, slot, (const void *)address(host, port),
                     sizeof(struct sockaddr_in));
    if (count > 2)
        ring_send(ring, &dial[2].op, slot, "hello", 5);
    if (count > 3)
        ring_recv(ring, &dial[3].op, slot);
}

static inline void connected(uint16_t port) {
    queue_dial("192.0.2.1", port, 2);
    turn_until(&dial[1].finals);
    assert_int_equal(dial[1].result, 0);
}

static inline void end(void) {
    if (!closer.finals) {
        ring_close_slot(ring, &closer.op, slot);
        turn_until(&closer.finals);
        assert_int_equal(closer.result, 0);
    }
    assert_int_equal(ring_slots_used(ring), 0);
    ring_close(ring);
    assert_int_equal(closed, accepted);
    assert_int_equal(sim_report().ops_live, 0);
    assert_int_equal(sim_report().peers_live, 0);
}

static inline void end_without_socket(void) {
    ring_slot_release(ring, slot);
    closer.finals = 1;
    end();
}

#endif
