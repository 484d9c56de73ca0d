/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * job.h: one URL's life, from an input record to a result: waiting for its host's turn, attempts,
 * redirects, retries. A job belongs to one scheduler (one worker) at a time; its memory comes from
 * whatever pool and may go back to another.
 *
 * job/ reaches the world through two small structs that engine.c fills: job_sink takes responses
 * and results, job_shared is what the workers of a run have in common.
 */
#ifndef JOB_JOB_H
#define JOB_JOB_H

#include <stdatomic.h>

#include "base/heap.h"
#include "base/pool.h"
#include "conn/conn_pool.h"
#include "http/request.h"

struct host;
struct job_extra;
struct loan;
struct unique;
struct sched;

/* What is asked with a URL. The run's own is shared by most jobs; a record with fields of its own
 * brings one. */
struct job_spec {
    const char *method; /* NULL: GET, or POST with a body */
    const struct http_field *fields;
    unsigned field_count;
    struct body_bytes *body; /* one reference; NULL: none */
    const char *user_agent, *referer;
    const char *user;  /* "name:password", or NULL */
    const char *range; /* "0-499", or NULL */
};

enum job_state {
    JOB_NEW,
    JOB_QUEUED,    /* for its host's turn */
    JOB_DELAYED,   /* until a retry is due */
    JOB_RUNNING,   /* its exchange */
    JOB_FINISHING, /* for its outputs */
    JOB_ENDED,
};

/* What the response's head meant for the job. */
enum job_action {
    ACTION_NONE,
    ACTION_DELIVER,
    ACTION_DISCARD,
    ACTION_REDIRECT,
    ACTION_RETRY,   /* after a pause, as another attempt */
    ACTION_RESTART, /* at once, from the first byte: what an output had kept is of no use */
    ACTION_SNIFF,   /* check: the body is looked at */
    ACTION_SNIFFED, /* check: enough was; the rest is dropped */
    ACTION_BY_GET,  /* check: at once, with GET */
};

struct job_redirect {
    struct job_redirect *next;
    uint32_t status;
    uint32_t url_len;
    char url[]; /* that answered with it */
};

struct job {
    struct link link; /* host's queue, or an inbox */
    struct link all;  /* the scheduler's jobs */
    /* Delayed: the retry. Running: the next bytes under --limit-rate. Queued: the end of all attempts. */
    struct heap_item due;
    struct sched *sched;
    struct host *host; /* NULL while delayed or without a URL */
    struct exchange exchange;

    uint64_t n, line, number; /* number: rf_submit's, or 0 */
    char *text;               /* the URL as given; the first href where that is the same */
    struct url url;           /* the current one; href NULL: the text is no URL */
    struct url *first; /* the one asked for, once a redirect has led away from it; else NULL */
    char *name, *tag, *sha256; /* or NULL */
    char *why;                 /* more about an error of stage input, or NULL */
    int64_t size;              /* expected; -1: not known */
    struct job_spec *own_spec; /* this job's alone; NULL: the run's */
    void *sink;                /* the sink's, from prepare to record */
    void *user;                /* the engine's: who submitted it */
    struct job_extra *extra;   /* job_check.h; mostly NULL */
    struct unique *unique;     /* the engine's: equal requests; or NULL */
    const char *source;        /* the file or URL that `line` is of; the run's; or NULL */
    uint32_t column;

    const char *method;
    struct body_bytes *body;
    struct job_redirect *redirects; /* latest first */
    struct url *next_url;           /* where a redirect leads; or NULL */
    char *content_type;
    struct err err;
    struct err failed; /* how the last attempt ended, in case no other can begin */
    uint64_t read_ns, first_ns, attempt_ns, ended_ns; /* read, first attempt, this attempt, end */
    int64_t retry_after_ms;                           /* -1: not said */
    uint64_t body_bytes;
    uint64_t dropped_bytes; /* of bodies nobody wants */
    uint64_t offset;        /* where the body begins, when an output resumes */
    const char *validator;  /* the output's, for If-Range */
    uint64_t resume_from;   /* asked for; 0: from the start */
    uint16_t status;
    uint16_t attempts, redirect_count, refetches;
    uint8_t minor;
    uint8_t state, action;
    bool begun; /* the sink has begun */
    bool skipped;
    bool is_cached;      /* skipped, as an earlier run knew it */
    bool is_link;        /* of a document: its fragment must be there */
    bool is_plain;       /* fetched, though the run checks */
    bool is_twin;        /* of `unique`, but not the one that is asked */
    bool is_unconfirmed; /* no pass was left to confirm its failure */
    bool decided;        /* nothing is to be asked: `err` is the result */
    bool drains;         /* check: the body beyond what is looked at is worth reading */
    bool retrying;       /* the next start is a new attempt, not a redirect's next step */
};

/* A record's data becomes a job. The URL must have been parsed into `url` (its href will be copied), or `err` say why not, or nothing be
 * asked.
 * Text is copied. Any thread, with its own pool. */
struct job *job_new(struct pool *pool, struct span text, const struct url *url, struct err err);
/* Sets *field to a copy, from the pool. */
void job_set_text(struct pool *pool, char **field, struct span text);
/* Takes over fields, body and method; all of them are copied. Each header is a field as request_field_parse takes it and has a
 * NUL behind it. */
void job_set_spec(struct pool *pool, struct job *job, const struct job_spec *run,
                  const char *method, const struct span *headers, unsigned header_count,
                  struct span body);
void job_release(struct pool *pool, struct job *job);
/* The URL that was asked for, before any redirect. */
static inline const struct url *job_first(const struct job *job) {
    return job->first ? job->first : &job->url;
}
/* A copy with an href of its own; and its end. */
struct url *job_url_new(struct pool *pool, const struct url *url);
void job_url_release(struct pool *pool, struct url *url); /* NULL is allowed */
struct body_bytes *body_new(struct pool *pool, const void *bytes, size_t count);
void body_drop(struct pool *pool, struct body_bytes *body);

/* ---- where responses go ------------------------------------------------------------------------ */

enum sink_answer { SINK_GO, SINK_WAIT, SINK_SKIP, SINK_FAIL }; /* with SINK_FAIL, job->err is set */

/* WAIT is followed by sched_resume. All on the job's worker's thread. */
struct job_sink {
    enum sink_answer (*prepare)(struct job *job);
    enum sink_answer (*begin)(struct job *job, const struct response_head *head,
                              const struct response_framing *framing);
    enum sink_answer (*body)(struct job *job, struct span bytes);
    enum sink_answer (*finish)(struct job *job);
    void (*discard)(struct job *job);
    /* The result: the last the sink sees of the job, exactly once. */
    void (*record)(struct job *job);
    /* Keeps what is needed to ask again at the end of the run; then the job ends without a record. May be NULL. */
    bool (*postpone)(struct job *job);
};

/* ---- what workers share -------------------------------------------------------------------------- */

struct job_shared {
    unsigned concurrency;
    atomic_uint in_flight;
    atomic_uint
        starving;       /* schedulers with work that wait for one of `concurrency` and have none */
    atomic_uint hungry; /* ... that have some and could use more */
    uint64_t start_interval_ns; /* --rate; 0: off */
    atomic_uint_fast64_t start_next_ns;
    atomic_bool draining; /* no more jobs will come but those that redirects and retries make */
    uint64_t limit_rate_bytes; /* 0: off */
    atomic_uint_fast64_t bytes_next_ns;
    atomic_uint_fast64_t answered_ns; /* when a server last answered, to a tenth of a second */
    /* Wakes the schedulers that want places. Any worker's thread. */
    void (*wake_starving)(struct job_shared *shared);
    /* Another scheduler that has nothing to do, marked as no longer so; or NULL. */
    struct sched *(*find_dry)(struct sched *sched);
    /* Another scheduler with free places, whose claims now count this one, and how many; or NULL. */
    struct sched *(*find_room)(struct sched *sched, unsigned *room);
    void (*post_loan)(struct sched *to, struct loan *loan);
    /* Takes over a job whose host is another worker's; true if it did. */
    bool (*hand_over)(struct sched *sched, struct job *job);
};

#endif
