/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_sim_parts.h: what the files of the simulated ring share, and nobody else sees. Everything
 * that will happen is an event in one heap, ordered by virtual time and then by age. A task is
 * the ring's side of a queued ring_op: it has at most one event that carries it on and one that
 * cancels it. A peer is a connection, both directions of it.
 *
 *   ring_sim.c        opening, turns, time, slots
 *   ring_sim_ops.c    tasks: queueing, chains, starting, cancelling, ending
 *   ring_sim_net.c    peers: connecting, both byte streams, what a server model may call
 *   ring_sim_world.c  options, faults, the heap of events, reports
 *
 * Rejected: one random stream per socket, which would keep schedules alike when the code under
 * test changes; swarms of seeds find more than a kept schedule does.
 */
#ifndef RING_RING_SIM_PARTS_H
#define RING_RING_SIM_PARTS_H

#include <stdatomic.h>

#include "base/hash.h"
#include "ring/ring_sim.h"
#include "ring/ring_timers.h"

struct sim_event;
typedef void sim_event_fn(struct ring *ring, struct sim_event *event);

struct sim_event {
    uint64_t at_ns, sequence;
    sim_event_fn *run; /* NULL: withdrawn */
    struct sim_task *task;
    struct sim_peer *peer;
    sim_peer_fn *fire; /* a peer's timer */
    size_t count;
    uint8_t bytes[];
};

enum sim_task_state {
    TASK_QUEUED,  /* not started: the turn has not come, or the chain's link before has not ended */
    TASK_RUNNING, /* can be cancelled */
    TASK_SENT,    /* a quiet send whose bytes have gone: waits to be settled */
    TASK_ENDING   /* the result is known, its completion is under way */
};

struct sim_task {
    struct link link;  /* its slot's tasks, or the ring's polls */
    struct link queue; /* the ring's heads to start */
    struct ring_op *op;
    struct sim_task *then; /* the chain's next */
    unsigned chain;        /* 0: none */
    enum sim_op kind;
    enum sim_task_state state;
    bool cancel_wanted; /* before it started: a kernel doesn't find such ops either */
    int32_t slot, result;
    const void *bytes; /* what the owner promised to leave alone ... */
    size_t count;
    uint64_t hash; /* ... and how it looked */
    int number;    /* socket: the family; poll: the descriptor */
    unsigned events;
    struct sim_event *event, *cancel;
};

enum sim_slot_state { SLOT_FREE, SLOT_TAKEN, SLOT_SOCKET };

struct sim_slot {
    enum sim_slot_state state;
    int32_t next_free;
    int family;
    bool connected, abortive, finished, closing;
    struct sim_peer *peer; /* from the connect's start on */
    struct link tasks;
};

struct sim_peer {
    struct link link;
    struct ring *ring;
    const struct sim_server_ops *ops;
    void *context, *user;
    int32_t slot;                        /* RING_NO_SLOT once the client has closed */
    unsigned events;                     /* that name it: it is freed with the last one */
    uint64_t to_client_ns, to_server_ns; /* when the last thing sent arrives: streams keep order */
    uint8_t *inbox;                      /* arrived at the client, not yet received */
    size_t inbox_at, inbox_len, inbox_room;
    bool gone;             /* the client has closed, and the server knows */
    bool finished;         /* the server sends no more */
    bool deaf;             /* the server reads no more */
    bool fin, reset;       /* have arrived at the client */
    bool reset_told;       /* the error is reported once, then it is an end like any other */
    bool starved, pumping; /* waits for a buffer; an event will look at the inbox again */
};

struct ring {
    struct ring_options options;
    uint64_t now_ns; /* ring_now's */
    uint64_t wake_at_ns;
    uint64_t net_ns; /* the network's, up to now_ns: of the event that runs */
    bool turning;
    struct sim_slot *slots;
    unsigned slots_used;
    int32_t free_slot;
    struct link heads, polls, peers;
    struct sim_task *chain_last;
    unsigned chain_left, chain_id;
    struct timer_wheel wheel;
    struct ring_counts counts;
    atomic_bool wake;
    int wake_fd;
    ring_wake_fn *woken;
    void *wake_context;
};

struct sim_route {
    int family; /* 0: any */
    uint8_t host[16];
    uint16_t port;
    int error; /* connecting fails */
    bool blackhole;
    const struct sim_server_ops *ops;
    void *context;
};

/* The one world of the process. */
struct sim_world {
    bool configured;
    struct sim_options options;
    struct random random;
    struct {
        unsigned after, count;
    } forced[SIM_FAULT_COUNT];
    struct sim_route *routes;
    size_t route_count;
    struct sim_event **heap;
    size_t heap_len, heap_room;
    uint64_t sequence;
    struct ring *ring;
    struct sim_report report;
};
extern struct sim_world sim_world;

/* Like CHECK, with the seed and what is in flight. */
__attribute__((noreturn, cold)) void sim_fail(const char *what);
#define SIM_CHECK(condition, what) ((condition) ? (void)0 : sim_fail(what))

/* ---- world ----------------------------------------------------------------------------------- */

void *sim_alloc(size_t bytes); /* zeroed, never NULL */
bool sim_fault(enum sim_fault fault);
uint64_t sim_below(uint64_t below);
/* What the faults add to anything's time, mostly 0. */
uint64_t sim_jitter_ns(void);
/* One way through the network, with that. */
uint64_t sim_latency_ns(void);
uint64_t sim_delay_ns(void); /* 1 us up to delay_ms_max */
/* `count` bytes are copied. The event runs at `at_ns`, at the earliest 1 us after the network's
 * now. */
struct sim_event *sim_event_add(struct ring *ring, uint64_t at_ns, sim_event_fn *run,
                                const void *bytes, size_t count);
void sim_event_withdraw(struct sim_event *event);
/* When the next one is due; UINT64_MAX: nothing is. */
uint64_t sim_event_next_ns(void);
struct sim_event *sim_event_pop(void);
void sim_event_free(struct sim_event *event);
void sim_trace(const struct sim_task *task, int32_t result, bool more);

/* ---- tasks ----------------------------------------------------------------------------------- */

void sim_submit(struct ring *ring);
/* The completion comes after `after_ns`. */
void sim_task_end_later(struct ring *ring, struct sim_task *task, int32_t result,
                        uint64_t after_ns);
/* The final completion: the task is gone afterwards, and perhaps its op. */
void sim_task_end(struct ring *ring, struct sim_task *task, int32_t result);
struct sim_slot *sim_slot_of(struct ring *ring, int32_t slot);
void sim_slot_free(struct ring *ring, int32_t slot);

/* ---- the network ----------------------------------------------------------------------------- */

void sim_net_connect(struct ring *ring, struct sim_task *task);
void sim_net_take(struct sim_peer *peer, const void *bytes, size_t count);
void sim_net_shutdown(struct sim_peer *peer);
void sim_net_close(struct sim_peer *peer);
/* The client's end is broken from now on: ECONNRESET on receiving. */
void sim_net_break(struct ring *ring, struct sim_peer *peer);
/* Looks at the inbox again soon. */
void sim_net_pump_later(struct ring *ring, struct sim_peer *peer);
void sim_peer_unref(struct sim_peer *peer);

#endif
