/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_private.h: what the files of the io_uring ring share; nobody else includes it. All of it belongs to the thread that
 * runs the ring, but for `awake` and `wake_fd`.
 *
 * user_data is a pointer or an index with a tag in its three lowest bits and a 16-bit generation in its highest. An op whose
 * final completion has been handed on is never looked at again: cancelling holds that completion back until the
 * cancel request itself has completed. Quiet sends are the exception, as their owner may forget them while
 * the kernel still has them: their user_data names a record of the ring, never the op.
 */
#ifndef RING_RING_PRIVATE_H
#define RING_RING_PRIVATE_H

#include <liburing.h>
#include <stdatomic.h>

#include "base/assert.h"
#include "ring/ring.h"
#include "ring/ring_timers.h"

/* Values of the kernel's interface that liburing 2.3 doesn't know. */
#define RING_FEAT_BUNDLE (1U << 14)   /* IORING_FEAT_RECVSEND_BUNDLE, 6.10 */
#define RING_FEAT_MIN_WAIT (1U << 15) /* IORING_FEAT_MIN_TIMEOUT, 6.12 */
#define RING_RECV_BUNDLE (1U << 4)    /* IORING_RECVSEND_BUNDLE */
#define RING_CMD_SETSOCKOPT 3U        /* SOCKET_URING_OP_SETSOCKOPT, 6.7 */

enum op_code {
    OP_NONE,
    OP_SOCKET,
    OP_CONNECT,
    OP_SEND,
    OP_SEND_QUIET,
    OP_RECV,
    OP_ACCEPT,
    OP_CLOSE,
    OP_SHUTDOWN,
    OP_POLL
};

/* Bits of ring_op.state; none of them: idle. */
enum {
    OP_IN_FLIGHT = 1,   /* the kernel has it */
    OP_WAITING = 2,     /* in ring.waiting, for a buffer */
    OP_READY = 4,       /* in ring.ready, its result in `slot` */
    OP_CANCELLED = 8,   /* ring_cancel was called */
    OP_CANCELLING = 16, /* the cancel request has not completed */
    OP_ENDED = 32, /* its own final completion has come and is held back, the result in `slot` */
    OP_FED = 64,   /* has received bytes since it was armed */
};

enum user_data_tag { TAG_OP, TAG_QUIET, TAG_CANCEL, TAG_ACCEPT, TAG_WAKE, TAG_IGNORED };
enum { TAG_MASK = 7, GENERATION_SHIFT = 48 };

/* One quiet send from its queueing until it is settled, cancelled or failed. */
struct quiet_send {
    struct ring_op *op; /* NULL: free */
    uint32_t next_free;
    uint16_t generation;
    uint16_t count;
};

struct buffers {
    struct io_uring_buf_ring *shared; /* with the kernel */
    uint8_t *memory;
    uint16_t *
        next; /* by buffer: the one given to the kernel after it, in which order bundles take them */
    struct span *spans;
    unsigned count, bytes, size_shift;
    uint16_t tail, last;
};

struct slots {
    int32_t *free; /* a stack */
    int32_t *fds;  /* by slot; `ordinary` only */
    unsigned max, free_count, fresh, accepting;
};

struct held_cqe {
    uint64_t user_data;
    int32_t result;
    uint32_t flags;
};

struct ring {
    struct io_uring uring;
    uint64_t now_ns, wake_at_ns;
    unsigned chain_left;
    uint16_t generation;
    bool is_bound, has_ring_fd, ordinary, bundles, socket_options, chain_failed, must_not_sleep;
    struct link waiting; /* receives that found no buffer, first come first served, */
    struct link fed;     /* but behind them those that have just used up the buffers */
    struct link ready;   /* ops whose completion the ring makes itself */
    struct link retry;   /* ops that could not be cancelled yet */
    struct link acceptors;
    struct quiet_send *quiet;
    uint32_t quiet_free, quiet_size;
    struct buffers buffers;
    struct slots slots;
    struct ring_counts counts;
    struct ring_timer retry_timer;
    struct held_cqe *held; /* taken off a full completion queue while submitting */
    unsigned held_count, held_size;
    int wake_fd;
    atomic_bool awake;
    ring_wake_fn *woken;
    void *woken_context;
    struct timer_wheel wheel;
};

enum { RING_CHAIN_MAX = 8, CANCEL_RETRY_MS = 2 };

/* ring_uring.c */
/* Makes room for `count` SQEs. */
void ring_flush(struct ring *ring, unsigned count);

/* Reads the wake-ups and calls whoever wanted to know. */
void ring_wake_complete(struct ring *ring, uint32_t flags);

/* ring_complete.c */
void ring_complete(struct ring *ring, uint64_t user_data, int32_t result, uint32_t flags);
/* The op's own final completion: its upcall, unless a cancel request is still on its way. */
void ring_finish(struct ring *ring, struct ring_op *op, int32_t result);
/* Has the next turn complete an op that the kernel doesn't have. */
void ring_post(struct ring *ring, struct ring_op *op, int32_t result);
void ring_complete_ready(struct ring *ring);
void ring_retry_cancels(struct ring *ring);

/* ring_queue.c */
/* `flags` are of the SQE, `extra` goes into ioprio. */
void ring_arm_recv(struct ring *ring, struct ring_op *op, uint8_t flags, uint16_t extra);
void ring_rearm_waiting(struct ring *ring);

/* ring_accept.c */
void ring_accept_complete(struct ring *ring, uint64_t user_data, int32_t result);
void ring_accept_cancel(struct ring *ring, struct ring_op *op);
/* Arms again what stood still for want of slots or descriptors; makes upcalls. */
void ring_accept_refill(struct ring *ring);

/* ring_probe.c */
/* From the bits that io_uring_setup gave; tries once a process where those don't tell. */
bool ring_has_socket_options(unsigned feature_bits);

/* ring_buffers.c */
int buffers_open(struct buffers *buffers, struct io_uring *uring, unsigned count, unsigned bytes);
void buffers_close(struct buffers *buffers, struct io_uring *uring);
/* Sets buffers->spans to the `count` bytes that begin in the buffer `first`; returns how many spans. */
unsigned buffers_spans(struct buffers *buffers, unsigned first, unsigned count);
/* Gives those buffers back to the kernel. */
void buffers_recycle(struct buffers *buffers, unsigned first, unsigned count);

/* ring_slots.c */
int slots_open(struct ring *ring, unsigned wanted);
void slots_close(struct ring *ring);
void slots_free(struct ring *ring, int32_t slot);

static inline struct io_uring_sqe *ring_sqe(struct ring *ring) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
    if (LIKELY(sqe))
        return sqe;
    ring_flush(ring, 1);
    return io_uring_get_sqe(&ring->uring);
}

static inline uint64_t user_data_of(const void *pointer, uint16_t generation,
                                    enum user_data_tag tag) {
    return (uint64_t)(uintptr_t)pointer | (uint64_t)generation << GENERATION_SHIFT | tag;
}

static inline void *user_data_pointer(uint64_t user_data) {
    return (void *)(uintptr_t)(user_data & ((UINT64_C(1) << GENERATION_SHIFT) - 1) &
                               ~(uint64_t)TAG_MASK);
}

static inline uint64_t user_data_quiet(uint32_t record, uint16_t generation) {
    return (uint64_t)record << 3 | (uint64_t)generation << GENERATION_SHIFT | TAG_QUIET;
}

/* What an SQE names a slot by, and the flag that goes with it. */
static inline int slot_fd(const struct ring *ring, int32_t slot) {
    return ring->ordinary ? ring->slots.fds[slot] : slot;
}

static inline uint8_t slot_flag(const struct ring *ring) {
    return ring->ordinary ? 0 : (uint8_t)IOSQE_FIXED_FILE;
}

#endif
