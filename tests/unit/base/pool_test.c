/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * pool_test.c: blocks of every size, their way between pools and threads, and that memory goes round.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/pool.h"

#if defined(__SANITIZE_ADDRESS__)
#define EVERY_BLOCK_IS_MALLOCS true
#else
#define EVERY_BLOCK_IS_MALLOCS false
#endif

static struct pool_depot depot;
static struct pool pool, other;

static int set_up(void **state) {
    (void)state;
    pool_depot_init(&depot);
    pool_init(&pool, &depot);
    pool_init(&other, &depot);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    pool_depot_deinit(&depot);
    return 0;
}

/* Neighbouring blocks, written to their last byte, don't touch each other. */
static void test_every_size(void **state) {
    (void)state;
    enum { SIZES = POOL_LARGEST_BYTES + 100 };
    static uint8_t *blocks[SIZES];
    for (size_t size = 0; size < SIZES; size++) {
        blocks[size] = pool_acquire(&pool, size);
        assert_non_null(blocks[size]);
        assert_int_equal((uintptr_t)blocks[size] % 16, 0);
        memset(blocks[size], (int)(size & 255), size);
    }
    for (size_t size = 0; size < SIZES; size++) {
        for (size_t i = 0; i < size; i++)
            assert_int_equal(blocks[size][i], size & 255);
        pool_release(&pool, blocks[size], size);
    }
    assert_int_equal(pool.live_bytes, 0);
}

static void test_zeroed(void **state) {
    (void)state;
    for (size_t size = 0; size < 300; size++) {
        uint8_t *block = pool_acquire(&pool, size);
        memset(block, 0xff, size);
        pool_release(&pool, block, size);
        block = pool_acquire_zeroed(&pool, size);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(block[i], 0);
        pool_release(&pool, block, size);
    }
    pool_release(&pool, NULL, 100);
    assert_int_equal(pool.live_bytes, 0);
}

static void test_text(void **state) {
    (void)state;
    static const char source[] = "http://example.com/";
    for (size_t len = 0; len < sizeof source; len++) {
        char *copy = pool_text(&pool, source, len);
        assert_int_equal(strlen(copy), len);
        assert_memory_equal(copy, source, len);
        pool_release_text(&pool, copy);
    }
    assert_null(pool_text(&pool, NULL, 0));
    pool_release_text(&pool, NULL);
    assert_int_equal(pool.live_bytes, 0);
}

/* Work that comes and goes holds one chunk, however often. */
static void test_reuse(void **state) {
    (void)state;
    for (int i = 0; i < 100000; i++) {
        void *small = pool_acquire(&pool, 40), *large = pool_acquire(&pool, 5000);
        pool_release(&pool, small, 40);
        pool_release(&pool, large, 5000);
    }
    assert_true(depot.held_bytes <= 64 * 1024);
    if (EVERY_BLOCK_IS_MALLOCS)
        return;
    void *block = pool_acquire(&pool, 64);
    pool_release(&pool, block, 49); /* the same class */
    assert_ptr_equal(pool_acquire(&pool, 50), block);
}

/* A million blocks cost what they hold, and a pool that needs a few of each size doesn't take a chunk for each. */
static void test_thrift(void **state) {
    (void)state;
    enum { COUNT = 10000, BYTES = 176 };
    if (EVERY_BLOCK_IS_MALLOCS)
        return;
    for (size_t size = 16; size <= 1024; size += 16)
        pool_acquire(&pool, size);
    assert_true(depot.held_bytes <= 4 * 64 * 1024);
    size_t before = depot.held_bytes;
    for (int i = 0; i < COUNT; i++)
        pool_acquire(&pool, BYTES);
    assert_true(depot.held_bytes - before <= COUNT * (BYTES + 1) + 64 * 1024);
}

/* Two hundred thousand blocks that one pool acquires and another releases come back by way of the depot. */
static void test_one_way_traffic(void **state) {
    (void)state;
    enum { IN_FLIGHT = 1000 };
    static int *blocks[IN_FLIGHT];
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < IN_FLIGHT; i++) {
            blocks[i] = pool_acquire(&pool, 512);
            *blocks[i] = i;
        }
        for (int i = 0; i < IN_FLIGHT; i++)
            assert_int_equal(*blocks[i], i); /* no block was handed out twice */
        for (int i = 0; i < IN_FLIGHT; i++)
            pool_release(&other, blocks[i], 512);
    }
    assert_true(depot.held_bytes <= 4 * IN_FLIGHT * 512);
    assert_true(pool.live_bytes > 0);
    assert_int_equal(pool.live_bytes + other.live_bytes, 0);
}

enum { MOVERS = 3, MOVES = 100000, SLOTS = 64 };

static void *slots[SLOTS];

/* Takes blocks out of shared slots and puts its own there, so that most blocks end in another thread's pool. */
static void *move_blocks(void *context) {
    struct pool *own = context;
    struct random random;
    random_seed(&random, 3);
    for (int i = 0; i < MOVES; i++) {
        uint64_t *block = pool_acquire(own, 96);
        block[0] = block[11] = (uint64_t)(uintptr_t)block;
        uint64_t *old =
            __atomic_exchange_n(&slots[random_below(&random, SLOTS)], block, __ATOMIC_ACQ_REL);
        if (old && (old[0] != (uintptr_t)old || old[11] != (uintptr_t)old))
            abort();
        pool_release(own, old, 96);
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    pthread_t threads[MOVERS];
    static struct pool pools[MOVERS];
    int64_t live = 0;
    for (int i = 0; i < MOVERS; i++) {
        pool_init(&pools[i], &depot);
        assert_int_equal(pthread_create(&threads[i], NULL, move_blocks, &pools[i]), 0);
    }
    for (int i = 0; i < MOVERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SLOTS; i++) {
        pool_release(&pools[0], slots[i], 96);
        slots[i] = NULL;
    }
    for (int i = 0; i < MOVERS; i++)
        live += pools[i].live_bytes;
    assert_int_equal(live, 0);
    /* Each pool keeps at most two batches and what is left of a chunk; the rest is the depot's. */
    assert_true(depot.held_bytes <= 16 * 64 * 1024);
}

int main(void) {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_every_size), TEST(test_zeroed),          TEST(test_text),    TEST(test_reuse),
        TEST(test_thrift),     TEST(test_one_way_traffic), TEST(test_threads),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
