/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * loan_world.h: three schedulers on one simulated ring, what an engine does for them, and what must hold at every
 * turn: a host's parts add up to its limit, wherever they are. Included once by loan_fault_test.c, hence no .c file.
 */
#ifndef FAULT_LOAN_WORLD_H
#define FAULT_LOAN_WORLD_H

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
    unsigned places;               /* of each scheduler; 0: no end of them */
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

static const struct job_sink sink = {prepare, begin, body, finish, discard, record, NULL};

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

static struct sched *find_room(struct sched *sched, unsigned *room) {
    unsigned first = below(WORKERS);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct sched *other = &world.worker[(first + i) % WORKERS].sched;
        if (other == sched || !atomic_load(&other->room))
            continue;
        atomic_fetch_add(&other->claims, 1);
        *room = atomic_exchange(&other->room, 0);
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
    sched_offer_room(sched);
    if (sched_is_full(sched))
        loan_for_room(sched);
    else if (!dry && world.lends)
        loan_consider(sched);
    EXPECT(!world.places || sched->running <= world.places);
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
                                       .find_room = find_room,
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
        if (world.places)
            worker->sched.places = world.places;
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
    for (unsigned i = 0; i < WORKERS; i++)
        EXPECT(atomic_load(&world.worker[i].sched.claims) == 0);
}

static unsigned loans_taken(void) {
    unsigned count = 0;
    for (unsigned i = 0; i < WORKERS; i++)
        count += world.worker[i].loans_taken;
    return count;
}

#endif
