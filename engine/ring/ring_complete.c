/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_complete.c: what becomes of completion queue entries, and of cancelling. Runs in ring_turn.
 *
 * An op that was cancelled gets its final upcall when both its own final entry and that of the cancel request have come, in
 * whatever order: afterwards nothing in the kernel can name it. A cancel request that finds nothing means that the
 * op has not started yet (a later link of a chain), or for a quiet send that all went well.
 */
#include <errno.h>

#include "base/clock.h"
#include "ring/ring_private.h"

static void upcall(struct ring_op *op, int32_t result) {
    struct ring_event event = {.result = result};
    op->state = 0;
    op->done(op, &event);
}

void ring_finish(struct ring *ring, struct ring_op *op, int32_t result) {
    (void)ring;
    if (UNLIKELY(op->state & OP_CANCELLED)) {
        if (op->state & OP_CANCELLING) {
            op->slot = result;
            op->state |= OP_ENDED;
            return;
        }
        list_remove(&op->link); /* from `retry` */
    }
    upcall(op, result);
}

void ring_post(struct ring *ring, struct ring_op *op, int32_t result) {
    op->slot = result;
    op->state = OP_READY;
    list_push_back(&ring->ready, &op->link);
}

void ring_complete_ready(struct ring *ring) {
    struct link now, *link;
    list_init(&now);
    while ((link = list_pop_front(&ring->ready)))
        list_push_back(&now, link);
    while ((link = list_pop_front(&now))) {
        struct ring_op *op = LIST_ENTRY(link, struct ring_op, link);
        upcall(op, op->slot);
    }
}

/* ---- receives ---------------------------------------------------------------------------------------- */

/* A multishot receive that the kernel ended without error: it took the last buffer, or the completion queue was full. It
 * must not be armed right away, in front of those that found no buffer. */
static void resume_recv(struct ring *ring, struct ring_op *op) {
    if (op->state & OP_CANCELLED) {
        ring_finish(ring, op, -ECANCELED);
        return;
    }
    op->state = OP_WAITING;
    list_push_back(&ring->fed, &op->link);
}

static void recv_without_bytes(struct ring *ring, struct ring_op *op, int32_t result,
                               uint32_t flags) {
    if (flags & IORING_CQE_F_BUFFER)
        buffers_recycle(&ring->buffers, flags >> IORING_CQE_BUFFER_SHIFT, 1);
    if (flags & IORING_CQE_F_MORE)
        return;
    if (result != -ENOBUFS) {
        ring_finish(ring, op, result);
        return;
    }
    ring->counts.out_of_buffers++;
    if (op->state & OP_CANCELLED) {
        ring_finish(ring, op, -ECANCELED);
        return;
    }
    /* A flooded socket takes all buffers and is the first to miss some: queued in this order it would always win. */
    list_push_back(op->state & OP_FED ? &ring->fed : &ring->waiting, &op->link);
    op->state = OP_WAITING;
}

static inline void complete_recv(struct ring *ring, struct ring_op *op, int32_t result,
                                 uint32_t flags) {
    if (UNLIKELY(result <= 0)) {
        recv_without_bytes(ring, op, result, flags);
        return;
    }
    unsigned first = flags >> IORING_CQE_BUFFER_SHIFT;
    struct ring_event event = {.result = result,
                               .more = true,
                               .span_count = buffers_spans(&ring->buffers, first, (unsigned)result),
                               .span = ring->buffers.spans};
    op->state |= OP_FED;
    op->done(op, &event);
    buffers_recycle(&ring->buffers, first, (unsigned)result);
    if (UNLIKELY(!(flags & IORING_CQE_F_MORE)))
        resume_recv(ring, op);
}

/* ---- all others -------------------------------------------------------------------------------------- */

/* A send that was cut short has failed, though the kernel kept the reason to itself. */
static int32_t whole_or_error(const struct ring_op *op, int32_t result, int32_t count) {
    if (result < 0 || result == count)
        return result;
    return op->state & OP_CANCELLED ? -ECANCELED : -EPIPE;
}

static void complete_op(struct ring *ring, struct ring_op *op, int32_t result) {
    if (op->code == OP_SEND)
        result = whole_or_error(op, result, op->slot);
    else if (op->code == OP_CLOSE)
        slots_free(ring, op->slot);
    ring_finish(ring, op, result);
}

static void quiet_release(struct ring *ring, struct ring_op *op) {
    uint32_t index = (uint32_t)op->slot;
    struct quiet_send *quiet = &ring->quiet[index];
    CHECK_HOT(quiet->op == op);
    quiet->op = NULL;
    quiet->next_free = ring->quiet_free;
    ring->quiet_free = index;
}

static void complete_quiet(struct ring *ring, uint64_t user_data, int32_t result) {
    struct quiet_send *quiet =
        &ring->quiet[(user_data & ((UINT64_C(1) << GENERATION_SHIFT) - 1)) >> 3];
    struct ring_op *op = quiet->op;
    if (!op || quiet->generation != user_data >> GENERATION_SHIFT || result == quiet->count)
        return;
    result = whole_or_error(op, result, quiet->count);
    quiet_release(ring, op);
    ring_finish(ring, op, result);
}

void ring_op_settle(struct ring *ring, struct ring_op *op) {
    if (op->code != OP_SEND_QUIET || op->state != OP_IN_FLIGHT)
        return;
    quiet_release(ring, op);
    op->state = 0;
}

/* ---- cancelling -------------------------------------------------------------------------------------- */

static void request_cancel(struct ring *ring, struct ring_op *op) {
    uint64_t target = op->code == OP_SEND_QUIET
                          ? user_data_quiet((uint32_t)op->slot, ring->quiet[op->slot].generation)
                          : user_data_of(op, op->generation, TAG_OP);
    op->state |= OP_CANCELLED | OP_CANCELLING;
    *ring_sqe(ring) =
        (struct io_uring_sqe){.opcode = IORING_OP_ASYNC_CANCEL,
                              .fd = -1,
                              .addr = target,
                              .user_data = user_data_of(op, op->generation, TAG_CANCEL)};
}

void ring_cancel(struct ring *ring, struct ring_op *op) {
    CHECK_HOT(ring->chain_left == 0);
    if (op->state & OP_WAITING) {
        list_remove(&op->link);
        ring_post(ring, op, -ECANCELED);
    } else if (!(op->state & OP_IN_FLIGHT) || op->state & OP_CANCELLED || op->code == OP_CLOSE) {
        return; /* idle, cancelled already, or as good as ended */
    } else if (op->code == OP_ACCEPT) {
        ring_accept_cancel(ring, op);
    } else {
        request_cancel(ring, op);
    }
}

void ring_retry_cancels(struct ring *ring) {
    struct link now, *link;
    list_init(&now);
    while ((link = list_pop_front(&ring->retry)))
        list_push_back(&now, link);
    while ((link = list_pop_front(&now)))
        request_cancel(ring, LIST_ENTRY(link, struct ring_op, link));
}

static void complete_cancel(struct ring *ring, uint64_t user_data, int32_t result) {
    struct ring_op *op = user_data_pointer(user_data);
    op->state &= (uint8_t)~OP_CANCELLING;
    if (op->state & OP_ENDED) {
        upcall(op, op->slot);
    } else if (result == -ENOENT && op->code == OP_SEND_QUIET) {
        int32_t count = ring->quiet[op->slot].count;
        quiet_release(ring, op);
        upcall(op, count);
    } else if (result < 0) {
        list_push_back(&ring->retry, &op->link);
        ring_timer_set(ring, &ring->retry_timer, ring->now_ns + CANCEL_RETRY_MS * NS_PER_MS);
    }
}

void ring_complete(struct ring *ring, uint64_t user_data, int32_t result, uint32_t flags) {
    struct ring_op *op;
    switch ((enum user_data_tag)(user_data & TAG_MASK)) {
    case TAG_OP:
        op = user_data_pointer(user_data);
        CHECK_HOT(op->state & OP_IN_FLIGHT && op->generation == user_data >> GENERATION_SHIFT);
        if (LIKELY(op->code == OP_RECV))
            complete_recv(ring, op, result, flags);
        else
            complete_op(ring, op, result);
        return;
    case TAG_QUIET:
        complete_quiet(ring, user_data, result);
        return;
    case TAG_CANCEL:
        complete_cancel(ring, user_data, result);
        return;
    case TAG_ACCEPT:
        ring_accept_complete(ring, user_data, result);
        return;
    case TAG_WAKE:
        ring_wake_complete(ring, flags);
        return;
    case TAG_IGNORED:
        return;
    }
}
