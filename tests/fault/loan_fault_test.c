/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * loan_fault_test.c: three schedulers that lend each other parts of hosts, on one simulated ring and in one
 * thread, so that every schedule can be repeated. The test is their engine: it carries loans and jobs from
 * one to the other, and takes its time. At every turn a host's parts must add up to its limit, wherever they
 * are; in the end each job has been recorded once and everything is back at home. SEEDS=N in the
 * environment runs more of them.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http_model.h"
#include "job/loan.h"

enum { JOBS_MAX = 250, WORKERS = 3, HOSTS = 2, SLOTS = 40, SEEDS = 300, HOLD_S = 3 };

struct worker_of_test {
    struct pool memory;
    struct conn_pool *conns;
    struct sched sched;
    struct link inbox, loans;
    bool woken;
    unsigned loans_taken, jobs_taken;
};

struct entry {
    struct job *job; /* NULL once recorded */
    unsigned id, host;
    enum behaviour behaviour;
    unsigned recorded;
    struct err err;
    uint64_t started_ns, ended_ns;
};

static struct world {
    uint64_t seed;
    struct sim_options options;
    struct random random;
    struct ring *ring;
    struct resolver *resolver;
    struct pool_depot depot;
    struct worker_of_test worker[WORKERS];
    struct job_shared shared;
    struct job_spec spec;
    struct sched_options sched_options;
    struct http_model model;
    struct ring_timer timer;
    struct entry entry[JOBS_MAX];
    unsigned recorded, stop_after; /* records; 0: never */
    uint64_t held_ns[HOSTS];       /* until when nothing may start there ... */
    uint64_t held_at_ns[HOSTS];    /* ... since when */
    bool calm, stopped, lends;
} world;

static const char *const host_names[HOSTS] = {"192.0.2.1", "192.0.2.2"};

/* Not cmocka's: what follows would run in this world's ruins. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            sim_print(stderr);                                                                     \
            fprintf(stderr, "seed %" PRIu64 ": not so: %s\n", world.seed, #condition);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static unsigned below(unsigned count) {
    return (unsigned)random_below(&world.random, count);
}

/* ---- the sink -------------------------------------------------------------------------------------- */

static enum sink_answer prepare(struct job *job) {
    struct entry *entry = &world.entry[job->n];
    uint64_t now = ring_now(world.ring);
    EXPECT(!entry->recorded && !entry->started_ns);
    entry->started_ns = now;
    /* Retry-After counts for all who work the host. */
    if (now > world.held_at_ns[entry->host])
        EXPECT(now >= world.held_ns[entry->host]);
    return SINK_GO;
}

static enum sink_answer begin(struct job *job, const struct response_head *head,
                              const struct response_framing *framing) {
    (void)job, (void)head, (void)framing;
    return SINK_GO;
}

static enum sink_answer body(struct job *job, struct span bytes) {
    (void)job, (void)bytes;
    return SINK_GO;
}

static enum sink_answer finish(struct job *job) {
    (void)job;
    return SINK_GO;
}

static void discard(struct job *job) {
    (void)job;
}

static void record(struct job *job) {
    struct entry *entry = &world.entry[job->n];
    EXPECT(entry->job == job && entry->recorded++ == 0);
    entry->job = NULL;
    entry->err = job->err;
    entry->ended_ns = ring_now(world.ring);
    world.recorded++;
}

static const struct job_sink sink = {prepare, begin, body, finish, discard, record};

/* ---- what an engine does for its schedulers --------------------------------------------------------- */

/* By the address's last digit: host_hash differs from process to process. */
static struct worker_of_test *home_of(const struct url *url) {
    struct span host = url_host(url);
    return &world.worker[host.at[host.len - 1] % WORKERS];
}

static void wake_starving(struct job_shared *shared) {
    EXPECT(shared == &world.shared);
    for (unsigned i = 0; i < WORKERS; i++)
        if (sched_wants_places(&world.worker[i].sched))
            world.worker[i].woken = true;
}

static struct sched *find_dry(struct sched *sched) {
    unsigned first = below(WORKERS);
    for (unsigned i = 0; i < WORKERS && world.lends; i++) {
        struct sched *other = &world.worker[(first + i) % WORKERS].sched;
        if (other != sched && atomic_exchange(&other->dry, false))
            return other;
    }
    return NULL;
}

static void post_loan(struct sched *to, struct loan *loan) {
    struct worker_of_test *worker = to->worker;
    list_push_back(&worker->loans, &loan->link);
}

static bool hand_over(struct sched *sched, struct job *job) {
    struct worker_of_test *home = home_of(&job->url);
    EXPECT(job->state == JOB_NEW && !job->host);
    if (sched->worker == home)
        return false;
    list_remove(&job->all);
    list_push_back(&home->inbox, &job->link);
    return true;
}

static void take_inbox(struct worker_of_test *worker) {
    for (struct link *link; (link = list_pop_front(&worker->inbox));)
        sched_add(&worker->sched, LIST_ENTRY(link, struct job, link));
    for (struct link *link; (link = list_pop_front(&worker->loans));) {
        struct loan *loan = LIST_ENTRY(link, struct loan, link);
        worker->loans_taken += !loan->back;
        for (struct link *job = loan->jobs.next; job != &loan->jobs; job = job->next)
            worker->jobs_taken++;
        loan_take(&worker->sched, loan);
    }
}

static void work(struct worker_of_test *worker) {
    struct sched *sched = &worker->sched;
    worker->woken = false;
    if (world.calm || below(3))
        take_inbox(worker);
    sched_run(sched, ring_now(world.ring));
    bool dry = sched->running == 0 && list_is_empty(&sched->ready);
    atomic_store(&sched->dry, dry);
    if (!dry && world.lends)
        loan_consider(sched);
}

/* ---- what must hold at every turn ---------------------------------------------------------------------- */

static struct host *part_of(const struct sched *sched, unsigned which) {
    for (size_t i = 0; i < sched->bucket_count; i++)
        for (struct host *host = sched->buckets[i]; host; host = host->next)
            if (span_is(span_of(host->name, host->len), host_names[which]))
                return host;
    return NULL;
}

static unsigned limit_in_transit(unsigned which) {
    unsigned limit = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        const struct link *loans = &world.worker[i].loans;
        for (const struct link *link = loans->next; link != loans; link = link->next) {
            const struct loan *loan = LIST_ENTRY(link, struct loan, link);
            if (span_is(span_of(loan->name, loan->len), host_names[which]))
                limit += loan->limit;
        }
    }
    return limit;
}

static void check_host(unsigned which) {
    unsigned limit = limit_in_transit(which), in_flight = 0, parts = 0, homes = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        const struct host *host = part_of(&world.worker[i].sched, which);
        if (!host)
            continue;
        EXPECT(host->in_flight <= host->limit + host->lending * (host->lend_to != NULL));
        homes += !host->lender;
        parts++;
        limit += host->limit + host->lending * (host->lend_to != NULL);
        in_flight += host->in_flight;
    }
    EXPECT(in_flight <= world.sched_options.per_host);
    EXPECT(homes <= 1 && (homes || !parts));
    EXPECT(limit == homes * world.sched_options.per_host);
}

/* Which hosts have just been told to wait. */
static void note_holds(void) {
    for (unsigned i = 0; i < JOBS_MAX; i++) {
        const struct entry *entry = &world.entry[i];
        if (!entry->job || entry->job->state != JOB_DELAYED || entry->job->retry_after_ms <= 0)
            continue;
        uint64_t until = entry->job->due.due_ns;
        if (until > world.held_ns[entry->host]) {
            world.held_ns[entry->host] = until;
            world.held_at_ns[entry->host] = ring_now(world.ring);
        }
    }
}

static void check(void) {
    unsigned running = 0;
    for (unsigned i = 0; i < HOSTS; i++)
        check_host(i);
    for (unsigned i = 0; i < WORKERS; i++)
        running += world.worker[i].sched.running;
    EXPECT(running == atomic_load(&world.shared.in_flight));
    EXPECT(running <= world.shared.concurrency);
    note_holds();
}

/* ---- a run ------------------------------------------------------------------------------------------------ */

static void on_timer(struct ring_timer *timer) {
    (void)timer;
}

/* Loans and jobs that are on their way keep the ring turning, as ring_wake would. */
static void wait_for_something(void) {
    uint64_t now = ring_now(world.ring), due = UINT64_MAX;
    for (unsigned i = 0; i < WORKERS; i++) {
        struct worker_of_test *worker = &world.worker[i];
        uint64_t one = sched_due_ns(&worker->sched);
        if (worker->woken || !list_is_empty(&worker->inbox) || !list_is_empty(&worker->loans))
            one = now + NS_PER_MS;
        due = one < due ? one : due;
    }
    if (due != UINT64_MAX)
        ring_timer_set(world.ring, &world.timer, due);
}

static void stop_all(void) {
    world.stopped = true;
    for (unsigned i = 0; i < WORKERS; i++)
        sched_stop(&world.worker[i].sched, err_make(STAGE_LOCAL, ERR_INTERRUPTED, 0));
}

static void turn(void) {
    wait_for_something();
    ring_turn(world.ring, true);
    note_holds(); /* before anything starts */
    if (world.stop_after && world.recorded >= world.stop_after && !world.stopped)
        stop_all();
    for (unsigned i = 0; i < WORKERS; i++) {
        work(&world.worker[i]);
        check();
    }
}

static void open_world(uint64_t seed, bool calm) {
    struct ring_options ring_options;
    struct resolver_options resolver = {0};
    char why[256] = "";
    world = (struct world){.seed = seed, .calm = calm, .lends = true};
    random_seed(&world.random, seed);
    if (calm)
        sim_options_init(&world.options, seed);
    else
        sim_options_swarm(&world.options, seed);
    world.options.limit_s = 3600;
    sim_configure(&world.options);
    http_model_init(&world.model, seed);
    sim_listen(host_names[0], 80, &http_model_ops, &world.model);
    sim_listen(host_names[1], 80, &http_model_ops, &world.model);
    ring_options_init(&ring_options, SLOTS);
    ring_options.slots = SLOTS;
    EXPECT(ring_open(&world.ring, &ring_options) == 0);
    EXPECT(resolver_open(&world.resolver, world.ring, &resolver, why, sizeof why) == 0);
    pool_depot_init(&world.depot);
    ring_timer_init(&world.timer, on_timer);
    world.sched_options = (struct sched_options){.per_host = 8, .retries = 3, .redirects_max = 5};
    world.shared = (struct job_shared){.concurrency = 16,
                                       .wake_starving = wake_starving,
                                       .find_dry = find_dry,
                                       .post_loan = post_loan,
                                       .hand_over = hand_over};
}

static void open_scheds(void) {
    struct conn_pool_options conns = {.connect_timeout_ns = 3 * NS_PER_S,
                                      .stall_ns = 5 * NS_PER_S,
                                      .idle_ns = 4 * NS_PER_S,
                                      .idle_max = 4};
    char why[256] = "";
    for (unsigned i = 0; i < WORKERS; i++) {
        struct worker_of_test *worker = &world.worker[i];
        pool_init(&worker->memory, &world.depot);
        list_init(&worker->inbox);
        list_init(&worker->loans);
        EXPECT(conn_pool_open(&worker->conns, world.ring, world.resolver, &worker->memory, &conns,
                              why, sizeof why) == 0);
        sched_init(&worker->sched, worker->conns, &worker->memory, &world.sched_options, &sink,
                   &world.shared, &world.spec, world.seed + i);
        worker->sched.worker = worker;
    }
}

static bool all_empty(void) {
    for (unsigned i = 0; i < WORKERS; i++)
        if (!conn_pool_is_empty(world.worker[i].conns))
            return false;
    return true;
}

/* Nothing is lent any more, nobody holds a part, and all memory is given back. */
static void close_world(void) {
    int64_t live = 0;
    for (unsigned i = 0; i < WORKERS; i++)
        conn_pool_stop(world.worker[i].conns);
    while (!all_empty())
        ring_turn(world.ring, true);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct worker_of_test *worker = &world.worker[i];
        EXPECT(list_is_empty(&worker->loans) && list_is_empty(&worker->inbox));
        sched_deinit(&worker->sched);
        conn_pool_close(worker->conns);
        live += worker->memory.live_bytes;
    }
    EXPECT(live == 0);
    ring_timer_stop(&world.timer);
    resolver_stop(world.resolver);
    resolver_close(world.resolver);
    ring_close(world.ring);
    pool_depot_deinit(&world.depot);
}

static void add(unsigned id, unsigned host, enum behaviour behaviour, unsigned bytes) {
    char text[128], href[256];
    struct url url;
    snprintf(text, sizeof text, "http://%s/%u/%u/%u", host_names[host], behaviour, bytes, id);
    EXPECT(url_parse(&url, span_text(text), NULL, href, sizeof href) == URL_OK);
    struct worker_of_test *home = home_of(&url);
    struct job *job = job_new(&home->memory, span_text(text), &url, ERR_OK);
    job->n = id;
    world.entry[id] = (struct entry){.job = job, .id = id, .host = host, .behaviour = behaviour};
    sched_add(&home->sched, job);
    home->woken = true;
}

static bool is_quiet(void) {
    for (unsigned i = 0; i < WORKERS; i++) {
        const struct worker_of_test *worker = &world.worker[i];
        if (!list_is_empty(&worker->loans) || !list_is_empty(&worker->inbox))
            return false;
        for (unsigned host = 0; host < HOSTS; host++) {
            const struct host *part = part_of(&worker->sched, host);
            if (part && (part->lender || part->lent || part->lend_to))
                return false;
        }
    }
    return true;
}

static void run_to_end(unsigned jobs) {
    while (world.recorded < jobs)
        turn();
    while (!is_quiet()) /* what is held back comes home later */
        turn();
    EXPECT(world.recorded == jobs && atomic_load(&world.shared.in_flight) == 0);
}

static unsigned loans_taken(void) {
    unsigned count = 0;
    for (unsigned i = 0; i < WORKERS; i++)
        count += world.worker[i].loans_taken;
    return count;
}

/* ---- tests --------------------------------------------------------------------------------------------------- */

static void test_a_crowded_host_is_shared(void **state) {
    enum { JOBS = 240 };
    (void)state;
    open_world(1, true);
    open_scheds();
    for (unsigned i = 0; i < JOBS; i++)
        add(i, 0, DO_LENGTH, 100);
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
    for (unsigned i = 0; i < JOBS; i++)
        add(i, 0, DO_LENGTH, 100);
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
        for (unsigned i = 0; i < JOBS; i++)
            add(i, 0, DO_LENGTH, 10);
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
    for (unsigned i = 0; i < JOBS; i++)
        add(i, 0, DO_SILENT, 0);
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
    for (unsigned i = 0; i < JOBS; i++)
        add(i, 0, DO_SILENT, 0);
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
        cmocka_unit_test(test_a_hold_counts_for_all_parts),
        cmocka_unit_test(test_free_places_are_not_slept_over),
        cmocka_unit_test(test_hundreds_of_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
