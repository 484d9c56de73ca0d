/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_sim_ops.c: operations of the simulated ring. Queueing an op makes a task, which starts in
 * the next turn, as a submission queue would have it, or when the chain's link before it has
 * succeeded. A task ends in sim_task_end and nowhere else, where the owner's promises are
 * checked one last time. The worker's thread only.
 *
 * Rejected: keeping what a task needs inside ring_op. It would be gone with an owner that frees
 * its op too early, and that is what these tests are to find.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "ring/ring_sim_parts.h"

enum { NS_PER_US = 1000, CHAIN_MAX = 8, OP_IDLE = 0, OP_BUSY = 1 };

void ring_op_init(struct ring_op *op, ring_done_fn *done) {
    *op = (struct ring_op){.done = done, .slot = RING_NO_SLOT, .state = OP_IDLE};
    list_init(&op->link);
}

bool ring_op_busy(const struct ring_op *op) {
    return op->state != OP_IDLE;
}

static struct sim_task *task_of(struct ring *ring, const struct ring_op *op) {
    struct link *list =
        op->code == SIM_OP_POLL ? &ring->polls : &sim_slot_of(ring, op->slot)->tasks;
    for (struct link *at = list->next; at != list; at = at->next) {
        struct sim_task *task = LIST_ENTRY(at, struct sim_task, link);
        if (task->op == op)
            return task;
    }
    sim_fail("an op says that it is busy, but the ring does not hold it");
}

/* The bytes that the owner must leave alone, as they are now. */
static void check_memory(const struct sim_task *task) {
    if (task->bytes)
        SIM_CHECK(hash_stable(task->bytes, task->count) == task->hash,
                  "bytes or address changed before the operation's completion");
}

/* ---- ending ---------------------------------------------------------------------------------- */

static void start(struct ring *ring, struct sim_task *task);

static void run_end(struct ring *ring, struct sim_event *event) {
    struct sim_task *task = event->task;
    task->event = NULL;
    sim_task_end(ring, task, task->result);
}

void sim_task_end_later(struct ring *ring, struct sim_task *task, int32_t result,
                        uint64_t after_ns) {
    CHECK(!task->event);
    task->state = TASK_ENDING;
    task->result = result;
    task->event = sim_event_add(ring, ring->net_ns + after_ns, run_end, NULL, 0);
    task->event->task = task;
}

/* The next of a chain starts, or fails like its predecessor, by an event of its own: completions
 * keep the chain's order. */
static void carry_on_chain(struct ring *ring, struct sim_task *ended, int32_t result) {
    struct sim_task *next = ended->then;
    if (!next)
        return;
    if (result >= 0)
        start(ring, next);
    else
        sim_task_end_later(ring, next, -ECANCELED, 0);
}

static void task_free(struct sim_task *task) {
    sim_event_withdraw(task->event);
    sim_event_withdraw(task->cancel);
    list_remove(&task->link);
    list_remove(&task->queue);
    task->op->state = OP_IDLE;
    sim_world.report.ended[task->kind]++;
    free(task);
}

void sim_task_end(struct ring *ring, struct sim_task *task, int32_t result) {
    struct sim_slot *slot = task->kind == SIM_OP_POLL ? NULL : sim_slot_of(ring, task->slot);
    struct ring_op *op = task->op;
    SIM_CHECK(op->state == OP_BUSY, "an op was overwritten while in flight");
    check_memory(task);
    sim_trace(task, result, false);
    if (task->kind == SIM_OP_CONNECT)
        slot->connected = result == 0;
    if (task->kind == SIM_OP_CLOSE)
        slot->closing = false; /* else in a chain that broke: to be closed again */
    carry_on_chain(ring, task, result);
    bool frees_slot = task->kind == SIM_OP_CLOSE && result == 0;
    int32_t number = task->slot;
    task_free(task);
    if (frees_slot)
        sim_slot_free(ring, number);
    ring->counts.completions++;
    op->done(op, &(struct ring_event){.result = result});
}

/* ---- starting -------------------------------------------------------------------------------- */

static int32_t pick(const int *errors, size_t count) {
    return -errors[sim_below(count)];
}

static void start_socket(struct ring *ring, struct sim_task *task) {
    static const int errors[] = {EMFILE, ENFILE, ENOBUFS};
    struct sim_slot *slot = sim_slot_of(ring, task->slot);
    SIM_CHECK(slot->state == SLOT_TAKEN, "ring_socket on a slot that holds a socket");
    if (sim_fault(SIM_FAULT_SOCKET_FAILS)) {
        sim_task_end_later(ring, task, pick(errors, sizeof errors / sizeof *errors), NS_PER_US);
        return;
    }
    slot->state = SLOT_SOCKET;
    slot->family = task->number;
    sim_task_end_later(ring, task, 0, NS_PER_US);
}

/* The network takes the bytes now, not when they were queued: an owner that re-used them
 * meanwhile is found out. */
static void take_bytes(struct ring *ring, struct sim_task *task) {
    check_memory(task);
    sim_world.report.bytes_sent += task->count;
    sim_net_take(sim_slot_of(ring, task->slot)->peer, task->bytes, task->count);
}

static int32_t send_error(struct ring *ring, struct sim_slot *slot) {
    static const int errors[] = {EPIPE, ECONNRESET};
    if (!slot->connected)
        return -EPIPE;
    if (slot->finished || slot->peer->reset)
        return slot->finished ? -EPIPE : pick(errors, 2);
    if (!sim_fault(SIM_FAULT_SEND_FAILS))
        return 0;
    sim_net_break(ring, slot->peer);
    return pick(errors, 2);
}

static void run_send(struct ring *ring, struct sim_event *event) {
    struct sim_task *task = event->task;
    task->event = NULL;
    int32_t error = send_error(ring, sim_slot_of(ring, task->slot));
    if (error) {
        sim_task_end_later(ring, task, error, NS_PER_US);
        return;
    }
    take_bytes(ring, task);
    if (task->kind == SIM_OP_SEND_QUIET)
        task->state = TASK_SENT;
    else
        sim_task_end_later(ring, task, (int32_t)task->count,
                           sim_fault(SIM_FAULT_SEND_LATE) ? sim_delay_ns() : NS_PER_US);
}

static void start_send(struct ring *ring, struct sim_task *task) {
    task->event = sim_event_add(ring, ring->net_ns + sim_jitter_ns(), run_send, NULL, 0);
    task->event->task = task;
}

static void start_recv(struct ring *ring, struct sim_task *task) {
    struct sim_slot *slot = sim_slot_of(ring, task->slot);
    for (struct link *at = slot->tasks.next; at != &slot->tasks; at = at->next) {
        const struct sim_task *other = LIST_ENTRY(at, struct sim_task, link);
        SIM_CHECK(other == task || other->kind != SIM_OP_RECV, "a second ring_recv on a slot");
    }
    if (slot->connected)
        sim_net_pump_later(ring, slot->peer);
    else
        sim_task_end_later(ring, task, -ENOTCONN, NS_PER_US);
}

static void start_close(struct ring *ring, struct sim_task *task) {
    struct sim_slot *slot = sim_slot_of(ring, task->slot);
    SIM_CHECK(slot->state == SLOT_SOCKET, "ring_close_slot on a slot without a socket");
    sim_world.report.aborts += slot->abortive;
    if (slot->peer)
        sim_net_close(slot->peer);
    slot->peer = NULL;
    slot->connected = false;
    sim_task_end_later(ring, task, 0, NS_PER_US);
}

static void start_shutdown(struct ring *ring, struct sim_task *task) {
    struct sim_slot *slot = sim_slot_of(ring, task->slot);
    bool can = slot->connected && !slot->peer->reset;
    if (can && !slot->finished)
        sim_net_shutdown(slot->peer);
    slot->finished |= can;
    sim_task_end_later(ring, task, can ? 0 : -ENOTCONN, NS_PER_US);
}

static void start(struct ring *ring, struct sim_task *task) {
    task->state = TASK_RUNNING;
    ring->counts.submissions++;
    if (task->cancel_wanted) {
        sim_task_end_later(ring, task, -ECANCELED, 0);
        return;
    }
    switch (task->kind) {
    case SIM_OP_SOCKET:
        start_socket(ring, task);
        break;
    case SIM_OP_CONNECT:
        sim_net_connect(ring, task);
        break;
    case SIM_OP_SEND:
    case SIM_OP_SEND_QUIET:
        start_send(ring, task);
        break;
    case SIM_OP_RECV:
        start_recv(ring, task);
        break;
    case SIM_OP_CLOSE:
        start_close(ring, task);
        break;
    case SIM_OP_SHUTDOWN:
        start_shutdown(ring, task);
        break;
    case SIM_OP_ACCEPT:
        sim_task_end_later(ring, task, -ENOSYS, 0);
        break;
    case SIM_OP_POLL: /* the turn looks at the descriptors when idle */
    case SIM_OP_COUNT:
        break;
    }
}

void sim_submit(struct ring *ring) {
    SIM_CHECK(!ring->chain_left, "a chain was begun and not finished before ring_turn");
    struct link *head;
    while ((head = list_pop_front(&ring->heads)))
        start(ring, LIST_ENTRY(head, struct sim_task, queue));
}

/* ---- queueing -------------------------------------------------------------------------------- */

void ring_chain(struct ring *ring, unsigned count) {
    SIM_CHECK(count >= 1 && count <= CHAIN_MAX, "a chain's length");
    SIM_CHECK(!ring->chain_left, "a chain within a chain");
    ring->chain_left = count;
    ring->chain_last = NULL;
    ring->chain_id++;
}

static void join_chain(struct ring *ring, struct sim_task *task) {
    struct sim_task *last = ring->chain_last;
    task->chain = ring->chain_id;
    if (last) {
        SIM_CHECK(last->kind != SIM_OP_RECV && last->kind != SIM_OP_ACCEPT,
                  "a chain goes on after an op that completes many times");
        last->then = task;
    } else {
        list_push_back(&ring->heads, &task->queue);
    }
    ring->chain_last = task;
    ring->chain_left--;
}

static struct sim_task *queue(struct ring *ring, struct ring_op *op, enum sim_op kind) {
    SIM_CHECK(op->state == OP_IDLE, "an op was queued that is in flight");
    SIM_CHECK(op->done, "an op without a function");
    struct sim_task *task = sim_alloc(sizeof *task);
    *task = (struct sim_task){.op = op, .kind = kind, .slot = RING_NO_SLOT};
    list_init(&task->link);
    list_init(&task->queue);
    op->state = OP_BUSY;
    op->code = (uint8_t)kind;
    op->slot = RING_NO_SLOT;
    sim_world.report.queued[kind]++;
    if (ring->chain_left)
        join_chain(ring, task);
    else
        list_push_back(&ring->heads, &task->queue);
    return task;
}

static struct sim_task *queue_on_slot(struct ring *ring, struct ring_op *op, enum sim_op kind,
                                      int32_t number) {
    struct sim_slot *slot = sim_slot_of(ring, number);
    SIM_CHECK(slot->state != SLOT_FREE, "an op on a slot that is free");
    SIM_CHECK(!slot->closing, "an op on a slot that is being closed");
    struct sim_task *task = queue(ring, op, kind);
    task->slot = op->slot = number;
    list_push_back(&slot->tasks, &task->link);
    return task;
}

/* Fingerprints what must not change until the completion. */
static void remember(struct sim_task *task, const void *bytes, size_t count) {
    task->bytes = bytes;
    task->count = count;
    task->hash = hash_stable(bytes, count);
}

void ring_socket(struct ring *ring, struct ring_op *op, int32_t slot, int family) {
    queue_on_slot(ring, op, SIM_OP_SOCKET, slot)->number = family;
}

void ring_connect(struct ring *ring, struct ring_op *op, int32_t slot,
                  const struct sockaddr *address, socklen_t len) {
    remember(queue_on_slot(ring, op, SIM_OP_CONNECT, slot), address, len);
}

void ring_send(struct ring *ring, struct ring_op *op, int32_t slot, const void *bytes,
               size_t count) {
    remember(queue_on_slot(ring, op, SIM_OP_SEND, slot), bytes, count);
}

void ring_send_quiet(struct ring *ring, struct ring_op *op, int32_t slot, const void *bytes,
                     size_t count) {
    SIM_CHECK(!ring->chain_left, "ring_send_quiet in a chain");
    SIM_CHECK(count <= RING_QUIET_BYTES, "ring_send_quiet of too many bytes");
    remember(queue_on_slot(ring, op, SIM_OP_SEND_QUIET, slot), bytes, count);
}

void ring_op_settle(struct ring *ring, struct ring_op *op) {
    if (!ring_op_busy(op))
        return;
    struct sim_task *task = task_of(ring, op);
    /* A cancelled op is promised exactly one completion. */
    if (task->kind != SIM_OP_SEND_QUIET || task->cancel)
        return;
    if (task->state != TASK_SENT) {
        /* Bytes that nobody asked for came first: the owner took them for the answer. The send
         * may go on all the same. */
        sim_world.report.settled_early++;
        if (task->state != TASK_ENDING && !send_error(ring, sim_slot_of(ring, task->slot)))
            take_bytes(ring, task);
    }
    check_memory(task);
    task_free(task);
}

void ring_recv(struct ring *ring, struct ring_op *op, int32_t slot) {
    queue_on_slot(ring, op, SIM_OP_RECV, slot);
}

void ring_accept(struct ring *ring, struct ring_op *op, int32_t slot) {
    queue_on_slot(ring, op, SIM_OP_ACCEPT, slot);
}

void ring_shutdown(struct ring *ring, struct ring_op *op, int32_t slot) {
    queue_on_slot(ring, op, SIM_OP_SHUTDOWN, slot);
}

void ring_close_slot(struct ring *ring, struct ring_op *op, int32_t number) {
    struct sim_task *task = queue_on_slot(ring, op, SIM_OP_CLOSE, number);
    struct sim_slot *slot = sim_slot_of(ring, number);
    for (struct link *at = slot->tasks.next; at != &slot->tasks; at = at->next) {
        const struct sim_task *other = LIST_ENTRY(at, struct sim_task, link);
        SIM_CHECK(other == task || (task->chain && other->chain == task->chain),
                  "ring_close_slot while another op is in flight on the slot");
    }
    slot->closing = true;
}

void ring_poll(struct ring *ring, struct ring_op *op, int fd, unsigned events) {
    struct sim_task *task = queue(ring, op, SIM_OP_POLL);
    task->number = fd;
    task->events = events;
    list_push_back(&ring->polls, &task->link);
}

/* ---- cancelling ------------------------------------------------------------------------------ */

static void run_cancel(struct ring *ring, struct sim_event *event) {
    struct sim_task *task = event->task;
    task->cancel = NULL;
    bool endless =
        task->kind != SIM_OP_SOCKET && task->kind != SIM_OP_CLOSE && task->kind != SIM_OP_SHUTDOWN;
    switch (task->state) {
    case TASK_QUEUED:
        task->cancel_wanted = true;
        break;
    case TASK_RUNNING:
        if (endless)
            sim_task_end(ring, task, -ECANCELED);
        break;
    case TASK_SENT:
        sim_world.report.cancels_late++;
        sim_task_end(ring, task, (int32_t)task->count);
        break;
    case TASK_ENDING:
        sim_world.report.cancels_late++;
        break;
    }
}

void ring_cancel(struct ring *ring, struct ring_op *op) {
    SIM_CHECK(!ring->chain_left, "ring_cancel in the middle of a chain");
    if (!ring_op_busy(op))
        return;
    struct sim_task *task = task_of(ring, op);
    if (task->cancel || task->cancel_wanted)
        return;
    sim_world.report.cancels++;
    task->cancel = sim_event_add(ring, ring->net_ns + sim_jitter_ns(), run_cancel, NULL, 0);
    task->cancel->task = task;
}
