/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_accept.c: accepting, by several single accepts at once that each name their slot beforehand.
 *
 * Rejected: the multishot accept. The kernel then chooses the slots, from a range that must be set apart for it, while here
 * accepted and connected sockets share one space; and a connection accepted when no slot is free would have to be
 * dropped, where an accept that was not queued leaves it in the listener's backlog.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "ring/ring_private.h"

/* Every arrival wakes all accepts that wait, so few of them do while it is quiet. A burst uses them all up in each turn: their
 * number then doubles, or the backlog would overflow, and clients wait seconds for their next try. */
enum { ACCEPTS_QUIET = 16, ACCEPTS_AT_ONCE = 256, ACCEPT_RETRY_MS = 10 };

struct accept_try {
    struct acceptor *acceptor;
    int32_t slot; /* RING_NO_SLOT: not armed */
};

struct acceptor {
    struct link link;
    struct ring_op *op;
    unsigned armed, wanted;
    unsigned
        wanted_max; /* an eighth of the table, so that it isn't filled with what is only hoped for */
    int32_t ending;           /* 0, or what the final completion says once no accept is armed */
    bool is_starved;          /* its owner was told that no slot is free */
    uint64_t paused_until_ns; /* while the system is out of something */
    struct accept_try tries[ACCEPTS_AT_ONCE];
};

static void arm(struct ring *ring, struct accept_try *try, int32_t slot) {
    struct acceptor *acceptor = try->acceptor;
    try->slot = slot;
    acceptor->armed++;
    ring->slots.accepting++;
    *ring_sqe(ring) = (struct io_uring_sqe){.opcode = IORING_OP_ACCEPT,
                                            .flags = slot_flag(ring),
                                            .fd = slot_fd(ring, acceptor->op->slot),
                                            .accept_flags = ring->ordinary ? SOCK_CLOEXEC : 0,
                                            .file_index = ring->ordinary ? 0 : (uint32_t)slot + 1,
                                            .user_data = user_data_of(try, 0, TAG_ACCEPT)};
}

static void adapt(struct acceptor *acceptor) {
    unsigned quiet = acceptor->wanted_max < ACCEPTS_QUIET ? acceptor->wanted_max : ACCEPTS_QUIET;
    if (acceptor->armed == 0)
        acceptor->wanted = acceptor->wanted * 2;
    else
        acceptor->wanted = quiet;
    if (acceptor->wanted > acceptor->wanted_max)
        acceptor->wanted = acceptor->wanted_max;
}

static void fill(struct ring *ring, struct acceptor *acceptor) {
    adapt(acceptor);
    for (unsigned i = 0; i < ACCEPTS_AT_ONCE && acceptor->armed < acceptor->wanted; i++) {
        if (acceptor->tries[i].slot != RING_NO_SLOT)
            continue;
        int32_t slot = ring_slot_acquire(ring);
        if (slot == RING_NO_SLOT)
            break;
        arm(ring, &acceptor->tries[i], slot);
    }
    if (acceptor->armed > 0)
        acceptor->is_starved = false;
}

void ring_accept(struct ring *ring, struct ring_op *op, int32_t slot) {
    CHECK(op->state == 0 && ring->chain_left == 0);
    struct acceptor *acceptor = calloc(1, sizeof *acceptor);
    CHECK(acceptor);
    op->code = OP_ACCEPT;
    op->state = OP_IN_FLIGHT;
    op->slot = slot;
    acceptor->op = op;
    acceptor->wanted_max = ring->slots.max / 8;
    if (acceptor->wanted_max > ACCEPTS_AT_ONCE)
        acceptor->wanted_max = ACCEPTS_AT_ONCE;
    if (acceptor->wanted_max == 0)
        acceptor->wanted_max = 1;
    acceptor->wanted = ACCEPTS_QUIET / 2; /* doubled at once, as none is armed yet */
    for (unsigned i = 0; i < ACCEPTS_AT_ONCE; i++)
        acceptor->tries[i] = (struct accept_try){.acceptor = acceptor, .slot = RING_NO_SLOT};
    list_push_back(&ring->acceptors, &acceptor->link);
    fill(ring, acceptor);
}

static void begin_end(struct ring *ring, struct acceptor *acceptor, int32_t result) {
    if (acceptor->ending)
        return;
    acceptor->ending = result;
    for (unsigned i = 0; i < ACCEPTS_AT_ONCE; i++) {
        if (acceptor->tries[i].slot == RING_NO_SLOT)
            continue;
        *ring_sqe(ring) =
            (struct io_uring_sqe){.opcode = IORING_OP_ASYNC_CANCEL,
                                  .fd = -1,
                                  .addr = user_data_of(&acceptor->tries[i], 0, TAG_ACCEPT),
                                  .user_data = TAG_IGNORED};
    }
}

void ring_accept_cancel(struct ring *ring, struct ring_op *op) {
    op->state |= OP_CANCELLED;
    ring->must_not_sleep = true; /* with no accept armed nothing would end the wait */
    for (struct link *link = ring->acceptors.next; link != &ring->acceptors; link = link->next) {
        struct acceptor *acceptor = LIST_ENTRY(link, struct acceptor, link);
        if (acceptor->op == op)
            begin_end(ring, acceptor, -ECANCELED);
    }
}

static void tell(struct acceptor *acceptor, int32_t result) {
    struct ring_event event = {.result = result, .more = true};
    acceptor->op->done(acceptor->op, &event);
}

static void finish_if_ended(struct ring *ring, struct acceptor *acceptor) {
    if (!acceptor->ending || acceptor->armed > 0)
        return;
    struct ring_op *op = acceptor->op;
    int32_t result = acceptor->ending;
    list_remove(&acceptor->link);
    free(acceptor);
    ring_finish(ring, op, result);
}

void ring_accept_refill(struct ring *ring) {
    struct link *next;
    for (struct link *link = ring->acceptors.next; link != &ring->acceptors; link = next) {
        struct acceptor *acceptor = LIST_ENTRY(link, struct acceptor, link);
        next = link->next;
        if (!acceptor->ending && acceptor->armed < acceptor->wanted &&
            ring->now_ns >= acceptor->paused_until_ns) {
            fill(ring, acceptor);
            if (acceptor->armed == 0 && !acceptor->is_starved) {
                acceptor->is_starved = true;
                tell(acceptor, -EMFILE);
            }
        }
        finish_if_ended(ring, acceptor);
    }
}

static void pause_accepting(struct ring *ring, struct acceptor *acceptor) {
    uint64_t until = ring->now_ns + ACCEPT_RETRY_MS * NS_PER_MS;
    acceptor->paused_until_ns = until;
    if (!ring_timer_is_set(&ring->retry_timer) || ring->retry_timer.due_ns < until)
        ring_timer_set(ring, &ring->retry_timer, until);
}

static void on_error(struct ring *ring, struct acceptor *acceptor, int32_t error) {
    switch (-error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
        pause_accepting(ring, acceptor);
        break;
    case ECANCELED:
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP:
        begin_end(ring, acceptor, error);
        return;
    default: /* of one connection only */
        break;
    }
    if (!acceptor->ending)
        tell(acceptor, error);
}

void ring_accept_complete(struct ring *ring, uint64_t user_data, int32_t result) {
    struct accept_try *try = user_data_pointer(user_data);
    struct acceptor *acceptor = try->acceptor;
    int32_t slot = try->slot;
    try->slot = RING_NO_SLOT;
    acceptor->armed--;
    ring->slots.accepting--;
    if (result < 0) {
        slots_free(ring, slot);
        on_error(ring, acceptor, result);
    } else {
        if (ring->ordinary)
            ring->slots.fds[slot] = result;
        tell(acceptor, slot); /* armed again when the turn ends, all that were used together */
    }
    finish_if_ended(ring, acceptor);
}
