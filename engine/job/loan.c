/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * loan.c: see loan.h.
 */
#include "job/loan.h"

#include <stdlib.h>

/* Fewer waiting jobs are done before another worker has warmed up. */
enum { LOAN_JOBS_MIN = 128 };

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
    struct loan *loan = loan_new(sched, host, host->lending);
    uint64_t share = (uint64_t)host->waiting_count * host->lending / (host->lending + host->limit);
    for (; share; share--) {
        struct job *job = LIST_ENTRY(list_last(&host->waiting), struct job, link);
        list_remove(&job->link);
        list_remove(&job->all);
        heap_remove(&sched->due, &job->due);
        host->waiting_count--;
        job->host = NULL;
        job->state = JOB_NEW;
        list_push_front(&loan->jobs, &job->link);
    }
    struct sched *to = host->lend_to;
    host->lent += host->lending;
    host->lend_to = NULL;
    sched->shared->post_loan(to, loan);
}

void loan_return(struct sched *sched, struct host *host) {
    struct loan *loan = loan_new(sched, host, host->limit);
    loan->back = true;
    struct sched *lender = host->lender;
    host->lender = NULL;
    sched->shared->post_loan(lender, loan);
}

void loan_take(struct sched *sched, struct loan *loan) {
    struct host *host = host_find(sched, span_of(loan->name, loan->len), loan->port, loan->hash);
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
