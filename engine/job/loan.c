/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * loan.c: see loan.h.
 */
#include "job/loan.h"

#include <stdlib.h>

/* Fewer waiting jobs are done before another worker has warmed up. */
enum { LOAN_JOBS_MIN = 128, HOSTS_LOOKED_AT = 16 };

/* A reference to what the host's parts share; there is such a thing from the first loan on. */
static struct host_hold *hold_share(struct host *host) {
    if (!host->hold) {
        host->hold = malloc(sizeof *host->hold);
        CHECK(host->hold);
        atomic_init(&host->hold->until_ns, host->hold_ns);
        atomic_init(&host->hold->references, 1);
    }
    atomic_fetch_add(&host->hold->references, 1);
    return host->hold;
}

void hold_drop(struct host_hold *hold) {
    if (hold && atomic_fetch_sub(&hold->references, 1) == 1)
        free(hold);
}

static struct loan *loan_new(struct sched *from, struct host *host, uint32_t limit) {
    struct loan *loan = malloc(sizeof *loan + host->len);
    CHECK(loan);
    *loan = (struct loan){.from = from,
                          .hash = host->hash,
                          .hold = hold_share(host),
                          .limit = limit,
                          .port = host->port,
                          .len = host->len};
    memcpy(loan->name, host->name, host->len);
    list_init(&loan->link);
    list_init(&loan->jobs);
    return loan;
}

/* From the end of the queue; their order stays. */
static void move_jobs(struct sched *sched, struct host *host, struct loan *loan, uint64_t count) {
    for (; count; count--) {
        struct job *job = LIST_ENTRY(list_last(&host->waiting), struct job, link);
        list_remove(&job->link);
        list_remove(&job->all);
        heap_remove(&sched->due, &job->due);
        host->waiting_count--;
        job->host = NULL;
        job->state = JOB_NEW;
        list_push_front(&loan->jobs, &job->link);
    }
}

void loan_consider(struct sched *sched) {
    struct host *host = sched->crowded;
    if (!host || host->waiting_count < LOAN_JOBS_MIN || host->limit < 2 || host->lend_to ||
        host->lender || sched->options.host_interval_ns || sched->stopping)
        return;
    host->lend_to = sched->shared->find_dry(sched);
    if (!host->lend_to)
        return;
    host->lending = host->limit / 2;
    host->limit -= host->lending;
    loan_step(sched, host);
}

/* Whoever stops ends its jobs in a row, which must not change under its hands; and nothing is left that would gain. */
static void loan_call_off(struct host *host) {
    host->limit += host->lending;
    host->lend_to = NULL;
}

void loan_step(struct sched *sched, struct host *host) {
    if (host->lend_to && sched->stopping)
        loan_call_off(host);
    if (!host->lend_to || host->in_flight > host->limit)
        return;
    uint32_t limit = host->limit + host->lending;
    uint32_t share = (uint32_t)((uint64_t)host->waiting_count * host->lending / limit);
    /* No more of the limit than there are jobs: nobody could use the rest. */
    if (host->lending > share)
        host->lending = share;
    host->limit = limit - host->lending;
    struct loan *loan = loan_new(sched, host, host->lending);
    move_jobs(sched, host, loan, share);
    struct sched *to = host->lend_to;
    host->lent += host->lending;
    host->lend_to = NULL;
    sched->shared->post_loan(to, loan);
}

/* How many of its jobs. A borrowed part in which some stay must keep some of the limit: nothing that is lent comes back to it. */
static uint32_t may_send(const struct host *host) {
    uint32_t count = host->limit - host->in_flight;
    if (count >= host->waiting_count)
        return host->waiting_count;
    return count - (host->lender && count == host->limit);
}

/* One that may be sent on, among the first of those that could start a job. The ones looked at go to the back. */
static struct host *ready_to_send(struct sched *sched) {
    for (unsigned i = 0; i < HOSTS_LOOKED_AT; i++) {
        struct link *link = list_first(&sched->ready);
        if (!link)
            return NULL;
        struct host *host = LIST_ENTRY(link, struct host, ready);
        if (!host_still_ready(sched, host))
            continue;
        list_remove(&host->ready);
        list_push_back(&sched->ready, &host->ready);
        if (!host->lend_to && may_send(host))
            return host;
    }
    return NULL;
}

/* A borrowed part is the same part elsewhere: its lender's books don't change, and it goes back to that lender, at once if
 * that is who has room. */
static void send_part(struct sched *sched, struct host *host, struct sched *to, uint32_t count) {
    struct loan *loan = loan_new(host->lender ? host->lender : sched, host, count);
    loan->claimed = true;
    loan->back = to == host->lender;
    move_jobs(sched, host, loan, count);
    host->limit -= count;
    if (!host->lender)
        host->lent += count;
    host_still_ready(sched, host);
    host_forget_if_unused(sched, host);
    sched->shared->post_loan(to, loan);
}

bool loan_for_room(struct sched *sched) {
    unsigned room = 0;
    if (sched->options.host_interval_ns || sched->stopping)
        return false;
    struct host *host = ready_to_send(sched);
    struct sched *to = host ? sched->shared->find_room(sched, &room) : NULL;
    if (!to)
        return false;
    send_part(sched, host, to, may_send(host) < room ? may_send(host) : room);
    return true;
}

void loan_trim(struct sched *sched, struct host *host) {
    if (!host->lender || host->waiting_count || !host->in_flight)
        return;
    uint32_t unused = host->limit - host->in_flight;
    if (unused < host->in_flight)
        return;
    struct loan *loan = loan_new(sched, host, unused);
    loan->back = true;
    host->limit -= unused;
    sched->shared->post_loan(host->lender, loan);
}

void loan_return(struct sched *sched, struct host *host) {
    if (!host->limit) /* all of it was sent on, and is its lender's to wait for */
        return;
    struct loan *loan = loan_new(sched, host, host->limit);
    loan->back = true;
    struct sched *lender = host->lender;
    host->lender = NULL;
    sched->shared->post_loan(lender, loan);
}

void loan_take(struct sched *sched, struct loan *loan) {
    struct host *host = host_find(sched, span_of(loan->name, loan->len), loan->port, loan->hash);
    if (loan->claimed)
        atomic_fetch_sub(&sched->claims, 1);
    if (loan->back) {
        host->lent -= loan->limit;
        host->limit += loan->limit;
    } else if (host->lender) {
        host->limit += loan->limit;
    } else {
        host->lender = loan->from;
        host->limit = loan->limit;
    }
    if (!host->hold) {
        host->hold = loan->hold;
        loan->hold = NULL;
    }
    host->in_flight++; /* keeps it while its jobs move in */
    for (struct link *link; (link = list_pop_front(&loan->jobs));)
        sched_add(sched, LIST_ENTRY(link, struct job, link));
    host->in_flight--;
    host_hold(sched, host, 0); /* maybe more may start now */
    host_forget_if_unused(sched, host);
    loan_free(loan);
}

void loan_free(struct loan *loan) {
    hold_drop(loan->hold);
    free(loan);
}
