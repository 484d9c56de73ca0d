/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_open_test.c: a load that follows a schedule, on a quiet simulated network: which connections are added when what is due piles up, by the
 * server's fault or by the worker's own; what becomes of it when an order ends; and how late a request is said to have left.
 *
 * A worker that has lost time is an order whose start is in the past: all that was due since is let in at once. One that loses it in the middle is a
 * ring that turns without it. Rejected: late turns of the simulated ring, which are so by chance, and by less than a millisecond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "load_world.h"

enum { CONNECTIONS = 4, NS_PER_US = 1000 };

static const uint64_t PATIENCE_NS = 100 * NS_PER_MS;

static struct load_blocks *order_of(uint64_t number) {
    return &load_world.orders[number];
}

static void init(uint64_t seed, double rate) {
    load_world_init(seed);
    load_world.slots = 256;
    load_world.options.open_loop = true;
    load_world.options.connections = CONNECTIONS;
    load_world.options.rate = rate;
    load_world.options.outstanding_max = 200;
    load_world.options.request_timeout_ns = 10 * NS_PER_S;
    load_world_ask(0, "http://192.0.2.1/a");
}

static void be_slow(unsigned ms) {
    load_world.server.weight[ACT_ANSWER] = 0;
    load_world.server.weight[ACT_LATE] = 1;
    load_world.server.late_ms = ms;
}

/* A second of the schedule, of which so much has passed already. */
static struct load_order late_by(unsigned number, uint64_t ns) {
    struct load_order order = load_world_order(number, 0, 1);
    order.start_ns -= ns;
    order.stop_ns -= ns;
    return order;
}

static void on_alarm(struct ring_timer *timer) {
    (void)timer;
}

/* The worker does not come to look at what is due. It must have nothing to submit, or nothing that is answered within that time. */
static void lose_time_until(uint64_t at_ns) {
    struct ring_timer alarm;
    ring_timer_init(&alarm, on_alarm);
    ring_timer_set(load_world.ring, &alarm, at_ns);
    while (load_world_now() < at_ns)
        ring_turn(load_world.ring, true);
    ring_timer_stop(&alarm);
}

static struct load_blocks *finish(const struct load_order *order) {
    while (!load_worker_is_idle(load_world.worker))
        load_worker_turn(load_world.worker);
    struct load_blocks *sum = order_of(order->number);
    EXPECT(sum->errors == 0 && sum->requests == load_world.server.asked);
    EXPECT(sum->slips == sum->requests && sum->raws == sum->requests);
    return sum;
}

static struct load_blocks *run(const struct load_order *order) {
    load_world_run(order);
    return finish(order);
}

/* ---- connections ------------------------------------------------------------------------------------ */

/* A hundred requests at once are no reason for a hundred connections if the server keeps up and only the worker did not. */
static void test_who_was_late_adds_no_connections(void **state) {
    (void)state;
    for (unsigned ahead = 0; ahead < 2; ahead++) {
        init(1, 10000);
        load_world_open();
        if (ahead) {
            load_worker_connect(load_world.worker, 0);
            while (!load_worker_is_connected(load_world.worker, 0))
                load_worker_turn(load_world.worker);
        }
        struct load_order order = late_by(1, 10 * NS_PER_MS);
        struct load_blocks *sum = run(&order);
        EXPECT(sum->requests >= 9999 && sum->requests <= 10001);
        EXPECT(sum->connections_max == CONNECTIONS);
        EXPECT(sum->slip_max >= 10 * NS_PER_MS && sum->slip_max < 15 * NS_PER_MS);
        load_world_close();
    }
}

/* Not even if it was away for longer than anybody's patience, for the second time. */
static void test_a_long_pause_adds_none_either(void **state) {
    (void)state;
    init(1, 1000);
    load_world_open();
    struct load_order order = late_by(1, 150 * NS_PER_MS);
    load_world_begin(&order);
    load_world_turn_until(order.start_ns + 750 * NS_PER_MS);
    while (load_worker_outstanding(load_world.worker))
        load_worker_turn(load_world.worker);
    lose_time_until(order.start_ns + 900 * NS_PER_MS);
    struct load_blocks *sum = finish(&order);
    EXPECT(sum->requests >= 999 && sum->requests <= 1001);
    EXPECT(sum->connections_max == CONNECTIONS);
    load_world_close();
}

/* With 20 ms for each answer four connections carry a fifth of it: the others are there as soon as they are needed. */
static void test_a_slow_server_gets_more_at_once(void **state) {
    (void)state;
    init(1, 1000);
    be_slow(20);
    load_world_open();
    struct load_order order = late_by(1, 0);
    struct load_blocks *sum = run(&order);
    EXPECT(sum->connections_max >= 20 && sum->connections_max <= 24);
    EXPECT(sum->slip_max < NS_PER_MS);
    load_world_close();
}

/* Ten requests are due at once, or eleven, and the server takes its time with them. */
static struct load_blocks *run_some(double rate, uint64_t late_ns) {
    be_slow(600);
    load_world.options.rate = rate;
    load_world_open();
    struct load_order order = late_by(1, late_ns);
    order.stop_ns = load_world_now() + NS_PER_US;
    struct load_blocks *sum = run(&order);
    EXPECT(sum->requests >= 10 && sum->requests <= 11);
    EXPECT(sum->connections_max == sum->requests);
    return sum;
}

/* A timer's delay is no lateness. */
static void test_a_little_late_is_on_time(void **state) {
    (void)state;
    init(1, 0);
    EXPECT(run_some(66000, 150 * NS_PER_US)->slip_max < 300 * NS_PER_US);
    load_world_close();
}

/* Where each request has a connection of its own there are none to wait for. */
static void test_connections_for_one_request_are_not_held_back(void **state) {
    (void)state;
    init(1, 0);
    load_world.options.no_keepalive = true;
    EXPECT(run_some(1000, 10 * NS_PER_MS)->slip_max < 11 * NS_PER_MS);
    load_world_close();
}

/* The fifth request was due 6 ms before the worker came, which is on time again after 40: nothing but that can wake it, for all connections
 * await answers and nothing more is due. */
static void test_who_has_caught_up_adds_connections(void **state) {
    (void)state;
    init(1, 0);
    struct load_blocks *sum = run_some(1000, 10 * NS_PER_MS);
    EXPECT(sum->slip_max >= 46 * NS_PER_MS && sum->slip_max < 47 * NS_PER_MS);
    load_world_close();
}

/* After 100 ms patience ends, though the lateness has not been made up for. It begins with the lateness for what was due before; */
static void test_patience_ends(void **state) {
    (void)state;
    init(1, 0);
    struct load_blocks *sum = run_some(100, 100 * NS_PER_MS);
    EXPECT(sum->slip_max >= 160 * NS_PER_MS && sum->slip_max < 161 * NS_PER_MS);
    load_world_close();
}

/* and with the request itself if it became due while the worker was catching up. */
static void test_patience_begins_when_a_request_is_due(void **state) {
    (void)state;
    init(1, 100);
    be_slow(600);
    load_world_open();
    struct load_order order = late_by(1, 35 * NS_PER_MS);
    order.stop_ns = order.start_ns + 55 * NS_PER_MS; /* after the sixth */
    struct load_blocks *sum = run(&order);
    EXPECT(sum->requests == 6 && sum->connections_max == 6);
    EXPECT(sum->slip_max >= PATIENCE_NS && sum->slip_max < PATIENCE_NS + NS_PER_MS);
    load_world_close();
}

/* A worker that is late in every turn, though never by much, is not waited for. */
static void test_who_is_always_late_is_not_waited_for(void **state) {
    static const uint64_t period_ns = NS_PER_S / 400, late_ns = 300 * NS_PER_US;
    (void)state;
    init(1, 400);
    be_slow(300);
    load_world_open();
    struct load_order order = late_by(1, late_ns);
    load_world_begin(&order);
    for (uint64_t at = order.start_ns + late_ns; at < order.stop_ns; at += period_ns) {
        lose_time_until(at);
        load_worker_turn(load_world.worker);
    }
    struct load_blocks *sum = finish(&order);
    EXPECT(sum->requests >= 399 && sum->requests <= 401 && sum->connections_max > 100);
    EXPECT(sum->slip_max >= PATIENCE_NS && sum->slip_max < PATIENCE_NS + 2 * period_ns);
    load_world_close();
}

/* ---- the end of an order ---------------------------------------------------------------------------------- */

/* What a warm-up has not sent is nobody's business, and the measured part does not wait for it. */
static void test_a_warm_up_leaves_no_backlog(void **state) {
    (void)state;
    init(1, 100);
    be_slow(50);
    load_world.options.outstanding_max = 1;
    load_world_open();
    struct load_order order = late_by(1, 0);
    order.counted = false;
    struct load_blocks *sum = run(&order);
    EXPECT(sum->requests >= 19 && sum->requests <= 21);
    EXPECT(load_world_now() <= order.stop_ns + 51 * NS_PER_MS);
    load_world_close();
}

/* ---- slip --------------------------------------------------------------------------------------------------- */

/* A request that is put back, as there is no socket for it, leaves once more: how late it leaves at last is what counts, and that once. */
static void test_a_request_that_is_put_back_leaves_once(void **state) {
    (void)state;
    init(1, 10);
    load_world.options.no_keepalive = true;
    load_world_open();
    sim_force(SIM_FAULT_SOCKET_FAILS, 2, 2);
    struct load_order order = late_by(1, 0);
    struct load_blocks *sum = run(&order);
    EXPECT(sum->requests >= 9 && sum->requests <= 11 && sum->limits & LOAD_LIMIT_DESCRIPTORS);
    EXPECT(sum->slip_max >= NS_PER_MS && sum->slip_max < 100 * NS_PER_MS);
    load_world_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_was_late_adds_no_connections),
        cmocka_unit_test(test_a_long_pause_adds_none_either),
        cmocka_unit_test(test_a_slow_server_gets_more_at_once),
        cmocka_unit_test(test_a_little_late_is_on_time),
        cmocka_unit_test(test_connections_for_one_request_are_not_held_back),
        cmocka_unit_test(test_who_has_caught_up_adds_connections),
        cmocka_unit_test(test_patience_ends),
        cmocka_unit_test(test_patience_begins_when_a_request_is_due),
        cmocka_unit_test(test_who_is_always_late_is_not_waited_for),
        cmocka_unit_test(test_a_warm_up_leaves_no_backlog),
        cmocka_unit_test(test_a_request_that_is_put_back_leaves_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
