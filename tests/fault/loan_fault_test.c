/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * loan_fault_test.c: three schedulers that lend each other parts of hosts, on one simulated ring and in one
 * thread, so that every schedule can be repeated. The test is their engine: it carries loans and jobs from
 * one to the other, and takes its time. At every turn a host's parts must add up to its limit, wherever they
 * are; in the end each job has been recorded once and everything is back at home. SEEDS=N in the
 * environment runs more of them.
 */
#include "loan_world.h"

/* ---- tests --------------------------------------------------------------------------------------------------- */

/* To the first host. */
static void add_many(unsigned from, unsigned to, enum behaviour behaviour, unsigned bytes) {
    for (unsigned i = from; i < to; i++)
        add(i, 0, behaviour, bytes);
}

/* For jobs that get no answer. */
static void end_when_all_are_in_flight(unsigned jobs) {
    uint64_t end = ring_now(world.ring) + NS_PER_S / 2; /* then the first of them give up */
    while (atomic_load(&world.shared.in_flight) < jobs) {
        EXPECT(ring_now(world.ring) < end);
        turn();
    }
    stop_all();
    run_to_end(jobs);
    close_world();
}

static void test_a_crowded_host_is_shared(void **state) {
    enum { JOBS = 240 };
    (void)state;
    open_world(1, true);
    open_scheds();
    add_many(0, JOBS, DO_LENGTH, 100);
    run_to_end(JOBS);
    for (unsigned i = 0; i < JOBS; i++)
        EXPECT(!err_is(world.entry[i].err));
    EXPECT(loans_taken() >= 1);
    unsigned moved = 0;
    for (unsigned i = 0; i < WORKERS; i++)
        moved += world.worker[i].jobs_taken;
    EXPECT(moved >= JOBS / 3 && moved < JOBS);
    close_world();
}

static void test_few_jobs_stay_at_home(void **state) {
    enum { JOBS = 100 };
    (void)state;
    open_world(2, true);
    open_scheds();
    add_many(0, JOBS, DO_LENGTH, 100);
    run_to_end(JOBS);
    EXPECT(loans_taken() == 0);
    close_world();
}

/* A host that may have one job at a time, or one in so many seconds, gains nothing by a second worker. */
static void test_what_is_not_lent(void **state) {
    enum { JOBS = 200 };
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        open_world(3 + round, true);
        if (round == 0)
            world.sched_options.per_host = 1;
        else
            world.sched_options.host_interval_ns = NS_PER_MS;
        open_scheds();
        add_many(0, JOBS, DO_LENGTH, 10);
        run_to_end(JOBS);
        EXPECT(loans_taken() == 0);
        close_world();
    }
}

/* 503 with Retry-After, whoever hears it: nobody asks the host before that, the one who did not hear it included. */
static void test_a_hold_counts_for_all_parts(void **state) {
    enum { JOBS = 240, BUSY = 3 };
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        open_world(seed, true);
        world.calm = seed % 2; /* loans may take their time */
        open_scheds();
        /* Near the middle: some are lent, some stay at home; all meet parts that are at work. */
        for (unsigned i = 0; i < JOBS; i++) {
            bool busy = i % (JOBS / BUSY) == 20 + seed;
            add(i, 0, busy ? DO_BUSY : DO_LENGTH, busy ? 1 : 50);
        }
        run_to_end(JOBS);
        EXPECT(world.held_ns[0] && loans_taken());
        for (unsigned i = 0; i < JOBS; i++)
            EXPECT(!err_is(world.entry[i].err));
        close_world();
    }
}

/* Stopped at each moment of a loan, the one in which it waits for places to become free included. */
static void test_stop_in_the_middle(void **state) {
    enum { JOBS = 200 };
    (void)state;
    for (unsigned turns = 0; turns < 60; turns++) {
        open_world(turns + 1, turns % 2);
        open_scheds();
        for (unsigned i = 0; i < JOBS; i++)
            add(i, 0, i % 3 ? DO_LENGTH : DO_DRIPS, 300);
        for (unsigned i = 0; i < turns; i++)
            turn();
        stop_all();
        run_to_end(JOBS);
        close_world();
    }
}

/* Stopped while the home waits for places to become free that it means to lend. */
static void test_stop_while_a_loan_is_pending(void **state) {
    enum { JOBS = 200 };
    (void)state;
    open_world(1, true);
    world.lends = false;
    open_scheds();
    add_many(0, JOBS, DO_SILENT, 0);
    struct worker_of_test *home = world.entry[0].job->sched->worker;
    for (unsigned i = 0; i < 10; i++)
        turn();
    world.lends = true;
    loan_consider(&home->sched);
    const struct host *host = part_of(&home->sched, 0);
    EXPECT(host->lend_to && host->in_flight > host->limit);
    stop_all();
    run_to_end(JOBS);
    for (unsigned i = 0; i < JOBS; i++)
        EXPECT(world.entry[i].err.kind == ERR_INTERRUPTED);
    EXPECT(loans_taken() == 0);
    close_world();
}

/* A part in which all has been cancelled goes back; so does one that was lent when nothing waits any more. */
static void test_cancelled_jobs_free_their_part(void **state) {
    enum { JOBS = 200 };
    (void)state;
    open_world(5, true);
    open_scheds();
    add_many(0, JOBS, DO_SILENT, 0);
    while (!loans_taken())
        turn();
    for (unsigned i = 0; i < JOBS; i++) {
        struct job *job = world.entry[i].job;
        if (job && job->sched && job->state != JOB_NEW)
            sched_cancel(job->sched, job, err_make(STAGE_LOCAL, ERR_CANCELLED, 0));
        if (i % 10 == 0)
            turn();
    }
    while (world.recorded < JOBS)
        turn();
    run_to_end(JOBS);
    close_world();
}

/* What is lent is no more than its jobs need: whoever comes home later is not kept waiting by a part that nobody uses. */
static void test_no_part_is_idle(void **state) {
    enum { EARLY = 150, JOBS = 220 };
    (void)state;
    open_world(1, true);
    world.shared.concurrency = world.sched_options.per_host = JOBS;
    open_scheds();
    add_many(0, EARLY, DO_SILENT, 0);
    struct worker_of_test *home = world.entry[0].job->sched->worker;
    atomic_store(&world.worker[(home - world.worker + 1) % WORKERS].sched.dry, true);
    loan_consider(&home->sched);
    turn();
    EXPECT(loans_taken() == 1);
    add_many(EARLY, JOBS, DO_SILENT, 0);
    end_when_all_are_in_flight(JOBS);
}

/* A borrowed part comes home as its jobs end, and does not wait for the slowest of them. */
static void test_a_slow_job_keeps_one_place(void **state) {
    enum { JOBS = 240 };
    (void)state;
    open_world(1, true);
    open_scheds();
    for (unsigned i = 0; i < JOBS; i++)
        add(i, 0, i == JOBS - 1 ? DO_SILENT : DO_LENGTH, 10);
    struct worker_of_test *home = world.entry[0].job->sched->worker;
    while (world.recorded < JOBS - 1)
        turn();
    EXPECT(loans_taken() && world.entry[JOBS - 1].job->sched != &home->sched);
    turn();
    EXPECT(part_of(&home->sched, 0)->limit == world.sched_options.per_host - 1);
    stop_all();
    run_to_end(JOBS);
    close_world();
}

/* As many run at once as all have places together, though one host has its home with one of them. */
static void test_all_places_are_used(void **state) {
    enum { JOBS = 30, PLACES = 10 };
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        open_world(seed, true);
        world.lends = false;
        world.places = PLACES;
        world.shared.concurrency = JOBS;
        world.sched_options.per_host = JOBS;
        open_scheds();
        add_many(0, JOBS, DO_SILENT, 0);
        end_when_all_are_in_flight(JOBS);
    }
}

static void run_seed(uint64_t seed) {
    static const enum behaviour behaviours[] = {
        DO_LENGTH, DO_LENGTH,   DO_LENGTH, DO_CHUNKED, DO_CLOSES, DO_EMPTY,   DO_REDIRECT,
        DO_LENGTH, DO_REDIRECT, DO_BUSY,   DO_PATCHY,  DO_SLAMS,  DO_SURPLUS, DO_MISSING};
    enum { KINDS = sizeof behaviours / sizeof *behaviours };
    open_world(seed, false);
    world.shared.concurrency = 1 + below(20);
    world.sched_options.per_host = 1 + below(12);
    world.sched_options.retry_all = below(2);
    world.sched_options.total_time_ns = below(4) ? 0 : 20 * NS_PER_S;
    world.places = below(2) ? 0 : 1 + below(8);
    world.stop_after = below(3) ? 0 : 1 + below(JOBS_MAX);
    open_scheds();
    unsigned jobs = 150 + below(JOBS_MAX - 150), kinds = 1 + below(KINDS);
    for (unsigned i = 0; i < jobs; i++) {
        add(i, below(8) == 0, behaviours[below(kinds)], below(200));
        if (i > 130 && below(2))
            turn();
    }
    run_to_end(jobs);
    close_world();
}

static void test_hundreds_of_seeds(void **state) {
    const char *text = getenv("SEEDS"), *first = getenv("FIRST_SEED");
    uint64_t seeds = text ? strtoull(text, NULL, 10) : SEEDS;
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;
    (void)state;
    for (uint64_t seed = from; seed < from + seeds; seed++)
        run_seed(seed);
}

/* The last to have work for free places leaves some over: who has a slow job and many that wait must hear of it. */
static void test_free_places_are_not_slept_over(void **state) {
    enum { MANY = 20 };
    (void)state;
    open_world(1, true);
    world.lends = false;
    world.shared.concurrency = 2;
    open_scheds();
    struct worker_of_test *slow = NULL;
    add(0, 0, DO_SILENT, 0);
    add(1, 1, DO_DRIPS, 2000);
    slow = world.entry[0].job->sched->worker;
    struct worker_of_test *other = world.entry[1].job->sched->worker;
    EXPECT(slow != other);
    turn();
    for (unsigned i = 0; i < MANY; i++)
        add(2 + i, 0, DO_LENGTH, 10);
    /* From here on as with real threads: nobody works who has not been woken and has nothing of their own. */
    work(slow);
    slow->woken = false;
    while (!world.entry[1].recorded) {
        ring_turn(world.ring, true);
        work(other);
    }
    EXPECT(slow->woken);
    uint64_t freed_ns = ring_now(world.ring);
    run_to_end(2 + MANY);
    for (unsigned i = 0; i < MANY; i++)
        EXPECT(world.entry[2 + i].ended_ns < freed_ns + NS_PER_S);
    close_world();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crowded_host_is_shared),
        cmocka_unit_test(test_few_jobs_stay_at_home),
        cmocka_unit_test(test_what_is_not_lent),
        cmocka_unit_test(test_stop_while_a_loan_is_pending),
        cmocka_unit_test(test_stop_in_the_middle),
        cmocka_unit_test(test_cancelled_jobs_free_their_part),
        cmocka_unit_test(test_no_part_is_idle),
        cmocka_unit_test(test_a_slow_job_keeps_one_place),
        cmocka_unit_test(test_all_places_are_used),
        cmocka_unit_test(test_a_hold_counts_for_all_parts),
        cmocka_unit_test(test_free_places_are_not_slept_over),
        cmocka_unit_test(test_hundreds_of_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
