/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * job_world.h: what tests of job/ on the simulated ring share: a scheduler above servers good and bad, a sink
 * that makes jobs wait, skips and fails them at random, and the checks that hold whatever happens: each job is
 * recorded once, with the right bytes or an error, within its limits; nothing is left. One world at a time;
 * one thread.
 */
#ifndef FAULT_JOB_WORLD_H
#define FAULT_JOB_WORLD_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "http_model.h"
#include "job/sched.h"

enum {
    JOBS_MAX = 40,
    SLOTS = 9,
    CONNECT_TIMEOUT_S = 3,
    STALL_S = 5,
    LATE_MS =
        300, /* what a deadline may be missed by: timers, and a sink that makes the end wait */
};

/* A job, as the test and its sink see it. */
struct entry {
    struct job *job; /* NULL once recorded */
    enum behaviour behaviour;
    const char *method, *host;
    unsigned bytes, id;
    bool begun, waiting, recorded, cancelled, ok, skipped;
    size_t got;
    uint64_t first_ns, ended_ns;
    struct err err;
    unsigned attempts, status, order;
};

extern struct world {
    uint64_t seed;
    struct sim_options options;
    struct random random;
    struct ring *ring;
    struct resolver *resolver;
    struct pool_depot depot;
    struct pool memory;
    struct conn_pool *conns;
    struct http_model model;
    struct ring_timer driver, due;
    struct job_shared shared;
    struct job_spec spec;
    struct sched_options sched_options;
    struct sched sched;
    struct entry entry[JOBS_MAX];
    unsigned wanted, added, recorded;
    unsigned wait_chance, fail_chance, skip_chance; /* of 1000 calls of the sink */
    bool calm, stopped;
} world;

/* Not cmocka's: what follows would run in this world's ruins. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            sim_print(stderr);                                                                     \
            fprintf(stderr, "seed %" PRIu64 ": not so: %s\n", world.seed, #condition);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

void print_entry(const struct entry *entry);
#define EXPECT_OF(entry, condition)                                                                \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_entry(entry);                                                                    \
            EXPECT(condition);                                                                     \
        }                                                                                          \
    } while (0)

/* Below `count`, from the world's seed. */
unsigned below(unsigned count);
void entry_init(struct entry *entry, unsigned id);
/* Ends all jobs but those whose outputs are at work. */
void stop_everything(void);
/* A turn of the loop, as a worker makes it. */
void turn(void);

/* In this order: open_world, options, open_sched, entries, run_to_end, close_world. */
void open_world(const struct sim_options *options, bool calm);
void draw_options(void);
void calm_options(void);
void open_sched(void);
void run_to_end(unsigned jobs);
void close_world(void);

#endif
