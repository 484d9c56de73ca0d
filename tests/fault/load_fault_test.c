/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_fault_test.c: a load's worker on the simulated ring, with good and bad servers under many seeded schedules, in all its ways of
 * working: every order ends, everything that began is counted once, tallies add up, the quota is kept to the last request, and
 * nothing is left. SEEDS=N in the environment runs more of them, FIRST_SEED=N others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "load_world.h"

enum { SEEDS = 200 };

static struct load_blocks *order_of(uint64_t number) {
    return &load_world.orders[number];
}

/* ---- one thing at a time ----------------------------------------------------------------------------- */

/* On a quiet network every act of a server comes to what its row in the table says. */
static void test_each_act_is_what_its_row_says(void **state) {
    static const enum err_kind kinds[] = {
#define X(id, kind) ERR_##kind,
        LOAD_ACTS(X)
#undef X
    };
    (void)state;
    for (unsigned act = 0; act < ACT_COUNT; act++) {
        for (unsigned pipeline = 1; pipeline <= 3; pipeline += 2) {
            load_world_init(act + 1);
            load_world.server.weight[ACT_ANSWER] = 0;
            load_world.server.weight[act] = 1;
            load_world.options.pipeline = pipeline;
            load_world.options.request_timeout_ns = NS_PER_S / 5;
            load_world_ask(0, "http://192.0.2.1/a");
            load_world_open();
            struct load_order order = load_world_order(1, 0, 0.25);
            load_world_run(&order);
            struct load_blocks *sum = order_of(1);
            bool others_suffer = act == ACT_CLOSES || act == ACT_RESETS_AFTER ||
                                 act == ACT_CLOSES_SOON || act == ACT_SURPLUS;
            EXPECT(sum->requests >= 4);
            if (others_suffer)
                EXPECT(sum->status[200] && sum->requests == sum->errors + sum->status[200]);
            else if (kinds[act] == ERR_NONE)
                EXPECT(sum->errors == 0);
            else
                EXPECT(sum->errors == sum->requests && sum->kind[kinds[act]] >= sum->errors / 3);
            EXPECT(load_worker_facts(load_world.worker, 0)->first_error[0] || !sum->errors);
            load_world_close();
        }
    }
}

static void test_a_silent_server_costs_its_time_and_no_more(void **state) {
    (void)state;
    load_world_init(1);
    load_world.server.weight[ACT_ANSWER] = 0;
    load_world.server.weight[ACT_SILENT] = 1;
    load_world_ask(0, "http://192.0.2.1/a");
    load_world_open();
    struct load_order order = load_world_order(1, 0, 4.5);
    load_world_run(&order);
    struct load_blocks *sum = order_of(1);
    EXPECT(sum->requests == sum->errors && sum->errors == sum->kind[ERR_TIMED_OUT]);
    EXPECT(sum->requests >= 4 * 3 && sum->requests <= 4 * 5);
    EXPECT(sum->late == 4); /* one for each connection was under way at the stop */
    EXPECT(load_world_now() <= order.stop_ns + NS_PER_S + NS_PER_S / 4);
    load_world_close();
}

/* For a second nothing is answered. Requests go on being due, so each of that second's shows the rest of it, though all but a few were sent when the
 * server had come back and were answered at once. */
static void test_a_stall_shows_in_latency_and_not_in_raw(void **state) {
    (void)state;
    load_world_init(1);
    load_world.options.open_loop = true;
    load_world.options.outstanding_max = 2;
    load_world.options.connections = 2;
    load_world.options.request_timeout_ns = 10 * NS_PER_S;
    load_world_ask(0, "http://192.0.2.1/a");
    load_world_open();
    order_of(1)->over_ns = NS_PER_S / 2;
    struct load_order order = load_world_order(1, 0, 3);
    load_world.server.frozen_until_ns = order.start_ns + NS_PER_S;
    load_world_run(&order);
    struct load_blocks *sum = order_of(1);
    EXPECT(sum->requests >= 299 && sum->requests <= 301 && sum->errors == 0);
    EXPECT(sum->long_latencies >= 48 && sum->long_latencies <= 52);
    EXPECT(sum->long_raws == 2 && sum->slips == sum->requests && sum->raws == sum->requests);
    EXPECT(sum->limits & LOAD_LIMIT_OUTSTANDING);
    EXPECT(sum->outstanding_max == 2);
    load_world_close();
}

/* What was due before the stop is sent still: a server that stalls at the end can't hide it. */
static void test_what_was_due_before_the_stop_is_sent_after_it(void **state) {
    (void)state;
    load_world_init(1);
    load_world.options.open_loop = true;
    load_world.options.outstanding_max = load_world.options.connections = 1;
    load_world.options.request_timeout_ns = 10 * NS_PER_S;
    load_world_ask(0, "http://192.0.2.1/a");
    load_world_open();
    struct load_order order = load_world_order(1, 0, 1);
    load_world.server.frozen_until_ns = order.start_ns + 2 * NS_PER_S;
    load_world_run(&order);
    struct load_blocks *sum = order_of(1);
    EXPECT(sum->requests >= 99 && sum->requests <= 101 && sum->errors == 0);
    EXPECT(sum->late == sum->requests);
    EXPECT(load_world.server.asked == sum->requests);
    load_world_close();
}

/* Nothing listens there: a few attempts, each slower than the last. */
static void test_a_dead_server_is_not_hammered(void **state) {
    (void)state;
    load_world_init(1);
    load_world_ask(0, "http://192.0.2.7/a");
    load_world_open();
    load_worker_connect(load_world.worker, 0);
    while (!load_worker_is_connected(load_world.worker, 0))
        load_worker_turn(load_world.worker);
    EXPECT(load_worker_connections(load_world.worker) == 0);
    EXPECT(strstr(load_worker_facts(load_world.worker, 0)->first_error, "192.0.2.7"));
    struct load_order order = load_world_order(1, 0, 10);
    load_world_run(&order);
    struct load_blocks *sum = order_of(1);
    EXPECT(sum->requests == sum->kind[ERR_REFUSED] && sum->errors == sum->requests);
    EXPECT(sum->requests >= 4 * 40 && sum->requests <= 4 * 55);
    /* And a quota is used up by it. */
    load_world.shared.has_quota = true;
    atomic_store(&load_world.shared.quota, 20);
    order = load_world_order(2, 0, 0);
    order.stop_ns = UINT64_MAX;
    load_world_run(&order);
    EXPECT(order_of(2)->requests == 20 && order_of(2)->errors == 20);
    load_world_close();
}

static void test_no_answer_to_a_connect_is_an_error_in_time(void **state) {
    (void)state;
    load_world_init(1);
    load_world_ask(0, "http://192.0.2.9/a");
    load_world_open();
    struct load_order order = load_world_order(1, 0, 5);
    load_world_run(&order);
    EXPECT(order_of(1)->requests == 4 * 2);
    EXPECT(order_of(1)->kind[ERR_TIMED_OUT] == 4 * 2);
    load_world_close();
}

/* A lack of this machine's is waited for, said, and no error. */
static void test_a_shortage_is_no_error(void **state) {
    (void)state;
    load_world_init(1);
    load_world.slots = 2;
    load_world_ask(0, "http://192.0.2.1/a");
    load_world_open();
    struct load_order order = load_world_order(1, 0, 1);
    load_world_run(&order);
    struct load_blocks *sum = order_of(1);
    EXPECT(sum->errors == 0 && sum->requests > 1000);
    EXPECT(sum->limits == LOAD_LIMIT_DESCRIPTORS && sum->connections_max == 2);
    load_world_close();
}

static void test_blocks_end_in_time_even_if_nothing_happens(void **state) {
    (void)state;
    load_world_init(1);
    load_world.server.weight[ACT_ANSWER] = 0;
    load_world.server.weight[ACT_SILENT] = 1;
    load_world.options.request_timeout_ns = 30 * NS_PER_S;
    load_world_ask(0, "http://192.0.2.1/a");
    load_world_open();
    struct load_order order = load_world_order(1, 0, 10.05);
    order.block_ns = NS_PER_S / 10;
    load_world_begin(&order);
    for (unsigned i = 1; i <= 100; i++) {
        uint64_t end_ns = order.start_ns + i * order.block_ns;
        load_world_turn_until(end_ns + 3 * NS_PER_MS);
        EXPECT(order_of(1)->tallies == i && order_of(1)->end_ns == end_ns);
    }
    load_worker_abandon(load_world.worker);
    while (!load_worker_is_idle(load_world.worker))
        load_worker_turn(load_world.worker);
    EXPECT(order_of(1)->last && order_of(1)->tallies == 101 && order_of(1)->requests == 0);
    load_world_close();
}

static void test_stopping_lets_what_is_outstanding_end(void **state) {
    (void)state;
    load_world_init(1);
    load_world.server.weight[ACT_ANSWER] = 0;
    load_world.server.weight[ACT_LATE] = 1;
    load_world.server.late_ms = 300;
    load_world_ask(0, "http://192.0.2.1/a");
    load_world_open();
    struct load_order order = load_world_order(1, 0, 100);
    load_world_begin(&order);
    load_world_turn_until(order.start_ns + NS_PER_S);
    EXPECT(load_worker_outstanding(load_world.worker) == 4);
    load_worker_stop(load_world.worker);
    uint64_t stopped_ns = load_world_now();
    while (!load_worker_is_idle(load_world.worker))
        load_worker_turn(load_world.worker);
    EXPECT(load_world_now() < stopped_ns + NS_PER_S / 2);
    EXPECT(order_of(1)->errors == 0 && order_of(1)->late == 4 && order_of(1)->requests == 16);
    EXPECT(order_of(1)->end_ns == stopped_ns);
    load_world_close();
}

/* Both sides' connections stay open while the other one works. */
static void test_sides_take_turns(void **state) {
    (void)state;
    load_world_init(1);
    load_world_ask(0, "http://192.0.2.1/a");
    load_world_ask(1, "http://192.0.2.2/b");
    load_world_open();
    for (uint8_t side = 0; side < 2; side++) {
        load_worker_connect(load_world.worker, side);
        while (!load_worker_is_connected(load_world.worker, side))
            load_worker_turn(load_world.worker);
    }
    EXPECT(load_worker_connections(load_world.worker) == 8);
    for (unsigned i = 0; i < 8; i++) {
        struct load_order order = load_world_order(i, i % 2, 0.1);
        load_world_run(&order);
        EXPECT(order_of(i)->requests > 100 && order_of(i)->errors == 0);
        EXPECT(order_of(i)->connects == (i < 2 ? 4 : 0));
    }
    load_world_close();
}

static void test_connections_follow_a_ramp(void **state) {
    static const struct ramp_part ramp[] = {{1, 2}, {1, 2}, {4, 10}, {1, 0}};
    (void)state;
    load_world_init(1);
    load_world.options.ramp = ramp;
    load_world.options.ramp_count = 4;
    load_world.options.ramp_connections = true;
    load_world.options.connections = 10;
    load_world_ask(0, "http://192.0.2.1/a");
    load_world_open();
    struct load_order order = load_world_order(1, 0, 0);
    order.stop_ns = UINT64_MAX;
    load_world_begin(&order);
    load_world_turn_until(order.start_ns + 3 * NS_PER_S / 2);
    EXPECT(load_worker_outstanding(load_world.worker) <= 2);
    load_world_turn_until(order.start_ns + 6 * NS_PER_S);
    EXPECT(load_worker_connections(load_world.worker) == 10);
    while (!load_worker_is_idle(load_world.worker))
        load_worker_turn(load_world.worker);
    EXPECT(order_of(1)->outstanding_max == 10 && order_of(1)->errors == 0);
    EXPECT(load_world_now() < order.start_ns + 7 * NS_PER_S + NS_PER_S / 10);
    load_world_close();
}

static uint64_t narrowed_of(const char *url, unsigned connections, bool paced) {
    load_world_init(connections);
    load_world.options.connections = connections;
    load_world.options.paced = paced;
    load_world_ask(0, url);
    load_world_open();
    struct load_order order = load_world_order(1, 0, 1);
    load_world_run(&order);
    EXPECT(order_of(1)->connects == connections && order_of(1)->errors == 0);
    load_world_close();
    return sim_report().narrowed;
}

/* Where servers pace what they send, and only on this machine, as elsewhere a window must hold what is on its way. */
static void test_many_connections_to_this_machine_have_narrow_windows(void **state) {
    static const char near[] = "http://127.0.0.1/a";
    (void)state;
    EXPECT(narrowed_of(near, 16, true) == 16);
    EXPECT(narrowed_of(near, 15, true) == 0);
    EXPECT(narrowed_of(near, 16, false) == 0);
    EXPECT(narrowed_of("http://192.0.2.1/a", 16, true) == 0);
}

/* The server closes first where it said that it will, and where it didn't our end is a RST: neither leaves us with a port in TIME_WAIT. */
static void test_a_connection_for_each_request(void **state) {
    static const enum load_act acts[] = {ACT_LAST, ACT_ANSWER, ACT_LAST_LINGERS};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        load_world_init(i + 1);
        load_world.server.weight[ACT_ANSWER] = 0;
        load_world.server.weight[acts[i]] = 1;
        load_world.options.no_keepalive = true;
        load_world_ask_closing(0, "http://192.0.2.1/a");
        load_world_open();
        struct load_order order = load_world_order(1, 0, 1);
        load_world_run(&order);
        struct load_blocks *sum = order_of(1);
        EXPECT(sum->errors == 0 && sum->limits == 0 && sum->requests > 1000);
        EXPECT(sum->connects == sum->requests && load_world.server.asked == sum->requests);
        struct sim_report report = load_world_close();
        if (acts[i] == ACT_LAST)
            EXPECT(report.aborts == 0);
        else
            EXPECT(report.aborts + load_world.slots >= sum->requests);
    }
}

/* ---- many things at once ---------------------------------------------------------------------------------- */

static void draw_servers(void) {
    struct load_server *server = &load_world.server;
    server->weight[ACT_ANSWER] = 1 + below(200);
    for (unsigned i = 1; i < ACT_COUNT; i++)
        server->weight[i] = below(3) ? 0 : 1 + below(below(4) ? 3 : 40);
    if (below(3)) /* a second for each is long */
        server->weight[ACT_SILENT] = server->weight[ACT_STALLS] = 0;
    server->late_ms = 1 + below(40);
    server->kept_ms = below(3) ? 0 : 1 + below(900);
    server->kept_rudely = below(2);
}

static void draw_options(void) {
    struct load_options *options = &load_world.options;
    options->connections = 1 + below(8);
    options->pipeline = below(2) ? 1 : 1 + below(8);
    options->no_keepalive = below(4) == 0;
    if (options->no_keepalive)
        options->pipeline = 1;
    options->open_loop = below(2);
    options->poisson = below(2);
    options->rate = 50 + below(1000);
    options->outstanding_max = 1 + below(below(2) ? 4 : 60);
    load_world.slots = below(3) ? 64 : 2 + below(6);
}

static void draw_plan(void) {
    static const char *const urls[] = {"http://192.0.2.1/a", "http://192.0.2.2/b{seq}",
                                       "http://127.0.0.1/c", "http://192.0.2.7/dead",
                                       "http://192.0.2.1/{rand:1:99}"};
    for (uint8_t side = 0; side < 2; side++)
        for (unsigned n = 1 + below(3); n; n--)
            (below(3) ? load_world_ask
                      : load_world_ask_posting)(side, urls[below(10) ? below(2) : below(5)]);
}

/* Some of the time somebody loses patience. */
static void run_order(struct load_order order) {
    unsigned mood = below(10);
    if (mood > 1) {
        load_world_run(&order);
        return;
    }
    load_world_begin(&order);
    load_world_turn_until(order.start_ns + below(300) * NS_PER_MS);
    if (mood)
        load_worker_abandon(load_world.worker);
    else
        load_worker_stop(load_world.worker);
    while (!load_worker_is_idle(load_world.worker))
        load_worker_turn(load_world.worker);
    struct load_blocks *sum = order_of(order.number);
    EXPECT(sum->last && sum->latencies + sum->errors == sum->requests);
}

static void run_quota(unsigned number, uint8_t side) {
    struct load_order order = load_world_order(number, side, 0);
    int quota = 1 + (int)below(300);
    order.stop_ns = UINT64_MAX;
    if (below(2))
        order.block_ns = (1 + below(200)) * NS_PER_MS;
    atomic_store(&load_world.shared.quota, quota);
    load_world.shared.has_quota = true;
    load_world_run(&order);
    struct load_blocks *sum = order_of(number);
    EXPECT(sum->requests == (uint64_t)quota + sum->kind[ERR_UNSOLICITED] && sum->late == 0);
    load_world.shared.has_quota = false;
}

static uint64_t entries_requests(void) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < load_world.plan.entry_count; i++)
        sum += load_worker_entries(load_world.worker)[i].requests;
    return sum;
}

static uint64_t run_seed(uint64_t seed) {
    uint64_t counted = 0, requests = 0;
    load_world_init(seed);
    sim_options_swarm(&load_world.sim, seed);
    load_world.sim.limit_s = 24 * 3600;
    draw_servers();
    draw_options();
    draw_plan();
    load_world_open();
    for (uint8_t side = 0; side < 2; side++)
        if (below(2))
            load_worker_connect(load_world.worker, side);
    for (unsigned i = 1; i < 6; i++) {
        uint8_t side = (uint8_t)below(2);
        if (below(3) == 0) {
            run_quota(i, side);
            counted += order_of(i)->requests;
            continue;
        }
        struct load_order order = load_world_order(i, side, 0.01 * below(150));
        order.counted = below(3);
        order.start_ns += below(3) * NS_PER_MS * 10;
        order.block_ns = below(2) ? UINT64_MAX : (1 + below(100)) * NS_PER_MS;
        run_order(order);
        requests += order_of(i)->requests;
        if (order.counted)
            counted += order_of(i)->requests;
    }
    EXPECT(entries_requests() == counted);
    load_world_close();
    return requests + counted;
}

static void test_many_seeds(void **state) {
    const char *text = getenv("SEEDS"), *first = getenv("FIRST_SEED");
    uint64_t seeds = text ? strtoull(text, NULL, 10) : SEEDS;
    uint64_t from = first ? strtoull(first, NULL, 10) : 1, requests = 0;
    (void)state;
    for (uint64_t seed = from; seed < from + seeds; seed++)
        requests += run_seed(seed);
    assert_true(requests > seeds * 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_act_is_what_its_row_says),
        cmocka_unit_test(test_a_silent_server_costs_its_time_and_no_more),
        cmocka_unit_test(test_a_stall_shows_in_latency_and_not_in_raw),
        cmocka_unit_test(test_what_was_due_before_the_stop_is_sent_after_it),
        cmocka_unit_test(test_a_dead_server_is_not_hammered),
        cmocka_unit_test(test_no_answer_to_a_connect_is_an_error_in_time),
        cmocka_unit_test(test_a_shortage_is_no_error),
        cmocka_unit_test(test_blocks_end_in_time_even_if_nothing_happens),
        cmocka_unit_test(test_stopping_lets_what_is_outstanding_end),
        cmocka_unit_test(test_sides_take_turns),
        cmocka_unit_test(test_connections_follow_a_ramp),
        cmocka_unit_test(test_many_connections_to_this_machine_have_narrow_windows),
        cmocka_unit_test(test_a_connection_for_each_request),
        cmocka_unit_test(test_many_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
