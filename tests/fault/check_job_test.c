/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_job_test.c: what a check job promises in single cases, each on a quiet simulated network where requests and connections can be
 * counted and times told to the millisecond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

#include "check_world.h"

static void open_with(const struct sim_options *options, unsigned confirms) {
    checks = (struct check_world){
        .gentle = true, .confirms = confirms, .rules = {.sniff_bytes = 1000, .confirms = confirms}};
    open_world(options, true);
    calm_options();
}

static void open_quiet(uint64_t seed, unsigned confirms) {
    struct sim_options options;
    sim_options_init(&options, seed);
    open_with(&options, confirms);
}

static struct target *ask(unsigned id, enum head_does head, enum get_does get, unsigned bytes) {
    struct page page = {.head = head, .get = get, .bytes = bytes, .needle_at = bytes, .id = id};
    checks.target[id] = (struct target){.page = page, .id = id, .host = "192.0.2.1:81", .size = -1};
    return &checks.target[id];
}

static uint64_t opened(void) {
    return conn_pool_counts(world.conns).opened;
}

/* One after the other over one connection, where what is left of a body is near; else each needs its own. */
static void test_the_rest_is_drained_where_it_is_near(void **state) {
    static const struct {
        enum page_framing framing;
        unsigned bytes;
        bool drained;
    } cases[] = {{PAGE_LENGTH, 900, true},      {PAGE_LENGTH, 66000, true},
                 {PAGE_LENGTH, 67000, false},   {PAGE_CHUNKED, 60000, true},
                 {PAGE_CHUNKED, 200000, false}, {PAGE_UNTIL_CLOSE, 60000, false},
                 {PAGE_UNTIL_CLOSE, 900, false}};
    enum { JOBS = 5 };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_quiet(i + 1, 0);
        world.shared.concurrency = 1;
        open_checks();
        for (unsigned id = 0; id < JOBS; id++) {
            struct target *target = ask(id, HEAD_AS_GET, GET_200, cases[i].bytes);
            target->method = "GET";
            target->page.framing = cases[i].framing;
        }
        run_checks(JOBS);
        EXPECT(opened() == (cases[i].drained ? 1 : JOBS));
        for (unsigned id = 0; id < JOBS; id++) {
            uint64_t bytes = cases[i].bytes < 1000 ? cases[i].bytes : 1000;
            EXPECT_OF_TARGET(&checks.target[id], checks.target[id].body_bytes == bytes);
            EXPECT_OF_TARGET(&checks.target[id], checks.target[id].verdict == RF_VERDICT_OK);
        }
        close_world();
    }
}

/* GET follows a refused HEAD on the same connection, and is no attempt of its own. */
static void test_get_where_head_is_refused(void **state) {
    static const enum head_does refusals[] = {HEAD_400, HEAD_403, HEAD_404, HEAD_405, HEAD_501};
    (void)state;
    for (unsigned i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        open_quiet(i + 1, 0);
        open_checks();
        struct target *target = ask(0, refusals[i], GET_200, 500);
        run_checks(1);
        EXPECT_OF_TARGET(target, target->verdict == RF_VERDICT_OK && target->attempts == 1);
        EXPECT(checks.model.heads[0] == 1 && checks.model.gets[0] == 1 && opened() == 1);
        close_world();
    }
}

/* The head that refuses HEAD is there, and what it says of a body is being waited for: nothing is asked any more. */
static void test_cancelled_between_head_and_get(void **state) {
    (void)state;
    open_quiet(1, 1);
    open_checks();
    struct target *target = ask(0, HEAD_405, GET_200, 500);
    checks.wanted = 1;
    while (!target->job || target->job->state != JOB_RUNNING)
        turn();
    target->job->action = ACTION_BY_GET; /* as on_head leaves it */
    target->job->status = 405;
    sched_cancel(&world.sched, target->job, err_make(STAGE_LOCAL, ERR_CANCELLED, 0));
    EXPECT_OF_TARGET(target, target->recorded && target_end(target).kind == ERR_CANCELLED);
    EXPECT(checks.model.gets[0] == 0);
    close_world();
}

/* A reason belongs to the answer that it was found in, and so does a content type. */
static void test_nothing_is_said_of_another_answer(void **state) {
    (void)state;
    open_quiet(1, 0);
    world.sched_options.retries = 1;
    open_checks();
    checks.model.busy = 1;
    struct target *target = ask(0, HEAD_AS_GET, GET_BUSY, 500);
    target->wish = WISH_STATUS_404;
    target->host = "192.0.2.1:81";
    checks.wanted = 1;
    while (!target->job || target->job->state != JOB_DELAYED)
        turn();
    EXPECT_OF_TARGET(target, target->job->why && strstr(target->job->why, "503"));
    EXPECT_OF_TARGET(target, strcmp(target->job->content_type, "text/plain") == 0);
    sim_force(SIM_FAULT_SEND_FAILS, 0, 2);
    sim_force(SIM_FAULT_CONNECT_FAILS, 0, 1);
    run_checks(1);
    EXPECT_OF_TARGET(target, target->verdict != RF_VERDICT_OK && target->attempts == 2);
    EXPECT_OF_TARGET(target, !target->status && !target->why[0] && !target->content_type[0]);
    close_world();
}

/* Three connects to nobody are enough: the others are not asked, now, and once each in the pass. */
static void test_a_dead_host_is_left_alone(void **state) {
    enum { JOBS = 60 };
    (void)state;
    open_quiet(1, 0);
    world.sched_options.per_host = 4;
    open_checks();
    for (unsigned id = 0; id < JOBS; id++)
        ask(id, HEAD_AS_GET, GET_200, 500)->host = "192.0.2.9:81";
    uint64_t began = ring_now(world.ring);
    run_checks(JOBS);
    EXPECT(ring_now(world.ring) - began < 2 * CONNECT_TIMEOUT_S * NS_PER_S);
    EXPECT(opened() <= 8);
    unsigned unasked = 0;
    for (unsigned id = 0; id < JOBS; id++) {
        struct target *target = &checks.target[id];
        EXPECT_OF_TARGET(target, target->verdict == RF_VERDICT_DEAD);
        EXPECT_OF_TARGET(target, target_end(target).kind == ERR_TIMED_OUT);
        unasked += strncmp(target->why, "not asked", 9) == 0;
    }
    EXPECT(unasked >= JOBS - 8);
    close_world();
}

/* A host that has answered once is not given up, however many of its pages are silent. */
static void test_a_host_that_answers_is_asked_on(void **state) {
    enum { JOBS = 60 };
    (void)state;
    open_quiet(1, 0);
    world.sched_options.per_host = 8;
    world.shared.concurrency = 8;
    open_checks();
    for (unsigned id = 0; id < JOBS; id++)
        ask(id, id == 3 ? HEAD_AS_GET : HEAD_SILENT, GET_200, 500);
    run_checks(JOBS);
    for (unsigned id = 0; id < JOBS; id++)
        EXPECT_OF_TARGET(&checks.target[id], checks.model.heads[id] == 1);
    close_world();
}

/* No way out, though servers answered before: asked again every half second, for ten, without counting attempts. */
static void test_the_network_is_waited_for(void **state) {
    (void)state;
    open_quiet(1, 0);
    open_checks();
    atomic_store(&world.shared.answered_ns, ring_now(world.ring));
    struct target *target = ask(0, HEAD_AS_GET, GET_200, 500);
    target->host = "192.0.2.8:81";
    run_checks(1);
    uint64_t took = target->ended_ns - target->first_ns;
    EXPECT_OF_TARGET(target, took >= 9900 * NS_PER_MS && took <= 11 * NS_PER_S);
    EXPECT_OF_TARGET(target, target_end(target).kind == ERR_NETWORK_DOWN && target->attempts == 1);
    EXPECT_OF_TARGET(target, target->verdict == RF_VERDICT_INCONCLUSIVE);
    EXPECT(world.sched.counts.retries == 0);
    close_world();
    /* Others get through meanwhile: then it is the way to this one. */
    open_quiet(2, 0);
    world.shared.concurrency = 1;
    open_checks();
    ask(0, HEAD_AS_GET, GET_200, 500);
    ask(1, HEAD_AS_GET, GET_200, 500)->host = "192.0.2.8:81";
    for (unsigned id = 2; id < 10; id++) {
        ask(id, HEAD_AS_GET, GET_200, 500);
        checks.target[id].host = "192.0.2.2:81";
    }
    run_checks(10);
    target = &checks.target[1];
    EXPECT_OF_TARGET(target, target_end(target).kind == ERR_NETWORK_DOWN);
    EXPECT_OF_TARGET(target, target->ended_ns - target->first_ns < 11 * NS_PER_S);
    close_world();
}

/* A redirect to a host whose turn comes late: waiting for it is not the target's time. */
static void test_a_turn_is_no_time_of_the_targets(void **state) {
    enum { JOBS = 20 };
    (void)state;
    open_quiet(1, 0);
    world.sched_options.max_time_ns = 1 * NS_PER_S;
    world.sched_options.host_interval_ns = 2 * NS_PER_S;
    open_checks();
    for (unsigned id = 0; id < JOBS; id++)
        ask(id, HEAD_AS_GET, id % 2 ? GET_REDIRECT : GET_200, 500)->host =
            id % 2 ? "192.0.2.1:81" : "192.0.2.2:81";
    run_checks(JOBS);
    for (unsigned id = 0; id < JOBS; id++)
        EXPECT_OF_TARGET(&checks.target[id], checks.target[id].verdict == RF_VERDICT_OK);
    close_world();
}

/* What a HEAD's answer had too much of comes when the connection serves another: nobody is dead for that. */
static void test_leftovers_are_nobodys_answer(void **state) {
    enum { JOBS = 40, SEEDS = 300 };
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim_options options;
        sim_options_init(&options, seed);
        options.chance[SIM_FAULT_SHORT_PIECES] = 300;
        options.chance[SIM_FAULT_DELAY] = 200;
        options.delay_ms_max = 5;
        open_with(&options, 0);
        world.shared.concurrency = 2;
        open_checks();
        for (unsigned id = 0; id < JOBS; id++)
            ask(id, id % 2 ? HEAD_WITH_BODY : HEAD_AS_GET, GET_200, 100)->method =
                id % 2 ? NULL : "GET";
        run_checks(JOBS);
        for (unsigned id = 0; id < JOBS; id++)
            EXPECT_OF_TARGET(&checks.target[id], checks.target[id].verdict == RF_VERDICT_OK);
        close_world();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rest_is_drained_where_it_is_near),
        cmocka_unit_test(test_get_where_head_is_refused),
        cmocka_unit_test(test_cancelled_between_head_and_get),
        cmocka_unit_test(test_nothing_is_said_of_another_answer),
        cmocka_unit_test(test_a_dead_host_is_left_alone),
        cmocka_unit_test(test_a_host_that_answers_is_asked_on),
        cmocka_unit_test(test_the_network_is_waited_for),
        cmocka_unit_test(test_a_turn_is_no_time_of_the_targets),
        cmocka_unit_test(test_leftovers_are_nobodys_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
