/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_drop_test.c: what a load makes of a server that drops requests, or says more than it was asked for, on a quiet simulated network: what
 * is the server's doing is counted, each time and once; what is nobody's, a request that crosses with the end of an idle connection, is asked again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "load_world.h"

static struct load_blocks *order_of(uint64_t number) {
    return &load_world.orders[number];
}

static struct load_blocks *run_against(enum load_act act) {
    load_world_init(act);
    load_world.server.weight[act] = 1;
    load_world_ask(0, "http://192.0.2.1/a");
    load_world_open();
    struct load_order order = load_world_order(1, 0, 1);
    load_world_run(&order);
    struct load_blocks *sum = order_of(1);
    EXPECT(sum->requests > 1000 && load_world.server.done[act] > 100);
    EXPECT(sum->errors == sum->kind[ERR_CLOSED] + sum->kind[ERR_RESET]);
    EXPECT(sum->status[200] + sum->errors == sum->requests);
    return sum;
}

/* Each request that a server drops under load shows, once, and none is asked again. */
static void test_what_is_dropped_under_load_is_an_error(void **state) {
    static const enum load_act acts[] = {ACT_SLAMS, ACT_RESETS};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct load_blocks *sum = run_against(acts[i]);
        EXPECT(sum->errors == load_world.server.done[acts[i]]);
        EXPECT(sum->requests == load_world.server.asked);
        load_world_close();
    }
}

/* So does a request that was on its way when the server closed, a moment after its last answer and without a word. */
static void test_what_crosses_with_a_close_under_load_is_an_error(void **state) {
    (void)state;
    struct load_blocks *sum = run_against(ACT_CLOSES_SOON);
    uint64_t ends = load_world.server.done[ACT_CLOSES_SOON];
    EXPECT(sum->errors <= ends && sum->errors + load_world.options.connections >= ends);
    EXPECT(sum->requests == load_world.server.asked + sum->errors);
    load_world_close();
}

/* But where the end is seen with the answer nothing has been sent yet, and nothing was dropped. */
static void test_what_has_not_left_goes_another_way(void **state) {
    static const enum load_act acts[] = {ACT_CLOSES, ACT_RESETS_AFTER};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct load_blocks *sum = run_against(acts[i]);
        EXPECT(sum->errors == 0 && sum->connects >= load_world.server.done[acts[i]]);
        EXPECT(sum->requests == load_world.server.asked);
        load_world_close();
    }
}

/* One connection, and a request every `gap_ms`; the server ends the connection at each request that comes 200 ms after an answer. */
static struct load_blocks *run_with_gaps(unsigned gap_ms, bool rudely, bool posting) {
    load_world_init(gap_ms + rudely);
    load_world.options.open_loop = true;
    load_world.options.connections = 1;
    load_world.options.rate = 1000. / gap_ms;
    load_world.server.kept_ms = 200;
    load_world.server.kept_rudely = rudely;
    if (posting)
        load_world_ask_posting(0, "http://192.0.2.1/a");
    else
        load_world_ask(0, "http://192.0.2.1/a");
    load_world_open();
    struct load_order order = load_world_order(1, 0, 20);
    load_world_run(&order);
    struct load_blocks *sum = order_of(1);
    EXPECT(sum->requests == 20000 / gap_ms && sum->requests == sum->latencies + sum->errors);
    EXPECT(sum->latencies == load_world.server.asked);
    return sum;
}

/* Servers close connections that have been idle for long, and a request may cross with that: any client asks again, and nobody is to blame.
 * Of what may do something twice, or has waited for nothing, no client should. */
static void test_a_race_with_an_idle_close_is_no_error(void **state) {
    (void)state;
    for (unsigned rudely = 0; rudely < 2; rudely++) {
        struct load_blocks *sum = run_with_gaps(800, rudely, false);
        EXPECT(sum->errors == 0 && load_world.server.ended == sum->requests - 1);
        EXPECT(sum->slips == sum->requests);
        load_world_close();
        sum = run_with_gaps(400, rudely, false);
        EXPECT(sum->errors == load_world.server.ended && sum->errors == sum->requests / 2);
        EXPECT(sum->kind[rudely ? ERR_RESET : ERR_CLOSED] == sum->errors);
        load_world_close();
        sum = run_with_gaps(800, rudely, true);
        EXPECT(sum->errors == load_world.server.ended && sum->errors == sum->requests / 2);
        load_world_close();
    }
}

/* Whoever is dropped again on a new connection met no race. */
static void test_a_race_is_lost_once(void **state) {
    (void)state;
    load_world_init(1);
    load_world.shared.has_quota = true;
    load_world_ask(0, "http://192.0.2.1/a");
    load_world_open();
    for (unsigned i = 1; i <= 2; i++) {
        atomic_store(&load_world.shared.quota, 4);
        struct load_order order = load_world_order(i, 0, 0);
        order.stop_ns = UINT64_MAX;
        load_world_run(&order);
        EXPECT(order_of(i)->requests == 4 && order_of(i)->errors == (i == 1 ? 0 : 4));
        load_world_turn_until(load_world_now() + NS_PER_S);
        load_world.server.weight[ACT_ANSWER] = 0;
        load_world.server.weight[ACT_SLAMS] = 1;
    }
    EXPECT(load_world.server.asked == 12 && order_of(2)->kind[ERR_CLOSED] == 4);
    load_world_close();
}

/* What is sent beyond an answer that announces the end is asked again whatever it is: the server is bound to ignore it. */
static void test_what_lies_beyond_an_announced_end_is_no_error(void **state) {
    (void)state;
    load_world_init(1);
    load_world.options.pipeline = 4;
    load_world.server.weight[ACT_LAST] = 1;
    load_world_ask_posting(0, "http://192.0.2.1/a");
    load_world_open();
    struct load_order order = load_world_order(1, 0, 1);
    load_world_run(&order);
    EXPECT(order_of(1)->requests > 1000 && order_of(1)->errors == 0);
    EXPECT(load_world.server.asked == order_of(1)->requests);
    load_world_close();
}

/* Bytes beyond an answer are an error of their own, beside the answer that was well. */
static void test_surplus_is_an_error(void **state) {
    (void)state;
    load_world_init(1);
    load_world.server.weight[ACT_ANSWER] = 3;
    load_world.server.weight[ACT_SURPLUS] = 1;
    load_world.shared.has_quota = true;
    atomic_store(&load_world.shared.quota, 400);
    load_world_ask(0, "http://192.0.2.1/a");
    load_world_ask(0, "http://192.0.2.1/b");
    load_world_ask(0, "http://192.0.2.2/c");
    load_world_open();
    struct load_order order = load_world_order(1, 0, 0);
    order.stop_ns = UINT64_MAX;
    load_world_run(&order);
    struct load_blocks *sum = order_of(1);
    const struct load_entry_tally *entries = load_worker_entries(load_world.worker);
    uint64_t strays = sum->kind[ERR_UNSOLICITED];
    EXPECT(sum->errors == load_world.server.done[ACT_SURPLUS] && strays == sum->errors);
    EXPECT(sum->requests == 400 + strays && sum->status[200] == 400);
    uint64_t requests = 0, errors = 0;
    for (unsigned i = 0; i < 3; i++) {
        EXPECT(entries[i].errors > 10 && entries[i].requests > 100);
        requests += entries[i].requests;
        errors += entries[i].errors;
    }
    EXPECT(errors == sum->errors && requests == sum->requests);
    EXPECT(strstr(load_worker_facts(load_world.worker, 0)->first_error, "answer no request"));
    load_world_close();
}

/* That is no HTTP server: every request fails, and none is tried for ever. */
static void test_a_server_that_speaks_first(void **state) {
    (void)state;
    for (unsigned ahead = 0; ahead < 2; ahead++) {
        load_world_init(ahead + 1);
        load_world.server.greets = true;
        load_world.shared.has_quota = true;
        atomic_store(&load_world.shared.quota, 20);
        load_world_ask(0, "http://192.0.2.1/a");
        load_world_open();
        struct load_order order = load_world_order(1, 0, 0);
        order.stop_ns = UINT64_MAX;
        if (ahead)
            load_worker_connect(load_world.worker, 0);
        load_world_run(&order);
        struct load_blocks *sum = order_of(1);
        EXPECT(sum->errors == sum->requests && sum->requests >= 20 && sum->requests <= 24);
        EXPECT(sum->errors == sum->kind[ERR_UNSOLICITED] + sum->kind[ERR_HTTP_09]);
        load_world_close();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_dropped_under_load_is_an_error),
        cmocka_unit_test(test_what_crosses_with_a_close_under_load_is_an_error),
        cmocka_unit_test(test_what_has_not_left_goes_another_way),
        cmocka_unit_test(test_a_race_with_an_idle_close_is_no_error),
        cmocka_unit_test(test_a_race_is_lost_once),
        cmocka_unit_test(test_what_lies_beyond_an_announced_end_is_no_error),
        cmocka_unit_test(test_surplus_is_an_error),
        cmocka_unit_test(test_a_server_that_speaks_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
