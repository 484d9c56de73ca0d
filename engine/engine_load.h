/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_load.h: what the files of a load share: the conductor (the caller's thread, in rf_load_run), the threads of
 * the workers, and what is made of their tallies.
 *
 * Threads: each worker's thread owns its ring, tls and load_worker; the conductor gives it orders by a mailbox and gets
 * tallies by a list, both under a lock. All else here is the conductor's alone. What adds up, plans and judges (merge, series,
 * blocks, judge) is pure: it knows neither threads nor clocks, and is tested without them.
 */
#ifndef ENGINE_ENGINE_LOAD_H
#define ENGINE_ENGINE_LOAD_H

#include <pthread.h>
#include <ringfetch/load.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/list.h"
#include "engine.h"
#include "load/load.h"
#include "stats/compare.h"
#include "stats/rf_histogram.h"

enum {
    LOAD_SERIES_MAX = 20000, /* blocks or seconds kept; then neighbours become one */
    LOAD_PAIRS_MIN = 13, /* six metrics are decided after so many at the earliest (decision 11) */
    LOAD_BLOCK_REQUESTS = 100, /* what makes a block's p99 mean something */
};
#define LOAD_BLOCK_NS (100 * NS_PER_MS)

/* ---- engine_load_period.c: a stretch of time ------------------------------------------------------- */

/* What happened in a block, a second, or since the last sample. */
struct load_period {
    uint64_t start_ns, stop_ns; /* of the first and the last part; start UINT64_MAX: nothing yet */
    uint64_t length_ns;         /* under load: without what lies between parts */
    unsigned parts;
    uint64_t requests, late, errors, bytes;
    unsigned connections; /* at the end of the last part */
    struct histogram latency;
};
bool load_period_init(struct load_period *period);
void load_period_deinit(struct load_period *period);
void load_period_reset(struct load_period *period);
/* One worker's tally of it: all workers' tallies are of the same stretch. From `end_ns` on it is not under load. Its
 * `connections` are added by whoever knows which of them count. */
void load_period_add_tally(struct load_period *period, const struct load_tally *tally,
                           uint64_t end_ns);
/* A later part of it. */
void load_period_add_part(struct load_period *period, const struct load_period *part);
/* Times since `origin_ns`. */
struct rf_load_block load_period_block(const struct load_period *period, uint64_t origin_ns);
struct rf_load_second load_period_second(const struct load_period *period, double start_s);

/* ---- engine_load_series.c: blocks and seconds in constant memory ----------------------------------- */

/* When it is full each two neighbours become one, and whoever adds makes later ones twice as long, as `stride` says. */
struct load_blocks {
    struct rf_load_block *block;
    size_t count, room;
    unsigned stride;
};
struct load_seconds {
    struct rf_load_second *second;
    size_t count, room;
    unsigned stride;
};
/* Memory is touched, so that it doesn't grow afterwards. `room` is even. False: memory is out. */
bool load_blocks_init(struct load_blocks *blocks, size_t room);
void load_blocks_deinit(struct load_blocks *blocks);
void load_blocks_add(struct load_blocks *blocks, const struct rf_load_block *block);
/* What is too short to be a block of its own goes to the last one, if there is one. */
void load_blocks_add_rest(struct load_blocks *blocks, const struct rf_load_block *rest);
bool load_seconds_init(struct load_seconds *seconds, size_t room);
void load_seconds_deinit(struct load_seconds *seconds);
void load_seconds_add(struct load_seconds *seconds, const struct rf_load_second *second);
/* Counts are added; a joined quantile is the mean of both, weighted by what they counted. */
struct rf_load_block load_block_join(const struct rf_load_block *a, const struct rf_load_block *b);
struct rf_load_second load_second_join(const struct rf_load_second *a,
                                       const struct rf_load_second *b);

/* ---- engine_load_merge.c: tallies become figures --------------------------------------------------- */

/* One block of the running order, until all workers' tallies of it are there. */
struct load_slot {
    struct link link;
    uint64_t block;
    struct load_period period;
};

struct load_side {
    uint64_t requests, late, errors;
    uint64_t received_bytes, sent_bytes, body_bytes;
    uint64_t status[RF_STATUS_MAX], kind[RF_KINDS_MAX];
    uint64_t connects, resumed; /* warm-up included, as in `connect` and `tls` */
    uint64_t cpu_user_ns, cpu_system_ns;
    uint64_t length_ns;              /* of its measured orders */
    uint64_t warm_requests, warm_ns; /* of the others */
    struct rf_histogram latency, first_byte, raw, slip, connect, tls;
    struct load_blocks blocks;
    struct load_seconds seconds;
    struct load_period block, second; /* the present ones */
    uint64_t second_index;
};

/* What the merging knows of a worker. */
struct load_hand {
    uint64_t next;              /* block that it will hand in */
    bool over;                  /* has handed in the order's last */
    uint64_t cpu_ns, length_ns; /* in the measured part */
    unsigned connections[RF_SIDES], connections_max[RF_SIDES], outstanding_max[RF_SIDES];
};

struct load_merge {
    unsigned workers, sides;
    bool open_loop;
    struct load_hand *hand; /* [workers] */
    struct load_side side[RF_SIDES];
    unsigned limits;

    uint64_t origin_ns; /* where the measured part begins */
    uint64_t order;     /* the running one's number */
    uint64_t block_ns;
    uint8_t order_side;
    bool counted;
    bool dropping;              /* workers close what they have: that is not what was open */
    uint64_t start_ns, stop_ns; /* of what was handed in of it */
    bool has_block;             /* a block of this order is complete, and of full length: */
    struct rf_load_block last_block;
    uint64_t asked_stop_ns;
    struct link slots, spare; /* struct load_slot, in the order of blocks */

    struct load_period sample; /* since somebody has taken it */
    uint64_t sample_worker_ns; /* of all workers: not all have handed in equally much */
    uint8_t sample_side;
};
struct load_merge_options {
    unsigned workers, sides;
    bool open_loop;
    size_t blocks_room, seconds_room;
};
/* False: memory is out; deinit all the same. */
bool load_merge_init(struct load_merge *merge, const struct load_merge_options *options);
void load_merge_deinit(struct load_merge *merge);
void load_merge_begin(struct load_merge *merge, const struct load_order *order);
/* False: memory is out, and a block's own figures lack this tally. */
bool load_merge_add(struct load_merge *merge, const struct load_tally *tally);
void load_merge_reset_sample(struct load_merge *merge);
/* From now on workers drop what is under way, connections too. */
void load_merge_drop(struct load_merge *merge);
/* Every worker has handed in its last tally of the order. */
bool load_merge_is_over(const struct load_merge *merge);
/* After the last tally, or when no more will come. `whole`: it lasted until its stop, even if nothing happened at the end. */
void load_merge_end(struct load_merge *merge, bool whole);
/* Closes the seconds, and puts what is too short for a block to the last one; after the last order. */
void load_merge_finish(struct load_merge *merge);

/* ---- engine_load_blocks.c: how long blocks are, and whose turn it is -------------------------------- */

/* Nanoseconds of one side's block in a run of two sides. `slower_rps` is what the slower side did in the warm-up; 0: not known. */
uint64_t load_block_length(const struct rf_load_settings *settings, double slower_rps);
/* How many pairs there will be at most. */
size_t load_pairs_max(const struct rf_load_settings *settings, uint64_t block_ns);

/* Which side is next: each pair's order is an independent toss (decision 11). */
struct load_turns {
    struct random random;
    uint64_t taken;
    uint8_t first;
};
void load_turns_init(struct load_turns *turns, uint64_t seed);
uint8_t load_turns_next(struct load_turns *turns);

/* ---- engine_load_judge.c -------------------------------------------------------------------------- */

struct load_compare {
    struct compare metric[RF_METRICS];
    unsigned judged; /* an OR of 1 << enum rf_metric; never 0 */
    double *scratch; /* for medians */
    size_t room;
    struct rf_comparison comparison;
    size_t pairs;
};
/* False: memory is out; deinit all the same. */
bool load_compare_init(struct load_compare *judge, const struct rf_load_settings *settings,
                       size_t pairs_max, size_t blocks_room);
void load_compare_deinit(struct load_compare *judge);
void load_compare_add(struct load_compare *judge, const struct rf_load_block *a,
                      const struct rf_load_block *b);
struct load_series_of {
    const struct rf_load_block *block;
    size_t count;
};
void load_compare_look(struct load_compare *judge, struct load_series_of a,
                       struct load_series_of b);
/* As it was at the last look: the run may end. */
bool load_compare_is_decided(const struct load_compare *judge);

/* ---- engine_load_figures.c ------------------------------------------------------------------------ */

/* What is read from this machine before and after the measured part. */
struct load_machine_marks {
    uint64_t wall_ns, process_ns;       /* CPU of the process */
    uint64_t machine_busy, machine_all; /* ticks; all 0: not known */
};
struct rf_load;
struct load_machine_marks load_machine_read(void);
/* Room for what the workers will know. False: memory is out; drop all the same. */
bool load_figures_init(struct rf_load *load);
/* A worker's thread, at its end: takes what only the worker knows. */
void load_figures_gather(struct rf_load *load, const struct load_worker *worker);
/* After the threads have ended. False: memory is out. */
bool load_figures_fill(struct rf_load *load);
void load_figures_drop(struct rf_load *load);
/* The schedule's part: slip and a rate that was missed. Pure. */
struct load_schedule_facts {
    const struct histogram *slip;
    double rps_scheduled, seconds;
    uint64_t requests;
    bool whole; /* the schedule was gone through: the number of requests means something */
    bool poisson;
};
bool load_schedule_slipped(const struct load_schedule_facts *facts);

/* ---- engine_load_thread.c -------------------------------------------------------------------------- */

struct load_mail {
    bool connect[RF_SIDES], has_order, stop, abandon, quit;
    struct load_order order;
};

struct load_thread {
    struct rf_load *load;
    unsigned index;
    pthread_t thread;
    bool started;
    struct ring *ring; /* NULL when the thread ends */
    struct tls *tls;
    struct pool pool;
    struct load_worker *worker;

    pthread_mutex_t lock; /* guards mail and, against waking what is freed, ring */
    struct load_mail mail;
    atomic_bool posted;

    bool connecting[RF_SIDES];
    atomic_bool connected[RF_SIDES];
    atomic_uint connections, outstanding; /* for samples */
};
/* RF_OK: all run. Else `why` has one line, and load_threads_end must be called all the same. */
enum rf_exit load_threads_start(struct rf_load *load, char *why, size_t why_size);
void load_threads_connect(struct rf_load *load, uint8_t side);
void load_threads_order(struct rf_load *load, const struct load_order *order);
void load_threads_stop(struct rf_load *load);
void load_threads_abandon(struct rf_load *load);
/* Ends and joins them. */
void load_threads_end(struct rf_load *load);
void load_threads_free(struct rf_load *load);

/* ---- engine_load_tallies.c: their way between threads ------------------------------------------------- */

bool load_tallies_init(struct rf_load *load, unsigned count);
void load_tallies_deinit(struct rf_load *load);
/* The workers' door: struct load_shared's hand_in. */
struct load_tally *load_tallies_hand_in(void *context, struct load_tally *full);
/* The conductor's: NULL when there is none. */
struct load_tally *load_tallies_take(struct rf_load *load);
void load_tallies_give_back(struct rf_load *load, struct load_tally *tally);
/* Nobody takes them any more: hand_in must not wait. */
void load_tallies_close(struct rf_load *load);
void load_notify(struct rf_load *load);

/* ---- engine_load.c ------------------------------------------------------------------------------------ */

/* False: a line in why[WHY_BYTES]. */
bool load_tls_open(struct rf_load *load, struct tls **tls, struct pool *pool, char *why);
/* The caller's thread's ring and its resolver. */
void load_names_close(struct rf_load *load);

/* ---- engine_load_resolve.c ------------------------------------------------------------------------- */

enum rf_exit load_resolve(struct rf_load *load, char *why, size_t why_size);
void load_resolve_drop(struct rf_load *load);

/* ---- engine_load_probe.c --------------------------------------------------------------------------- */

/* Sorts the target's addresses, those that answer first; returns how many are worth connecting to. */
unsigned load_probe(const struct rf_load *load, struct plan_target *target);

/* ---- engine_load_settings.c ------------------------------------------------------------------------ */

enum rf_exit load_settings_take(struct rf_load *load, const struct rf_settings *settings,
                                const struct rf_load_settings *load_settings, char *why,
                                size_t why_size);
void load_settings_drop(struct rf_load *load);
bool load_is_open_loop(const struct rf_load *load);

/* ---- the whole -------------------------------------------------------------------------------------- */

struct load_tallies {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    struct link full, empty;
    bool closed;
};

struct rf_load {
    struct rf_engine
        common; /* `settings`, `fields` and `expect` alone: they are taken and dropped as an engine's */
    struct rf_load_settings settings; /* the ramp is in `ramp` */
    struct ramp_part *ramp;
    double ramp_s;
    unsigned threads_wanted;
    bool has_https;

    struct pool_depot depot;
    struct pool pool;
    struct plan plan;
    char *url[RF_SIDES];       /* of each side's first request */
    struct ring *ring;         /* the caller's thread's, for names; until the workers start */
    struct resolver *resolver; /* the same */

    struct load_thread *thread; /* [thread_count] */
    unsigned thread_count, started_count;
    unsigned ready; /* threads that have said how their start went; under `lock` */
    enum rf_exit start_exit;
    char why[WHY_BYTES];
    pthread_mutex_t lock;
    pthread_cond_t changed;

    struct load_shared shared;
    struct load_tallies tallies;
    int event_fd;    /* what the conductor waits for; -1: none */
    atomic_int stop; /* enum rf_exit; 0: none */

    /* The conductor's. */
    bool has_run;
    struct load_merge merge;
    struct load_compare judge;
    struct load_turns turns;
    uint64_t order_number;
    enum rf_load_phase phase;
    uint64_t begin_ns, end_ns; /* the measured part; end UINT64_MAX: not known */
    uint64_t drain_ns;         /* when the running order stops */
    bool abandoned, lacks_memory;
    uint64_t looked_ns, look_cost_ns;
    rf_load_sample_fn *sample;
    void *sample_context;
    uint64_t sampled_ns;
    struct rf_load_sample last_sample;

    struct load_machine_marks before, after;
    struct rf_load_machine machine;
    struct rf_load_figures figures[RF_SIDES];
    struct load_facts facts[RF_SIDES]; /* until the threads have ended, under `lock` */
    char ip[RF_SIDES][ADDRESS_TEXT_BYTES];
    struct rf_load_entry *gathered; /* [plan.entry_count]; under `lock`, too */
    struct rf_histogram **latency;  /* of each of them, NULL where nothing was counted */
    struct rf_load_entry *entry;    /* the same, side by side */
    bool has_figures;
};

#endif
