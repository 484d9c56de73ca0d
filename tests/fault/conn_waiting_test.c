/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn_waiting_test.c: what an owner may ask of the connection that carries its exchange (a new one, not to that
 * address), and how little one that waits costs. On the simulated ring, whose servers answer when the test says so.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

#include "base/clock.h"
#include "conn/conn.h"
#include "ring/ring_sim.h"

enum { CROWD = 1000, WAITING_BYTES = sizeof(struct conn) + 64, ENDS_ALONE_TURNS = 20000 };

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/* Everything of one test. */
static struct world {
    struct ring *ring;
    struct resolver *resolver;
    struct pool_depot depot;
    struct pool memory;
    struct conn_pool *conns;
    struct sim_peer *peer[CROWD]; /* that have asked and not been answered */
    unsigned asked, ended, ok;
    struct err err;  /* of the latest that ended */
    bool holds_back; /* the servers' answers */
    bool has_source; /* a connect's EADDRNOTAVAIL was for want of ports */
} world;

static struct exchange crowd[CROWD];

/* ---- servers and owners ---------------------------------------------------------------------------- */

static void on_request(struct sim_peer *peer, const uint8_t *bytes, size_t count) {
    (void)bytes;
    if (!count)
        return;
    if (!world.holds_back)
        sim_peer_send(peer, answer, sizeof answer - 1);
    else if (world.asked < CROWD)
        world.peer[world.asked] = peer;
    world.asked++;
}

static const struct sim_server_ops server_ops = {.received = on_request};

static size_t write_head(struct exchange *exchange, char *memory, size_t room) {
    (void)exchange;
    return (size_t)snprintf(memory, room, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

static enum exchange_answer on_head(struct exchange *exchange, const struct response_head *head,
                                    const struct response_framing *framing) {
    (void)exchange, (void)head, (void)framing;
    return EXCHANGE_GO;
}

static enum exchange_answer on_body(struct exchange *exchange, struct span bytes) {
    (void)exchange, (void)bytes;
    return EXCHANGE_GO;
}

static void on_end(struct exchange *exchange, struct err err) {
    world.ended++;
    world.ok += !err_is(err);
    world.err = err;
    origin_drop(world.conns, exchange->origin);
}

static const struct exchange_ops exchange_ops = {write_head, on_head, on_body, on_end};

static void begin(struct exchange *exchange, const char *host) {
    char text[64], href[128];
    struct url url;
    snprintf(text, sizeof text, "http://%s/", host);
    assert_int_equal(url_parse(&url, span_text(text), NULL, href, sizeof href), URL_OK);
    exchange->ops = &exchange_ops;
    exchange->idempotent = true;
    exchange_begin(world.conns, exchange, origin_acquire(world.conns, &url));
}

static void turn_until(const unsigned *count, unsigned wanted) {
    for (unsigned turns = 0; *count < wanted; turns++) {
        assert_true(turns < ENDS_ALONE_TURNS);
        ring_turn(world.ring, true);
    }
}

static bool has_source(const struct address *to, const char *interface) {
    (void)to, (void)interface;
    return world.has_source;
}

/* ---- a world ------------------------------------------------------------------------------------------ */

static int set_up(void **state) {
    static const char *const resolve[] = {
        "two.test:80:192.0.2.1,192.0.2.2", "three.test:80:192.0.2.1,192.0.2.2,192.0.2.3",
        "half.test:80:192.0.2.1,192.0.2.8", "twice.test:80:192.0.2.1,192.0.2.1", NULL};
    struct sim_options options;
    struct ring_options ring_options;
    struct resolver_options resolver = {.resolve = resolve};
    struct conn_pool_options conns = {.connect_timeout_ns = 60 * NS_PER_S,
                                      .idle_ns = 4 * NS_PER_S,
                                      .idle_max = 4,
                                      .has_source = has_source};
    char why[256] = "";
    (void)state;
    world = (struct world){0};
    sim_options_init(&options, 1);
    sim_configure(&options);
    sim_unreachable("192.0.2.5", EADDRNOTAVAIL);
    sim_unreachable("192.0.2.8", EHOSTUNREACH);
    sim_listen(NULL, 80, &server_ops, NULL);
    ring_options_init(&ring_options, CROWD);
    ring_options.slots = CROWD;
    pool_depot_init(&world.depot);
    pool_init(&world.memory, &world.depot);
    assert_int_equal(ring_open(&world.ring, &ring_options), 0);
    assert_int_equal(resolver_open(&world.resolver, world.ring, &resolver, why, sizeof why), 0);
    assert_int_equal(conn_pool_open(&world.conns, world.ring, world.resolver, &world.memory, &conns,
                                    why, sizeof why),
                     0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (unsigned i = 0; i < CROWD; i++) /* where a test has failed */
        exchange_cancel(world.conns, &crowd[i], err_make(STAGE_LOCAL, ERR_CANCELLED, 0));
    conn_pool_stop(world.conns);
    resolver_stop(world.resolver);
    while (!conn_pool_is_empty(world.conns) || !resolver_is_idle(world.resolver))
        ring_turn(world.ring, true);
    conn_pool_close(world.conns);
    resolver_close(world.resolver);
    ring_close(world.ring);
    assert_int_equal(world.memory.live_bytes, 0);
    pool_depot_deinit(&world.depot);
    return 0;
}

/* ---- which connection ----------------------------------------------------------------------------------- */

/* The last part of the address that answered, of one that begins with 192.0.2. */
static unsigned place_of(const struct exchange *exchange) {
    assert_int_equal(exchange->address.any.sa_family, AF_INET);
    return ntohl(exchange->address.v4.sin_addr.s_addr) & 255;
}

/* Asks a new connection to `host`, avoiding 192.0.2.`avoid` (0: nothing); returns the place that answered. */
static unsigned ask_avoiding(const char *host, unsigned avoid) {
    struct address address;
    uint8_t bytes[4] = {192, 0, 2, (uint8_t)avoid};
    address_set(&address, AF_INET, bytes, 4711); /* of a connection: the port is another matter */
    struct exchange exchange = {.fresh = true, .avoid = avoid ? &address : NULL};
    world.ended = world.ok = 0;
    begin(&exchange, host);
    turn_until(&world.ended, 1);
    assert_int_equal(world.ok, 1);
    assert_false(exchange.reused);
    return place_of(&exchange);
}

static void test_avoided_address_comes_last(void **state) {
    (void)state;
    unsigned first = ask_avoiding("two.test", 0);
    assert_true(first == 1 || first == 2);
    assert_int_equal(ask_avoiding("two.test", first), 3 - first);
    assert_int_equal(ask_avoiding("two.test", 3 - first), first);
    assert_int_equal(ask_avoiding("two.test", 77), first);
    for (unsigned avoid = 1; avoid <= 3; avoid++)
        assert_int_not_equal(ask_avoiding("three.test", avoid), avoid);
}

static void test_avoided_address_is_used_where_there_is_no_other(void **state) {
    (void)state;
    assert_int_equal(ask_avoiding("192.0.2.1", 1), 1);
    assert_int_equal(ask_avoiding("half.test", 1), 1);
    assert_int_equal(ask_avoiding("half.test", 8), 1);
    assert_int_equal(ask_avoiding("twice.test", 1), 1);
}

static bool is_reused(bool fresh) {
    struct exchange exchange = {.fresh = fresh};
    world.ended = world.ok = 0;
    begin(&exchange, "192.0.2.1");
    turn_until(&world.ended, 1);
    assert_int_equal(world.ok, 1);
    assert_int_equal(place_of(&exchange), 1);
    return exchange.reused;
}

static void test_fresh_is_a_new_connection(void **state) {
    (void)state;
    assert_false(is_reused(false));
    assert_true(is_reused(false));
    assert_false(is_reused(true));
    assert_false(is_reused(true));
    assert_true(is_reused(false));
    assert_int_equal(conn_pool_counts(world.conns).opened, 3);
}

/* No local port: either there is no address to connect from, or ports are short, and that is waited for. */
static void test_ports_are_waited_for(void **state) {
    (void)state;
    for (unsigned is_short = 0; is_short < 2; is_short++) {
        struct exchange exchange = {.deadline_ns = ring_now(world.ring) + NS_PER_S};
        world.has_source = is_short;
        world.ended = 0;
        begin(&exchange, "192.0.2.5");
        turn_until(&world.ended, 1);
        assert_int_equal(err_fault(world.err), FAULT_LOCAL);
        assert_int_equal(world.err.kind, is_short ? ERR_PORTS : ERR_NO_SOURCE_ADDRESS);
        assert_int_equal(is_short, ring_now(world.ring) >= exchange.deadline_ns);
    }
}

/* An owner that begins no more exchanges says so of all that are left; those of them that wait for room want the connection still. */
static void test_the_last_ones_share_what_room_there_is(void **state) {
    enum { ROOM = 4, LAST_ONES = 40 };
    int32_t taken[CROWD - ROOM];
    (void)state;
    for (unsigned i = 0; i < CROWD - ROOM; i++)
        assert_int_not_equal(taken[i] = ring_slot_acquire(world.ring), RING_NO_SLOT);
    for (unsigned i = 0; i < LAST_ONES; i++) {
        crowd[i].last = true;
        begin(&crowd[i], "192.0.2.1");
    }
    turn_until(&world.ended, LAST_ONES);
    for (unsigned i = 0; i < CROWD - ROOM; i++)
        ring_slot_release(world.ring, taken[i]);
    assert_int_equal(world.ok, LAST_ONES);
    assert_int_equal(sim_report().ended[SIM_OP_CONNECT], ROOM);
}

/* ---- what waiting costs ----------------------------------------------------------------------------------- */

static void begin_in_crowd(unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) {
        char host[32];
        snprintf(host, sizeof host, "127.1.%u.%u", i / 250, i % 250 + 1);
        begin(&crowd[i], host);
    }
}

static void test_waiting_costs_little(void **state) {
    (void)state;
    world.holds_back = true;
    begin_in_crowd(0, UNANSWERED_MAX);
    int64_t before = world.memory.live_bytes;
    begin_in_crowd(UNANSWERED_MAX, CROWD); /* these have to wait for their turn to connect */
    assert_int_equal(conn_pool_counts(world.conns).starved, CROWD - UNANSWERED_MAX);
    assert_in_range(world.memory.live_bytes - before, 0, (CROWD - UNANSWERED_MAX) * WAITING_BYTES);
    turn_until(&world.asked, CROWD);
    ring_turn(world.ring, false);
    assert_in_range(world.memory.live_bytes, 0, CROWD * WAITING_BYTES);

    for (unsigned i = 0; i < CROWD; i++)
        sim_peer_send(world.peer[i], answer, sizeof answer - 1);
    turn_until(&world.ended, CROWD);
    assert_int_equal(world.ok, CROWD);
    assert_int_equal(world.asked, CROWD);
}

int main(void) {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_avoided_address_comes_last),
        TEST(test_avoided_address_is_used_where_there_is_no_other),
        TEST(test_fresh_is_a_new_connection),
        TEST(test_ports_are_waited_for),
        TEST(test_the_last_ones_share_what_room_there_is),
        TEST(test_waiting_costs_little),
    };
    return cmocka_run_group_tests_name("conn_waiting", tests, NULL, NULL);
}
