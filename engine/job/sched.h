/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * sched.h: who runs next. Jobs queue at their host (scheme is no matter: host and port); hosts with work and room take turns, so
 * that one long list doesn't starve the rest. One scheduler per worker; its thread.
 */
#ifndef JOB_SCHED_H
#define JOB_SCHED_H

#include "base/hash.h"
#include "job/job.h"
#include "job/job_check.h"

struct sched_options {
    unsigned per_host;
    uint64_t host_interval_ns; /* --per-host-rate; 0: off */
    uint64_t max_time_ns;      /* an attempt; 0: off */
    uint64_t total_time_ns;    /* all of them; 0: off */
    unsigned retries;
    uint64_t retry_delay_ns;    /* 0: exponential */
    uint64_t retry_max_time_ns; /* 0: off */
    bool retry_all;
    unsigned redirects_max;
    bool fail_on_status;
    uint64_t filesize_max;           /* 0: off */
    const struct check_rules *check; /* NULL: this is no check run */
};

struct sched_counts {
    uint64_t ended, ok, skipped, retries, body_bytes;
    uint64_t failed_by_kind[ERR_KIND_COUNT];
};

struct sched {
    struct conn_pool *conns;
    struct pool *pool;
    struct sched_options options;
    const struct job_sink *sink;
    struct job_shared *shared;
    const struct job_spec *spec; /* the run's */
    void *worker;                /* the engine's */
    struct host **buckets;
    size_t bucket_count, host_count;
    struct link ready; /* hosts that may start a job now */
    struct link all;   /* jobs */
    struct heap due;   /* jobs and hosts that wait for a time */
    struct random random;
    struct host *crowded; /* has more waiting than the others had; may be lent. Or NULL */
    uint64_t rate_due_ns; /* when --rate allows the next start; UINT64_MAX: not waiting */
    atomic_bool starving; /* waits for one of the run's `concurrency`, having none */
    atomic_bool hungry;   /* waits for more of them */
    atomic_bool dry;      /* has nothing to do, and would take a loan */
    unsigned places;    /* of running jobs: the sockets that its ring holds; set after sched_init */
    atomic_uint room;   /* of its places, what it offers to others ... */
    atomic_uint claims; /* ... unless loans for it are on their way */
    bool stopping;
    struct err stop_err;
    unsigned running;
    struct sched_counts counts;
    char href[URL_HREF_BYTES_MAX + 1]; /* scratch for redirects */
};

void sched_init(struct sched *sched, struct conn_pool *conns, struct pool *pool,
                const struct sched_options *options, const struct job_sink *sink,
                struct job_shared *shared, const struct job_spec *spec, uint64_t seed);
/* No job may be left. */
void sched_deinit(struct sched *sched);

/* Takes the job: it will be recorded exactly once, maybe before this returns. */
void sched_add(struct sched *sched, struct job *job);
/* Starts what may start, and what is due. Call after every turn of the loop. */
void sched_run(struct sched *sched, uint64_t now_ns);
/* When sched_run must be called at the latest; UINT64_MAX: only after something else happened. */
uint64_t sched_due_ns(const struct sched *sched);
/* Whether it must be woken when places are free. Any thread. */
bool sched_wants_places(const struct sched *sched);
/* Whether jobs wait only because all its places are taken. */
bool sched_is_full(const struct sched *sched);
/* Offers free places to schedulers that are full. Call after sched_run. */
void sched_offer_room(struct sched *sched);
/* After SINK_WAIT. */
void sched_resume(struct sched *sched, struct job *job);
/* Ends every job with `err`, and each one that is added later. */
void sched_stop(struct sched *sched, struct err err);
void sched_cancel(struct sched *sched, struct job *job, struct err err);

/* ---- within job/ --------------------------------------------------------------------------------- */

/* host.c */
uint64_t host_hash(const struct url *url); /* which worker is its home follows from it */
/* Retry-After as all who work a lent host share it: what one is told counts for the others too. */
struct host_hold {
    atomic_uint_fast64_t until_ns;
    atomic_uint references;
};
struct host {
    struct host *next;
    uint64_t hash;
    struct link ready;    /* in sched.ready */
    struct link waiting;  /* jobs */
    struct heap_item due; /* when it may start again */
    uint32_t waiting_count, in_flight;
    uint32_t limit;         /* of in_flight: --per-host less what is lent, or what is borrowed */
    uint32_t silent;        /* requests that ended without a sign of it, ... */
    bool answered;          /* ... unless it has ever answered one, while it was known */
    uint32_t lent;          /* to other workers */
    uint32_t lending;       /* to be lent to lend_to as soon as so many are free */
    struct sched *lend_to;  /* NULL: nobody */
    struct sched *lender;   /* NULL: this is the host's home */
    uint64_t next_start_ns; /* --per-host-rate */
    uint64_t hold_ns;       /* Retry-After, until it is shared */
    struct host_hold *hold; /* NULL: it has never been lent */
    uint16_t port, len;
    char name[];
};
void hosts_deinit(struct sched *sched);
/* Finds or makes it. */
struct host *host_find(struct sched *sched, struct span name, uint16_t port, uint64_t hash);
void host_forget_if_unused(struct sched *sched, struct host *host);
/* Puts the job into its host's queue; `front`: it has waited already (redirects, refetches). */
void host_enqueue(struct sched *sched, struct job *job, bool front);
/* Takes a queued job out again. */
void host_dequeue(struct sched *sched, struct job *job);
/* Whether a host among the ready ones may start a job indeed; if not, it is none of them any more. */
bool host_still_ready(struct sched *sched, struct host *host);
struct job *host_start_next(struct sched *sched, struct host *host);
/* The job no longer runs at its host. */
void host_leave(struct sched *sched, struct job *job);
/* A request has ended: did the host answer it? One that never does is given up: what waits for it ends as that request did. */
void host_note_end(struct sched *sched, struct job *job);
/* Nothing is asked of this host before `until_ns`. */
void host_hold(struct sched *sched, struct host *host, uint64_t until_ns);
void host_is_due(struct sched *sched, struct host *host);

/* Judged, rather than fetched. */
static inline bool job_is_checked(const struct job *job) {
    return job->sched->options.check && !job->is_plain;
}
/* What the job asks: its own, or the run's. */
static inline const struct job_spec *job_spec_of(const struct job *job) {
    return job->own_spec ? job->own_spec : job->sched->spec;
}
/* The method it is asked with first. */
static inline const char *job_spec_method(const struct job_spec *spec) {
    return spec->method ? spec->method : spec->body ? "POST" : "GET";
}
/* job.c */
void job_start(struct job *job);
void job_end(struct job *job, struct err err);
void job_finish(struct job *job);
/* All its attempts together have taken too long, and it is not even running. */
void job_time_is_up(struct job *job);
/* The exchange is over, the job still at its host. */
void job_exchange_ended(struct job *job);
/* job_exchange.c */
extern const struct exchange_ops job_exchange_ops;
/* job_request.c */
size_t job_write_head(struct exchange *exchange, char *memory, size_t room);
/* sched.c: one of the run's `concurrency` is free again. */
void sched_release(struct sched *sched);

#endif
