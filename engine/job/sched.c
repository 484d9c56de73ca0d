/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * sched.c: the loop's turn for jobs: what is due, then as many starts as limits allow. Nothing starts from within an upcall, so no
 * handler runs inside another.
 */
#include "job/sched.h"

#include <limits.h>
#include <stdlib.h>

#include "base/clock.h"

void sched_init(struct sched *sched, struct conn_pool *conns, struct pool *pool,
                const struct sched_options *options, const struct job_sink *sink,
                struct job_shared *shared, const struct job_spec *spec, uint64_t seed) {
    memset(sched, 0, offsetof(struct sched, href));
    sched->conns = conns;
    sched->pool = pool;
    sched->options = *options;
    sched->sink = sink;
    sched->shared = shared;
    sched->spec = spec;
    sched->rate_due_ns = UINT64_MAX;
    sched->places = UINT_MAX;
    list_init(&sched->ready);
    list_init(&sched->all);
    random_seed(&sched->random, seed);
}

void sched_deinit(struct sched *sched) {
    CHECK(list_is_empty(&sched->all));
    hosts_deinit(sched);
    heap_deinit(&sched->due);
}

void sched_add(struct sched *sched, struct job *job) {
    job->sched = sched;
    job->exchange.ops = &job_exchange_ops;
    if (!link_is_linked(&job->all))
        list_push_back(&sched->all, &job->all);
    if (job->decided)
        job_end(job, job->err);
    else if (sched->stopping)
        job_end(job, sched->stop_err);
    else if (err_is(job->err))
        job_end(job, job->err);
    else
        host_enqueue(sched, job, job->attempts > 0);
}

/* ---- the run's limits ------------------------------------------------------------------------------ */

/* Only its own thread sets a scheduler's wishes. */
static void set_wish(atomic_bool *wish, atomic_uint *wishes, bool wished) {
    if (LIKELY(atomic_load_explicit(wish, memory_order_relaxed) == wished))
        return;
    atomic_store(wish, wished);
    if (wished)
        atomic_fetch_add(wishes, 1);
    else
        atomic_fetch_sub(wishes, 1);
}

static void wish_for_places(struct sched *sched, bool wished) {
    set_wish(&sched->starving, &sched->shared->starving, wished && !sched->running);
    set_wish(&sched->hungry, &sched->shared->hungry, wished && sched->running);
}

bool sched_wants_places(const struct sched *sched) {
    return atomic_load(&sched->starving) || atomic_load(&sched->hungry);
}

/* Never above the limit, not even for a moment: two that overshoot could refuse each other the last place and both sleep. */
static bool take_place(struct job_shared *shared) {
    unsigned taken = atomic_load(&shared->in_flight);
    do {
        if (taken >= shared->concurrency)
            return false;
    } while (!atomic_compare_exchange_weak(&shared->in_flight, &taken, taken + 1));
    return true;
}

/* A scheduler that gets none must be woken: if it has none at all by whoever gives one back, else by whoever leaves some unused (its
 * own jobs, whose ends bring it round, may take long). */
static bool take_in_flight(struct sched *sched) {
    if (!take_place(sched->shared)) {
        wish_for_places(sched, true);
        if (!take_place(sched->shared)) /* one may just have been given back unseen */
            return false;
    }
    wish_for_places(sched, false);
    return true;
}

void sched_release(struct sched *sched) {
    atomic_fetch_sub(&sched->shared->in_flight, 1);
    if (UNLIKELY(atomic_load(&sched->shared->starving)))
        sched->shared->wake_starving(sched->shared);
}

/* Nothing more to start here: are there places left for others? */
static void leave_places(struct sched *sched) {
    struct job_shared *shared = sched->shared;
    wish_for_places(sched, false);
    if (UNLIKELY(atomic_load(&shared->hungry)) &&
        atomic_load(&shared->in_flight) < shared->concurrency)
        shared->wake_starving(shared);
}

/* Starts are spaced evenly; up to 100 ms of schedule that was missed is made up for. */
static bool take_rate(struct sched *sched, uint64_t now) {
    struct job_shared *shared = sched->shared;
    uint64_t interval = shared->start_interval_ns, next = atomic_load(&shared->start_next_ns), base;
    if (!interval)
        return true;
    do {
        if (next > now) {
            sched->rate_due_ns = next;
            return false;
        }
        base = next + 100 * NS_PER_MS > now ? next : now;
    } while (!atomic_compare_exchange_weak(&shared->start_next_ns, &next, base + interval));
    return true;
}

/* A thousand starts at once would hold up what is under way. Connections, which cost the kernel up to 15 us, are opened a few at a
 * time for their own sake too: the ring sends a request when its turn's connects are done, and until then the server falls
 * asleep again, whose second wake-up is paid here (docs/decisions/0005-connect-chain.md). */
enum { STARTS_A_TURN = 64, DIALS_A_TURN = 4 };

static void start_ready(struct sched *sched, uint64_t now) {
    unsigned starts = 0, conns_most = conn_pool_connections(sched->conns) + DIALS_A_TURN;
    sched->rate_due_ns = UINT64_MAX;
    for (struct link *link; (link = list_first(&sched->ready));) {
        struct host *host = LIST_ENTRY(link, struct host, ready);
        if (!host_still_ready(sched, host))
            continue;
        if (sched->running >= sched->places)
            break;
        if (starts++ == STARTS_A_TURN || conn_pool_connections(sched->conns) >= conns_most) {
            sched->rate_due_ns = 0; /* in the ring's next turn */
            return;
        }
        if (!take_in_flight(sched))
            return;
        if (!take_rate(sched, now)) {
            sched_release(sched);
            return;
        }
        sched->running++;
        job_start(host_start_next(sched, host));
    }
    leave_places(sched);
}

bool sched_is_full(const struct sched *sched) {
    return sched->running >= sched->places && !list_is_empty(&sched->ready);
}

/* What waits here comes first. */
void sched_offer_room(struct sched *sched) {
    bool offers = list_is_empty(&sched->ready) && sched->running < sched->places &&
                  !sched->stopping && !atomic_load_explicit(&sched->claims, memory_order_relaxed);
    atomic_store_explicit(&sched->room, offers ? sched->places - sched->running : 0,
                          memory_order_relaxed);
}

/* ---- what is due -------------------------------------------------------------------------------------- */

static void job_is_due(struct sched *sched, struct job *job) {
    heap_remove(&sched->due, &job->due);
    if (job->state == JOB_RUNNING) {
        exchange_resume(sched->conns, &job->exchange);
        return;
    }
    if (job->state == JOB_QUEUED) {
        host_dequeue(sched, job);
        job_time_is_up(job);
        return;
    }
    job->state = JOB_NEW;
    if (!sched->shared->hand_over(sched, job))
        host_enqueue(sched, job, true);
}

void sched_run(struct sched *sched, uint64_t now_ns) {
    for (struct heap_item *item; (item = heap_first(&sched->due)) && item->due_ns <= now_ns;) {
        if (item->second) /* jobs set it, hosts do not */
            job_is_due(sched, CONTAINER_OF(item, struct job, due));
        else
            host_is_due(sched, CONTAINER_OF(item, struct host, due));
    }
    start_ready(sched, now_ns);
}

uint64_t sched_due_ns(const struct sched *sched) {
    const struct heap_item *item = heap_first(&sched->due);
    uint64_t due = item ? item->due_ns : UINT64_MAX;
    return due < sched->rate_due_ns ? due : sched->rate_due_ns;
}

void sched_resume(struct sched *sched, struct job *job) {
    if (job->state == JOB_FINISHING)
        job_finish(job);
    else if (job->state == JOB_RUNNING && !job->due.place)
        exchange_resume(sched->conns, &job->exchange);
}

/* ---- early ends ------------------------------------------------------------------------------------------ */

void sched_cancel(struct sched *sched, struct job *job, struct err err) {
    switch (job->state) {
    case JOB_QUEUED:
        host_dequeue(sched, job);
        job_end(job, err);
        break;
    case JOB_DELAYED:
        heap_remove(&sched->due, &job->due);
        job_end(job, err);
        break;
    case JOB_RUNNING:
        job->err = err;
        exchange_cancel(sched->conns, &job->exchange, err);
        break;
    default:
        break; /* finishing or ended: nothing is left to cancel */
    }
}

void sched_stop(struct sched *sched, struct err err) {
    sched->stopping = true;
    sched->stop_err = err;
    struct link *link = sched->all.next;
    while (link != &sched->all) {
        struct link *next = link->next; /* a job's end unlinks that job only */
        sched_cancel(sched, LIST_ENTRY(link, struct job, all), err);
        link = next;
    }
}
