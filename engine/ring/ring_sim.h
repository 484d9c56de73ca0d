/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_sim.h: what the simulated ring offers beyond ring.h. It is a network in memory with
 * virtual time: one seed, one schedule. A test describes the servers and the faults, opens the
 * ring (or a whole engine with ONE worker) and asserts that every request ends exactly once.
 * Everything belongs to the worker's thread but ring_wake; configure before ring_open. One ring
 * at a time in a process, as the world below is one.
 *
 * The ring is as unkind as its contract allows: completions come late and in bunches, received
 * bytes lie in a block that is freed after the upcall, sent bytes are read when the network
 * takes them and must be the same until the completion, slots are re-used at once, breaking a
 * rule of ring.h prints the seed, the counts and what is in flight, and aborts.
 *
 * How to write a test of the whole engine; link libringfetch-sim.a, and print the seed when an
 * assertion fails:
 *
 *     // The model's own state is made in `accepted` and freed in `closed`.
 *     static void answer(struct sim_peer *peer, const uint8_t *bytes, size_t count) {
 *         struct request_end *end = sim_peer_user(peer);
 *         if (request_end_feed(end, bytes, count)) // requests arrive in pieces as well
 *             sim_peer_send(peer, response, response_bytes);
 *     }
 *     static const struct sim_server_ops server = {greet, answer, forget};
 *
 *     for (uint64_t seed = 1; seed <= 2000; seed++) {
 *         struct sim_options options;
 *         sim_options_swarm(&options, seed); // each seed: its own mixture of faults
 *         options.wait_for_wake = true;      // the input thread is real and wakes the worker
 *         sim_configure(&options);
 *         sim_listen("192.0.2.1", 80, &server, NULL);
 *         sim_blackhole("192.0.2.9");
 *         run_engine(&results);              // URLs with literal addresses: no resolver
 *         struct sim_report report = sim_report();
 *         if (results.ended != results.submitted || report.peers_live || report.ops_live) {
 *             sim_print(stderr);
 *             abort();
 *         }
 *     }
 *
 * sim_force makes a fault hit at one certain place: sim_force(SIM_FAULT_SEND_FAILS, 3, 1) fails
 * the fourth send, whatever the options say; a loop over `after` visits every place there is.
 */
#ifndef RING_RING_SIM_H
#define RING_RING_SIM_H

#include <stdio.h>

#include "ring/ring.h"

/* X(ID, name in reports). */
#define SIM_FAULTS(X)                                                                              \
    X(SHORT_PIECES, "short-pieces")   /* bytes arrive cut at random, both ways */                  \
    X(DELAY, "delay")                 /* anything comes up to delay_ms_max later */                \
    X(REORDER, "reorder")             /* a little later, so that other sockets overtake it */      \
    X(SOCKET_FAILS, "socket-fails")   /* EMFILE, ENFILE, ENOBUFS */                                \
    X(CONNECT_FAILS, "connect-fails") /* one of the errors below */                                \
    X(SEND_FAILS, "send-fails")       /* EPIPE or ECONNRESET, the connection is dead then */       \
    X(SEND_LATE, "send-late")         /* completes late, perhaps after the answer has come */      \
    X(RECV_RESET, "recv-reset")       /* ECONNRESET in place of bytes */                           \
    X(NO_BUFFERS, "no-buffers")       /* the ring is out of buffers: bytes come late */            \
    X(PEER_CLOSES, "peer-closes")     /* FIN or RST in place of reading or of answering */         \
    X(LATE_TURN, "late-turn")         /* the worker comes late: many completions in a turn */

enum sim_fault {
#define X(id, name) SIM_FAULT_##id,
    SIM_FAULTS(X)
#undef X
        SIM_FAULT_COUNT
};

/* What connecting can fail with by SIM_FAULT_CONNECT_FAILS. */
#define SIM_CONNECT_ERRORS                                                                         \
    { ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL, ECONNRESET }

/* X(ID, name in reports). */
#define SIM_OPS(X)                                                                                 \
    X(SOCKET, "socket")                                                                            \
    X(CONNECT, "connect")                                                                          \
    X(SEND, "send")                                                                                \
    X(SEND_QUIET, "send-quiet")                                                                    \
    X(RECV, "recv")                                                                                \
    X(ACCEPT, "accept")                                                                            \
    X(CLOSE, "close")                                                                              \
    X(SHUTDOWN, "shutdown")                                                                        \
    X(POLL, "poll")

enum sim_op {
#define X(id, name) SIM_OP_##id,
    SIM_OPS(X)
#undef X
        SIM_OP_COUNT
};

/* Called when nothing at all is pending and the worker would wait for ever. True: something was
 * done about it (ring_wake, sim_peer_send, sim_peer_close ...), look again. False: a hang, the
 * run is aborted with a report. */
typedef bool sim_idle_fn(void *context);

struct sim_options {
    uint64_t seed;
    uint16_t chance[SIM_FAULT_COUNT]; /* of 1000 opportunities */
    unsigned delay_ms_max;            /* of SIM_FAULT_DELAY, _SEND_LATE and _NO_BUFFERS */
    unsigned latency_us;              /* one way through the network */
    unsigned limit_s;   /* virtual seconds after which a run counts as stuck; so do 50M turns */
    bool wait_for_wake; /* a real thread may call ring_wake: an idle ring waits for it, 20 s */
    /* Real time that other threads (with wait_for_wake) and ring_poll's descriptors get before
     * virtual time jumps to a timer while the network is quiet. 0 keeps such runs repeatable. */
    unsigned outside_ms;
    sim_idle_fn *on_idle; /* may be NULL */
    void *idle_context;
};

/* No faults at all: 50 us of latency, a day's limit, 1 ms for the outside. */
void sim_options_init(struct sim_options *options, uint64_t seed);
/* The same with a mixture of faults drawn from the seed: about half of the kinds, each rare or
 * frequent. */
void sim_options_swarm(struct sim_options *options, uint64_t seed);

/* Begins a new world: no listeners, counts at zero. No ring may be open. Without it ring_open
 * finds a world of seed 1. */
void sim_configure(const struct sim_options *options);
/* From now on: lets `after` opportunities of the fault pass, then makes `count` of them hit. */
void sim_force(enum sim_fault fault, unsigned after, unsigned count);

/* ---- servers --------------------------------------------------------------------------------- */

/* The server's side of one connection. */
struct sim_peer;
typedef void sim_peer_fn(struct sim_peer *peer);

/* The upcalls come from ring_turn (`closed` from ring_close too), never from inside a sim_peer_
 * call. */
struct sim_server_ops {
    sim_peer_fn *accepted; /* may be NULL */
    /* Bytes borrowed until the return; count 0: the client has shut down its writing. May be
     * NULL. */
    void (*received)(struct sim_peer *peer, const uint8_t *bytes, size_t count);
    /* The client has closed its socket. Exactly once for each accepted peer, and its last
     * upcall, also when the server had closed first: free the model's own here. `peer` is gone
     * afterwards. May be NULL. */
    sim_peer_fn *closed;
};

/* `host` is an address literal, NULL any address; port 0 any port. Of these three calls the
 * first that fits a connect decides; where none does: ECONNREFUSED. `ops` and `context` must
 * stay until the ring is closed. */
void sim_listen(const char *host, uint16_t port, const struct sim_server_ops *ops, void *context);
/* Connecting is never answered; only ring_cancel ends it. */
void sim_blackhole(const char *host);
/* Connecting fails with this errno (positive). */
void sim_unreachable(const char *host, int error);

void *sim_peer_context(const struct sim_peer *peer); /* sim_listen's */
void *sim_peer_user(const struct sim_peer *peer);
void sim_peer_set_user(struct sim_peer *peer, void *user);
/* Copies the bytes; they arrive in order, cut as the faults say. Ignored once the connection has
 * ended. */
void sim_peer_send(struct sim_peer *peer, const void *bytes, size_t count);
/* FIN, going on to receive. */
void sim_peer_shutdown(struct sim_peer *peer);
/* FIN, as close(2): what still arrives from the client is answered with RST and not shown. */
void sim_peer_close(struct sim_peer *peer);
/* RST, after the bytes sent so far. */
void sim_peer_reset(struct sim_peer *peer);
/* Once, in virtual time; not after `closed`. */
void sim_peer_timer(struct sim_peer *peer, unsigned ms, sim_peer_fn *fire);

/* ---- what happened --------------------------------------------------------------------------- */

struct sim_report {
    uint64_t seed, now_ns, turns;
    uint64_t trace;                   /* hash of every completion, its time and order */
    uint64_t queued[SIM_OP_COUNT];    /* operations by kind ... */
    uint64_t ended[SIM_OP_COUNT];     /* ... and how many had their final completion or settled */
    uint64_t failed[SIM_OP_COUNT];    /* ... with a result below 0 */
    uint64_t faults[SIM_FAULT_COUNT]; /* injected */
    uint64_t upcalls, cancels, cancels_late; /* late: the op had ended by itself */
    uint64_t settled_early;                  /* ring_op_settle before the network took the bytes */
    uint64_t aborts;                         /* sockets closed after ring_abortive */
    uint64_t narrowed;                       /* sockets, by ring_narrow */
    uint64_t bytes_sent, bytes_received;     /* as the client sees it */
    uint64_t accepted, closed;               /* the servers' upcalls */
    unsigned ops_live, peers_live, slots_used;
};
/* Of the open ring, or of the last one that was closed since sim_configure. */
struct sim_report sim_report(void);
/* The same for people, with the seed first and, while a ring is open, what is in flight. */
void sim_print(FILE *file);
const char *sim_fault_name(enum sim_fault fault);
const char *sim_op_name(enum sim_op op);

#endif
