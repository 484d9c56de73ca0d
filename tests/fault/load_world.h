/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_world.h: everything of one run of the load's fault tests: a simulated network with servers that can be asked several things at once, a plan, a
 * worker, and what it handed in. One at a time in a process; the ring's thread.
 */
#ifndef FAULT_LOAD_WORLD_H
#define FAULT_LOAD_WORLD_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "load/load.h"
#include "ring/ring_sim.h"

/* What a server does with a request. X(ID, kind of the error that comes of it; NONE: it is well). */
#define LOAD_ACTS(X)                                                                               \
    X(ANSWER, NONE)           /* Content-Length */                                                 \
    X(CHUNKS, NONE)           /* in chunks */                                                      \
    X(EMPTY, NONE)            /* 204 */                                                            \
    X(INTERIM, NONE)          /* a 1xx before */                                                   \
    X(LATE, NONE)             /* after some milliseconds */                                        \
    X(LAST, NONE)             /* announces the end, and closes */                                  \
    X(LAST_LINGERS, NONE)     /* announces it, and leaves closing to the client */                 \
    X(OLD, NONE)              /* HTTP/1.0, without a length */                                     \
    X(CLOSES, NONE)           /* closes after the answer, and says nothing */                      \
    X(RESETS_AFTER, NONE)     /* the same with RST */                                              \
    X(CLOSES_SOON, NONE)      /* a millisecond after the answer, whatever has come meanwhile */    \
    X(SURPLUS, NONE)          /* more bytes than announced */                                      \
    X(MISSING, HTTP_STATUS)   /* 404 */                                                            \
    X(SLAMS, CLOSED)          /* closes without a byte */                                          \
    X(RESETS, RESET)          /* the same with RST */                                              \
    X(TRUNCATES, TRUNCATED)   /* closes in the middle of the body */                               \
    X(CUTS_HEAD, TRUNCATED)   /* in the middle of the head */                                      \
    X(GARBAGE, HTTP_09)       /* no status line */                                                 \
    X(BAD_LENGTH, BAD_LENGTH) /* two lengths */                                                    \
    X(SILENT, TIMED_OUT)      /* never answers */                                                  \
    X(STALLS, TIMED_OUT)      /* stops in the middle of the body */

enum load_act {
#define X(id, kind) ACT_##id,
    LOAD_ACTS(X)
#undef X
        ACT_COUNT
};

struct load_server {
    unsigned weight[ACT_COUNT]; /* of the next request's fate */
    unsigned late_ms;
    /* A request that comes so long after the last answer meets the end of its connection, as if it had crossed with it; 0: none does. */
    unsigned kept_ms;
    bool kept_rudely;         /* that end is a RST */
    bool greets;              /* speaks first */
    uint64_t frozen_until_ns; /* nothing is answered before, on ring_now's clock */
    uint64_t asked, done[ACT_COUNT];
    uint64_t ended; /* by kept_ms */
    unsigned peers;
};

struct load_blocks { /* what was handed in of one order */
    uint64_t tallies, requests, late, errors, successes, latencies, raws, slips;
    uint64_t over_ns; /* latencies of that or more are counted */
    uint64_t long_latencies, long_raws, latency_max, raw_max, slip_max;
    uint64_t status[LOAD_STATUSES], kind[LOAD_KINDS];
    uint64_t connects, resumed, body_bytes, sent_bytes;
    uint64_t next_block, end_ns;
    unsigned limits, outstanding_max, connections_max;
    bool last;
};

enum { WORLD_ORDERS = 16 };

extern struct load_test_world {
    uint64_t seed;
    struct sim_options sim;
    struct random random;
    struct load_server server;
    struct tls *tls;      /* the worker's; NULL: none */
    void (*listen)(void); /* further servers; may be NULL */
    struct ring *ring;
    struct pool_depot depot;
    struct pool memory;
    struct plan plan;
    struct load_shared shared;
    struct load_options options;
    struct load_worker *worker;
    struct load_blocks orders[WORLD_ORDERS];
    unsigned slots;
    bool calm; /* no faults */
} load_world;

void load_world_fail(const char *condition, const char *file, int line) __attribute__((noreturn));

/* Not cmocka's: what follows would run in this world's ruins. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            load_world_fail(#condition, __FILE__, __LINE__);                                       \
    } while (0)

static inline unsigned below(unsigned count) {
    return (unsigned)random_below(&load_world.random, count);
}

/* A world without faults and with one honest server; change what is to be otherwise, then open it. */
void load_world_init(uint64_t seed);
/* Adds a request of a side; "http://192.0.2.1/x". Before load_world_open. */
void load_world_ask(uint8_t side, const char *url);
void load_world_ask_closing(uint8_t side, const char *url); /* with Connection: close */
void load_world_ask_posting(uint8_t side, const char *url);
void load_world_open(void);
/* Turns until it is idle, at most so many virtual seconds. */
void load_world_run(const struct load_order *order);
/* Begins it only. */
void load_world_begin(const struct load_order *order);
void load_world_turn_until(uint64_t at_ns);
struct load_order load_world_order(unsigned number, uint8_t side, double seconds);
uint64_t load_world_now(void);
/* Closes everything but the memory, which others may have a part of. */
struct sim_report load_world_empty(void);
/* Closes everything and looks for what was left. */
struct sim_report load_world_close(void);

#endif
