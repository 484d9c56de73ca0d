/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_merge_test.c: tallies of many workers, in any order between them, become one side's figures without loss: totals
 * against one big histogram, blocks and seconds against the totals. And series in constant memory.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_load.h"

enum { WORKERS = 3, BLOCKS = 40 };
#define START_NS UINT64_C(5000000000)

static struct load_merge merge;
static struct histogram all; /* what was put into any tally */
static uint64_t all_requests, all_errors, all_late, random_state;

static uint64_t dice(uint64_t sides) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % sides;
}

static void open_merge(unsigned workers, unsigned sides, size_t room) {
    struct load_merge_options options = {
        .workers = workers, .sides = sides, .blocks_room = room, .seconds_room = room};
    assert_true(load_merge_init(&merge, &options));
    histogram_init(&all, LOAD_HIGHEST_NS);
    all_requests = all_errors = all_late = 0;
    random_state = 7;
}

static int close_merge(void **state) {
    (void)state;
    load_merge_deinit(&merge);
    histogram_deinit(&all);
    return 0;
}

static struct load_order order_of(uint64_t number, uint8_t side, uint64_t start_ns,
                                  uint64_t stop_ns) {
    return (struct load_order){.number = number,
                               .side = side,
                               .counted = true,
                               .start_ns = start_ns,
                               .stop_ns = stop_ns,
                               .block_ns = LOAD_BLOCK_NS};
}

/* A tally of the running order with random contents, counted in `all` as well if the order counts. */
static void hand_in(unsigned worker, uint64_t block, bool last, uint64_t start_ns,
                    uint64_t stop_ns) {
    struct load_tally tally;
    assert_true(load_tally_init(&tally, false));
    tally.order = merge.order;
    tally.block = block;
    tally.worker = worker;
    tally.side = merge.order_side;
    tally.last = last;
    tally.start_ns = start_ns;
    tally.stop_ns = stop_ns;
    tally.connections = 10 + worker;
    tally.connections_max = 20;
    tally.errors = dice(3);
    tally.late = last ? dice(5) : 0;
    uint64_t well = 10 + dice(100);
    tally.requests = well + tally.errors;
    tally.status[200] = (uint32_t)well;
    tally.kind[3] = (uint32_t)tally.errors;
    tally.received_bytes = tally.requests * 100;
    tally.cpu_user_ns = 1000;
    for (uint64_t i = 0; i < well; i++) {
        uint64_t value = dice(1U << dice(30));
        histogram_record(&tally.latency, value);
        histogram_record(&all, value);
    }
    all_requests += tally.requests;
    all_errors += tally.errors;
    all_late += tally.late;
    assert_true(load_merge_add(&merge, &tally));
    load_tally_deinit(&tally);
}

static void assert_same_histogram(const struct histogram *a, const struct histogram *b) {
    assert_int_equal(a->total, b->total);
    assert_int_equal(a->min, b->min);
    assert_int_equal(a->max, b->max);
    assert_memory_equal(a->count, b->count, a->count_length * sizeof *a->count);
}

static void assert_conserved(uint8_t index) {
    const struct load_side *side = &merge.side[index];
    uint64_t requests = 0, errors = 0, second_requests = 0, second_errors = 0;
    for (size_t i = 0; i < side->blocks.count; i++) {
        requests += side->blocks.block[i].requests;
        errors += side->blocks.block[i].errors;
    }
    for (size_t i = 0; i < side->seconds.count; i++) {
        second_requests += side->seconds.second[i].requests;
        second_errors += side->seconds.second[i].errors;
    }
    assert_int_equal(requests, side->requests);
    assert_int_equal(errors, side->errors);
    assert_int_equal(second_requests, side->requests - side->late);
    assert_int_equal(second_errors, side->errors);
}

/* Each worker goes ahead as it likes, and one of them stands still for most of the time. */
static void run_order(const struct load_order *order, unsigned laggard) {
    uint64_t next[WORKERS] = {0};
    uint64_t count = (order->stop_ns - order->start_ns) / LOAD_BLOCK_NS;
    load_merge_begin(&merge, order);
    while (!load_merge_is_over(&merge)) {
        unsigned worker = (unsigned)dice(WORKERS);
        uint64_t block = next[worker];
        if (block == count || (worker == laggard && dice(30)))
            continue;
        uint64_t start_ns = order->start_ns + block * LOAD_BLOCK_NS;
        hand_in(worker, block, block + 1 == count, start_ns, start_ns + LOAD_BLOCK_NS);
        next[worker]++;
    }
    load_merge_end(&merge, false);
}

static void merging_loses_nothing(void **state) {
    (void)state;
    open_merge(WORKERS, 1, 100);
    struct load_order order = order_of(1, 0, START_NS, START_NS + BLOCKS * LOAD_BLOCK_NS);
    run_order(&order, 1);
    load_merge_finish(&merge);
    const struct load_side *side = &merge.side[0];
    assert_same_histogram(&side->latency.histogram, &all);
    assert_int_equal(side->requests, all_requests);
    assert_int_equal(side->errors, all_errors);
    assert_int_equal(side->late, all_late);
    assert_int_equal(side->status[200] + side->kind[3], all_requests);
    assert_int_equal(side->received_bytes, all_requests * 100);
    assert_int_equal(side->length_ns, BLOCKS * LOAD_BLOCK_NS);
    assert_int_equal(side->blocks.count, BLOCKS);
    assert_int_equal(side->seconds.count, 4);
    for (size_t i = 0; i < side->seconds.count; i++) {
        assert_true(side->seconds.second[i].start_s == (double)i);
        assert_true(fabs(side->seconds.second[i].length_s - 1) < 1e-9);
        assert_int_equal(side->seconds.second[i].connections, 10 + 11 + 12);
    }
    assert_conserved(0);
    assert_int_equal(merge.hand[2].connections_max[0], 20);
    assert_int_equal(merge.hand[1].cpu_ns, BLOCKS * 1000);
    assert_int_equal(merge.hand[1].length_ns, BLOCKS * LOAD_BLOCK_NS);
}

static void blocks_come_in_order_and_say_what_was_in_them(void **state) {
    (void)state;
    open_merge(1, 1, 100);
    struct load_order order = order_of(1, 0, START_NS, START_NS + 2 * LOAD_BLOCK_NS);
    load_merge_begin(&merge, &order);
    struct load_tally tally;
    assert_true(load_tally_init(&tally, false));
    tally.order = 1;
    tally.start_ns = START_NS;
    tally.stop_ns = START_NS + LOAD_BLOCK_NS;
    tally.requests = 10;
    tally.errors = 5;
    histogram_record_times(&tally.latency, 1000, 5);
    assert_true(load_merge_add(&merge, &tally));
    load_tally_reset(&tally);
    tally.order = 1;
    tally.block = 1;
    tally.last = true;
    tally.start_ns = START_NS + LOAD_BLOCK_NS;
    tally.stop_ns = START_NS + 2 * LOAD_BLOCK_NS;
    tally.requests = tally.errors = 3;
    tally.late = 1;
    assert_true(load_merge_add(&merge, &tally));
    load_tally_deinit(&tally);
    assert_true(load_merge_is_over(&merge));
    load_merge_end(&merge, false);
    load_merge_finish(&merge);
    const struct rf_load_block *block = merge.side[0].blocks.block;
    assert_int_equal(merge.side[0].blocks.count, 2);
    assert_true(block[0].start_s == 0 && fabs(block[1].start_s - 0.1) < 1e-9);
    assert_true(fabs(block[0].rps - 100) < 1e-6 && fabs(block[1].rps - 20) < 1e-6);
    assert_true(block[0].error_share == 0.5 && block[1].error_share == 1);
    assert_true(block[0].mean_ns == 1000 && block[0].p99_ns == 1000);
    assert_true(isnan(block[1].mean_ns) && isnan(block[1].p50_ns) && isnan(block[1].p99_ns));
}

/* A run that a quota ends has a last block of any length; what is too short for one goes to the one before. */
static void a_short_rest_is_no_block_of_its_own(void **state) {
    (void)state;
    open_merge(1, 1, 100);
    struct load_order order = order_of(1, 0, START_NS, UINT64_MAX);
    load_merge_begin(&merge, &order);
    hand_in(0, 0, false, START_NS, START_NS + LOAD_BLOCK_NS);
    hand_in(0, 1, true, START_NS + LOAD_BLOCK_NS, START_NS + LOAD_BLOCK_NS + 1000);
    load_merge_end(&merge, false);
    load_merge_finish(&merge);
    assert_int_equal(merge.side[0].blocks.count, 1);
    assert_int_equal(merge.side[0].length_ns, LOAD_BLOCK_NS + 1000);
    assert_conserved(0);
}

/* Two sides: a second is of each side's own blocks, and only their length counts. */
static void sides_take_turns_in_one_second(void **state) {
    (void)state;
    open_merge(1, 2, 100);
    for (unsigned i = 0; i < 20; i++) {
        uint64_t start_ns = START_NS + i * (LOAD_BLOCK_NS + 1000000);
        struct load_order order =
            order_of(i + 1, (uint8_t)(i % 2), start_ns, start_ns + LOAD_BLOCK_NS);
        order.block_ns = UINT64_MAX;
        load_merge_begin(&merge, &order);
        hand_in(0, 0, true, start_ns, start_ns + LOAD_BLOCK_NS);
        assert_true(load_merge_is_over(&merge));
        load_merge_end(&merge, false);
        assert_true(merge.has_block);
        assert_true(fabs(merge.last_block.length_s - 0.1) < 1e-9);
    }
    load_merge_finish(&merge);
    for (uint8_t side = 0; side < 2; side++) {
        const struct load_seconds *seconds = &merge.side[side].seconds;
        assert_int_equal(merge.side[side].blocks.count, 10);
        assert_int_equal(seconds->count, 2);
        assert_true(fabs(seconds->second[0].length_s - 0.5) < 1e-9);
        assert_conserved(side);
    }
    assert_int_equal(merge.side[0].requests + merge.side[1].requests, all_requests);
    assert_int_equal(merge.side[0].length_ns, 10 * LOAD_BLOCK_NS);
}

/* Who is stopped closes all connections and then tells that there are none. */
static void what_was_open_is_known_of_a_run_that_was_dropped(void **state) {
    (void)state;
    open_merge(2, 1, 100);
    struct load_order order = order_of(1, 0, START_NS, START_NS + BLOCKS * LOAD_BLOCK_NS);
    load_merge_begin(&merge, &order);
    hand_in(0, 0, false, START_NS, START_NS + LOAD_BLOCK_NS);
    load_merge_drop(&merge);
    struct load_tally tally;
    assert_true(load_tally_init(&tally, false));
    tally.order = 1;
    tally.last = true;
    tally.start_ns = START_NS;
    tally.stop_ns = START_NS + LOAD_BLOCK_NS / 2;
    tally.worker = 1;
    tally.connections_max = 30;
    assert_true(load_merge_add(&merge, &tally));
    tally.worker = 0;
    tally.block = 1;
    assert_true(load_merge_add(&merge, &tally));
    load_tally_deinit(&tally);
    load_merge_end(&merge, false);
    load_merge_finish(&merge);
    assert_int_equal(merge.hand[0].connections[0], 10);
    assert_int_equal(merge.hand[1].connections[0], 30);
    assert_int_equal(merge.side[0].seconds.count, 1);
    assert_int_equal(merge.side[0].seconds.second[0].connections, 10);
}

static void warm_up_counts_connections_only(void **state) {
    (void)state;
    open_merge(1, 1, 100);
    struct load_order order = order_of(1, 0, START_NS, START_NS + LOAD_BLOCK_NS);
    order.counted = false;
    load_merge_begin(&merge, &order);
    struct load_tally tally;
    assert_true(load_tally_init(&tally, false));
    tally.order = 1;
    tally.last = true;
    tally.start_ns = START_NS;
    tally.stop_ns = START_NS + LOAD_BLOCK_NS;
    tally.requests = 50;
    tally.connects = 4;
    tally.limits = LOAD_LIMIT_OUTSTANDING | LOAD_LIMIT_PORTS;
    histogram_record(&tally.connect, 77);
    histogram_record(&tally.latency, 77);
    assert_true(load_merge_add(&merge, &tally));
    tally.order = 99; /* of an order that was given up */
    assert_true(load_merge_add(&merge, &tally));
    load_tally_deinit(&tally);
    load_merge_end(&merge, false);
    load_merge_finish(&merge);
    const struct load_side *side = &merge.side[0];
    assert_int_equal(side->requests, 0);
    assert_int_equal(side->latency.histogram.total, 0);
    assert_int_equal(side->connects, 4);
    assert_int_equal(side->connect.histogram.total, 1);
    assert_int_equal(side->warm_requests, 50);
    assert_int_equal(side->warm_ns, LOAD_BLOCK_NS);
    assert_int_equal(side->blocks.count, 0);
    assert_int_equal(merge.limits, LOAD_LIMIT_PORTS);
    assert_true(merge.origin_ns == UINT64_MAX);
}

/* ---- series ------------------------------------------------------------------------------------------- */

static void a_long_run_doubles_its_blocks(void **state) {
    (void)state;
    open_merge(1, 1, 8);
    struct load_order order = order_of(1, 0, START_NS, START_NS + 100 * LOAD_BLOCK_NS);
    load_merge_begin(&merge, &order);
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t start_ns = START_NS + i * LOAD_BLOCK_NS;
        hand_in(0, i, i == 99, start_ns, start_ns + LOAD_BLOCK_NS);
    }
    load_merge_end(&merge, false);
    load_merge_finish(&merge);
    const struct load_blocks *blocks = &merge.side[0].blocks;
    assert_int_equal(blocks->stride, 16);
    assert_int_equal(blocks->count, 6);
    for (size_t i = 0; i + 1 < blocks->count; i++) {
        assert_true(fabs(blocks->block[i].length_s - 1.6) < 1e-6);
        assert_true(fabs(blocks->block[i].start_s - 1.6 * (double)i) < 1e-6);
    }
    assert_true(merge.side[0].seconds.stride == 2);
    assert_true(fabs(merge.side[0].seconds.second[1].start_s - 2) < 1e-9);
    assert_conserved(0);
}

static void joined_blocks_are_their_means(void **state) {
    struct rf_load_block a = {.start_s = 1,
                              .length_s = 1,
                              .requests = 30,
                              .errors = 0,
                              .rps = 30,
                              .mean_ns = 10,
                              .p50_ns = 10,
                              .error_share = 0};
    struct rf_load_block b = {.start_s = 2,
                              .length_s = 1,
                              .requests = 10,
                              .errors = 10,
                              .rps = 10,
                              .mean_ns = NAN,
                              .p50_ns = NAN,
                              .error_share = 1};
    (void)state;
    struct rf_load_block both = load_block_join(&a, &b);
    assert_true(both.start_s == 1 && both.length_s == 2 && both.requests == 40);
    assert_true(both.rps == 20 && both.mean_ns == 10 && both.p50_ns == 10);
    assert_true(both.error_share == 0.25);
    both = load_block_join(&b, &b);
    assert_true(isnan(both.mean_ns) && both.error_share == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(merging_loses_nothing, close_merge),
        cmocka_unit_test_teardown(blocks_come_in_order_and_say_what_was_in_them, close_merge),
        cmocka_unit_test_teardown(a_short_rest_is_no_block_of_its_own, close_merge),
        cmocka_unit_test_teardown(sides_take_turns_in_one_second, close_merge),
        cmocka_unit_test_teardown(what_was_open_is_known_of_a_run_that_was_dropped, close_merge),
        cmocka_unit_test_teardown(warm_up_counts_connections_only, close_merge),
        cmocka_unit_test_teardown(a_long_run_doubles_its_blocks, close_merge),
        cmocka_unit_test(joined_blocks_are_their_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
