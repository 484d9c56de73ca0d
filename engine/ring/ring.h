/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring.h: the only door to the kernel's queues. One ring a worker thread; every call but ring_wake belongs to that
 * thread. There are two implementations, chosen when a program is linked: ring_uring.c (io_uring) and ring_sim.c (a seeded,
 * deterministic network in memory, for fault tests; ring_sim.h has its extra calls).
 *
 * An operation is a `struct ring_op` inside its owner. Queueing never fails: what the kernel refuses comes back as a
 * completion. The owner must keep the op, and the memory it was given, until the *final* completion
 * (`event->more` is false). Only the ring touches an op's members after ring_op_init; ring_op_busy tells.
 *
 * Upcalls happen inside ring_turn only. They may queue operations, set timers and cancel, but not close the ring.
 */
#ifndef RING_RING_H
#define RING_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/list.h"
#include "base/span.h"

struct ring;
struct ring_op;

/* One completion. The spans are borrowed until the upcall returns. */
struct ring_event {
    int32_t
        result; /* recv: bytes in all, 0 the end; accept: the new slot; else as the call, or -errno */
    bool more;               /* the op stays in flight: more completions come */
    unsigned span_count;     /* recv with result > 0 only */
    const struct span *span; /* the bytes in order; neighbouring buffers are joined */
};

typedef void ring_done_fn(struct ring_op *op, const struct ring_event *event);

struct ring_op {
    ring_done_fn *done;
    struct link link;    /* the ring's: ops that wait for a buffer, or simulated ones */
    int32_t slot;        /* the ring's: what to re-arm */
    uint16_t generation; /* the ring's: the part of user_data that tells tenants apart */
    uint8_t code;        /* the ring's: what kind of operation */
    uint8_t state;       /* the ring's: idle, in flight, waiting, cancelled ... */
};

struct ring_options {
    unsigned entries; /* submission queue; the completion queue is 8 times as long */
    unsigned slots;   /* sockets at once; cut to what the system allows, see ring_slots_max */
    unsigned buffers; /* receive buffers, a power of two */
    unsigned buffer_bytes;
    bool ordinary; /* ordinary descriptors, not the ring's own table */
    bool no_bundles;
};

/* Fills in what a worker with so many connections wants. */
void ring_options_init(struct ring_options *options, unsigned connections);

/* 0, or -errno: -EPERM and -ENOSYS mean that io_uring is forbidden or missing. */
int ring_open(struct ring **ring, const struct ring_options *options);
/* No op may be in flight, every slot must be closed. NULL is allowed. */
void ring_close(struct ring *ring);

/* Submits what is queued, waits until something completes, a timer is due or ring_wake is called, and makes the upcalls.
 * With `wait` false it only looks. */
void ring_turn(struct ring *ring, bool wait);
/* Monotonic nanoseconds, read once a turn. */
uint64_t ring_now(const struct ring *ring);
/* The next turn that waits ends at `due_ns` at the latest, as exactly as the kernel's timers are: for what must not be the
 * millisecond late that a ring_timer may be. Once; the last call counts; UINT64_MAX takes it back. */
void ring_wake_at(struct ring *ring, uint64_t due_ns);
/* Makes the running or next ring_turn of another thread return soon and call the function set here. Any thread; also
 * async-signal-safe. */
typedef void ring_wake_fn(void *context);
void ring_on_wake(struct ring *ring, ring_wake_fn *woken, void *context);
void ring_wake(struct ring *ring);

/* ---- slots: sockets by number -------------------------------------------------------------------- */

/* A slot is an index into the ring's table: a direct descriptor, or with `ordinary` a descriptor of the process. It is
 * taken before the socket exists, so that a whole chain can be queued at once. */
enum { RING_NO_SLOT = -1 };
int32_t ring_slot_acquire(struct ring *ring); /* RING_NO_SLOT when all are taken */
/* Gives back a slot that holds no socket: one whose ring_socket failed or was never queued. */
void ring_slot_release(struct ring *ring, int32_t slot);
/* Takes over an ordinary descriptor (a listener, a socket that needed options first). Slot or -errno, `fd` then
 * being the caller's still. */
int32_t ring_slot_adopt(struct ring *ring, int fd);
unsigned ring_slots_used(const struct ring *ring);
unsigned ring_slots_max(const struct ring *ring);

/* ---- operations ---------------------------------------------------------------------------------- */

void ring_op_init(struct ring_op *op, ring_done_fn *done);
bool ring_op_busy(const struct ring_op *op);

/* The next `count` operations are queued as one linked chain: each starts when the one before has succeeded; after a
 * failure the rest complete with -ECANCELED. Every op of a chain gets its completion. At most 8. */
void ring_chain(struct ring *ring, unsigned count);

/* A TCP or UNIX stream socket into `slot`; result 0 or -errno. */
void ring_socket(struct ring *ring, struct ring_op *op, int32_t slot, int family);
/* `address` must stay until the completion. */
void ring_connect(struct ring *ring, struct ring_op *op, int32_t slot,
                  const struct sockaddr *address, socklen_t len);
/* All bytes or an error: result is `count` or -errno. `bytes` must stay until the completion. */
void ring_send(struct ring *ring, struct ring_op *op, int32_t slot, const void *bytes,
               size_t count);
/* The same without a completion when all went well; not in chains, and for at most RING_QUIET_BYTES. The op counts as
 * busy until ring_op_settle, by which the caller says that it knows (the answer has come), or until ring_cancel, after
 * which there is exactly one completion, with `count` if all bytes had gone. */
enum { RING_QUIET_BYTES = 4096 };
void ring_send_quiet(struct ring *ring, struct ring_op *op, int32_t slot, const void *bytes,
                     size_t count);
void ring_op_settle(struct ring *ring, struct ring_op *op);
/* Receives until the end, an error or ring_cancel: a completion for whatever arrives. Running out of buffers
 * and re-arming are the ring's own business. */
void ring_recv(struct ring *ring, struct ring_op *op, int32_t slot);
/* Accepts until cancelled; results are slots of new sockets, or -errno with `more` (-EMFILE: table full, goes on by itself
 * once a slot is free). */
void ring_accept(struct ring *ring, struct ring_op *op, int32_t slot);
/* Closes the socket; at the completion the slot is free already. Any other op on the slot must have ended. */
void ring_close_slot(struct ring *ring, struct ring_op *op, int32_t slot);
/* Half-close for writing. */
void ring_shutdown(struct ring *ring, struct ring_op *op, int32_t slot);
/* Once: `events` (poll.h) on an ordinary descriptor; result is the events that came. */
void ring_poll(struct ring *ring, struct ring_op *op, int fd, unsigned events);
/* Asks for an early end; the op's completion comes all the same, with -ECANCELED unless it had ended by itself. Harmless when
 * the op is not in flight. */
void ring_cancel(struct ring *ring, struct ring_op *op);

/* ---- socket options by ring: for what is known only after connecting --------------------------------- */

/* Best effort, without completion: TCP_NODELAY; SO_LINGER 0, so that closing sends RST; and a receive buffer that stays at
 * RING_NARROW_BYTES. False where the kernel can't (before 6.7 with direct descriptors). */
enum { RING_NARROW_BYTES = 560 * 1000 };
bool ring_nodelay(struct ring *ring, int32_t slot);
bool ring_abortive(struct ring *ring, int32_t slot);
bool ring_narrow(struct ring *ring, int32_t slot);

/* ---- timers ---------------------------------------------------------------------------------------- */

struct ring_timer;
typedef void ring_timer_fn(struct ring_timer *timer);

struct ring_timer {
    struct link link; /* the ring's */
    uint64_t due_ns;
    ring_timer_fn *fire;
};
void ring_timer_init(struct ring_timer *timer, ring_timer_fn *fire);
/* Fires once, at or up to 1 ms after `due_ns` on ring_now's clock. Setting a timer that is set moves it. */
void ring_timer_set(struct ring *ring, struct ring_timer *timer, uint64_t due_ns);
void ring_timer_stop(struct ring_timer *timer);
bool ring_timer_is_set(const struct ring_timer *timer);

/* ---- watching it ------------------------------------------------------------------------------------- */

struct ring_counts {
    uint64_t turns, enters, completions, submissions;
    uint64_t out_of_buffers, overflows, busy;
};
struct ring_counts ring_counts(const struct ring *ring);

/* What the kernel has, probed by trying, never by version. */
struct ring_features {
    int error; /* 0, or the errno that io_uring_setup gave */
    bool single_issuer, defer_taskrun, direct_descriptors, buffer_rings, multishot_recv,
        multishot_accept, bundles, min_wait, socket_options, ext_arg;
};
void ring_probe(struct ring_features *features);
/* Version of liburing, as far as it says. */
const char *ring_library(void);

#endif
