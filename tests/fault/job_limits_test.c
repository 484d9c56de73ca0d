/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * job_limits_test.c: what the scheduler promises about turns, pauses, rates and repeated requests, each on a
 * quiet simulated network where it can be told to the millisecond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

#include "job_world.h"

static struct entry *job_for(unsigned id, const char *host, enum behaviour behaviour,
                             unsigned bytes) {
    world.entry[id] = (struct entry){
        .id = id, .host = host, .behaviour = behaviour, .bytes = bytes, .method = "GET"};
    return &world.entry[id];
}

static void open_calm(uint64_t seed) {
    struct sim_options options;
    sim_options_init(&options, seed);
    open_world(&options, true);
    calm_options();
}

/* A long list from one host does not keep another host's few jobs waiting. */
static void test_hosts_take_turns(void **state) {
    enum { FEW = 4, MANY = JOBS_MAX - FEW };
    (void)state;
    open_calm(1);
    world.shared.concurrency = 4;
    open_sched();
    for (unsigned i = 0; i < MANY; i++)
        job_for(i, "192.0.2.1", DO_LENGTH, 100);
    for (unsigned i = 0; i < FEW; i++)
        job_for(MANY + i, "192.0.2.2", DO_LENGTH, 100);
    run_to_end(JOBS_MAX);
    for (unsigned i = 0; i < FEW; i++)
        EXPECT_OF(&world.entry[MANY + i], world.entry[MANY + i].order < 4 * FEW);
    close_world();
}

/* Connections are opened a few in a turn, and nobody sleeps between those turns. */
static void test_connections_open_in_small_groups(void **state) {
    enum { MANY = 30, AT_ONCE = 4 };
    (void)state;
    open_calm(7);
    world.shared.concurrency = world.sched_options.per_host = MANY;
    open_sched();
    for (unsigned i = 0; i < MANY; i++)
        job_for(i, "192.0.2.1", DO_SILENT, 0);
    world.wanted = MANY;
    uint64_t first_ns = 0;
    while (world.sched.running < MANY) {
        unsigned before = conn_pool_connections(world.conns);
        turn();
        unsigned now = conn_pool_connections(world.conns);
        assert_true(now <= before + AT_ONCE);
        if (now && !first_ns)
            first_ns = ring_now(world.ring);
    }
    assert_true(ring_now(world.ring) - first_ns < 100 * NS_PER_MS);
    stop_everything();
    run_to_end(MANY);
    close_world();
}

/* 503 with Retry-After: 3 holds the whole host back, and only that. */
static void test_retry_after_holds_the_host(void **state) {
    (void)state;
    open_calm(2);
    world.shared.concurrency = 1;
    world.sched_options.retries = 3;
    open_sched();
    struct entry *busy = job_for(0, "192.0.2.1", DO_BUSY, 2);
    struct entry *behind = job_for(1, "192.0.2.1", DO_LENGTH, 10);
    struct entry *other = job_for(2, "192.0.2.2", DO_LENGTH, 10);
    run_to_end(3);
    EXPECT_OF(busy, busy->ok && busy->attempts == 3);
    EXPECT_OF(busy, busy->ended_ns - busy->first_ns >= 6 * NS_PER_S);
    EXPECT_OF(behind, behind->ok && behind->first_ns - busy->first_ns >= 3 * NS_PER_S);
    EXPECT_OF(other, other->ok && other->ended_ns - busy->first_ns < NS_PER_S);
    close_world();
}

/* 1, 2, 4 ... 60 s, of each the later half at random; refused at once, the attempts themselves take no time. */
static void test_back_off_doubles(void **state) {
    enum { RETRIES = 8 };
    uint64_t shortest = UINT64_MAX, longest = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        open_calm(seed);
        world.sched_options.retries = RETRIES;
        open_sched();
        struct entry *entry = job_for(0, "192.0.2.7", DO_LENGTH, 0);
        run_to_end(1);
        uint64_t took = entry->ended_ns - entry->first_ns, all = 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60;
        EXPECT_OF(entry, entry->err.kind == ERR_REFUSED && entry->attempts == RETRIES + 1);
        EXPECT_OF(entry, took >= all * NS_PER_S / 2 && took <= all * NS_PER_S + NS_PER_S / 10);
        shortest = took < shortest ? took : shortest;
        longest = took > longest ? took : longest;
        close_world();
    }
    assert_true(longest - shortest > 10 * NS_PER_S);
}

/* Stopped while a host is held back: nothing waits for it, and the hold is forgotten. */
static void test_stop_while_a_host_is_held_back(void **state) {
    (void)state;
    open_calm(3);
    world.sched_options.retries = 3;
    open_sched();
    struct entry *busy = job_for(0, "192.0.2.1", DO_BUSY, 2);
    world.wanted = 1;
    while (!busy->job || busy->job->state != JOB_DELAYED)
        turn();
    stop_everything();
    EXPECT_OF(busy, busy->recorded && busy->err.kind == ERR_INTERRUPTED);
    close_world();
}

/* Whatever the sink answers, --limit-rate holds. */
static void test_limit_rate(void **state) {
    enum { JOBS = 20, BYTES = MODEL_BYTES_MAX, RATE = 50000 };
    (void)state;
    for (unsigned wait_chance = 0; wait_chance <= 900; wait_chance += 300) {
        open_calm(4);
        world.shared.limit_rate_bytes = RATE;
        world.wait_chance = wait_chance;
        open_sched();
        for (unsigned i = 0; i < JOBS; i++)
            job_for(i, "192.0.2.1", DO_LENGTH, BYTES);
        uint64_t began = ring_now(world.ring);
        run_to_end(JOBS);
        /* The last pieces have nothing behind them that could wait. */
        uint64_t least = (uint64_t)JOBS * BYTES / 10 * 8 * NS_PER_S / RATE;
        EXPECT(ring_now(world.ring) - began >= least);
        close_world();
    }
}

/* Held in the queue by another job's Retry-After: the limit of all attempts together holds there too. */
static void test_total_time_counts_in_the_queue(void **state) {
    (void)state;
    open_calm(5);
    world.sched_options.retries = 5;
    world.sched_options.retry_delay_ns = 1500 * NS_PER_MS;
    world.sched_options.total_time_ns = 4 * NS_PER_S;
    open_sched();
    struct entry *slams = job_for(0, "192.0.2.1", DO_SLAMS, 0);
    struct entry *busy = job_for(1, "192.0.2.1", DO_BUSY, 1);
    uint64_t began = ring_now(world.ring);
    world.wanted = 1;
    while (ring_now(world.ring) < began + 2 * NS_PER_S)
        turn();
    run_to_end(2);
    EXPECT_OF(slams, slams->err.kind == ERR_CLOSED && slams->attempts == 2);
    EXPECT_OF(slams, slams->ended_ns - slams->first_ns <= 4010 * NS_PER_MS);
    EXPECT_OF(busy, busy->ok && busy->ended_ns > slams->ended_ns);
    close_world();
}

/* Bytes behind an answer may mean that it was another's: asked again, but not where asking twice does harm. */
static void test_surplus_is_asked_again(void **state) {
    (void)state;
    open_calm(6);
    world.shared.concurrency = 1;
    open_sched();
    job_for(0, "192.0.2.1", DO_LENGTH, 10);
    struct entry *get = job_for(1, "192.0.2.1", DO_SURPLUS, 10);
    job_for(2, "192.0.2.1", DO_LENGTH, 10);
    struct entry *post = job_for(3, "192.0.2.1", DO_SURPLUS, 10);
    post->method = "POST";
    run_to_end(4);
    EXPECT_OF(get, get->ok && world.model.asked[get->id] == 2);
    EXPECT_OF(post, post->err.kind == ERR_UNSOLICITED && world.model.asked[post->id] == 1);
    close_world();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts_take_turns),
        cmocka_unit_test(test_connections_open_in_small_groups),
        cmocka_unit_test(test_retry_after_holds_the_host),
        cmocka_unit_test(test_back_off_doubles),
        cmocka_unit_test(test_stop_while_a_host_is_held_back),
        cmocka_unit_test(test_limit_rate),
        cmocka_unit_test(test_total_time_counts_in_the_queue),
        cmocka_unit_test(test_surplus_is_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
