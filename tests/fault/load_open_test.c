/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_open_test.c: a load that follows a schedule, on a quiet simulated network: which connections are added when what is due piles up, by the
 * server's fault or by the worker's own; what becomes of it when an order ends; and how late a request is said to have left.
 *
 * A worker that has lost time is an order whose start is in the past: all that was due since is let in at once. Rejected: a late turn of the
 * simulated ring, which is never late by more than a millisecond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "load_world.h"

enum { CONNECTIONS = 4, PATIENCE_MS = 100 };

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
static struct load_order late_by(unsigned number, unsigned ms) {
    struct load_order order = load_world_order(number, 0, 1);
    order.start_ns -= ms * NS_PER_MS;
    order.stop_ns -= ms * NS_PER_MS;
    return order;
}

static struct load_blocks *run(const struct load_order *order) {
    load_world_run(order);
    struct load_blocks *sum = order_of(order->number);
    EXPECT(sum->errors == 0 && sum->requests == load_world.server.asked);
    EXPECT(sum->slips == sum->requests && sum->raws == sum->requests);
    return sum;
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
        struct load_order order = late_by(1, 10);
        struct load_blocks *sum = run(&order);
        EXPECT(sum->requests >= 9999 && sum->requests <= 10001);
        EXPECT(sum->connections_max == CONNECTIONS);
        EXPECT(sum->slip_max >= 10 * NS_PER_MS && sum->slip_max < 15 * NS_PER_MS);
        load_world_close();
    }
}

/* Not even if it was away for longer than anybody's patience. */
static void test_a_long_pause_adds_none_either(void **state) {
    (void)state;
    init(1, 1000);
    load_world_open();
    struct load_order order = late_by(1, 150);
    EXPECT(run(&order)->connections_max == CONNECTIONS);
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

/* Both at once: patience begins with the lateness, and ends before it has been made up for. Nothing else happens then that the worker would
 * be woken by: all connections await answers, and nothing is due any more. */
static void test_patience_ends(void **state) {
    (void)state;
    init(1, 100);
    be_slow(600);
    load_world_open();
    struct load_order order = late_by(1, 0);
    order.start_ns -= NS_PER_S / 10;
    order.stop_ns = load_world_now() + NS_PER_MS;
    struct load_blocks *sum = run(&order);
    EXPECT(sum->connections_max == 11 && sum->requests == 11);
    EXPECT(sum->slip_max >= 160 * NS_PER_MS && sum->slip_max < 162 * NS_PER_MS);
    load_world_close();
}

/* It ends before, if the worker is on time again. */
static void test_who_has_caught_up_adds_connections(void **state) {
    (void)state;
    init(1, 1000);
    be_slow(600);
    load_world_open();
    struct load_order order = late_by(1, 10);
    order.stop_ns = load_world_now() + NS_PER_MS;
    struct load_blocks *sum = run(&order);
    EXPECT(sum->connections_max == 11 && sum->requests == 11);
    EXPECT(sum->slip_max >= 46 * NS_PER_MS && sum->slip_max < 48 * NS_PER_MS);
    load_world_close();
}

/* A worker that is late in every turn never is on time again, and nothing waits for that. */
static void test_who_is_always_late_is_not_waited_for(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        init(seed, 400);
        be_slow(300);
        load_world.sim.chance[SIM_FAULT_LATE_TURN] = 1000;
        load_world_open();
        struct load_order order = late_by(1, 10);
        struct load_blocks *sum = run(&order);
        EXPECT(sum->connections_max > 80);
        EXPECT(sum->slip_max < (PATIENCE_MS + 12) * NS_PER_MS);
        load_world_close();
    }
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
        cmocka_unit_test(test_patience_ends),
        cmocka_unit_test(test_who_has_caught_up_adds_connections),
        cmocka_unit_test(test_who_is_always_late_is_not_waited_for),
        cmocka_unit_test(test_a_warm_up_leaves_no_backlog),
        cmocka_unit_test(test_a_request_that_is_put_back_leaves_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
