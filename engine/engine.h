/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine.h: what the engine's own files share: the run, its workers, the feeder that reads input, the outputs.
 *
 * Threads: rf_engine_open starts the workers, each of which opens its own ring and then lives in ring_turn until rf_engine_close. rf_run
 * starts the feeder and waits. A worker owns all it has but its inbox; what is shared is atomic or under a lock named here.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <pthread.h>
#include <ringfetch/output.h>
#include <stdatomic.h>

#include "input/input.h"
#include "job/sched.h"
#include "net/resolver.h"
#include "ring/ring.h"
#include "tls/tls.h"

enum { WHY_BYTES = 512, OUTPUTS_MAX = 16 };

struct worker {
    struct rf_engine *engine;
    unsigned index;
    pthread_t thread;
    bool started; /* `thread` must be joined */
    struct ring *ring;
    struct resolver *resolver;
    struct tls *tls;
    struct conn_pool *conns;
    struct pool pool;
    struct sched sched;
    struct job_spec spec; /* the run's, with this worker's own copy of the body */
    struct ring_timer sched_timer, flush_timer;

    pthread_mutex_t lock;                /* guards inbox, loans, resumed, cancels */
    struct link inbox;                   /* jobs from other threads */
    struct link loans;                   /* parts of hosts, from other workers */
    struct link resumed;                 /* streams whose output can take more */
    struct link cancels;                 /* of submitted requests */
    atomic_bool posted;                  /* something is in one of them */
    atomic_bool working;                 /* on jobs, or about to see whether the run goes on */
    bool stopped;                        /* has told its scheduler to stop */
    bool saturated;                      /* its core computes nearly all the time ... */
    uint64_t sampled_ns, sampled_cpu_ns; /* ... as seen then */
    uint64_t noted_ns;                   /* when it told of a peer that answers */
    struct told { /* what its latest result said, which the next one often says too */
        struct address peer;
        char ip[ADDRESS_TEXT_BYTES];
        uint64_t turn_ns; /* by the ring's clock */
        int64_t wall_us;
    } told;

    atomic_uint_fast64_t ended, ok, skipped, retries, body_bytes, connections; /* for rf_progress */
    atomic_uint_fast64_t failed_by_kind[ERR_KIND_COUNT];
    atomic_uint_fast64_t by_verdict[RF_VERDICTS];
};

struct output {
    const struct rf_output_ops *ops;
    void *self;
    size_t state_offset; /* of its streams' state in a job's sink */
};

/* Peers that have answered in this run: what this machine's network is tried with. */
enum { CONTROL_PEERS = 8 };
struct control {
    pthread_mutex_t lock;
    struct address peer[CONTROL_PEERS]; /* the latest */
    unsigned noted;
};

struct submissions;
struct uniques;
struct confirm;
/* The one that has the job: stays so only on its own thread, or under its lock. */
static inline struct worker *worker_of(const struct job *job) {
    return job->sched->worker;
}

/* engine_result.c */
/* Room for what a result points to and nobody else holds. */
struct result_texts {
    char detail[512];
    char fingerprint[65];
    struct rf_tls_facts tls;
};
void result_fill(const struct job *job, struct rf_result *result, struct result_texts *texts);
void result_fill_redirects(const struct job *job, struct rf_redirect *redirects);

/* engine_submit.c */

struct rf_engine {
    struct rf_settings settings; /* strings and arrays are the engine's copies */
    struct http_field *fields;   /* parsed settings.headers */
    unsigned field_count;
    struct pool_depot depot;
    struct job_shared shared;
    struct worker *workers;
    unsigned worker_count;

    struct output output[OUTPUTS_MAX];
    unsigned output_count, body_output_count;
    pthread_mutex_t
        outputs_lock; /* keeps the flushes of idle workers away from outputs that are being closed */
    size_t sink_bytes;   /* of a job's sink with all its streams' states */
    bool records_wanted; /* an output or a callback looks at results */

    struct input *_Atomic input;
    atomic_uint stopping; /* calls of rf_stop that may be looking at `input` */
    pthread_t feeder;
    struct pool feeder_pool;
    atomic_uint_fast64_t next_n; /* records numbered so far */
    unsigned read_ahead;
    uint64_t confirm_pause_ns; /* between a failure and what confirms it, at least */

    pthread_mutex_t lock; /* guards running, starting, and the conditions */
    pthread_cond_t
        changed; /* a worker has started, the run has ended, or there is room to read on */
    unsigned started_count;
    enum rf_exit start_exit; /* of the first worker that could not start; 0: all could */
    char why[WHY_BYTES];     /* of the first worker that could not start */

    atomic_bool running; /* between the beginning and the end of rf_run */
    atomic_bool quit;    /* rf_engine_close wants the workers to end */
    atomic_bool
        submits; /* requests come by rf_submit too, so nobody knows when the last has come */
    atomic_bool input_read;  /* to its end ... */
    atomic_bool input_ended; /* ... and the confirm passes too: the feeder has ended */
    atomic_bool input_failed, output_failed;
    atomic_int stop;               /* enum rf_exit asked for by rf_stop; 0: none */
    atomic_uint_fast64_t live;     /* jobs made and not yet recorded */
    atomic_uint_fast64_t made;     /* since the run began */
    atomic_uint_fast64_t begun_ns; /* the run */

    pthread_mutex_t callback_lock; /* callbacks come one at a time */
    rf_done_fn *on_result;
    bool failures_only; /* what on_result is called for */
    void *on_result_context;
    rf_compare_fn *compare; /* or NULL */
    void *compare_context;
    struct submissions *submissions;

    struct expect *expect; /* the run's; NULL: this is no check */
    struct check_rules rules;
    struct control control;
    struct confirm *confirm;           /* NULL: failures are believed at once */
    struct uniques *uniques;           /* of the run; NULL: nobody asks for it */
    struct rf_engine *_Atomic fetcher; /* what input needs is fetched by it; NULL: nothing yet */
    const char **sources;              /* names of inputs, as records show them; the feeder's */
    size_t source_count, source_room;
};

/* engine_settings.c: copies and checks. RF_OK or RF_USAGE with a line in `why`. */
enum rf_exit settings_take(struct rf_engine *engine, const struct rf_settings *settings, char *why,
                           size_t why_size);
/* Zeros become what they stand for. */
void settings_fill_in(struct rf_settings *settings);
void settings_drop(struct rf_engine *engine);

/* engine_limits.c: raises RLIMIT_NOFILE; returns the limit now in force. */
uint64_t limits_raise(void);
/* How many workers: as many as cores, or as hold so many sockets together (decision 9). */
unsigned limits_workers(unsigned cores, unsigned sockets);
/* A worker's part of what each of as many workers as cores would have whole, if there are more of them. */
unsigned limits_share(unsigned whole, unsigned workers, unsigned least);
unsigned limits_cores(void);
/* What one of so many workers asks of its ring. */
void limits_ring(struct ring_options *options, const struct rf_settings *settings,
                 unsigned workers);
enum {
    LIMITS_SPARE = 32,     /* of a ring's sockets, one in so many is not for requests */
    RING_BUFFERS_MIN = 64, /* a power of two, as shares of powers of two must be */
    UNANSWERED_MIN = 8
};

/* engine.c: what an errno of the ring's set-up means to whoever runs this, in one line. */
void engine_explain_ring(int error, char *why, size_t why_size);

/* engine_worker.c */
bool worker_start(struct rf_engine *engine, unsigned index);
void worker_join(struct worker *worker);
/* After all workers were joined. */
void worker_deinit(struct worker *worker);
/* Any thread: the job becomes the worker's. A list of them under one lock and one wake-up. */
void worker_post(struct worker *worker, struct link *jobs);
void worker_wake(struct worker *worker);
/* Shows rf_progress what the worker has counted. After every turn, and before the last job's end is told: whoever waits for that
 * reads the sums at once. */
void worker_publish(struct worker *worker);
struct worker *engine_home(struct rf_engine *engine, const struct url *url);

/* engine_feed.c: the thread that reads input. */
void *feeder_main(void *engine);
/* A job has ended: maybe the feeder can read on, maybe that was the last. */
void engine_job_ended(struct rf_engine *engine);

/* What it takes to make jobs on the feeder's thread. */
struct feeding {
    struct pool *pool;
    const struct job_spec *spec; /* the run's, with a body of that pool */
    char *href;                  /* URL_HREF_BYTES_MAX + 1 */
};

/* engine_check.c */
enum rf_exit check_settings(struct rf_engine *engine, char *why, size_t why_size);
/* A request's own expectations, NUL-terminated; what is wrong with one becomes its error. */
void check_set_expect(const struct rf_engine *engine, struct pool *pool, struct job *job,
                      const struct span *expect, unsigned count);
enum rf_verdict check_verdict(const struct job *job);
/* The target has said something, be it that it refuses to: silence and faults of this machine are no answers. */
bool check_is_answer(struct err err);
/* Its answer says nothing of what the run would ask of the same URL. */
bool job_asks_its_own(const struct job *job);

/* engine_control.c */
void control_note(struct rf_engine *engine, const struct address *peer);
/* Whether this machine's network works, as far as can be told; waits for a while until it does. False: it does not. */
bool control_passes(struct rf_engine *engine);

/* engine_confirm.c */
struct confirm_pass;
struct confirm *confirm_open(void);
void confirm_close(struct confirm *confirm); /* NULL is allowed */
/* A new run begins. */
void confirm_reopen(struct confirm *confirm);
/* Failures that wait for a pass. */
uint64_t confirm_waiting(const struct confirm *confirm);
uint64_t confirm_waiting_of(const struct confirm *confirm, enum err_kind kind);
/* A worker: the job failed. True: it will be asked again, and may go. */
bool confirm_keep(struct rf_engine *engine, struct job *job);
/* The feeder, after all jobs have ended: what failed meanwhile. NULL: nothing. `close`: from now on nothing is kept any more. */
struct confirm_pass *confirm_begin(struct confirm *confirm, bool close);
uint64_t confirm_last_ns(const struct confirm_pass *pass);
struct job *confirm_next(struct confirm_pass *pass, struct feeding *feeding); /* NULL: the end */
void confirm_give_up(struct job *job);
void confirm_end(struct confirm_pass *pass);

/* engine_unique.c */
struct uniques *uniques_open(void);
void uniques_close(struct uniques *all); /* NULL is allowed */
enum unique_answer {
    UNIQUE_ASK,   /* the first: ask it */
    UNIQUE_KNOWN, /* the first has ended: the job only has to be recorded */
    UNIQUE_WAITS, /* it is kept until then, and nobody's job meanwhile */
};
enum unique_answer unique_add(struct uniques *all, struct job *job);
/* The first has its result: keeps a copy, and hands out the jobs that waited for it. */
void unique_ended(struct uniques *all, struct job *job, const struct rf_result *result,
                  struct link *waiting);
/* What a twin's record says, and what it counts as. */
void unique_result(const struct job *job, struct rf_result *result);
void unique_outcome(struct job *job);

/* engine_fetch.c: an input_fetch_fn; the context is the engine. */
bool engine_fetch(void *context, const char *url, struct input_body *body, struct err *err,
                  char *why, size_t why_size);
void engine_fetch_end(struct rf_engine *engine);

/* engine_sink.c */
extern const struct job_sink engine_sink;
void sink_resumed(struct worker *worker, struct link *stream);
/* Before the job is posted to another worker. */
void sink_moved(struct job *job, struct worker *to);
/* Lays out the outputs' states; after the last output was added. */
void sink_layout(struct rf_engine *engine);

/* engine_submit.c */
struct submission;
struct submissions *submissions_open(void);
void submissions_close(struct submissions *submissions);
/* The submitter's wishes for a job, from the worker that runs it. */
bool submission_wants_body(const struct job *job);
bool submission_body(struct job *job, struct span bytes); /* false: the submitter has had enough */
void submission_restart(struct job *job); /* a new attempt: forget the body so far */
/* Hands over the result; false if the job was not submitted but read. */
bool submission_done(struct job *job, struct rf_result *result);
/* Before the job is posted to another worker. */
void submission_moved(struct job *job, struct worker *worker);
/* When the worker takes it from its inbox; false: it was cancelled on the way. */
bool submission_arrived(struct job *job, struct worker *worker);
/* Works off a worker's cancels. */
void submissions_cancel(struct worker *worker);

#endif
