/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_world.h: everything of one run of tls_fault_test.c: a simulated network with https servers good and bad, a pool of
 * connections, and the settings that were drawn for it. One at a time in a process; the ring's thread.
 */
#ifndef FAULT_TLS_WORLD_H
#define FAULT_TLS_WORLD_H

#include <inttypes.h>
#include <stdlib.h>

#include "conn/conn.h"
#include "tls_peer.h"

enum { CLIENTS = 36, STALL_S = 5, CONNECT_TIMEOUT_S = 3 };

struct client {
    struct exchange exchange;
    struct origin *origin;
    enum behaviour behaviour;
    const char *method, *host;
    unsigned id, bytes, ends;
    size_t got;
    struct err err;
    unsigned pause_chance, stop_chance; /* of 100 upcalls */
    bool begun, paused, stopped, cancelled;
};

/* Where servers of one kind are. */
enum place { PLACE_GOOD, PLACE_WRONG_HOST, PLACE_STRANGER, PLACE_TRICKSTER, PLACES };

struct settings {
    enum tls_version server_min, server_max, client_min, client_max; /* that overlap or not */
    bool server_forgets, client_forgets;                             /* no resumption */
    bool mismatched;                                                 /* as world_open found */
    unsigned trick_chance, rude_chance;
    enum tls_trick trick; /* of PLACE_TRICKSTER, always */
    unsigned slots, wanted, pace_ms;
    bool burst;        /* all begin at once */
    bool serial;       /* each begins when the one before has ended */
    bool calm;         /* no faults, no whims of the owners */
    bool starved;      /* allocations fail at some time */
    unsigned famine;   /* so many allocations until one fails; 0: drawn, if starved */
    bool famine_lasts; /* and all after it */
};

extern struct tls_world {
    uint64_t seed;
    struct settings settings;
    struct sim_options options;
    struct random random;
    struct ring *ring;
    struct resolver *resolver;
    struct pool_depot depot;
    struct pool memory;
    struct conn_pool *conns;
    struct tls *client_tls, *server_tls, *stranger_tls;
    struct http_model model;
    struct tls_place place[PLACES];
    struct ring_timer driver;
    struct client client[CLIENTS];
    unsigned begun, ended, ok, resumed;
    unsigned famine_left;  /* of settings.famine, at the end */
    struct tls_cert *cert; /* of the first server that was met */
    struct conn_pool_counts counts;
    int64_t tls_live_bytes; /* before anything was opened */
} tls_world;

void world_fail(const char *condition) __attribute__((noreturn));

/* Not cmocka's: what follows would run in this world's ruins. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            world_fail(#condition);                                                                \
    } while (0)

static inline unsigned below(unsigned count) {
    return (unsigned)random_below(&tls_world.random, count);
}

static inline bool chance(unsigned of_100) {
    return below(100) < of_100;
}

/* Certificates, made once a program; the numbers that they are made of come from tls_world.random's like. */
void world_mint(void);
void world_forget_mint(void);

/* A new world for `options.seed`; the settings are drawn from it unless the caller has others. */
void world_draw(const struct sim_options *options);
void world_open(void);
/* Closes all connections; then the rest. */
void world_empty(void);
struct sim_report world_close(void);

/* The servers that a host's name leads to; NULL: none. */
const struct tls_place *world_place(const char *host);
bool world_said_end(unsigned id);
unsigned world_established(void);

/* ---- the clients ----------------------------------------------------------------------------------- */

typedef void client_init_fn(struct client *client, unsigned id);
/* Anything, at any place. */
client_init_fn client_init;
/* A plain GET that nothing is wrong with. */
client_init_fn client_init_plain;
/* Opens the world, lets the clients have their way to the last one's end, and closes it. */
struct sim_report world_run(client_init_fn *init);

void client_print(const struct client *client);
/* With what the client was and what became of it. */
#define EXPECT_OF(client, condition)                                                               \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            client_print(client);                                                                  \
            EXPECT(condition);                                                                     \
        }                                                                                          \
    } while (0)

#endif
