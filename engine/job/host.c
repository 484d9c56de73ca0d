/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * host.c: the table of hosts (name and port) with their queues, limits and pauses. A host is forgotten when nothing waits, runs or is held
 * back, so the table is as small as what is going on.
 */
#include "job/loan.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

enum { BUCKETS_FIRST = 256, SILENT_CONNECTS = 3, SILENT_REQUESTS = 32 };

/* A host whose URLs have failed is not asked for all of them at once again. */
static const uint64_t CONFIRM_INTERVAL_NS = 20 * NS_PER_MS;

static size_t host_bytes(size_t len) {
    return sizeof(struct host) + len;
}

static void grow(struct sched *sched) {
    size_t count = sched->bucket_count ? sched->bucket_count * 2 : BUCKETS_FIRST;
    struct host **buckets = calloc(count, sizeof *buckets);
    CHECK(buckets);
    for (size_t i = 0; i < sched->bucket_count; i++) {
        for (struct host *host = sched->buckets[i], *next; host; host = next) {
            next = host->next;
            host->next = buckets[host->hash & (count - 1)];
            buckets[host->hash & (count - 1)] = host;
        }
    }
    free(sched->buckets);
    sched->buckets = buckets;
    sched->bucket_count = count;
}

static bool host_is(const struct host *host, struct span name, uint16_t port) {
    return host->port == port && host->len == name.len &&
           memcmp(host->name, name.at, name.len) == 0;
}

uint64_t host_hash(const struct url *url) {
    struct span name = url_host(url);
    return hash_bytes(name.at, name.len) ^ url->port * UINT64_C(0x9e3779b97f4a7c15);
}

struct host *host_find(struct sched *sched, struct span name, uint16_t port, uint64_t hash) {
    if (sched->host_count >= sched->bucket_count)
        grow(sched);
    struct host **bucket = &sched->buckets[hash & (sched->bucket_count - 1)];
    for (struct host *host = *bucket; host; host = host->next)
        if (host->hash == hash && host_is(host, name, port))
            return host;
    struct host *host = pool_acquire_zeroed(sched->pool, host_bytes(name.len));
    host->hash = hash;
    host->port = port;
    host->limit = sched->options.per_host;
    host->len = (uint16_t)name.len;
    memcpy(host->name, name.at, name.len);
    list_init(&host->ready);
    list_init(&host->waiting);
    host->next = *bucket;
    *bucket = host;
    sched->host_count++;
    return host;
}

static void host_free(struct sched *sched, struct host *host) {
    heap_remove(&sched->due, &host->due);
    hold_drop(host->hold);
    pool_release(sched->pool, host, host_bytes(host->len));
}

void host_forget_if_unused(struct sched *sched, struct host *host) {
    if (host->waiting_count || host->in_flight || host->lent || host->lend_to)
        return;
    if (host->lender)
        loan_return(sched, host);
    else if (host->due.place)
        return; /* its home remembers until when it is held back */
    if (sched->crowded == host)
        sched->crowded = NULL;
    struct host **at = &sched->buckets[host->hash & (sched->bucket_count - 1)];
    while (*at != host)
        at = &(*at)->next;
    *at = host->next;
    sched->host_count--;
    list_remove(&host->ready);
    host_free(sched, host);
}

/* What is left are hosts that are held back, or lent to a worker that ended before it said so. */
void hosts_deinit(struct sched *sched) {
    for (size_t i = 0; i < sched->bucket_count; i++) {
        for (struct host *host; (host = sched->buckets[i]);) {
            CHECK(!host->waiting_count && !host->in_flight);
            sched->buckets[i] = host->next;
            host_free(sched, host);
        }
    }
    free(sched->buckets);
}

/* When it may start the next job, other limits aside. */
static uint64_t host_open_ns(const struct host *host) {
    uint64_t held_ns = host->hold ? atomic_load(&host->hold->until_ns) : host->hold_ns;
    return held_ns > host->next_start_ns ? held_ns : host->next_start_ns;
}

static bool host_may_start(const struct host *host, uint64_t now_ns) {
    return host->waiting_count && host->in_flight < host->limit && host_open_ns(host) <= now_ns;
}

/* Puts the host where it belongs: among the ready ones, among those that wait for a time, or in neither. */
static void host_place(struct sched *sched, struct host *host, uint64_t now_ns) {
    if (host_may_start(host, now_ns)) {
        if (!link_is_linked(&host->ready))
            list_push_back(&sched->ready, &host->ready);
    } else {
        list_remove(&host->ready);
    }
    if (host_open_ns(host) > now_ns)
        heap_set(&sched->due, &host->due, host_open_ns(host));
}

/* Lists come in runs of one host's URLs, which is then the one that most jobs wait for. */
static struct host *host_of(struct sched *sched, const struct url *url) {
    struct span name = url_host(url);
    if (sched->crowded && host_is(sched->crowded, name, url->port))
        return sched->crowded;
    return host_find(sched, name, url->port, host_hash(url));
}

void host_enqueue(struct sched *sched, struct job *job, bool front) {
    struct host *host = host_of(sched, &job->url);
    job->host = host;
    job->state = JOB_QUEUED;
    if (front)
        list_push_front(&host->waiting, &job->link);
    else
        list_push_back(&host->waiting, &job->link);
    host->waiting_count++;
    if (!sched->crowded || host->waiting_count > sched->crowded->waiting_count)
        sched->crowded = host;
    if (job->first_ns && sched->options.total_time_ns) /* the host may be held back for longer */
        heap_set(&sched->due, &job->due, job->first_ns + sched->options.total_time_ns);
    host_place(sched, host, conn_pool_now(sched->conns));
}

void host_dequeue(struct sched *sched, struct job *job) {
    struct host *host = job->host;
    list_remove(&job->link);
    heap_remove(&sched->due, &job->due);
    host->waiting_count--;
    job->host = NULL;
    host_place(sched, host, conn_pool_now(sched->conns));
    host_forget_if_unused(sched, host);
}

/* Another worker may have been told meanwhile that the host is to be left alone. */
bool host_still_ready(struct sched *sched, struct host *host) {
    host_place(sched, host, conn_pool_now(sched->conns));
    return link_is_linked(&host->ready);
}

struct job *host_start_next(struct sched *sched, struct host *host) {
    uint64_t now = conn_pool_now(sched->conns), interval = sched->options.host_interval_ns;
    struct job *job = LIST_ENTRY(list_pop_front(&host->waiting), struct job, link);
    heap_remove(&sched->due, &job->due);
    host->waiting_count--;
    host->in_flight++;
    if (job->extra && job->extra->passes && interval < CONFIRM_INTERVAL_NS)
        interval = CONFIRM_INTERVAL_NS;
    if (interval)
        host->next_start_ns =
            (host->next_start_ns + interval > now ? host->next_start_ns : now) + interval;
    list_remove(&host->ready); /* to the back of the queue, if it may go on */
    host_place(sched, host, now);
    return job;
}

void host_leave(struct sched *sched, struct job *job) {
    struct host *host = job->host;
    job->host = NULL;
    host->in_flight--;
    loan_step(sched, host);
    loan_trim(sched, host);
    host_place(sched, host, conn_pool_now(sched->conns));
    host_forget_if_unused(sched, host);
}

/* Three that found nobody to connect to, or as many as may be in flight that were accepted and never answered. */
static bool host_seems_dead(const struct host *host, const struct job *job) {
    return !host->answered &&
           host->silent >= (job->err.stage == STAGE_CONNECT ? SILENT_CONNECTS : SILENT_REQUESTS);
}

/* In a check only: thousands of URLs of one silent host would keep a run busy for hours, ten seconds each, and each would learn what
 * the first ones did. The confirm pass asks once more. */
void host_note_end(struct sched *sched, struct job *job) {
    struct host *host = job->host;
    if (job->status) {
        host->answered = true;
        return;
    }
    if (job->err.kind != ERR_TIMED_OUT && job->err.kind != ERR_STALLED)
        return;
    host->silent++;
    if (!host_seems_dead(host, job) || !host->waiting_count)
        return;
    struct err err = job->err;
    char why[96];
    snprintf(why, sizeof why, "not asked: the host did not answer any of %u requests",
             host->silent);
    for (uint32_t left = host->waiting_count; left > 0; left--) {
        struct job *waiting = LIST_ENTRY(list_first(&host->waiting), struct job, link);
        host_dequeue(sched, waiting);
        job_set_text(sched->pool, &waiting->why, span_text(why));
        job_end(waiting, err);
    }
}

void host_hold(struct sched *sched, struct host *host, uint64_t until_ns) {
    if (until_ns > host->hold_ns)
        host->hold_ns = until_ns;
    if (host->hold) {
        uint64_t shared_ns = atomic_load(&host->hold->until_ns);
        while (shared_ns < until_ns &&
               !atomic_compare_exchange_weak(&host->hold->until_ns, &shared_ns, until_ns))
            continue;
    }
    host_place(sched, host, conn_pool_now(sched->conns));
}

void host_is_due(struct sched *sched, struct host *host) {
    heap_remove(&sched->due, &host->due);
    host_place(sched, host, conn_pool_now(sched->conns));
    host_forget_if_unused(sched, host);
}
